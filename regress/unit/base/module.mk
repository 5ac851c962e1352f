$(eval $(call unit,base,buf_test,base))
