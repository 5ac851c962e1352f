$(eval $(call unit,writer,states_test,writer store ipc confine config mail base))
$(eval $(call unit,writer,reply_test,writer store ipc confine config mail base))
# The process, between others that the test plays.
$(eval $(call unit,writer,process_test,played writer store ipc confine config mail base))
