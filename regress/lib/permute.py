#! /usr/bin/env python3
# SPDX-License-Identifier: ISC
#
# Every sequence of commands: permute.py HOST:PORT LENGTH [PROCESSES]
#	Speaks each sequence of LENGTH of the commands below, and with it all
#	shorter ones, on a connection of its own, and holds each reply against
#	a model of RFC 5321 4.1.4.  RCPT number I of a sequence goes to
#	uI@example.org.  Prints one line for each copy of a message that the
#	model says is delivered: the sequence that sent it, its place in it,
#	and the recipient, as they stand in the field X-Sequence.
#
# Exit status: 0; 1 when a reply was not the one of the model.
import itertools
import multiprocessing
import re
import socket
import struct
import sys
import zlib

COMMANDS = {
    "E": b"EHLO client.example\r\n",
    "H": b"HELO client.example\r\n",
    "M": b"MAIL FROM:<a@b.example>\r\n",
    "R": b"RCPT TO:<u%d@example.org>\r\n",
    "S": b"RSET\r\n",
    "D": b"DATA\r\n",
    "V": b"VRFY jones\r\n",
    "N": b"NOOP\r\n",
    "B": b"XYZZY\r\n",
}


class Wrong(Exception):
    pass


class Model:
    """What RFC 5321 4.1.4 says of one session."""

    def __init__(self):
        self.greeted = False
        self.mail = False
        self.rcpts = []

    def forget(self):
        self.mail = False
        self.rcpts = []

    def code(self, command, number):
        """The reply to that command, which is number NUMBER."""
        if command == "B":
            return "500"
        if command == "V":
            return "252"
        if command in "EH":
            self.greeted = True
            self.forget()
        elif command == "S":
            self.forget()
        elif command == "M":
            if not self.greeted or self.mail:
                return "503"
            self.mail = True
        elif command == "R":
            if not self.mail:
                return "503"
            self.rcpts.append(number)
        elif command == "D":
            return "354" if self.rcpts else "503"
        return "250"


class Client:
    def __init__(self, host, port, source):
        self.sock = socket.create_connection((host, port), 10, (source, 0))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.have = b""

    def reply(self):
        """The code of one whole reply, and nothing after it."""
        while not re.search(rb"(?m)^[0-9]{3} [^\n]*\n", self.have):
            more = self.sock.recv(65536)
            if not more:
                raise Wrong("closed amid %r" % self.have)
            self.have += more
        lines = self.have.splitlines()
        if any(line[:3] != lines[0][:3] or line[3:4] != b"-"
               for line in lines[:-1]) or lines[-1][:3] != lines[0][:3]:
            raise Wrong("not one reply: %r" % self.have)
        self.have = b""
        return lines[0][:3].decode()

    def expect(self, code):
        got = self.reply()
        if got != code:
            raise Wrong("%s expected, not %s" % (code, got))

    def reset(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                             struct.pack("ii", 1, 0))
        self.sock.close()


def speak(client, sequence, quits):
    """Speak the sequence; returns the copies that are to be delivered."""
    model = Model()
    copies = []
    client.expect("220")
    for number, command in enumerate(sequence, 1):
        line = COMMANDS[command]
        client.sock.sendall(line % number if command == "R" else line)
        code = model.code(command, number)
        client.expect(code)
        if code == "354":
            names = ["%s %d u%d" % (sequence, number, rcpt)
                     for rcpt in model.rcpts]
            client.sock.sendall(b"X-Sequence: %s %d\r\n\r\nx\r\n.\r\n" % (
                sequence.encode(), number))
            client.expect("250")
            copies += names
            model.forget()
    if quits:
        client.sock.sendall(b"QUIT\r\n")
        client.expect("221")
        if client.sock.recv(1):
            raise Wrong("something after 221")
    client.reset()
    return copies


def share(work):
    """All sequences of this length that begin in this manner, up to the
    first that goes wrong: a server that dies of one is slow at all others."""
    host, port, first, length, source = work
    copies = []
    for rest in itertools.product(COMMANDS, repeat=length - len(first)):
        sequence = first + "".join(rest)
        try:
            # one of two connections ends in the middle of things
            copies += speak(Client(host, port, source), sequence,
                            zlib.crc32(sequence.encode()) % 2)
        except (Wrong, OSError) as error:
            return copies, "%s: %s" % (sequence, error)
    return copies, None


def main(arguments):
    if len(arguments) not in (2, 3):
        sys.exit("usage: permute.py host:port length [processes]")
    host, _, port = arguments[0].rpartition(":")
    length = int(arguments[1])
    processes = int(arguments[2]) if len(arguments) == 3 else 4
    firsts = map("".join, itertools.product(COMMANDS, repeat=min(2, length)))
    # an address for each share, lest one runs out of ports
    shares = [(host, int(port), first, length, "127.0.1.%d" % number)
              for number, first in enumerate(firsts, 1)]
    with multiprocessing.Pool(processes) as pool:
        for copies, wrong in pool.imap_unordered(share, shares):
            for copy in copies:
                print(copy)
            if wrong:
                print("permute: " + wrong, file=sys.stderr)
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
