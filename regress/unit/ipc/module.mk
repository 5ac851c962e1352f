ipc_UNIT := ipc confine config mail base
$(eval $(call unit,ipc,msg_test,$(ipc_UNIT)))
$(eval $(call unit,ipc,chan_test,$(ipc_UNIT)))
$(eval $(call unit,ipc,process_test,$(ipc_UNIT)))
# A process whose master and peers the test plays.
played_SRCS := regress/unit/ipc/played.c
$(eval $(call unit,ipc,role_test,played $(ipc_UNIT)))
