#! /usr/bin/env python3
# SPDX-License-Identifier: ISC
#
# A user at a terminal:
#	terminal.py [-8] [-n] [-o UID] [-w] UTMP USER UID SHOWN
# Opens a pseudo-terminal that belongs to UID, writes a record of USER into the
# file UTMP, prints its line, and copies what appears on it to the file SHOWN
# until it is killed.
# -8: it is not set to UTF-8.  -n: its user has said "mesg n".  -o UID: the
# terminal belongs to that one instead.  -w: everybody can write to it.
import argparse
import os
import pty
import struct
import sys
import termios
import time
import tty

USER_PROCESS = 7
IUTF8 = 0o40000

p = argparse.ArgumentParser()
p.add_argument("-8", dest="octets", action="store_true")
p.add_argument("-n", dest="mesg_n", action="store_true")
p.add_argument("-o", dest="owner", type=int)
p.add_argument("-w", dest="world", action="store_true")
p.add_argument("utmp")
p.add_argument("user")
p.add_argument("uid", type=int)
p.add_argument("shown")
args = p.parse_args()

ours, theirs = pty.openpty()
name = os.ttyname(theirs)
tty.setraw(theirs)
mode = termios.tcgetattr(theirs)
mode[0] = mode[0] & ~IUTF8 if args.octets else mode[0] | IUTF8
termios.tcsetattr(theirs, termios.TCSANOW, mode)
os.chown(name, args.uid if args.owner is None else args.owner, 5)
os.chmod(name, 0o622 if args.world else 0o600 if args.mesg_n else 0o620)
line = name.removeprefix("/dev/")
now = int(time.time())
with open(args.utmp, "ab") as f:
    f.write(struct.pack("hxxi32s4s32s256shhiii4i20x", USER_PROCESS,
                        os.getpid(), line.encode(), line[-4:].encode(),
                        args.user.encode(), b"", 0, 0, 0, now, 0, 0, 0, 0, 0))
with open(args.shown, "wb", buffering=0) as f:
    print(line, flush=True)
    sys.stdout.close()
    while True:
        f.write(os.read(ours, 65536))
