#! /usr/bin/env python3
# SPDX-License-Identifier: ISC
#
# A server that says what it is told to:
#	peer.py [ADDRESS:]PORT RECORD [STEP...]
# listens there, or at 127.0.0.1, prints "ready", and does the steps on each
# connection, one after another; what clients say is appended to RECORD.
#	'TEXT'		send it; \r \n \0 \xff and the like are understood
#	:line		wait for a line
#	:lines N	for so many
#	:end		wait for the end of the content
#	:repeat N TEXT	send it so many times
#	:drip SECONDS TEXT	an octet each so many seconds, over and over
#	:sip SECONDS	take an octet each so many seconds, for ever
#	:wait SECONDS	do nothing for that time
#	:close		end the connection; so does the end of the steps
#	:some		wait for some octets, whatever they are
#	:tls PEM	be the server of a TLS handshake, with key and
#			certificate of that file
#	:again		the steps of the next connection, and of those after it
#	:hold		say nothing until the client has gone
# A connection that the client has ended is over.  Each one that begins
# appends "connection" on a line to RECORD, and what the client said after.
import socket
import ssl
import sys
import threading
import time


class Gone(Exception):
    pass


class Connection:
    def __init__(self, sock, record):
        self.sock = sock
        self.record = record
        self.had = b""

    def more(self):
        got = self.sock.recv(65536)
        if not got:
            raise Gone
        self.record.write(got)
        self.had += got

    def until(self, mark):
        while mark not in self.had:
            self.more()
        self.had = self.had.split(mark, 1)[1]

    def step(self, word, rest):
        if word == ":line":
            self.until(b"\r\n")
        elif word == ":lines":
            for _ in range(int(rest)):
                self.until(b"\r\n")
        elif word == ":end":
            self.until(b"\r\n.\r\n")
        elif word == ":repeat":
            count, text = rest.split(" ", 1)
            self.sock.sendall(octets(text) * int(count))
        elif word == ":drip":
            seconds, text = rest.split(" ", 1)
            while True:
                for one in octets(text):
                    self.sock.sendall(bytes([one]))
                    time.sleep(float(seconds))
        elif word == ":some":
            self.more()
        elif word == ":tls":
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(rest)
            self.sock = context.wrap_socket(self.sock, server_side=True)
            self.record.write(b"tls\n")
        elif word == ":hold":
            while True:
                self.more()
        elif word == ":sip":
            while self.sock.recv(1):
                time.sleep(float(rest))
        elif word == ":wait":
            time.sleep(float(rest))
        elif word == ":close":
            raise Gone
        else:
            sys.exit("peer.py: no such step: " + word)

    def run(self, steps):
        try:
            for step in steps:
                if step.startswith(":"):
                    self.step(*(step.split(" ", 1) + [""])[:2])
                else:
                    self.sock.sendall(octets(step))
        except (Gone, OSError):
            pass
        self.sock.close()


def octets(text):
    return text.encode().decode("unicode_escape").encode("latin-1")


def main():
    record = open(sys.argv[2], "ab", 0)
    scripts = [[]]
    for step in sys.argv[3:]:
        if step == ":again":
            scripts.append([])
        else:
            scripts[-1].append(step)
    address, _, port = sys.argv[1].rpartition(":")
    listener = socket.create_server((address or "127.0.0.1", int(port)))
    if ":sip" in str(scripts):
        # what the kernel takes for it is not much
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    print("ready", flush=True)
    while True:
        sock, _ = listener.accept()
        record.write(b"connection\n")
        threading.Thread(target=Connection(sock, record).run,
                         args=(scripts[0],), daemon=True).start()
        if len(scripts) > 1:
            del scripts[0]


main()
