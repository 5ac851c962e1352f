# Tools of the tests of confinement.
tracee_SRCS := regress/confine/expect.c regress/confine/tracee.c
$(eval $(call tool,confine,inject,tracee confine base))
$(eval $(call tool,confine,deny,base))
traitoracts_SRCS := regress/confine/traitor_acts.c
$(eval $(call tool,confine,traitor,traitoracts ipc confine config mail base))
$(eval $(call tool,confine,policy,confine base))
