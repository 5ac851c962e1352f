$(eval $(call unit,confine,confine_test,confine base))
$(eval $(call unit,confine,everyday_test,confine base))
$(eval $(call unit,confine,verify_test,confine base))
$(eval $(call unit,confine,roles_test,confine base))
