#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""One connection, one order of answers: every answer says where it ends, in each version of
HTTP, and what two parsers could read differently is no request."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from fuzzsup import *

SOURCE = """
#include <stddef.h>
#include <stdint.h>
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 3 && data[0] == 'a')
        return data[1] == 'b' ? -1 : 0;
    return 0;
}
"""


class Reply:
    """One answer, framed as RFC 9112 has it."""

    def __init__(self, status, version, headers, body, ended):
        self.status, self.version, self.headers, self.body, self.ended = status, version, headers, body, ended

    def all(self, name):
        return [value for key, value in self.headers if key == name]

    def closes(self):
        said = ",".join(self.all("connection")).lower()
        return "close" in said or (self.version == "HTTP/1.0" and "keep-alive" not in said)

    def __repr__(self):
        return f"{self.version} {self.status} {self.headers} {len(self.body)} bytes{', then the end' if self.ended else ''}"


class Connection:
    def __init__(self, service):
        self.socket = socket.create_connection((service.host, service.port), timeout=PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.data = b""

    def send(self, data):
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass  # it was refused before its end

    def more(self):
        try:
            part = self.socket.recv(1 << 18)
        except ConnectionResetError:
            part = b""
        self.data += part
        return bool(part)

    def take(self, count):
        while len(self.data) < count:
            if not self.more():
                raise EOFError(f"{len(self.data)} of {count} bytes came: {self.data[:200]!r}")
        part, self.data = self.data[:count], self.data[count:]
        return part

    def line(self):
        while b"\r\n" not in self.data:
            if not self.more():
                raise EOFError(f"no end of line: {self.data[:200]!r}")
        line, self.data = self.data.split(b"\r\n", 1)
        return line.decode("latin-1")

    def rest(self):
        """All that comes until the end of the connection."""
        while self.more():
            pass
        rest, self.data = self.data, b""
        return rest

    def at_end(self):
        return self.data == b"" and not self.more()

    def reply(self, method="GET"):
        version, status, _ = self.line().split(" ", 2)
        headers = []
        while True:
            line = self.line()
            if not line:
                break
            key, value = line.split(":", 1)
            headers.append((key.lower(), value.strip()))
        reply = Reply(int(status), version, headers, b"", False)
        if len(reply.all("content-length")) > 1 or len(reply.all("connection")) > 1 or (reply.all("content-length") and reply.all("transfer-encoding")):
            raise ValueError(f"framed twice: {reply}")
        if method == "HEAD" or reply.status == 304 or reply.status < 200:
            pass
        elif reply.all("transfer-encoding"):
            while True:
                size = int(self.line(), 16)
                reply.body += self.take(size)
                self.line()
                if size == 0:
                    break
        elif reply.all("content-length"):
            reply.body = self.take(int(reply.all("content-length")[0]))
        else:
            if not reply.closes():
                raise ValueError(f"no length, and no end: {reply}")
            reply.body = self.rest()
            reply.ended = True
        return reply

    def close(self):
        self.socket.close()


def exchange(service, data, method="GET"):
    """(the first answer, whether the connection ended behind it without another byte)"""
    connection = Connection(service)
    try:
        connection.send(data)
        reply = connection.reply(method)
        # One more request: it is answered only if the connection goes on.
        connection.send(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        rest = connection.rest()
        return reply, rest == b""
    finally:
        connection.close()


def head(path, version="1.1", method="GET", host="localhost", *headers):
    lines = [f"{method} {path} HTTP/{version}", f"Host: {host}", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def in_step(service, path, version, method, connection_header, want=None):
    """None, or what is wrong with the answer, or with the one behind it."""
    connection = Connection(service)
    headers = [f"Connection: {connection_header}"] if connection_header else []
    try:
        connection.send(head(path, version, method, "localhost", *headers))
        reply = connection.reply(method)
        if want is not None and method == "GET" and reply.body != want:
            return f"{reply}: another body"
        if reply.closes():
            return None if reply.ended or connection.at_end() else f"{reply}: does not end"
        if connection_header == "close" or (version == "1.0" and connection_header != "keep-alive"):
            return f"{reply}: nobody asked to go on"
        connection.send(head("/healthz"))
        second = connection.reply()
        return None if (second.status, second.body) == (200, b"ok\n") else f"{reply}, then {second}: {second.body[:100]!r}"
    except (EOFError, ValueError, TimeoutError) as error:
        return repr(error)
    finally:
        connection.close()


def rss(pid):
    with open(f"/proc/{pid}/status") as file:
        return int(re.search(r"VmRSS:\s+(\d+)", file.read()).group(1))


with scratch() as folder:
    root = os.path.join(folder, "project")
    os.mkdir(root)
    with open(os.path.join(root, "main.c"), "w") as file:
        file.write(SOURCE + "// a comment that makes it large\n" * 20000)
    executable = build(os.path.join(folder, "target"), [os.path.join(root, "main.c")], "-O1")
    os.mkdir(os.path.join(folder, "coverage"))
    with Service(folder, {"t": Target(executable, os.path.join(folder, "coverage"), [root])}) as service:
        service.wait_state("t", "ready")
        wait_until(lambda: service.target("t")["functions"], "its functions")
        front = service.worker("frontend")

        routes = ["/", "/main.js", "/main.wasm", "/t/t", "/t/t/", "/t/t/index.bin", "/t/t/functions.bin", "/t/t/functions.json", "/t/t/blocks.bin", "/t/t/shapes.bin", "/t/t/coverage.lcov", "/t/t/coverage.json", "/t/t/sources.tar", "/t/t/src/project/main.c",
                  "/api/v1/targets", "/api/v1/jobs", "/healthz", "/nowhere", "/t/none/index.bin", "/t/t/functions.json?state=x"]
        wrong = {}
        for path in routes:
            want = None if path == "/api/v1/targets" else service.get(path).body  # that one tells the time
            for version, asked in (("1.0", None), ("1.0", "keep-alive"), ("1.0", "close"), ("1.1", None), ("1.1", "keep-alive"), ("1.1", "close"), ("1.1", "close, TE")):
                for method in ("GET", "HEAD"):
                    found = in_step(service, path, version, method, asked, want)
                    if found:
                        wrong[path, version, asked, method] = found
        equal(wrong, {}, "every route is answered in step, by each version of HTTP, to GET and HEAD")

        hidden = head("/hidden")
        smuggled = {
            "CONNECT with a body": b"CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(hidden),
            "CONNECT": b"CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\n\r\n",
            "PUT": head("/", "1.1", "PUT", "localhost", f"Content-Length: {len(hidden)}"),
            "an unknown method": head("/", "1.1", "BREW", "localhost", f"Content-Length: {len(hidden)}"),
            "a large body": head("/", "1.1", "POST", "localhost", "Content-Length: 70000"),
            "a host that is not allowed": head("/", "1.1", "GET", "evil.example", f"Content-Length: {len(hidden)}"),
            "HEAD with a body": head("/healthz", "1.1", "HEAD", "localhost", f"Content-Length: {len(hidden)}"),
            "GET with a body": head("/healthz", "1.1", "GET", "localhost", f"Content-Length: {len(hidden)}"),
            "HTTP/1.0 with a body": head("/healthz", "1.0", "HEAD", "localhost", "Connection: keep-alive", f"Content-Length: {len(hidden)}"),
            "two lengths": head("/", "1.1", "GET", "localhost", "Content-Length: 0", f"Content-Length: {len(hidden)}"),
            "a length and chunks": head("/", "1.1", "GET", "localhost", "Content-Length: 0", "Transfer-Encoding: chunked"),
            "chunks": head("/", "1.1", "POST", "localhost", "Transfer-Encoding: chunked"),
            "chunks by another name": head("/", "1.1", "HEAD", "localhost", "Transfer-Encoding: xchunked"),
            "a job's action with a body": head("/api/v1/jobs/t/x/stop", "1.1", "POST", "localhost", f"Content-Length: {len(hidden)}"),
            "a proxy's request": head("http://localhost/healthz", "1.1", "HEAD", "localhost", "Proxy-Connection: keep-alive", f"Content-Length: {len(hidden)}"),
            "a folded header": head("/", "1.1", "GET", "localhost", "X: y", " Content-Length: 5"),
            "a space in front of the colon": head("/", "1.1", "GET", "localhost", f"Content-Length : {len(hidden)}"),
            "bare newlines": head("/healthz").replace(b"\r\n", b"\n"),
            "a bare newline": b"GET /healthz HTTP/1.1\r\nHost: localhost\nX: y\r\n\r\n",
            "a bare return": b"GET /healthz HTTP/1.1\r\nHost: localhost\rX: y\r\n\r\n",
            "an expectation": head("/", "1.1", "POST", "localhost", "Expect: miracles", f"Content-Length: {len(hidden)}"),
        }
        wrong = {}
        for name, request in smuggled.items():
            method = request.split(b" ")[0].decode()
            try:
                reply, ended = exchange(service, request + hidden, method)
                if not ended or not reply.closes() or not reply.all("content-length"):
                    wrong[name] = f"{reply}{'' if ended else ', and more'}"
            except (EOFError, ValueError, TimeoutError) as error:
                wrong[name] = repr(error)
        equal(wrong, {}, "behind what has a body, or may be read in two ways, the connection ends")

        refused = {
            b"GET / HTTP/-1.1": 400, b"GET / HTTP/1.10": 400, b"GET / HTTP/1": 400, b"GET / http/1.1": 400, b"GET /": 400, b"GET / HTTP/0.9": 505, b"GET / HTTP/1.2": 505, b"GET / HTTP/2.0": 505,
            b"HEAD / HTTP/-1.1": 400, b"HEAD / HTTP/0.9": 505, b"HEAD / HTTP/1.1\r\nX : y": 400, b"HEAD //x HTTP/1.1": 404, b"HEAD http://[x/ HTTP/1.1": 400, b"HEAD / HTTP/1.1\r\nHost: other": 400,
            b"GET /\0 HTTP/1.1": 400, b"GET / HTTP/1.1\0": 400, b"G\0T / HTTP/1.1": 400, b"GET / HTTP/1.1\r\nX: a\0b": 400, b"GET / HTTP/1.1\r\nX\0: a": 400, b"GET / HTTP/1.1\r\nX: \x1b[31m": 400,
            b"GET / HTTP/1.1\r\nX: \x7f": 400, b"GET http://evil.example/ HTTP/1.1": 403, b"\x16\x03\x01\x02": 400,
        }
        wrong = {}
        for start, status in refused.items():
            method = start.split(b" ")[0].decode("latin-1")
            try:
                reply, ended = exchange(service, start + b"\r\nHost: localhost\r\n\r\n", method)
                if reply.status != status or not ended or (method != "HEAD" and not reply.body) or not reply.version == "HTTP/1.1":
                    wrong[start] = f"{reply}{'' if ended else ', and more'}"
            except (EOFError, ValueError, TimeoutError) as error:
                wrong[start] = repr(error)
        equal(wrong, {}, "malformed first lines and control characters are refused, HEAD's without a body")
        hosts = {b"localhost\0.evil": 400, b"localhost\x01": 400, b"\xc2\x9blocalhost": 403, b"localhost.evil": 403, b"": 403}
        got = {host: exchange(service, b"GET / HTTP/1.1\r\nHost: " + host + b"\r\n\r\n")[0] for host in hosts}
        equal({host: reply.status for host, reply in got.items()}, hosts, "so are hosts that only begin like ours")
        ok(not any(b"\0" in reply.body or b"\x9b" in reply.body for reply in got.values()), "… and are not echoed as they are")

        # Requests that come in one packet.
        connection = Connection(service)
        connection.send(head("/healthz") + head("/nowhere") + head("/t/t/functions.json") + head("/healthz", "1.1", "HEAD") + head("/healthz", "-1.1"))
        replies = [connection.reply(method) for method in ("GET", "GET", "GET", "HEAD", "GET")]
        equal([reply.status for reply in replies], [200, 404, 200, 200, 400], "requests in one packet are answered in their order, a bad one with 400")
        ok(connection.at_end(), "… behind which nothing comes", connection.data)
        connection.close()
        connection = Connection(service)
        for byte in head("/healthz") * 2:
            connection.send(bytes([byte]))
        equal([connection.reply().body for _ in range(2)], [b"ok\n"] * 2, "so are those that come byte by byte")
        connection.close()
        connection = Connection(service)
        connection.send(head("/healthz") + head("/x" * 20000))
        connection.reply()
        try:
            status = connection.reply().status
        except (EOFError, TimeoutError) as error:
            status = repr(error)
        equal(status, 431, "the second request of a packet may be no longer than the first")
        connection.close()

        connection = Connection(service)
        connection.send(head("/api/v1/jobs/t/x/stop", "1.1", "POST", "localhost", "Content-Length: 5", "Expect: 100-continue"))
        first = connection.reply().status
        connection.send(b"hello")
        reply = connection.reply()
        equal((first, reply.status, reply.closes(), connection.at_end()), (100, 404, True, True), "100-continue is said before a body, and the answer behind it")
        connection.close()

        # It asks, takes nothing, and goes on talking.
        before = rss(front)
        connection = Connection(service)
        connection.send(head("/t/t/sources.tar"))
        connection.socket.setblocking(False)
        sent = still = 0
        while still < 5 and sent < 100 << 20:
            try:
                sent += connection.socket.send(bytes(1 << 20))
                still = 0
            except BlockingIOError:
                service.get("/healthz")  # meanwhile it had its turn
                still += 1
            except (BrokenPipeError, ConnectionResetError):
                break
        grown = rss(front) - before
        ok(sent < 100 << 20 and grown < 60000, f"a client that talks during its answer is not listened to for ever ({sent >> 10} KiB sent, {grown} KiB more memory)")
        connection.close()
        ok(service.worker("frontend") == front and service.get("/healthz").status == 200, "the front-end lives on")

    # Below "/" stands the best target, of which there need not be one yet.
    other = os.path.join(folder, "bare")
    os.mkdir(other)
    with Service(other, {"t": Target("/nonexistent/t", other)}) as service:
        service.wait_state("t", "waiting")
        front = service.worker("frontend")
        told = {}
        for path in ("index.bin", "functions.bin", "functions.json", "blocks.bin", "shapes.bin", "coverage.lcov", "coverage.json", "coverage.xml", "src/project/main.c"):
            for base in ("/", "/debug/", "/t/t/"):
                try:
                    told[base + path] = service.get(base + path).status
                except (OSError, http.client.HTTPException) as error:
                    told[base + path] = repr(error)
        equal({path: status for path, status in told.items() if status != 404}, {}, "of no table there is nothing to serve")
        equal(service.worker("frontend"), front, "and it lives on")
    done()
