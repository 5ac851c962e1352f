# Where and when to connect; and the client that speaks over what is connected.
relay_SRCS := $(addprefix delivery/relay/,main.c relay.c job.c dest.c route.c \
    mx.c self.c ask.c ip.c race.c tries.c hosts.c pace.c pool.c link.c count.c \
    family.c ctl.c client.c start.c auth.c tls.c transaction.c response.c ehlo.c \
    encode.c form.c downgrade.c downgrade_part.c transfer.c)
