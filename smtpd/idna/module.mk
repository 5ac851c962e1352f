idna_SRCS := smtpd/idna/idna.c
