"""A server on this machine that does all that servers do."""

import contextlib
import hashlib
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np

from cpm import downloading

CONTENT = np.random.default_rng(0).bytes(3 << 20)
SIZE = len(CONTENT)
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Handler(BaseHTTPRequestHandler):
    """Serves CONTENT at every path; what is said in the path is what goes wrong."""

    cuts: list  # how many bytes to send before the connection is cut, for one request after another
    ranges: list  # the Range headers that have come

    def do_GET(self):
        self.ranges.append(self.headers["Range"])
        wish, _, value = self.path.strip("/").partition("=")
        if wish == "status":
            return self.send_error(int(value))
        if wish == "redirect":
            self.send_response(302)
            self.send_header("Location", value)
            return self.end_headers()
        if wish == "page":
            return self.answer(
                200, b"<html>Too large to scan for viruses</html>", {"Content-Type": "text/html; charset=utf-8"}
            )
        start = int(self.headers["Range"][6:-1]) if self.headers["Range"] and wish != "no-range" else 0
        if wish == "endless":
            self.send_response(200)
            self.end_headers()
            return self.write_endlessly()
        if start >= SIZE:
            total = "*" if wish == "vague" else SIZE
            return self.answer(416, b"", {"Content-Range": f"bytes */{total}"})
        if start:
            shift = 7 if wish == "shifted" else 0
            total = "*" if wish == "vague" else SIZE
            headers = {"Content-Range": f"bytes {start + shift}-{SIZE - 1}/{total}"}
            return self.answer(206, CONTENT[start:], headers)
        return self.answer(200, CONTENT, {} if wish == "lengthless" else None)

    def answer(self, status, body, headers=None):
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            if headers != {} or name != "Content-Length":
                self.send_header(name, value)
        self.end_headers()
        if self.cuts:
            self.wfile.write(body[: self.cuts.pop(0)])
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_RDWR)
        else:
            self.wfile.write(body)

    def write_endlessly(self):
        try:
            while True:
                self.wfile.write(CONTENT)
        except OSError:
            pass

    def log_message(self, *args):
        pass


@contextlib.contextmanager
def running_server(monkeypatch):
    """Start a server; the URL of it, its handler class and what it was asked."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(downloading, "_PAUSE", 0.01)
    handler = type("OwnHandler", (Handler,), {"cuts": [], "ranges": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        handler.url = f"http://127.0.0.1:{running.server_port}/"
        yield handler
        running.shutdown()
        thread.join()
