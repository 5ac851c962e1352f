# SPDX-License-Identifier: ISC
#
# Postfix, Exim and OpenSMTPD as hosts of network.sh's internet, each from
# Debian's package as peers.sh has unpacked it, laid over that host's own view
# of the file system.  All three serve their domain in the same way:
#
#	peer_start KIND HOST DOMAIN USER...
#
# takes mail for these users into DIR/mail/USER, a Maildir, refuses others,
# relays for anybody, and sends on what is not for the domain by the DNS.
# DIR is $PWD/HOST; its log is there.

# The mount namespace of a peer: what it would have if it were installed.
peer_lay()
{
	mount -t tmpfs tmpfs "$DIR/over"
	for _top in usr etc var/lib var/spool; do
		_low=/$_top
		[ ! -d "$1/$_top" ] || _low=$1/$_top:/$_top
		_over=$DIR/over/$_top
		mkdir -p "$_over" "$_over.work"
		mount -t overlay overlay \
		    -o "lowerdir=$_low,upperdir=$_over,workdir=$_over.work" \
		    "/$_top"
	done
	echo "nameserver $DNS_ADDR" >"$DIR/resolv.conf"
	rm -f /etc/resolv.conf
	cp "$DIR/resolv.conf" /etc/resolv.conf
	echo "hosts: files dns" >/etc/nsswitch.conf
	mount -t tmpfs tmpfs /run
}

# peer_user UID NAME...: as its package would have made them.
peer_user()
{
	_uid=$1
	shift
	for _name; do
		echo "$_name:x:$_uid:$_uid::/nonexistent:/usr/sbin/nologin" \
		    >>/etc/passwd
		echo "$_name:x:$_uid:" >>/etc/group
		_uid=$((_uid + 1))
	done
}

peer_postfix()
{
	peer_user 61001 postfix postdrop
	for _name in $USERS; do
		echo "$_name@$DOMAIN $_name/"
	done >/etc/postfix/users
	cp /usr/share/postfix/master.cf.dist /etc/postfix/master.cf
	cat >/etc/postfix/main.cf <<CONF
compatibility_level = 3.6
myhostname = $HOST.$DOMAIN
mydestination =
mynetworks = 0.0.0.0/0
inet_protocols = ipv4
smtpd_peername_lookup = no
alias_maps =
alias_database =
biff = no
virtual_mailbox_domains = $DOMAIN
virtual_mailbox_base = $DIR/mail
virtual_mailbox_maps = texthash:/etc/postfix/users
virtual_uid_maps = static:62000
virtual_gid_maps = static:62000
minimal_backoff_time = 1s
queue_run_delay = 1s
smtp_tls_security_level = may
maillog_file = $DIR/log
maillog_file_prefixes = /
CONF
	chown postfix /var/lib/postfix
	# what of it runs in a chroot does without here
	sed -i 's/^\([a-z]*  *[a-z]*  *[-n]  *[-n]  *\)y/\1n/' \
	    /etc/postfix/master.cf
	exec postfix start-fg
}

peer_exim()
{
	peer_user 61001 Debian-exim
	mkdir -p /var/spool/exim4 /var/log/exim4
	chown -R 61001:61001 /var/spool/exim4 /var/log/exim4
	cat >/etc/exim4/exim4.conf <<CONF
primary_hostname = $HOST.$DOMAIN
domainlist local = $DOMAIN
log_file_path = $DIR/log/%s
acl_smtp_rcpt = rcpt
host_lookup =
rfc1413_query_timeout = 0s
disable_ipv6
begin acl
rcpt:
  accept domains = +local
         local_parts = $(echo "$USERS" | sed 's/ / : /g')
  deny domains = +local
       message = no such user here
  accept
begin routers
far:
  driver = dnslookup
  domains = ! +local
  transport = smtp
  no_more
here:
  driver = accept
  local_parts = $(echo "$USERS" | sed 's/ / : /g')
  transport = box
begin transports
smtp:
  driver = smtp
box:
  driver = appendfile
  directory = $DIR/mail/\$local_part_data
  maildir_format
  user = 62000
  group = 62000
begin retry
* * F,1h,1s
CONF
	mkdir -p "$DIR/log"
	chown 61001:61001 "$DIR/log"
	exec exim4 -bdf -q1s
}

peer_opensmtpd()
{
	peer_user 61001 opensmtpd opensmtpq
	mkdir -p /var/lib/opensmtpd/empty /var/spool/smtpd
	chmod 711 /var/spool/smtpd
	for _name in $USERS; do
		echo "$_name 62000:62000:$DIR/mail"
	done >/etc/box.users
	cat >/etc/smtpd.conf <<CONF
table users file:/etc/box.users
listen on eth0 inet4 hostname $HOST.$DOMAIN
action "box" maildir "$DIR/mail/%{rcpt.user}" userbase <users>
action "far" relay helo $HOST.$DOMAIN
match from any for domain "$DOMAIN" action "box"
match from any for any action "far"
CONF
	chmod 600 /etc/smtpd.conf
	exec smtpd -d >"$DIR/log" 2>&1
}

# In the host's own mounts, by way of peer_start.
peer_run()
{
	case $KIND in
	exim) _package=exim4-daemon-light ;;
	*) _package=$KIND ;;
	esac
	peer_lay "$OBJDIR/peers/$_package"
	"peer_$KIND"
}

peer_start()
{
	KIND=$1 HOST=$2 DOMAIN=$3 DIR=$PWD/$2
	shift 3
	USERS=$*
	mkdir -p "$DIR/over" "$DIR/mail"
	chmod 755 "$PWD" "$DIR"
	for _name; do
		mkdir -p "$DIR/mail/$_name"
	done
	chown -R 62000:62000 "$DIR/mail"
	export KIND HOST DOMAIN DIR USERS DNS_ADDR OBJDIR
	on "$HOST" unshare --mount sh -c ". '$LIBDIR/peer.sh'; peer_run" \
	    >"$DIR/out" 2>&1 </dev/null &
	wait_for peer_answers || {
		find "$DIR/out" "$DIR/log" -type f -exec cat {} + >&2
		atf_fail "$KIND does not start"
	}
}

# Whether it greets us.
peer_answers()
{
	on "$HOST" ss -Hltn "sport = :25" | grep -q .
}

# peer_mail HOST USER: that user's messages, one path to a line.
peer_mail()
{
	find "$PWD/$1/mail/$2/new" -type f 2>/dev/null
}
