#! /bin/sh
# SPDX-License-Identifier: ISC
#
# Other mail servers to speak with: peers.sh OBJDIR unpacks Debian's packages
# of them, and of what they need and this machine has not, each into
# OBJDIR/peers/NAME.  They cannot be installed beside each other, and need not
# be: peer.sh lays one over a test's own view of the file system.
set -eu

peers=$1/peers
mkdir -p "$peers"

# fetch NAME: the packages, into the directory debs of NAME.
fetch()
{
	mkdir -p "$peers/$1/debs/partial"
	apt-get -q -y --no-install-recommends --download-only \
	    -o Dir::Cache::archives="$peers/$1/debs" install "$1"
}

# unpack NAME: and have it all below usr, as it is on a machine that runs.
unpack()
{
	for _deb in "$peers/$1"/debs/*.deb; do
		dpkg-deb -x "$_deb" "$peers/$1"
	done
	for _top in bin sbin lib; do
		[ ! -d "$peers/$1/$_top" ] || {
			mkdir -p "$peers/$1/usr/$_top"
			cp -a "$peers/$1/$_top/." "$peers/$1/usr/$_top/"
		}
	done
}

for peer in postfix exim4-daemon-light opensmtpd; do
	[ ! -e "$peers/$peer/ready" ] || continue
	rm -rf "${peers:?}/$peer"
	fetch "$peer" || { apt-get -q update && fetch "$peer"; }
	unpack "$peer"
	: >"$peers/$peer/ready"
done
