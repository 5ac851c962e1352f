#! /usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
#
# Every process of a running instance is confined as declared, at any time:
# by what smtpctl finds, and by what the kernel says when smtpctl is not asked.
# Classes: (d) privileged processes, and the confinement of all.
. "$(atf_get_srcdir)/../lib/instance.sh"

ROLES="session router spool scheduler delivery mailer relay resolver control"

start()
{
	instance_new i <<'CONF'
hostname "mx.example.org"
table users file:users
delivery mailer-idle 1h
process restart-max-delay 1s
smtp workers 2
listen on 127.0.0.1 port 2525
listen on 127.0.0.1 port 2526 isolation connection
action "box" maildir userbase <users>
match from any for domain "example.org" action "box"
CONF
	instance_user jones green
	instance_run i
	send smith@example.net jones@example.org green@example.org >/dev/null
	mailbox_wait jones 1
	mailbox_wait green 1
}

# Whether smtpctl finds one of each role, all running, all as declared.
as_declared()
{
	ctl show roles >roles || return 1
	for _role in master $ROLES; do
		grep -q "^$_role .* running .* as declared$" roles || return 1
	done
	# one that was replaced is on its way out
	[ "$(grep -c '^relay ' roles)" = 1 ] || return 1
	[ "$(grep -c '^resolver ' roles)" = 1 ] || return 1
	! sed 1d roles | grep -qv 'as declared$'
}

# facts: what /proc says of each process; prints what is wrong.  One that
# starts has no work yet, and is looked at when the daemon says that it runs;
# but one that the daemon does not know of may not be there.
facts()
{
	python3 - "$(cat "$DIR/pid")" "$OBJDIR/libexec/bulkhead/" "$SMTPCTL" \
	    "$DIR" <<'PY'
import os, subprocess, sys

master, programs = int(sys.argv[1]), sys.argv[2]
wrong, uids, pids = [], {}, {}

def listed():
    out = subprocess.run([sys.argv[3], "-R", sys.argv[4], "show", "roles"],
                         stdout=subprocess.PIPE, text=True).stdout
    rows = [line.split() for line in out.splitlines()[1:]]
    return {int(row[2]): "running" in row for row in rows}

before = listed()

def status(pid):
    with open("/proc/%d/status" % pid) as file:
        return dict(line.rstrip("\n").split(":\t", 1) for line in file
                    if ":\t" in line)

for name in filter(str.isdigit, os.listdir("/proc")):
    pid = int(name)
    try:
        exe = os.readlink("/proc/%d/exe" % pid)
    except OSError:
        continue
    if exe.startswith(programs):
        pids[pid] = exe[len(programs):]

after = listed()
for pid in [p for p in pids if not before.get(p)]:
    if pid not in before and pid not in after and os.path.exists(
            "/proc/%d/exe" % pid):
        wrong.append("%s (%d): the daemon knows nothing of it" %
                     (pids[pid], pid))
    del pids[pid]

def check(pid, role, what, fine):
    if not fine:
        wrong.append("%s (%d): %s" % (role, pid, what))

def look(pid, role):
    s = status(pid)
    check(pid, role, "Seccomp " + s["Seccomp"], s["Seccomp"] == "2")
    check(pid, role, "NoNewPrivs", s["NoNewPrivs"] == "1")
    for cap in "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb":
        check(pid, role, cap + " " + s[cap], int(s[cap], 16) == 0)
    ids = set(s["Uid"].split())
    check(pid, role, "Uid " + s["Uid"], len(ids) == 1 and ids != {"0"})
    check(pid, role, "Gid " + s["Gid"], len(set(s["Gid"].split())) == 1 and
          "0" not in s["Gid"].split())
    check(pid, role, "Groups " + s["Groups"], not s["Groups"].strip())
    check(pid, role, "parent", int(s["PPid"]) == master)
    check(pid, role, "threads", s["Threads"] == "1")
    # what is dumpable belongs to its user, what is not to root
    check(pid, role, "dumpable", os.stat("/proc/%d/mem" % pid).st_uid == 0)
    if role != "mailer":
        root = sorted(os.listdir("/proc/%d/root" % pid))
        check(pid, role, "root %s" % root, root == (
            ["big", "corrupt", "log"] if role == "spool" else []))
    net = os.readlink("/proc/%d/ns/net" % pid)
    # to connect to other hosts is what this role is for
    check(pid, role, "the network", (role in ("relay", "resolver")) ==
          (net == os.readlink("/proc/%d/ns/net" % master)))
    uids.setdefault(int(s["Uid"].split()[0]), set()).add(role)
    for fd in os.listdir("/proc/%d/fd" % pid):
        try:
            target = os.readlink("/proc/%d/fd/%s" % (pid, fd))
        except FileNotFoundError:
            continue  # closed since it was listed
        fine = target.startswith(("socket:", "anon_inode:", "/memfd:",
                                  "/dev/null", "pipe:"))
        if role in ("spool", "mailer"):
            fine = True
        check(pid, role, "fd %s is %s" % (fd, target), fine)

for pid, role in list(pids.items()):
    try:
        look(pid, role)
    except OSError:
        if os.path.exists("/proc/%d/exe" % pid):
            raise
        del pids[pid]  # it has ended meanwhile

for uid, roles in uids.items():
    if len(roles) > 1:
        wrong.append("uid %d is shared by %s" % (uid, roles))
missing = set("session router spool scheduler delivery mailer relay resolver control"
              .split()) - set(pids.values())
if missing:
    wrong.append("not there: %s" % missing)

# each as its own user may signal none of the others, nor the master
for pid in pids:
    uid = int(status(pid)["Uid"].split()[0])
    child = os.fork()
    if child == 0:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
        reached = 0
        for other in list(pids) + [master]:
            if other != master and int(
                    status(other)["Uid"].split()[0]) == uid:
                continue
            try:
                os.kill(other, 0)
                reached = 1
            except PermissionError:
                pass
        os._exit(reached)
    if os.waitpid(child, 0)[1] != 0:
        wrong.append("%s can signal another" % pids[pid])
print("\n".join(wrong), end="\n" if wrong else "")
sys.exit(bool(wrong))
PY
}

# all_is_well: both views, now.
all_is_well()
{
	wait_for as_declared || instance_fail "$1: $(cat roles)"
	facts >facts.out || instance_fail "$1: $(cat facts.out)"
}

atf_test_case idle
idle_head()
{
	atf_set descr "after the start, and with nothing to do"
}
idle_body()
{
	start
	all_is_well idle
	# no process that the table does not know
	atf_check_equal "" "$(sed 1d roles | awk '{ print $1 }' | sort -u |
	    grep -vx -e master $(printf ' -e %s' $ROLES))"
	atf_check_equal "0 0 0 0" "$(awk \
	    '/^Uid:/ { print $2, $3, $4, $5 }' "/proc/$(cat "$DIR/pid")/status")"
	for field in "Seccomp:	2" "NoNewPrivs:	1"; do
		grep -q "^$field$" "/proc/$(cat "$DIR/pid")/status" ||
		    instance_fail "the master lacks $field"
	done
}

atf_test_case busy
busy_head()
{
	atf_set descr "while mail flows over both kinds of sessions"
}
busy_body()
{
	start
	for port in 2525 2526; do
		"$LIBDIR/send.py" -n 2000 -w "127.0.0.1:$port" \
		    smith@example.net jones@example.org green@example.org \
		    >/dev/null 2>&1 &
	done
	for round in 1 2 3; do
		all_is_well "busy $round"
	done
	[ "$(mailbox_count jones)" -lt 4001 ] ||
	    atf_fail "it was over before we looked"
}

atf_test_case restarted
restarted_head()
{
	atf_set descr "after every role was killed and started again"
}
restarted_body()
{
	start
	for role in session router spool scheduler delivery relay resolver control; do
		pid=$(role_pids "$role" | head -n 1)
		kill -KILL "$pid"
		comes_true gone "$pid"
		# mailers go with delivery; mail brings them back
		wait_for "$LIBDIR/send.py" smith@example.net \
		    jones@example.org || instance_fail "no mail after $role"
		all_is_well "after the death of $role"
	done
}

atf_test_case reloaded
reloaded_head()
{
	atf_set descr "after reloads, good and bad"
}
reloaded_body()
{
	start
	ctl reload >/dev/null || instance_fail "reload"
	# mailers are let go; mail brings them back
	wait_for "$LIBDIR/send.py" smith@example.net jones@example.org ||
	    instance_fail "no mail"
	all_is_well "after a reload"
	echo lsiten >>"$DIR/smtpd.conf"
	! ctl reload >/dev/null 2>&1 || instance_fail "a bad reload"
	all_is_well "after a bad reload"
	wait_for "$LIBDIR/send.py" smith@example.net jones@example.org ||
	    instance_fail "no mail"
	all_is_well "after mail"
}

atf_init_test_cases()
{
	for case in idle busy restarted reloaded; do
		atf_add_test_case "$case"
	done
}
