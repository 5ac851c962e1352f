$(eval $(call fuzzer,address,mail base))
$(eval $(call fuzzer,config,config mail base))
$(eval $(call fuzzer,eod,mail base))
$(eval $(call fuzzer,header,mail base))
$(eval $(call fuzzer,line,mail base))
# Channels without the life of a role, and what reads from them.
fuzzipc_SRCS := $(filter-out %/role.c,$(ipc_SRCS))
$(eval $(call fuzzer,message,sessioncore fuzzipc confine config mail base))
$(eval $(call fuzzer,parameters,mail base))
$(eval $(call fuzzer,record,store base))
# Whole processes but for their main().
fuzzprocess_SRCS := regress/fuzz/process.c $(filter-out %/loop.c,$(fuzzipc_SRCS))
fuzzprocess := fuzzprocess confine config mail base
$(eval $(call fuzzer,router,router $(fuzzprocess)))
$(eval $(call fuzzer,spool,writer store $(fuzzprocess)))
$(eval $(call fuzzer,scheduler,scheduler $(fuzzprocess)))
$(eval $(call fuzzer,delivery,local parcel dsn $(fuzzprocess)))
$(eval $(call fuzzer,control,control $(fuzzprocess)))
$(eval $(call fuzzer,screen,screen mail base))
