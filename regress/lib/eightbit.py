#! /usr/bin/env python3
# SPDX-License-Identifier: ISC
#
# Messages with 8-bit octets, and what they are without, as another reader of
# MIME sees both:
#	eightbit.py make DIR SEED	write some into DIR, lines ending in LF;
#					the names are printed
#	eightbit.py compare SENT TAKEN [SENT TAKEN...]
#					whether TAKEN, as it came over the wire,
#					is 7-bit and says what SENT says
import email
import os
import random
import sys

WORDS = ["Gr\u00fc\u00dfe", "a", "From here", ".", "..dot", "--", "-- ",
         "tab\t", "trailing ", "=3D", "\u20ac" * 40, "x" * 900, "",
         "--boundary", "\u0416\u0443\u043a", "From", " indented"]
ENCODED = "Content-Transfer-Encoding"


def text(rand):
    lines = ["".join(rand.choices(WORDS, k=rand.randint(0, 3)))[:950]
             for _ in range(rand.randint(1, 12))]
    return "\n".join(lines).encode(rand.choice(["utf-8", "utf-16-be"]))


def clean(octets):
    return octets.translate(None, b"\r\0").replace(b"\x0a\x0a", b"\n")


def cut(octets):
    """With lines that are not too long to be sent."""
    return b"\n".join(line[:990] for line in octets.split(b"\n"))


class Maker:
    def __init__(self, rand):
        self.rand = rand
        self.boundaries = 0

    def leaf(self):
        rand = self.rand
        kind = rand.randint(0, 5)
        if kind == 0:
            return b"\n" + cut(clean(text(rand)))
        if kind == 1:
            octets = cut(clean(rand.randbytes(rand.randint(1, 3000))))
            return (b"Content-Type: application/x-octets; name=\"a;b\"\n"
                    b"Content-Transfer-Encoding: 8bit\n\n" + octets)
        if kind == 2:
            return (b"Content-Type: text/plain; charset=us-ascii\n\n7 bits "
                    b"=E9 \n.\nFrom me")
        if kind == 3:
            return (b"Content-Transfer-Encoding: base64\nContent-Type: a/b\n"
                    b"\nAAECAwQ=")
        label = rand.choice([b"8bit", b"8BIT (of them)", b"binary", b"7bit"])
        return (b"content-type: TEXT/html;\n\tcharset=x\n"
                b"CONTENT-TRANSFER-ENCODING: " + label + b"\n\n" +
                cut(clean(text(rand))))

    def multipart(self, depth):
        rand = self.rand
        self.boundaries += 1
        mark = rand.choice([b"=_Part_%d", b"b%d x", b"'%d?'"]) % self.boundaries
        kind = rand.choice([b"mixed", b"alternative", b"x-new", b"digest"])
        out = [b"Content-Type: multipart/" + kind + b"; x=y; boundary=\"" +
               mark + b"\"\n" +
               rand.choice([b"", b"Content-Transfer-Encoding: 8bit\n"]) +
               b"\nA preamble.\n"]
        for _ in range(rand.randint(1, 3)):
            part = (self.message(depth - 1, True) if kind == b"digest"
                    else self.part(depth - 1))
            out.append(b"--" + mark + b"\n" + part + b"\n")
        return b"".join(out) + b"--" + mark + b"--\nAn epilogue."

    def message(self, depth, digest=False):
        head = b"\n" if digest else b"Content-Type: message/rfc822\n\n"
        return head + b"Subject: within\n" + self.part(depth)

    def part(self, depth):
        kind = self.rand.randint(0, 5) if depth > 0 else 0
        if kind < 2:
            return self.leaf()
        return self.message(depth) if kind == 2 else self.multipart(depth)


def make(where, seed):
    rand = random.Random(seed)
    for i in range(20):
        octets = b"7-bit"
        while max(octets) < 0x80:
            octets = (b"From: smith@example.net\nSubject: %d\n" % i +
                      rand.choice([b"", b"MIME-Version: 1.0\n"]) +
                      Maker(rand).part(4) + b"\n")
        name = os.path.join(where, "message.%d" % i)
        with open(name, "wb") as f:
            f.write(octets)
        print(name)


def fields(part):
    """What of the header must be the same."""
    added = {"mime-version", ENCODED.lower(), "received", "return-path"}
    if "content-type" in part and (part["content-type"].endswith(
            "charset=unknown-8bit")):
        added.add("content-type")
    return [(k, v) for k, v in part.items() if k.lower() not in added]


def compare(sent, taken, path):
    if fields(sent) != fields(taken):
        sys.exit("%s: %r became %r" % (path, fields(sent), fields(taken)))
    if sent.is_multipart() != taken.is_multipart():
        sys.exit(path + ": it has parts, and had none, or had")
    if not sent.is_multipart():
        was, now = (x.get_payload(decode=True) for x in (sent, taken))
        if was != now:
            sys.exit("%s: %r became %r" % (path, was, now))
        return
    if sent.preamble != taken.preamble or sent.epilogue != taken.epilogue:
        sys.exit(path + ": something around the parts has changed")
    if taken.get(ENCODED, "7bit").lower() != "7bit":
        sys.exit("%s: it has parts, and is %s" % (path, taken[ENCODED]))
    if len(sent.get_payload()) != len(taken.get_payload()):
        sys.exit(path + ": another number of parts")
    for i, (a, b) in enumerate(zip(sent.get_payload(), taken.get_payload())):
        compare(a, b, "%s.%d" % (path, i + 1))


def check(names):
    with open(names[0], "rb") as f:
        sent = f.read().replace(b"\n", b"\r\n")
    with open(names[1], "rb") as f:
        taken = f.read()
    if max(taken) >= 0x80:
        sys.exit(names[1] + " is not 7-bit")
    if max(map(len, taken.split(b"\r\n"))) > 998:
        sys.exit("a line of %s is too long" % names[1])
    compare(email.message_from_bytes(sent), email.message_from_bytes(taken),
            names[1])


def main():
    if sys.argv[1] == "make":
        make(sys.argv[2], sys.argv[3])
        return
    for i in range(2, len(sys.argv), 2):
        check(sys.argv[i:])


main()
