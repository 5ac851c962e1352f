dsn_SRCS := delivery/dsn/dsn.c
