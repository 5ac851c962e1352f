#! /bin/sh
# SPDX-License-Identifier: ISC
#
# mutants.sh SRCDIR OBJDIR [NAME...]: is every guard of the confinement
# guarded itself?  In a copy of the tree one guard after another is taken out,
# what changes is built anew, and the test that is named beside it must turn
# red.  Prints a table; fails when a mutant survives, when a change no longer
# applies, or when a test is red without any.  With names, only these mutants.
#
# A table row: NAME | FILE | PROGRAM:CASE | sed script.
set -eu

srcdir=$1
objdir=$2
shift 2
only=" $* "
tree=$objdir/mutants
log=$tree/log
export PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8

table()
{
	grep -v '^ *#' <<-'END' | grep '|'
	# --- the recipe
	NO_SECCOMP | privsep/confine/confine.c | confine/inject_test:session | s/return confine_allow_list(.*;/return 0;/
	NO_DENY_LIST | privsep/confine/master.c | confine/inject_test:master | s/return confine_deny_list(.*;/return 0;/
	LOG_DEFAULT | privsep/confine/filter.c | confine/inject_test:router | s/filter_load(SCMP_ACT_KILL_PROCESS, table)/filter_load(SCMP_ACT_LOG, table)/
	ALLOW_DEFAULT | privsep/confine/filter.c | confine/inject_test:mailer | s/filter_load(SCMP_ACT_KILL_PROCESS, table)/filter_load(SCMP_ACT_ALLOW, table)/
	ERRNO_DEFAULT | privsep/confine/filter.c | confine/inject_test:spool | s/filter_load(SCMP_ACT_KILL_PROCESS, table)/filter_load(SCMP_ACT_ERRNO(1), table)/
	FOREIGN_ARCH | privsep/confine/filter.c | confine/inject_test:control | s/SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS/SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ALLOW/
	NO_ARGUMENTS | privsep/confine/filter.c | confine/inject_test:delivery | s/ctx, filter_action(r), r->nr, n, cmp);/ctx, filter_action(r), r->nr, 0, cmp);/
	FIRST_ARGUMENT | privsep/confine/filter.c | confine/inject_test:session | s/ctx, filter_action(r), r->nr, n, cmp);/ctx, filter_action(r), r->nr, n > 1 ? 1 : n, cmp);/
	ANY_PID | privsep/confine/filter.c | confine/inject_test:scheduler | s/if (c->op == POLICY_SELF)/if (c->op == POLICY_ANY)/
	MORE_CALLS | privsep/confine/policy_session.c | confine/inject_test:tables_are_as_reviewed | s/ALLOW(getpeername),/& ALLOW(socket),/
	MORE_CALLS_DIE | privsep/confine/policy_session.c | confine/traitor_test:forbidden_acts_kill | s/ALLOW(getpeername),/& ALLOW(socket),/
	LESS_DENIED | privsep/confine/policy_master.c | confine/inject_test:tables_are_as_reviewed | s/KILL(ptrace),//
	NO_LANDLOCK | privsep/confine/confine.c | confine/traitor_test:mailer_keeps_to_its_mailbox | s/return landlock_enter(p->dirs);/return 0;/
	NO_NNP | privsep/confine/confine.c | confine/failclosed_test:master_step_fails | s/return done(prctl(PR_SET_NO_NEW_PRIVS.*;/return 0;/
	DUMPABLE | privsep/confine/confine.c | confine/failclosed_test:master_step_fails | s/return done(prctl(PR_SET_DUMPABLE.*;/return 0;/
	NO_SETGROUPS | privsep/confine/confine.c | confine/failclosed_test:role_step_fails | s/return done(setgroups(.*;/return 0;/
	NO_SECUREBITS | privsep/confine/confine.c | confine/failclosed_test:role_step_fails | s/{ "securebits", step_securebits },//
	KEEP_BOUNDING | privsep/confine/confine.c | unit/confine/verify_test:every_role_stands_the_verification | s/return caps_bound(0);/return 0;/
	KEEP_CAP | privsep/confine/caps.c | unit/confine/verify_test:inherited_capabilities_are_dropped | s/data\[i\].inheritable = 0;//;s/PR_CAP_AMBIENT_CLEAR_ALL/PR_CAP_AMBIENT_IS_SET/
	NO_NETNS | privsep/confine/confine.c | unit/confine/verify_test:every_role_stands_the_verification | s/return roles\[p->role\].own_net ? done(setns(p->net_fd, CLONE_NEWNET))/return roles[p->role].own_net ? 0/
	NO_ROOT | privsep/confine/confine.c | unit/confine/verify_test:every_role_stands_the_verification | s/return done(setns(p->root_fd, CLONE_NEWNS));/return 0;/
	NO_QUEUE_ROOT | privsep/confine/confine.c | unit/confine/confine_test:spool_sees_nothing_but_the_queue | s/return root_queue(p->root);/return 0;/
	NO_IPC_NS | privsep/confine/confine.c | unit/confine/verify_test:every_role_stands_the_verification | s/CLONE_NEWIPC | CLONE_NEWUTS/CLONE_NEWUTS/
	NO_NPROC | privsep/confine/confine.c | unit/confine/verify_test:every_role_stands_the_verification | s/limit(RLIMIT_NPROC, 0)/0/
	SHARED_UID | privsep/confine/roles.c | unit/confine/roles_test:no_two_roles_share_a_user | s/return ROLE_RESERVED_BASE + (uid_t)role;/return ROLE_RESERVED_BASE;/
	NO_WAY_BACK_CHECK | privsep/confine/confine.c | confine/failclosed_test:pretended_step_is_seen | s/{ "no way back", step_no_way_back },//
	STEP_FAILS_SILENTLY | privsep/confine/confine.c | confine/failclosed_test:role_step_fails | s/^\t\t\treturn error;$/\t\t\tcontinue;/
	CONFINE_IGNORED | privsep/ipc/role.c | confine/failclosed_test:mailer_writes_nothing | s/if ((error = role_confine(&step)) != 0)/if (role_confine(\&step) == 12345)/
	MASTER_CONFINE_IGNORED | privsep/master/main.c | confine/failclosed_test:master_step_fails | s/if ((error = confine_master(&step)) != 0)/if (confine_master(\&step) == 12345)/
	# --- the verification
	NO_VERIFY | privsep/master/child.c | confine/failclosed_test:pretended_step_is_seen | s/error = confine_verify(.*;/error = 0;/
	VERIFY_IGNORED | privsep/master/child.c | confine/failclosed_test:session_gets_no_socket | s/^\t\tchild_kill(c);\n\t\treturn 0;//;/role-unconfined/!s/if (error != 0) {/if (error != 0 \&\& !master.serving) {/
	VERIFY_NO_NET | privsep/confine/verify.c | confine/failclosed_test:pretended_step_is_seen | s/v.spec->own_net ? verify_namespace(&v, "net") : 0/0/
	VERIFY_NO_GROUPS | privsep/confine/verify.c | confine/failclosed_test:pretended_step_is_seen | s/status_is(v, buf_span(&b), "Groups", "");//
	VERIFY_NO_LIMITS | privsep/confine/verify.c | confine/failclosed_test:pretended_step_is_seen | s/(error = verify_limits(&v)) == 0/1/
	VERIFY_NO_DUMPABLE | privsep/confine/verify.c | unit/confine/verify_test:dumpable_is_noticed | s/(error = verify_not_dumpable(&v)) == 0/1/
	# --- channels
	NO_FDS_CHECK | privsep/ipc/msg.c | unit/ipc/chan_test:every_type_with_wrong_descriptors | s/if (nfds != spec->fds)/if (0)/
	NO_SIZE_MIN | privsep/ipc/msg.c | unit/ipc/msg_test:only_the_rows_of_the_table_pass | s/rd_left(&r) < spec->min || //
	NO_SIZE_MAX | privsep/ipc/msg.c | unit/ipc/chan_test:every_type_in_wrong_sizes | s/ || rd_left(&r) > spec->max//
	NO_DIRECTION_FROM | privsep/ipc/msg.c | unit/ipc/chan_test:every_type_in_every_direction | s/(spec->from & R(from)) == 0 || //
	NO_DIRECTION_TO | privsep/ipc/msg.c | unit/ipc/msg_test:only_the_rows_of_the_table_pass | s/ || (spec->to & R(to)) == 0//
	NO_RESERVED | privsep/ipc/msg.c | unit/ipc/msg_test:reserved_octets_are_zero | s/if (rd_u16(&r) != 0)/if (rd_u16(\&r) > 65535)/
	NO_UNKNOWN_TYPE | privsep/ipc/msg.c | unit/ipc/msg_test:type_without_a_row_is_refused | s/type >= MSG__MAX/type > 65535/
	LOOSER_TABLE | privsep/ipc/messages.def | unit/ipc/msg_test:who_is_not_trusted_has_few_words | s/MSG(SPOOL_OPEN, "spool-open", R_ROUTER,/MSG(SPOOL_OPEN, "spool-open", R_ROUTER \| R_SESSION,/
	FDS_KEPT | privsep/ipc/chan.c | unit/ipc/chan_test:every_type_with_wrong_descriptors | s/^\t\tif (fds\[i\] >= 0)$/\t\tif (fds[i] < 0)/
	EXCESS_FDS_KEPT | privsep/ipc/chan.c | unit/ipc/chan_test:every_type_with_wrong_descriptors | s/^\t\t\t\tclose(fd);$/\t\t\t\t;/
	VIOLATION_IGNORED | privsep/ipc/chan.c | unit/ipc/chan_test:every_type_in_every_direction | s/return chan_violation(ch, "message out of the table");/return 0;/
	HANDLER_IGNORED | privsep/ipc/chan.c | unit/ipc/chan_test:handler_can_close_the_peer | s/return fn(ch, m) == -E_PEER ? -E_PEER : 0;/fn(ch, m); return 0;/
	# --- what a broken process cannot do
	ANY_SOCKET | smtpd/router/source.c | confine/traitor_test:client_is_what_the_kernel_says | s/len <= offsetof(struct sockaddr_un, sun_path) ||/0 ||/
	ANY_LISTENER | smtpd/router/router.c | confine/traitor_test:client_is_what_the_kernel_says | s/came_by = source_came_by(.*;/came_by = true;/
	ANY_CLIENT | smtpd/router/router.c | confine/traitor_test:session_of_another_is_safe | s/chan_role(ch) == ROLE_SESSION)/chan_role(ch) == ROLE_CLIENT)/
	ANY_TRANSACTION | spool/writer/transaction.c | confine/traitor_test:message_of_another_is_safe | s/    t->instance != chan_instance(ch) ||/    0 ||/
	ANY_ABORT | spool/writer/transaction.c | confine/traitor_test:message_of_another_is_safe | s/if (t->role != chan_role(ch) || t->instance != chan_instance(ch))/if (t->role != chan_role(ch))/
	ANY_OUTCOME | spool/scheduler/outcome.c | confine/traitor_test:delivery_reports_only_on_its_own | s/if (s->strays)/if (s != NULL)/
	ANY_DELIVERY | delivery/local/post.c | confine/traitor_test:mailer_keeps_to_its_mailbox | s/return chan_violation(ch, "a message that it was not given");/return 0;/
	READY_TWICE | privsep/master/child.c | confine/traitor_test:master_takes_no_orders | s/if (c == NULL || c->state != CHILD_STARTING)/if (c == NULL)/
	SLANDER | privsep/master/child.c | confine/traitor_test:slander_falls_back | s/(R_SESSION | R_MAILER | R_CONTROL)/(R_MAILER | R_CONTROL)/
	PEER_STAYS | privsep/ipc/role.c | confine/traitor_test:message_of_another_is_safe | s/^\tif (violation)$/\tif (0)/
	END
}

# Of a copy, and not of the original, whose objects stay what they are.
copy()
{
	rm -rf "$tree"
	mkdir -p "$tree/build"
	(cd "$srcdir" && cp -a Makefile LICENSE README.md privsep smtpd spool \
	    delivery regress man "$tree/")
	(cd "$objdir" && cp -a bin sbin libexec obj regress "$tree/build/")
	# a red test is not waited for as long as a slow machine
	sed -i 's/^DEADLINE=.*/DEADLINE=8/' "$tree/regress/lib/instance.sh"
}

# build PROGRAM: what that test runs, and no more.
build()
{
	case $1 in
	unit/*) set -- "build/regress/$1" ;;
	*)	set -- all "build/regress/$1" build/regress/lib/instance.sh \
		    build/regress/lib/hull.sh build/regress/confine/inject \
		    build/regress/confine/deny build/regress/confine/policy \
		    build/regress/confine/traitor ;;
	esac
	make -C "$tree" -s O=build "$@" >>"$log" 2>&1
}

# try PROGRAM CASE: whether it passes.
try()
{
	rm -rf "$tree/work"
	mkdir "$tree/work"
	(cd "$tree/work" && timeout 120 "$tree/build/regress/$1" \
	    -s "$tree/build/regress/${1%/*}" -v srcdir="$tree" \
	    -r "$tree/work/result" "$2" >>"$log" 2>&1) || return 1
	grep -q '^passed' "$tree/work/result"
}

say()
{
	printf '%-24s %-58s %s\n' "$@"
}

wanted()
{
	[ "$only" = "  " ] || case $only in *" $1 "*) ;; *) return 1 ;; esac
}

copy
bad=0
made=0
say MUTANT 'TEST THAT MUST TURN RED' RESULT

# Without a change all is green: or red says nothing.
table | while IFS='|' read -r name _ test _; do
	name=$(echo $name)
	! wanted "$name" || echo $test
done | sort -u >"$tree/tests"
while read -r test; do
	build "${test%:*}" && try "${test%:*}" "${test#*:}" && continue
	say - "$test" 'RED WITHOUT A MUTANT'
	bad=1
done <"$tree/tests"

table >"$tree/table"
while IFS='|' read -r name file test script; do
	name=$(echo $name) file=$tree/$(echo $file) test=$(echo $test)
	wanted "$name" || continue
	made=$((made + 1))
	cp -p "$file" "$tree/original"
	sed -i -e "${script# }" "$file"
	echo "=== $name" >>"$log"
	if cmp -s "$file" "$tree/original"; then
		result='DOES NOT APPLY' bad=1
	elif ! build "${test%:*}"; then
		result='DOES NOT COMPILE' bad=1
	elif try "${test%:*}" "${test#*:}"; then
		result=SURVIVES bad=1
	else
		result=killed
	fi
	say "$name" "$test" "$result"
	cp "$tree/original" "$file"
done <"$tree/table"

[ "$made" -gt 0 ] || bad=1
if [ "$bad" != 0 ]; then
	echo "mutants: not all of $made are killed; see $log"
	exit 1
fi
rm -rf "$tree"
echo "mutants: $made killed"
