MAIL_TESTS := address_test date_test eod_test exhaustive_test header_test \
    line_test msgid_test parameters_test replies_test trace_test utf8_test \
    via_test
$(foreach t,$(MAIL_TESTS),$(eval $(call unit,mail,$(t),mail base)))
