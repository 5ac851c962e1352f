$(eval $(call unit,writer,states_test,writer store ipc confine config mail base))
