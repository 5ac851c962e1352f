#! /usr/bin/env python3
# SPDX-License-Identifier: ISC
#
# Clients that no honest program is.
#
#	hostile.py crowd HOST PORT N
#		N connections of four kinds: silent; half a command; one
#		octet now and then; many commands whose replies are not
#		taken.  Prints "ready" and keeps them.
#	hostile.py noise HOST PORT SEED N
#		N connections with random octets, lines of random words of
#		SMTP, and ends of all kinds; many of them only after a proper
#		beginning.
#	hostile.py control PATH SEED N
#		N connections to the control socket with frames of all wrong
#		kinds: empty, cut, random, too large, with descriptors.
#
# Exit status: 0; 1 when the server could not be reached.
import array
import random
import socket
import struct
import sys
import time


def dial(host, port, room=None):
    sock = socket.socket()
    if room:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
    sock.settimeout(10)
    sock.connect((host, int(port)))
    return sock


def crowd(host, port, count):
    held = []
    for number in range(int(count)):
        kind = number % 4
        sock = dial(host, port, 1 if kind == 3 else None)
        if kind == 1:
            sock.sendall(b"MAIL FRO")
        sock.setblocking(False)
        if kind == 3:
            sock.send(b"HELP\r\n" * 9000)
        held.append(sock)
    print("ready", flush=True)
    while True:
        for sock in held[2::4]:
            try:
                sock.send(b"N")
            except OSError:
                pass
        time.sleep(0.2)


WORDS = [
    b"EHLO c.example", b"HELO", b"MAIL FROM:<a@b.example>", b"MAIL FROM:",
    b"RCPT TO:<jones@example.org>", b"RCPT TO:<", b"DATA", b"RSET", b"NOOP",
    b"QUIT", b"VRFY", b"HELP", b"BDAT 9", b"STARTTLS", b"AUTH PLAIN", b"\r\n",
    b"\r\n", b"\r\n", b"\r\n", b"\n", b"\r", b"\0", b".", b"\r\n.\r\n",
    b"SIZE=1", b" ", b"\xff", b"<>", b"@" * 300, b"x" * 600, b"\"\\",
]


PROPER = [
    b"EHLO c.example\r\n", b"MAIL FROM:<a@b.example>\r\n",
    b"RCPT TO:<jones@example.org>\r\n", b"DATA\r\n",
]


def noise(host, port, seed, count):
    rng = random.Random(int(seed))
    for _ in range(int(count)):
        sock = dial(host, port)
        for line in PROPER[:rng.randrange(len(PROPER) + 1)]:
            sock.recv(65536)
            sock.sendall(line)
        sock.recv(65536)
        sock.settimeout(0.05)
        data = b""
        if rng.random() < 0.3:
            data = rng.randbytes(rng.randrange(1, 5000))
        else:
            for _ in range(rng.randrange(1, 60)):
                data += rng.choice(WORDS)
        try:
            while data:
                size = rng.choice([1, 7, 100, 70000])
                sock.send(data[:size])
                data = data[size:]
                if rng.random() < 0.1:
                    sock.recv(65536)
        except OSError:
            pass
        if rng.random() < 0.3:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                            struct.pack("ii", 1, 0))
        sock.close()


def frame(rng):
    """A frame: nearly a request, or nothing of the kind."""
    kind = rng.randrange(6)
    if kind == 0:
        return b""
    if kind == 1:
        return rng.randbytes(rng.randrange(1, 12))
    if kind == 2:
        return rng.randbytes(rng.randrange(12, 9000))
    if kind == 3:
        return rng.randbytes(65536)
    # a header, in both orders of octets, of any type, and a body whose
    # lengths lie
    form = rng.choice(["<HHQ", ">HHQ"])
    body = b"".join(struct.pack(form[0] + "I", rng.choice(
        [0, 1, 15, 255, 65535, 0xffffffff])) for _ in range(rng.randrange(9)))
    return struct.pack(form, rng.randrange(80), rng.choice([0, 0, 1]),
                       rng.randrange(1 << 64)) + bytes([rng.randrange(20),
                                                        rng.randrange(20)]
                                                       ) + body


def control(path, seed, count):
    rng = random.Random(int(seed))
    held = []
    for _ in range(int(count)):
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        sock.settimeout(1)
        sock.connect(path)
        try:
            for _ in range(rng.randrange(1, 5)):
                fds = [0] * rng.choice([0, 0, 1, 4, 253])
                sock.sendmsg([frame(rng)], [(
                    socket.SOL_SOCKET, socket.SCM_RIGHTS,
                    array.array("i", fds).tobytes())] if fds else [])
        except OSError:
            pass
        if rng.random() < 0.05:
            held.append(sock)
        else:
            sock.close()


def main(arguments):
    verbs = {"crowd": crowd, "noise": noise, "control": control}
    if not arguments or arguments[0] not in verbs:
        sys.exit("usage: hostile.py crowd|noise|control ...")
    verbs[arguments[0]](*arguments[1:])


if __name__ == "__main__":
    main(sys.argv[1:])
