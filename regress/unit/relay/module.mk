# What decides where and when to connect, without a process around it.
relayroute_SRCS := $(addprefix delivery/relay/,mx.c self.c ip.c)
relaytables_SRCS := $(addprefix delivery/relay/,tries.c race.c hosts.c pace.c)
relayfind_SRCS := delivery/relay/route.c
$(eval $(call unit,relay,tables_test,relaytables relayroute ipc confine config \
    mail base))
$(eval $(call unit,relay,route_test,relayfind relayroute config mail base))
# The relay's process between others that fake.c plays.
relayfake_SRCS := regress/unit/relay/fake.c
relay_UNIT := relayfake played relay parcel idna ipc confine config mail base
$(eval $(call unit,relay,process_test,$(relay_UNIT)))
$(eval $(call unit,relay,waits_test,$(relay_UNIT)))
# What the client reads and writes.
relaywire_SRCS := $(addprefix delivery/relay/,response.c ehlo.c encode.c)
$(eval $(call unit,relay,client_test,relaywire mail base))
# An 8-bit message as one of 7 bits.
relaydowngrade_SRCS := $(addprefix delivery/relay/,downgrade.c \
    downgrade_part.c transfer.c)
$(eval $(call unit,relay,downgrade_test,relaydowngrade mail base))
