#! /usr/bin/env python3
# SPDX-License-Identifier: ISC
#
# A name server that answers as the names say:
#	dns.py ADDRESS MAIL-HOST [FORGER]
# serves UDP and TCP at ADDRESS, port 53, prints "ready", and then each question
# on a line: type, name, transport.  Every domain X.example takes mail at
# mx.X.example, which has the address MAIL-HOST; where X is one of the tricks
# below, whatever digits follow it, what is asked for at X.example is answered
# in that way instead.  FORGER is the address that forged answers give.
import os
import socket
import struct
import sys
import threading
import time

A, NS, CNAME, SOA, TXT, MX, AAAA = 1, 2, 5, 6, 16, 15, 28
TYPES = {A: "A", NS: "NS", CNAME: "CNAME", SOA: "SOA", MX: "MX", AAAA: "AAAA"}
SELF = b"\xc0\x0c"  # the name in the question
TC = 0x0200
UDP_MAX = 1232


def name(text):
    labels = [part.encode() for part in text.split(".") if part]
    return b"".join(bytes([len(part)]) + part for part in labels) + b"\0"


def record(owner, kind, data, ttl=60):
    return owner + struct.pack(">HHIH", kind, 1, ttl, len(data)) + data


def mx(target, owner=SELF, preference=10):
    if isinstance(target, str):
        target = name(target)
    return record(owner, MX, struct.pack(">H", preference) + target)


def address(text, owner=SELF):
    if ":" in text:
        return record(owner, AAAA, socket.inet_pton(socket.AF_INET6, text))
    return record(owner, A, socket.inet_pton(socket.AF_INET, text))


class Query:
    def __init__(self, packet, tcp):
        self.id = packet[:2]
        at, labels = 12, []
        while packet[at]:
            labels.append(packet[at + 1:at + 1 + packet[at]])
            at += 1 + packet[at]
        self.question = packet[12:at + 5]
        self.kind = struct.unpack(">H", packet[at + 1:at + 3])[0]
        self.name = b".".join(labels).decode("latin-1").lower()
        self.tcp = tcp

    def reply(self, *answers, flags=0x8580, count=None, extra=(), ident=None,
              question=None):
        if count is None:
            count = len(answers)
        return (ident or self.id) + struct.pack(
            ">HHHHH", flags, 1, count, 0, len(extra)) + \
            (question or self.question) + b"".join(answers) + b"".join(extra)

    def by_tcp(self, *answers, **more):
        """As over UDP to who asks so: come again."""
        if self.tcp:
            return [self.reply(*answers, **more)]
        return [self.reply(flags=0x8580 | TC)]

    def nothing(self, rcode=0):
        soa = record(SELF, SOA, name("ns.example") * 2 +
                     struct.pack(">IIIII", 1, 60, 60, 600, 1))
        return [self.id + struct.pack(">HHHHH", 0x8580 | rcode, 1, 0, 1, 0) +
                self.question + soa]


# What a trick gives: packets, which over TCP are framed one by one; octets
# after None go over TCP as they are, before the connection is cut.
TRICKS = {}


def trick(function):
    TRICKS[function.__name__.rstrip("_").replace("_", "-")] = function
    return function


@trick
def tcp(q):
    return q.by_tcp(mx("mx." + q.name))


@trick
def cut(q):
    if not q.tcp:
        return q.by_tcp()
    whole = q.reply(mx("mx." + q.name))
    return [None, struct.pack(">H", len(whole)) + whole[:20]]


@trick
def shut(q):
    return [None] if q.tcp else q.by_tcp()


@trick
def drip(q):
    if not q.tcp:
        return q.by_tcp()
    whole = q.reply(mx("mx." + q.name))
    whole = struct.pack(">H", len(whole)) + whole
    return [None] + [bytes([octet]) for octet in whole]


@trick
def held(q):
    return [] if q.tcp else q.by_tcp()


@trick
def silent(q):
    return []


@trick
def number(q):
    """Answers to questions with any number but ours."""
    first = struct.unpack(">H", q.id)[0]
    return [q.reply(mx("mx.forged.example"),
                    ident=struct.pack(">H", (first + i) % 65536))
            for i in range(1, 200)]


@trick
def question(q):
    """To another question."""
    other = name("other.example") + q.question[-4:]
    return [q.reply(mx("mx.forged.example"), question=other)]


@trick
def port(q):
    """From another port."""
    return [q.reply(mx("mx.forged.example"))]


@trick
def poison(q):
    """A good answer, with one beside it that nobody asked for."""
    forged = mx("mx.forged.example", owner=name("fine.example"))
    host = address(FORGER, owner=name("mx.fine.example"))
    return [q.reply(mx("mx." + q.name), forged, host, extra=(forged, host))]


@trick
def loop(q):
    one, other = "loop.example", "b.loop.example"
    if q.name == other:
        one, other = other, one
    return [q.reply(record(SELF, CNAME, name(other)),
                    record(name(other), CNAME, name(one)))]


@trick
def chain(q):
    """Alias after alias; each may be asked for by itself, too."""
    links = ["chain.example"] + ["%d.chain.example" % i for i in range(40)]
    links = links[links.index(q.name):]
    return [q.reply(*[record(name(one), CNAME, name(other))
                      for one, other in zip(links, links[1:])],
                    mx("mx.chain.example", owner=name(links[-1])))]


@trick
def many(q):
    return q.by_tcp(*[mx("mx%d.many.example" % (i % 20), preference=i)
                      for i in range(300)])


@trick
def thousands(q):
    return q.by_tcp(*[mx(b"\2mx" + SELF, preference=i)
                      for i in range(3400)])


@trick
def large(q):
    """All that a packet can hold."""
    whole = q.reply(mx("mx." + q.name))
    room = 65535 - len(whole)
    extra = []
    while room > 13:
        text = (b"\xff" + 255 * b"x") * 15 if room > 4000 else b""
        extra.append(record(b"\0", TXT, text or (room - 11) * b"\0"))
        room -= len(extra[-1])
    return q.by_tcp(mx("mx." + q.name), extra=extra)


@trick
def literal(q):
    return [q.reply(mx("10.0.0.20"))]


@trick
def localhost(q):
    return [q.reply(mx("localhost"))]


@trick
def pointers(q):
    """A name that goes in a circle."""
    at = 12 + len(q.question) + 14
    return [q.reply(mx(b"\1x" + struct.pack(">H", 0xc000 | at)))]


@trick
def labels(q):
    """Names that are none of hosts."""
    return [q.reply(*[mx(b"\3" + odd + SELF) for odd in (
        b"a.b", b"a b", b"a\nb", b"a\rb", b"a\0b", b"a\xffb", b"a\"b", b"a\\b",
        b"a'b", b"$(a", b"<a>")])]


@trick
def length(q):
    """Data that is longer, and one that is shorter, than it says."""
    whole = q.reply(mx("mx." + q.name))
    at = len(whole) - len(name("mx." + q.name)) - 3
    return [whole[:at] + b"\xff" + whole[at + 1:],
            whole[:at] + b"\x03" + whole[at + 1:]]


@trick
def counts(q):
    return [q.reply(mx("mx." + q.name), count=65535)]


@trick
def noise(q):
    return [os.urandom(size) for size in (1, 11, 12, 13, 100, 1200)] + \
        [q.id + os.urandom(100), q.reply(os.urandom(100), count=3)]


@trick
def echo(q):
    return [q.reply(flags=0x0100)]


@trick
def refused(q):
    return q.nothing(5)


@trick
def servfail(q):
    return q.nothing(2)


@trick
def formerr(q):
    return q.nothing(1)


@trick
def rcode(q):
    return q.nothing(15)


# Addresses that are no other host's.
NOWHERE = {
    "loopback": "127.0.0.2",
    "loopback6": "::1",
    "mapped": "::ffff:127.0.0.1",
    "any": "0.0.0.0",
    "any6": "::",
    "this": "0.1.2.3",
    "group": "224.0.0.1",
    "group6": "ff02::1",
    "link": "169.254.1.1",
    "link6": "fe80::1",
    "all": "255.255.255.255",
}


def answer(q):
    first, _, domain = q.name.partition(".")
    which = TRICKS.get(first.rstrip("0123456789"))
    if which and domain == "example":
        return which(q)
    if domain in ("chain.example", "loop.example") and q.kind == MX:
        return TRICKS[domain.partition(".")[0]](q)
    if q.kind == MX and domain == "example":
        return [q.reply(mx("mx." + q.name))]
    if first == "alias" and q.kind in (A, AAAA):
        return q.nothing()
    host = MAIL_HOST
    if domain.startswith("forged."):
        host = FORGER
    elif domain == "alias.example":
        # the exchanger is an alias
        return [q.reply(record(SELF, CNAME, name("mx.fine.example")))]
    elif domain.partition(".")[0] in NOWHERE:
        host = NOWHERE[domain.partition(".")[0]]
    if q.kind == (AAAA if ":" in host else A) and first.startswith("mx"):
        return [q.reply(address(host))]
    if q.name == "10.0.0.20" and q.kind == A:
        return [q.reply(address(MAIL_HOST))]
    return q.nothing(0 if first.startswith("mx") else 3)


def note(q):
    print(TYPES.get(q.kind, q.kind), q.name, "tcp" if q.tcp else "udp",
          flush=True)


def datagrams(sock, elsewhere):
    while True:
        packet, client = sock.recvfrom(65536)
        q = Query(packet, False)
        note(q)
        out = elsewhere if q.name == "port.example" else sock
        for each in answer(q):
            out.sendto(each, client)


def read(sock, size):
    got = b""
    while len(got) < size:
        part = sock.recv(size - len(got))
        if not part:
            raise OSError("closed")
        got += part
    return got


def stream(sock):
    try:
        while True:
            packet = read(sock, struct.unpack(">H", read(sock, 2))[0])
            q = Query(packet, True)
            note(q)
            packets = answer(q)
            if packets and packets[0] is None:
                for each in packets[1:]:
                    sock.sendall(each)
                    time.sleep(0.2)
                break
            for each in packets:
                sock.sendall(struct.pack(">H", len(each)) + each)
    except OSError:
        pass
    sock.close()


def main():
    global MAIL_HOST, FORGER
    where, MAIL_HOST = sys.argv[1:3]
    FORGER = (sys.argv + [MAIL_HOST])[3]
    family = socket.AF_INET6 if ":" in where else socket.AF_INET
    listener = socket.create_server((where, 53), family=family)
    sock, elsewhere = (socket.socket(family, socket.SOCK_DGRAM)
                       for _ in range(2))
    sock.bind((where, 53))
    elsewhere.bind((where, 5353))
    threading.Thread(target=datagrams, args=(sock, elsewhere),
                     daemon=True).start()
    print("ready", flush=True)
    while True:
        client, _ = listener.accept()
        threading.Thread(target=stream, args=(client,), daemon=True).start()


main()
