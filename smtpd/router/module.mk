# The process's main() stands apart, so that unit tests can link the rest.
router_SRCS := smtpd/router/client.c smtpd/router/expand.c \
    smtpd/router/limits.c smtpd/router/rcpt.c smtpd/router/router.c \
    smtpd/router/rules.c smtpd/router/source.c smtpd/router/spool_ask.c \
    smtpd/router/stats.c smtpd/router/transaction.c smtpd/router/users.c
router_main_SRCS := smtpd/router/main.c
