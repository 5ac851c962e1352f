writer_SRCS := spool/writer/commit.c spool/writer/ctl.c spool/writer/main.c \
    spool/writer/reply.c spool/writer/serve.c spool/writer/states.c spool/writer/transaction.c \
    spool/writer/walk.c spool/writer/writer.c
