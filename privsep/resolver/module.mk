# What reads the answers is tested alone.
dnsmsg_SRCS := privsep/resolver/dnsmsg.c
resolver_SRCS := $(dnsmsg_SRCS) $(addprefix privsep/resolver/,main.c \
    resolver.c context.c ask.c)
