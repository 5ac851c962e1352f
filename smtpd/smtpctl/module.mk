# Two programs: smtpctl; and sendmail, which is also mailq and newaliases.
query_SRCS := smtpd/smtpctl/explain.c smtpd/smtpctl/print.c smtpd/smtpctl/procs.c \
    smtpd/smtpctl/query.c smtpd/smtpctl/stats.c smtpd/smtpctl/stdio.c \
    smtpd/smtpctl/verbs.c
smtpctl_SRCS := smtpd/smtpctl/main.c $(query_SRCS)
sendmail_SRCS := smtpd/smtpctl/compose.c smtpd/smtpctl/dialogue.c \
    smtpd/smtpctl/phrase.c smtpd/smtpctl/sendmail.c $(query_SRCS)
