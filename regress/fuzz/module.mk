$(eval $(call fuzzer,address,mail base))
$(eval $(call fuzzer,config,config mail base))
$(eval $(call fuzzer,eod,mail base))
$(eval $(call fuzzer,header,mail base))
$(eval $(call fuzzer,line,mail base))
# Channels without the life of a role, and what reads from them.
fuzzipc_SRCS := $(filter-out %/role.c,$(ipc_SRCS))
fuzzdeliver_SRCS := delivery/local/deliver.c $(parcel_SRCS) regress/fuzz/message_deliver.c
$(eval $(call fuzzer,message,sessioncore scheduler fuzzdeliver fuzzipc \
    confine config mail base))
$(eval $(call fuzzer,parameters,mail base))
$(eval $(call fuzzer,record,store base))
