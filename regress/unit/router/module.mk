router_UNIT := router idna ipc confine config mail base
$(eval $(call unit,router,expand_test,$(router_UNIT)))
$(eval $(call unit,router,limits_test,$(router_UNIT)))
$(eval $(call unit,router,names_test,$(router_UNIT)))
$(eval $(call unit,router,process_test,played $(router_UNIT)))
$(eval $(call unit,router,rules_test,$(router_UNIT)))
$(eval $(call unit,router,source_test,$(router_UNIT)))
$(eval $(call unit,router,users_test,$(router_UNIT)))
