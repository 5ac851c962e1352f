faults_SRCS := regress/unit/store/faults.c
$(eval $(call unit,store,record_test,store base))
$(eval $(call unit,store,store_test,store base))
$(eval $(call unit,store,damage_test,store base))
$(eval $(call unit,store,fault_test,faults store base))
$(eval $(call unit,store,large_test,store base))
