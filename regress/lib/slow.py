#! /usr/bin/env python3
# SPDX-License-Identifier: ISC
#
# Clients that hold their connection with an octet now and then:
#	slow.py HOST:PORT N SECONDS FOR KIND...
# N connections, of the KINDs in turn, each of which sends an octet every
# SECONDS:
#	silent		not one octet
#	command		within a command that has no end
#	data		within the content of a message to jones@example.org
# Prints "ready" when all have come so far.  They stay for FOR seconds, or
# until the server has ended them all; then a line "KIND END COUNT" says how
# many of each kind had which end: the first nine octets of what the server
# said at last ("421 4.4.2"), with " reset" behind them if the connection was
# not closed in order, or "held".
import collections
import selectors
import socket
import sys
import time

PROPER = [
    b"EHLO client.example\r\n", b"MAIL FROM:<a@b.example>\r\n",
    b"RCPT TO:<jones@example.org>\r\n", b"DATA\r\n",
]
BEFORE = {"silent": [], "command": PROPER[:1], "data": PROPER}
DRIPS = {"command": b"N", "data": b"x"}


class Slow:
    def __init__(self, address, kind):
        self.kind = kind
        self.said = b""
        self.end = "held"
        self.sock = socket.create_connection(address, 30)
        self.sock.recv(65536)
        for line in BEFORE[kind]:
            self.sock.sendall(line)
            self.sock.recv(65536)
        self.sock.setblocking(False)

    def drip(self):
        if self.end == "held" and self.kind in DRIPS:
            try:
                self.sock.send(DRIPS[self.kind])
            except OSError:
                pass

    def hear(self):
        """Take what the server says.  True when that was all."""
        try:
            more = self.sock.recv(65536)
        except BlockingIOError:
            return False
        except OSError:
            self.end = self.said[:9].decode("latin-1") + " reset"
        else:
            self.said += more
            if more:
                return False
            self.end = self.said[:9].decode("latin-1")
        return True


def hold(clients, interval, until):
    """Drip until that moment, or until nobody is left."""
    selector = selectors.DefaultSelector()
    for client in clients:
        selector.register(client.sock, selectors.EVENT_READ, client)
    drip = time.monotonic()
    while selector.get_map() and time.monotonic() < until:
        for key, _ in selector.select(max(0, drip - time.monotonic())):
            if key.data.hear():
                selector.unregister(key.fileobj)
                key.data.sock.close()
        if time.monotonic() >= drip:
            drip += interval
            for client in clients:
                client.drip()


def main(arguments):
    if len(arguments) < 5:
        sys.exit("usage: slow.py host:port n seconds for kind...")
    host, _, port = arguments[0].rpartition(":")
    kinds = arguments[4:]
    clients = [Slow((host, int(port)), kinds[n % len(kinds)])
               for n in range(int(arguments[1]))]
    print("ready", flush=True)
    hold(clients, float(arguments[2]), time.monotonic() + float(arguments[3]))
    ends = collections.Counter((c.kind, c.end) for c in clients)
    for (kind, end), count in sorted(ends.items()):
        print(kind, end, count, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
