#! /usr/bin/env python3
# SPDX-License-Identifier: ISC
#
# Find what has grown too long to read: files over 600 lines, functions over
# 70.  sizes.py ALLOW FILE...  ALLOW has a line for each exception, with its
# reason: "FILE LINES reason" or "FILE:FUNCTION LINES reason"; LINES is how
# long it may be.  An exception that is not needed is an error too.
import re
import sys

FILE_MAX = 600
FUNCTION_MAX = 70


def functions(lines):
    """(name, lines from its name to its closing brace), by the house style:
    the braces of a function, and nothing else, stand alone in column 0."""
    name, begin = None, 0
    for number, line in enumerate(lines):
        found = re.match(r"([A-Za-z_]\w*)\(", line)
        if found:
            name, begin = found[1], number
        elif line == "}" and name:
            yield name, number - begin + 1
            name = None


def allowances(path):
    allowed = {}
    with open(path) as file:
        for line in file:
            if line.strip() and not line.startswith("#"):
                what, lines, _ = line.split(None, 2)
                allowed[what] = int(lines)
    return allowed


def main(allow, paths):
    allowed = allowances(allow)
    used = set()
    bad = []

    def check(what, lines, limit):
        if lines <= limit:
            return
        used.add(what)
        if lines > allowed.get(what, limit):
            bad.append("%s: %d lines, %d are allowed" %
                       (what, lines, allowed.get(what, limit)))

    for path in paths:
        with open(path) as file:
            lines = file.read().splitlines()
        check(path, len(lines), FILE_MAX)
        for name, length in functions(lines):
            check("%s:%s" % (path, name), length, FUNCTION_MAX)
    for what in sorted(set(allowed) - used):
        bad.append("%s: needs no exception in %s" % (what, allow))
    for line in bad:
        print("sizes: " + line)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
