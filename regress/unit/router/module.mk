# Its process between a master and sessions that asking.c plays.
asking_SRCS := regress/unit/router/asking.c
router_UNIT := router idna ipc confine config mail base
router_ASKED := asking played $(router_UNIT)
$(eval $(call unit,router,client_name_test,$(router_ASKED)))
$(eval $(call unit,router,expand_test,$(router_UNIT)))
$(eval $(call unit,router,limits_test,$(router_UNIT)))
$(eval $(call unit,router,names_test,$(router_UNIT)))
$(eval $(call unit,router,process_test,$(router_ASKED)))
$(eval $(call unit,router,rules_test,$(router_UNIT)))
$(eval $(call unit,router,source_test,$(router_UNIT)))
$(eval $(call unit,router,users_test,$(router_UNIT)))
$(eval $(call unit,router,verbs_test,$(router_ASKED)))
