$(eval $(call unit,base,buf_test,base))
$(eval $(call unit,base,log_test,base))
