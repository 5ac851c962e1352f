$(eval $(call unit,store,record_test,store base))
$(eval $(call unit,store,store_test,store base))
$(eval $(call unit,store,damage_test,store base))
$(eval $(call unit,store,fault_test,store base))
