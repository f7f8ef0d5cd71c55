#!/usr/bin/env python3
"""A web server on loopback for the tests of `mwnet fetch`, which misbehaves on request.

usage: serve.py FOLDER LOG
Prints its port. The first part of a path says how a file of FOLDER is served:
  /good/NAME      as it should be, with Range, If-Range and ETag
  /plain/NAME     without any of these
  /cut/NAME       the first answers to a path end half-way through what is left
  /always-cut/NAME   each answer ends before its first byte, after its head
  /busy/NAME      503 once, then as it should be
  /changed/NAME   another version (other ETag) for whoever has one already
  /moved/NAME     leads to /good/NAME
  /slow/NAME      a little at a time
A file that is not there: 404. LOG gets a line a request: path, Range, If-Range, answer.
"""
import hashlib
import http.server
import os
import sys
import time

FOLDER, LOG = sys.argv[1:3]
seen = {}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def note(self, code):
        with open(LOG, "a") as log:
            print(self.path, self.headers.get("Range", "-"),
                  self.headers.get("If-Range", "-"), code, file=log)

    def say(self, code, headers=()):
        self.note(code)
        self.send_response(code)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_GET(self):
        how, _, name = self.path.lstrip("/").partition("/")
        path = os.path.join(FOLDER, os.path.basename(name))
        count = seen[self.path] = seen.get(self.path, 0) + 1
        if not os.path.isfile(path):
            return self.say(404)
        if how == "busy" and count == 1:
            return self.say(503)
        if how == "moved":
            return self.say(302, [("Location", "/good/" + name)])
        with open(path, "rb") as file:
            content = file.read()
        etag = '"%s"' % hashlib.md5(content + how.encode()).hexdigest()
        self.serve(how, content, etag, count)

    def serve(self, how, content, etag, count):
        begin, code = 0, 200
        asked = self.headers.get("Range")
        condition = self.headers.get("If-Range")
        if how != "plain" and asked and condition in (None, etag):
            begin, code = int(asked[len("bytes="):].rstrip("-")), 206
            if begin >= len(content):
                return self.say(416, [("Content-Range", "bytes */%d" % len(content))])
        self.note(code)
        self.send_response(code)
        self.send_header("Content-Length", str(len(content) - begin))
        if code == 206:
            last = len(content) - 1
            self.send_header("Content-Range", "bytes %d-%d/%d" % (begin, last, len(content)))
        if how != "plain":
            self.send_header("ETag", etag)
        self.end_headers()
        body = content[begin:]
        if how == "always-cut":
            body = b""
        if how == "cut" and count <= 2:
            body = body[:len(body) // 2]
        step = 4000 if how == "slow" else len(body) or 1
        for at in range(0, len(body), step):
            self.wfile.write(body[at:at + step])
            if how == "slow":
                self.wfile.flush()
                time.sleep(0.02)
        if len(body) < len(content) - begin:
            self.close_connection = True


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        pass  # a client that went away


server = Server(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
