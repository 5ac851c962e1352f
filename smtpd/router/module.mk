router_SRCS := smtpd/router/client.c smtpd/router/ctl.c smtpd/router/data.c \
    smtpd/router/etrn.c smtpd/router/expand.c smtpd/router/explain.c \
    smtpd/router/limits.c smtpd/router/lookup.c smtpd/router/main.c \
    smtpd/router/master_ask.c smtpd/router/names.c smtpd/router/rcpt.c \
    smtpd/router/resolver_ask.c smtpd/router/router.c smtpd/router/rules.c \
    smtpd/router/source.c smtpd/router/spool_ask.c \
    smtpd/router/transaction.c smtpd/router/users.c smtpd/router/who.c
