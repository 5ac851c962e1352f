#! /usr/bin/env python3
# SPDX-License-Identifier: ISC
#
# Send a message: send.py [-m MAIL-PARAMETERS] [-r RCPT-PARAMETERS] [-f FILE]
#	[-n COUNT] [-w WHERE] FROM RCPT...
# WHERE is HOST:PORT or the path of a Unix socket, 127.0.0.1:2525 when not
# given; FROM and RCPT are without brackets, FROM may be empty.  The message is read from FILE, lines ending in
# LF, dots are stuffed; without one it is a short one whose subject is its
# number.  The message id of each 250 is printed.
#
# Exit status: 0, or 1 when a command was refused; the reply is on standard
# error.
import argparse
import re
import socket
import sys


class Refused(Exception):
    pass


class Client:
    def __init__(self, where, seconds=20):
        if where.startswith("/"):
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.settimeout(seconds)
            self.sock.connect(where)
        else:
            host, _, port = where.rpartition(":")
            self.sock = socket.create_connection((host, int(port)), seconds)
        self.file = self.sock.makefile("rb")
        self.expect("2")
        self.command("EHLO client.example.net")

    def expect(self, codes):
        lines = []
        while True:
            line = self.file.readline()
            if not line.endswith(b"\r\n"):
                raise Refused("closed")
            lines.append(line.decode("utf-8", "replace").rstrip())
            if line[3:4] != b"-":
                break
        if lines[-1][0] not in codes:
            raise Refused(" / ".join(lines))
        return lines[-1]

    def command(self, text, codes="2"):
        self.sock.sendall(text.encode("utf-8", "surrogateescape") + b"\r\n")
        return self.expect(codes)

    def message(self, sender, rcpts, content, mail="", rcpt=""):
        """The message id that the server gave it."""
        self.command("MAIL FROM:<%s> %s" % (sender, mail) if mail else
                     "MAIL FROM:<%s>" % sender)
        for r in rcpts:
            self.command("RCPT TO:<%s> %s" % (r, rcpt) if rcpt else
                         "RCPT TO:<%s>" % r)
        self.command("DATA", "3")
        wire = content.replace(b"\n", b"\r\n").replace(b"\r\n.", b"\r\n..")
        if wire.startswith(b"."):
            wire = b"." + wire
        self.sock.sendall(wire + b".\r\n")
        return re.search(r"\b[0-9a-f]{16}\b", self.expect("2"))[0]

    def quit(self):
        self.command("QUIT")
        self.sock.close()


def main():
    p = argparse.ArgumentParser()
    p.add_argument("-m", default="")
    p.add_argument("-r", default="")
    p.add_argument("-f")
    p.add_argument("-n", type=int, default=1)
    p.add_argument("-w", default="127.0.0.1:2525")
    p.add_argument("sender")
    p.add_argument("rcpt", nargs="+")
    a = p.parse_args()
    try:
        client = Client(a.w)
        for i in range(1, a.n + 1):
            content = (b"From: sender@example.net\nSubject: number %d\n\n"
                       b"text of number %d\n" % (i, i))
            if a.f:
                with open(a.f, "rb") as file:
                    content = file.read()
            print(client.message(a.sender, a.rcpt, content, a.m, a.r),
                  flush=True)
        client.quit()
    except (Refused, OSError) as error:
        print("send: %s" % error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
