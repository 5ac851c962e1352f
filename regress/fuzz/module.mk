$(eval $(call fuzzer,config,config mail base))
$(eval $(call fuzzer,record,store base))
