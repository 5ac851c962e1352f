$(eval $(call unit,config,golden_test,config mail base))
$(eval $(call unit,config,source_test,config mail base))
$(eval $(call unit,config,table_test,config mail base))
$(eval $(call unit,config,template_test,config mail base))
