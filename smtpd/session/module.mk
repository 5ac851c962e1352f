# What can be driven without the life of a role, and the process.
sessioncore_SRCS := smtpd/session/accept.c smtpd/session/command.c \
    smtpd/session/data.c smtpd/session/etrn.c smtpd/session/hello.c smtpd/session/mail.c \
    smtpd/session/misc.c smtpd/session/peers.c smtpd/session/reply.c \
    smtpd/session/session.c smtpd/session/state.c smtpd/session/timer.c \
    smtpd/session/who.c
session_SRCS := smtpd/session/main.c $(sessioncore_SRCS)
