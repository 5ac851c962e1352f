#! /usr/bin/env python3
# SPDX-License-Identifier: ISC
#
# The Receiver-SMTP of a dialogue as RFC 821 prints them:
#	receiver.py PORT <DIALOGUE
# listens on 127.0.0.1:PORT, prints "ready", and plays it: lines with "R: " in
# front are said, those with "S: " must come, to the octet.  "S: *" stands for
# any lines before the next one that is wanted.  A line "--" is the end of a
# connection, after which the next one is waited for.  Prints "done" after the
# last line, or what came instead of a line that is wanted, and ends.
import re
import socket
import sys


class Wrong(Exception):
    pass


def line_of(stream):
    line = stream.readline(65536)
    if not line:
        return None
    if not line.endswith(b"\r\n"):
        raise Wrong("no end of the line in %r" % line)
    return line[:-2].decode("utf-8", "replace")


def want(stream, text, free):
    while True:
        line = line_of(stream)
        if line == text:
            return
        if line is None or not free:
            raise Wrong("wanted %r, got %r" % (text, line))


def play(sock, script):
    stream = sock.makefile("rb")
    free = False
    for step in script:
        side, _, text = step.partition(":")
        text = text[1:]
        if side == "R":
            sock.sendall(text.encode() + b"\r\n")
        elif text == "*":
            free = True
        else:
            want(stream, text, free)
            free = False
    try:
        rest = stream.read()
    except ConnectionResetError:
        rest = b""  # who has said QUIT need not take the reply
    if rest:
        raise Wrong("after the last line: %r" % rest)


def main():
    scripts = [part.strip("\n").split("\n") for part in
               re.split(r"^--$", sys.stdin.read(), flags=re.M)]
    listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
    print("ready", flush=True)
    try:
        for script in scripts:
            sock, _ = listener.accept()
            sock.settimeout(20)
            play(sock, script)
            sock.close()
        print("done")
    except (Wrong, OSError) as error:
        print(error)
        sys.exit(1)


main()
