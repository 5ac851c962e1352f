#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
#
# What a power cut may leave, and calls that fail: the short form of what
# "make crash" does.  A seed that fails is printed; give it to the program
# with -s to see it again.
# Classes: (c) records, (f) lengths.

# run PROGRAM [OPTION...]
run()
{
	_program=$1
	shift
	"$(atf_get_srcdir)/$_program" "$@" >out 2>&1 || {
		cat out
		atf_fail "$_program"
	}
	cat out
}

atf_test_case queue
queue_head()
{
	atf_set descr "the queue keeps its promises in every state of the disk"
}
queue_body()
{
	run powercut -n 1500
}

atf_test_case maildir
maildir_head()
{
	atf_set descr "what was delivered to a Maildir stays there, once"
}
maildir_body()
{
	run mailcut -n 400
}

atf_test_case mailbox_errors
mailbox_errors_head()
{
	atf_set descr "no failing call makes a mailbox other than was reported"
}
mailbox_errors_body()
{
	run mailfault
}

atf_init_test_cases()
{
	atf_add_test_case queue
	atf_add_test_case maildir
	atf_add_test_case mailbox_errors
}
