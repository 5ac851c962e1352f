mail_SRCS := smtpd/mail/address.c smtpd/mail/alias.c \
    smtpd/mail/date.c smtpd/mail/domain.c \
    smtpd/mail/eod.c smtpd/mail/header.c smtpd/mail/header_list.c \
    smtpd/mail/line.c smtpd/mail/mime.c smtpd/mail/msgid.c \
    smtpd/mail/parameters.c smtpd/mail/replies.c smtpd/mail/trace.c \
    smtpd/mail/utf8.c smtpd/mail/via.c smtpd/mail/xtext.c
