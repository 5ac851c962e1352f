# The delivery process, between others that the test plays.
$(eval $(call unit,local,process_test,played local parcel dsn ipc confine config \
    mail base))
