base_SRCS := privsep/base/buf.c privsep/base/chk.c privsep/base/clock.c \
    privsep/base/err.c privsep/base/log.c privsep/base/paths.c
