ipc_SRCS := privsep/ipc/chan.c privsep/ipc/ctl.c privsep/ipc/loop.c \
    privsep/ipc/msg.c privsep/ipc/role.c privsep/ipc/send.c
