$(eval $(call unit,resolver,dnsmsg_test,dnsmsg base))
