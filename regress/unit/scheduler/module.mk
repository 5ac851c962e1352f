$(eval $(call unit,scheduler,heap_test,sched_core base))
$(eval $(call unit,scheduler,retry_test,sched_core base))
$(eval $(call unit,scheduler,step_test,sched_core base))
$(eval $(call unit,scheduler,dispatch_test,sched_core base))
$(eval $(call unit,scheduler,queue_test,sched_core base))
# The process, between others that the test plays.
$(eval $(call unit,scheduler,process_test,played scheduler ipc confine config mail \
    base))
$(eval $(call unit,scheduler,envelope_test,scheduler ipc confine config mail \
    base))
