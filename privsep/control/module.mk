control_SRCS := privsep/control/client.c privsep/control/control.c \
    privsep/control/main.c \
    privsep/control/request.c
