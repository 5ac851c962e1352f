master_SRCS := privsep/master/child.c privsep/master/config.c \
    privsep/master/join.c privsep/master/main.c privsep/master/names.c \
    privsep/master/orders.c privsep/master/output.c privsep/master/pool.c privsep/master/sockets.c \
    privsep/master/stop.c privsep/master/terminal.c privsep/master/users.c
