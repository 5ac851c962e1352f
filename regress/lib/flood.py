#! /usr/bin/env python3
# SPDX-License-Identifier: ISC
#
# Connections as fast as they can be made:
#	flood.py HOST:PORT N FILE
# N connections, all begun before any is looked at.  Prints "CODE COUNT" for
# the first replies that have come, again whenever they have changed for
# half a second ("none": no reply yet, "closed": the end without one), and
# keeps the connections.  When FILE is there, each one that was greeted sends
# a message to jones@example.org, the same in all cases: "sent COUNT" is the
# number of those that were taken.
#
# Exit status: 0; 1 when one that was greeted was served wrongly.
import collections
import errno
import os
import re
import resource
import selectors
import socket
import sys
import time

STEPS = [
    (b"EHLO client.example\r\n", b"250"),
    (b"MAIL FROM:<a@b.example>\r\n", b"250"),
    (b"RCPT TO:<jones@example.org>\r\n", b"250"),
    (b"DATA\r\n", b"354"),
    (b"Subject: flood\r\n\r\nx\r\n.\r\n", b"250"),
    (b"QUIT\r\n", b"221"),
]


class Client:
    def __init__(self, address):
        self.first = "none"
        self.have = b""
        self.step = -1
        self.wrong = None
        self.sock = socket.socket()
        self.sock.setblocking(False)
        error = self.sock.connect_ex(address)
        if error not in (0, errno.EINPROGRESS):
            raise OSError(error, os.strerror(error))

    def hear(self):
        """Take what came.  False at the end of the connection."""
        try:
            more = self.sock.recv(65536)
        except BlockingIOError:
            return True
        except OSError:
            more = b""
        self.have += more
        if self.first == "none":
            if re.match(rb"[0-9]{3} [^\n]*\n", self.have):
                self.first = self.have[:3].decode()
                self.have = b""
            elif not more:
                self.first = "closed"
        if self.step >= 0:
            self.advance()
        return bool(more)

    def advance(self):
        """The reply to the last step, if it is whole; then the next step."""
        if self.step >= len(STEPS) or not re.search(
                rb"(?m)^[0-9]{3} [^\n]*\n", self.have):
            return
        if self.have[:3] != STEPS[self.step][1]:
            self.wrong = self.have
            self.step = len(STEPS)
            return
        self.have = b""
        self.step += 1
        self.speak()

    def speak(self):
        if self.step < len(STEPS):
            self.sock.send(STEPS[self.step][0])


class Flood:
    def __init__(self, address, count):
        self.clients = [Client(address) for _ in range(count)]
        self.selector = selectors.DefaultSelector()
        for client in self.clients:
            self.selector.register(client.sock, selectors.EVENT_READ, client)

    def turn(self):
        for key, _ in self.selector.select(0.1):
            if not key.data.hear():
                self.selector.unregister(key.fileobj)
                key.data.sock.close()

    def watch(self, path):
        """Tell of the first replies until there is such a file."""
        told = seen = None
        since = time.monotonic()
        while not os.path.exists(path):
            self.turn()
            now = collections.Counter(c.first for c in self.clients)
            if now != seen:
                seen, since = now, time.monotonic()
            elif now != told and time.monotonic() - since > 0.5:
                told = now
                print(" ".join("%s %d" % one for one in sorted(now.items())),
                      flush=True)

    def send(self):
        """All that were greeted send; how many were served to the end."""
        senders = [c for c in self.clients if c.first == "220"]
        for client in senders:
            client.step = 0
            client.speak()
        until = time.monotonic() + 60
        while any(c.step < len(STEPS) for c in senders):
            if time.monotonic() > until:
                raise TimeoutError("not all are served in 60 s")
            self.turn()
        for client in senders:
            if client.wrong:
                raise ValueError("%r" % client.wrong)
        return len(senders)


def main(arguments):
    if len(arguments) != 3:
        sys.exit("usage: flood.py host:port n file")
    host, _, port = arguments[0].rpartition(":")
    count = int(arguments[1])
    resource.setrlimit(resource.RLIMIT_NOFILE, (count + 100, count + 100))
    try:
        flood = Flood((host, int(port)), count)
        flood.watch(arguments[2])
        print("sent %d" % flood.send(), flush=True)
    except (OSError, ValueError) as error:
        print("flood: %s" % error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
