#! /usr/bin/env python3
# SPDX-License-Identifier: ISC
#
# Speak with a server octet by octet:
#	dialogue.py [-b ADDRESS] [-s SECONDS] WHERE [STEP...]
# WHERE is HOST:PORT, [HOST]:PORT or the path of a Unix socket.  Without steps
# they are read from standard input, one to a line.  Every octet received is
# printed with its line ends made visible as CR LF -> newline, others as \xNN.
# -b: the address to connect from.  -s: the longest wait for what is expected.
#
#	CODE		expect one whole reply with this code; 2xx takes any 2
#	reply		take one whole reply, whatever it is
#	> TEXT		send TEXT and CR LF
#	>> TEXT		send TEXT as it is, where \r \n \t \0 \\ and \xNN stand
#			for those octets
#	file PATH	send the octets of that file
#	split N		from here on send in pieces of N octets, each a packet
#			of its own; 0: whole again
#	repeat N STEP	do that step N times
#	pause SECONDS	send nothing for so long
#	await PATH	until there is such a file
#	silence SECONDS	expect that nothing comes and nothing closes so long
#	shut		close the sending side
#	closed		expect the end of the connection, and no octet before it
#	ended		the same, but a reset, which can overtake a reply, is none
#	reset		close at once, with a reset
#	again		close, and connect anew
#	say TEXT	print TEXT: the dialogue has come so far
#
# Exit status: 0, 1 what came was not expected, 2 wrong usage.
import os
import re
import socket
import struct
import sys
import time

ESCAPES = {"r": b"\r", "n": b"\n", "t": b"\t", "0": b"\0", "\\": b"\\"}


class Unexpected(Exception):
    pass


def octets(text):
    def one(found):
        if found[2]:
            return chr(int(found[2], 16))
        if found[1] not in ESCAPES:
            raise ValueError("unknown escape \\" + found[1])
        return ESCAPES[found[1]].decode("latin-1")

    raw = text.encode("utf-8", "surrogateescape").decode("latin-1")
    return re.sub(r"\\(x([0-9a-fA-F]{2})|.)", one, raw,
                  flags=re.S).encode("latin-1")


def show(line):
    shown = line[:-2] if line.endswith(b"\r\n") else line
    print("".join(chr(c) if 32 <= c < 127 else "\\x%02x" % c
                  for c in shown), flush=True)


class Dialogue:
    def __init__(self, where, seconds, source):
        self.where = where
        self.seconds = seconds
        self.source = source
        self.connect()

    def connect(self):
        where, seconds, source = self.where, self.seconds, self.source
        if where.startswith("/"):
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.settimeout(seconds)
            self.sock.connect(where)
        else:
            host, _, port = where.rpartition(":")
            self.sock = socket.create_connection(
                (host.strip("[]"), int(port)), seconds,
                (source, 0) if source else None)
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.have = b""
        self.split = 0
        self.was_reset = False

    def receive(self):
        """More octets into self.have; False at the end."""
        try:
            more = self.sock.recv(65536)
        except socket.timeout:
            raise Unexpected("nothing came in %g s" % self.seconds)
        except ConnectionResetError:
            self.was_reset = True
            return False
        self.have += more
        return bool(more)

    def line(self):
        while b"\n" not in self.have:
            if not self.receive():
                raise Unexpected("closed amid %r" % self.have)
        line, _, self.have = self.have.partition(b"\n")
        show(line + b"\n")
        return line + b"\n"

    def reply(self):
        """The code of one whole reply, RFC 5321 4.2."""
        code = None
        while True:
            line = self.line()
            if not re.fullmatch(rb"[2-5][0-9][0-9]([ -][^\r\n\0]*)?\r\n", line):
                raise Unexpected("no reply line: %r" % line)
            if code not in (None, line[:3]):
                raise Unexpected("code changes within a reply: %r" % line)
            code = line[:3]
            if line[3:4] != b"-":
                return code.decode()

    def send(self, data):
        size = self.split or len(data) or 1
        try:
            for at in range(0, len(data), size):
                self.sock.sendall(data[at:at + size])
        except (BrokenPipeError, ConnectionResetError):
            # What the server said before it closed is what matters.
            pass

    def silence(self, seconds):
        if self.have:
            raise Unexpected("not silent: %r" % self.have)
        self.sock.settimeout(seconds)
        try:
            self.have = self.sock.recv(65536)
        except socket.timeout:
            return
        finally:
            self.sock.settimeout(self.seconds)
        raise Unexpected("not silent: %r" % self.have)

    def closed(self):
        while self.receive():
            pass
        if self.have:
            raise Unexpected("before the end came %r" % self.have)

    def reset(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                             struct.pack("ii", 1, 0))
        self.sock.close()

    def step(self, text):
        word, _, rest = text.partition(" ")
        if re.fullmatch("[2-5]([0-9][0-9]|xx)", word):
            code = self.reply()
            if not re.fullmatch(word.replace("x", "."), code):
                raise Unexpected("%s expected, not %s" % (word, code))
        elif word == "reply":
            self.reply()
        elif word == ">":
            self.send(rest.encode("utf-8", "surrogateescape") + b"\r\n")
        elif word == ">>":
            self.send(octets(rest))
        elif word == "file":
            with open(rest, "rb") as file:
                self.send(file.read())
        elif word == "split":
            self.split = int(rest)
        elif word == "repeat":
            count, _, again = rest.partition(" ")
            for _ in range(int(count)):
                self.step(again)
        elif word == "pause":
            time.sleep(float(rest))
        elif word == "await":
            while not os.path.exists(rest):
                time.sleep(0.02)
        elif word == "silence":
            self.silence(float(rest))
        elif word == "shut":
            self.sock.shutdown(socket.SHUT_WR)
        elif word == "closed":
            self.closed()
        elif word == "ended":
            self.closed()
            if self.was_reset:
                raise Unexpected("a reset")
        elif word == "reset":
            self.reset()
        elif word == "again":
            self.sock.close()
            self.connect()
        elif word == "say":
            print(rest, flush=True)
        else:
            raise ValueError("unknown step")


def main(arguments):
    seconds = 20.0
    source = None
    while arguments[:1] in (["-b"], ["-s"]):
        if arguments[0] == "-b":
            source = arguments[1]
        else:
            seconds = float(arguments[1])
        arguments = arguments[2:]
    if not arguments:
        sys.exit("usage: dialogue.py [-b address] [-s seconds] where [step...]")
    steps = arguments[1:] or [
        line.rstrip("\n") for line in sys.stdin if line.strip()]
    text = arguments[0]
    try:
        dialogue = Dialogue(arguments[0], seconds, source)
        for text in steps:
            dialogue.step(text)
    except (Unexpected, OSError) as error:
        print("dialogue: at '%s': %s" % (text, error), file=sys.stderr)
        return 1
    except ValueError as error:
        print("dialogue: '%s': %s" % (text, error), file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
