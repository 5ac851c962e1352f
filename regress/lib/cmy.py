#! /usr/bin/env python3
# SPDX-License-Identifier: ISC
#
# Make steps for dialogue.py of a dialogue of chasquid's tests:
#	cmy.py FILE >STEPS
# Codes are compared by their first digit: what is wrong is refused by both,
# with a code of each one's choice.  A path without brackets, which chasquid
# takes, gets them.
#
# Exit status: 0; 77 when the dialogue needs TLS; 1 when it is not understood.
import re
import sys

LINE = r"\\r\\n"


def octets(text):
    """The steps that send the octets of an expression."""
    many = re.fullmatch(r"\('(.)' \* (\d+) \+ '" + LINE + r"'\) \* (\d+)",
                        text)
    if many:
        return "repeat %s >> %s\\r\\n" % (many[3], many[1] * int(many[2]))
    line = re.fullmatch(r"'(.)' \* (\d+) \+ '" + LINE + "'", text)
    if line:
        return ">> %s\\r\\n" % (line[1] * int(line[2]))
    plain = re.fullmatch(r"'([^']*)'", text)
    if plain:
        return ">> " + plain[1]
    sys.exit("not understood: " + text)


def main(path):
    connected = False
    with open(path, encoding="utf-8") as file:
        for line in file:
            line = line.rstrip("\n")
            if line.startswith("c tls_connect"):
                sys.exit(77)
            if line.startswith("c tcp_connect"):
                if connected:
                    print("again")
                connected = True
            elif re.match(r"c <[-~.]+ [2-5]", line):
                print(re.sub(r"c <[-~.]+ ([2-5]).*", r"\1xx", line))
            elif line.startswith("c ~> "):
                print(octets(line[5:]))
            elif line.startswith("c ->"):
                print("> " + re.sub(r"^(RCPT TO: ?)([^ <>]+)$", r"\1<\2>",
                                    line[5:]))
            elif line not in ("", "c close") and line[0] != "#":
                sys.exit("not understood: " + line)


if __name__ == "__main__":
    main(sys.argv[1])
