$(eval $(call unit,writer,states_test,writer store ipc confine config mail base))
$(eval $(call unit,writer,reply_test,writer store ipc confine config mail base))
