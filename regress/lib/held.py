#! /usr/bin/env python3
# SPDX-License-Identifier: ISC
#
# A host at port 2526 of all addresses of loopback, which takes every message,
# but replies to none while there is a file "hold".  The most connections that
# it had at once, as the kernel knows them, are in the file "most"; the
# recipient of each message is a line of "got".
import os
import socket
import socketserver
import threading
import time

ESTABLISHED = 1  # TCP_ESTABLISHED

lock = threading.Lock()
connections = set()
most = 0


def count():
    """How many connections there are that the other side has not ended.  One
    that was begun after the end of another is here only when the kernel knows
    of that end."""
    global most
    now = sum(c.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] ==
              ESTABLISHED for c in connections)
    most = max(most, now)
    with open("most.new", "w") as f:
        print(most, file=f)
    os.rename("most.new", "most")


class Peer(socketserver.StreamRequestHandler):
    def say(self, t):
        self.wfile.write(t.encode() + b"\r\n")

    def setup(self):
        super().setup()
        with lock:
            connections.add(self.connection)
            count()

    def finish(self):
        with lock:
            connections.remove(self.connection)
        super().finish()

    def handle(self):
        rcpt = ""
        self.say("220 peer.example.org ESMTP")
        for line in iter(self.rfile.readline, b""):
            verb = line.split()[0].upper().decode()
            if verb == "RCPT":
                rcpt = line.decode().split("<")[1].split(">")[0]
            if verb == "QUIT":
                return self.say("221 bye")
            if verb == "DATA":
                self.message(rcpt)
            else:
                self.say("250 ok")

    def message(self, rcpt):
        self.say("354 go")
        while self.rfile.readline() not in (b".\r\n", b""):
            pass
        with lock, open("got", "a") as got:
            print(rcpt, file=got)
        while os.path.exists("hold"):
            time.sleep(0.02)
        self.say("250 2.0.0 taken")


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 64


Server(("0.0.0.0", 2526), Peer).serve_forever()
