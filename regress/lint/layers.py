#! /usr/bin/env python3
# SPDX-License-Identifier: ISC
#
# Hold the map of rooms against the tree: layers.py ALLOW OBJDIR
# What a source file includes, and whose object code a program in OBJDIR
# contains (by its debugging information, so that no way of linking can hide
# it), must be in ALLOW, whose head says how it is written.
import glob
import os
import re
import subprocess
import sys

TOPS = ("privsep", "smtpd", "spool", "delivery")


def load(path):
    rules = {"include": {}, "program": {}}
    with open(path) as file:
        for line in file:
            found = re.match(r"(include|program) ([^:]+):(.*)", line)
            if found:
                rules[found[1]][found[2]] = set(found[3].split())
    return rules


def includes(rules):
    for top in TOPS:
        for path in sorted(glob.glob(top + "/*/*.[ch]")):
            room = os.path.dirname(path)
            if room not in rules:
                yield "%s: no rule for its room" % path
                continue
            with open(path) as file:
                text = file.read()
            for name in re.findall(r'^\s*#\s*include "([^"]+)"', text, re.M):
                other = os.path.dirname(name)
                if other != room and other not in rules[room]:
                    yield "%s: includes %s" % (path, name)


def rooms_in(program):
    """The rooms of the source files that the program is compiled of."""
    info = subprocess.run(
        ["readelf", "--debug-dump=info", "--dwarf-depth=1", program],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True,
        text=True, errors="replace").stdout
    names = re.findall(r"DW_AT_name .*?([\w./-]+\.c)$", info, re.M)
    return {os.path.dirname(name) for name in names if "/" in name}


def programs(rules, objdir):
    for pattern in ("sbin/*", "libexec/bulkhead/*"):
        for path in sorted(glob.glob(os.path.join(objdir, pattern))):
            name = os.path.relpath(path, objdir)
            if name not in rules:
                yield "%s: no rule for this program" % name
                continue
            rooms = rooms_in(path)
            if not rooms:
                yield "%s: has no debugging information" % name
            for room in sorted(rooms - rules[name]):
                yield "%s: contains code of %s" % (name, room)


def main(allow, objdir):
    rules = load(allow)
    bad = list(includes(rules["include"]))
    bad += programs(rules["program"], objdir)
    for line in bad:
        print("layers: " + line)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
