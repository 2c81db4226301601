#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What is served, and what is not: sources below their roots only, the tar whatever
happens to its files, the page's module whatever happens to its compiler."""
import gzip
import io
import os
import socket
import sys
import tarfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from fuzzsup import *
from wire import *

SOURCE = r"""
#include <stddef.h>
#include <stdint.h>
#include "linked.h"
#include "fifo.h"
#include "gone.h"
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 3 && data[0] == 'a')
        return in_linked(data) + in_fifo(data) + in_gone(data);
# 1 "/etc/passwd"
    if (size > 4 && data[1] == 'b') return -1;
# 1 "../../../../../../etc/hostname"
    if (size > 5 && data[2] == 'c') return -1;
    return 0;
}
"""
HEADER = "static __attribute__((noinline)) int in_{0}(const uint8_t *data)\n{{\n    return data[1] == 'x' ? -1 : 0;\n}}\n"


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=PATIENCE)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)


READS = {"/": 200, "/debug/": 200, "/main.js": 200, "/main.wasm": 200, "/healthz": 200, "/api/v1/health": 200, "/api/v1/targets": 200, "/api/v1/jobs": 200,
         "/api/v1/jobs/t/sleeps/log": 200, "/t/t": 301, "/t/t/": 200, "/t/t/index.bin": 200, "/t/t/functions.bin": 200, "/t/t/functions.json": 200, "/t/t/blocks.bin": 200, "/t/t/shapes.bin": 200, "/t/t/coverage.lcov": 200, "/t/t/coverage.json": 200, "/t/t/coverage.xml": 200,
         "/t/t/sources.tar": 200, "/t/t/src/project/main.c": 200, "/nowhere": 404, "/api/v1/jobs/t/sleeps/nonsense": 404, "/api/v1/jobs/t/none/log": 404}
WISHES = {"/api/v1/jobs/t/sleeps/restart": 202, "/api/v1/jobs/t/sleeps/stop": 202, "/api/v1/jobs/t/sleeps/start": 202, "/api/v1/jobs/t/none/stop": 404,
          "/api/v1/jobs/none/sleeps/stop": 404}
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "BREW")


def packed(service, root):
    """gzip: the same bytes, another ETag, made once, and again where what it is made of changed."""
    with open(os.path.join(root, "main.c"), "a") as file:
        file.write("// " + "x" * 200 + "\n")
        file.write("".join(f"// line {i}\n" for i in range(100000)))
    ask = lambda path, accept="gzip", **more: service.get(path, {"Accept-Encoding": accept, **more})
    wrong, sizes = [], []
    for path in ("/main.js", "/style.css", "/t/t/index.bin", "/t/t/functions.bin", "/t/t/blocks.bin", "/t/t/src/project/main.c"):
        plain = service.get(path)
        for turn in range(2):
            reply = ask(path, "br;q=1.0, GZIP;q=0.8, *;q=0")
            if plain.body and len(plain.body) < 1400 and "content-encoding" not in reply.headers:
                continue
            if reply.headers.get("content-encoding") != "gzip" or gzip.decompress(reply.body) != plain.body or reply.headers["etag"] == plain.headers["etag"] or \
               reply.headers.get("x-fuzzsup-size") != str(len(plain.body)):
                wrong.append((path, turn, dict(reply.headers)))
            elif turn and "content-length" not in reply.headers:
                wrong.append((path, "not kept"))
            elif ask(path, **{"If-None-Match": reply.headers["etag"]}).status != 304:
                wrong.append((path, "304"))
        sizes.append(f"{path} {len(plain.body)} to {len(reply.body)}")
        for accept in ("", "br", "gzip;q=0", "gzip; q=0.000", "gzipped"):
            reply = ask(path, accept)
            if "content-encoding" in reply.headers or reply.body != plain.body or "accept-encoding" not in reply.headers.get("vary", ""):
                wrong.append((path, accept, dict(reply.headers)))
    equal(wrong, [], "whoever takes gzip gets it, and the others do not: " + ", ".join(sizes))
    reply = ask("/t/t/shapes.bin")
    again = ask("/t/t/shapes.bin")
    equal(again.headers.get("x-fuzzsup-size"), str(len(gzip.decompress(again.body))), "of which it is known how long they are when all were read")
    ok(reply.headers.get("content-encoding") == "gzip" and gzip.decompress(reply.body) == service.get("/t/t/shapes.bin").body and ask("/t/t/shapes.bin", **{"If-None-Match": reply.headers["etag"]}).status == 304, "and so it is with what sources say of lines", dict(reply.headers))
    path = "/t/t/src/project/main.c"
    before = ask(path).headers["etag"]
    with open(os.path.join(root, "main.c"), "a") as file:
        file.write("// another\n")
    reply = ask(path, **{"If-None-Match": before})
    ok(reply.status == 200 and gzip.decompress(reply.body).endswith(b"// another\n"), "a file that changed is packed anew", reply.status)
    # One that leaves in the middle holds nothing.
    front = f"/proc/{service.worker('frontend')}/fd"
    count = len(os.listdir(front))
    with open(os.path.join(root, "main.c"), "a") as file:
        file.write("".join(f"// {i * i * 7919 % 1000003:x} {i ** 3:x}\n" for i in range(400000)))
    for _ in range(8):
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect((service.host, service.port))
            client.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: gzip\r\n\r\n".encode())
            client.recv(100)
    wait_until(lambda: len(os.listdir(front)) <= count, "descriptors are given back")
    ok(True, "who leaves in the middle holds no descriptor")


def methods(service):
    """Each route by each method: what answers, and what is allowed where it does not."""
    wrong = []
    origin = {"Origin": f"http://{service.host}:{service.port}"}
    for routes, known, allow in ((READS, ("GET", "HEAD"), "GET, HEAD"), (WISHES, ("POST",), "POST")):
        for path, status in routes.items():
            for method in METHODS:
                reply = service.request(method, path, origin)
                # What no route knows is refused before its path is read.
                wanted = (status, None) if method in known else (405, allow if method in ("GET", "HEAD", "POST") else "GET, HEAD, POST")
                if (reply.status, reply.headers.get("allow")) != wanted or (method == "HEAD" and reply.body):
                    wrong.append((method, path, reply.status, reply.headers.get("allow")))
    equal(wrong, [], f"{len(READS) + len(WISHES)} routes by {len(METHODS)} methods")
    equal(service.request("POST", "/api/v1/jobs/t/sleeps/stop", {"Origin": "http://localhost:1"}).status, 403, "another page's wish is refused")


with scratch() as folder:
    root = os.path.join(folder, "project")
    os.mkdir(root)
    with open(os.path.join(root, "main.c"), "w") as file:
        file.write(SOURCE)
    for name in ("linked", "fifo", "gone"):
        with open(os.path.join(root, name + ".h"), "w") as file:
            file.write(HEADER.format(name))
    executable = os.path.join(folder, "target")
    subprocess.run([CLANG, "-g", "-O1", "-fsanitize=fuzzer", os.path.join(root, "main.c"), "-o", executable, "@" + runtime_response_file()],
                   check=True, stderr=subprocess.DEVNULL)
    secret = os.path.join(folder, "secret")
    with open(secret, "w") as file:
        file.write("secret")
    os.unlink(os.path.join(root, "linked.h"))
    os.symlink(secret, os.path.join(root, "linked.h"))
    web = os.path.join(folder, "web")
    shutil.copytree(web_folder(), web)
    os.mkdir(os.path.join(folder, "coverage"))
    os.chmod(os.path.join(folder, "coverage"), 0o1777)  # for the job's user
    unix = os.path.join(folder, "http.sock")

    sleeps = {"sleeps": shell_job("echo asleep; exec sleep 1000")}
    with Service(folder, {"t": Target(executable, os.path.join(folder, "coverage"), [root], jobs=sleeps)}, environment={"FUZZSUPD_WEB": web}) as service:
        service.wait_state("t", "ready")
        wait_until(lambda: service.target("t")["functions"], "its functions")
        index = SourceIndex(service.get("/t/t/index.bin").body)
        paths = index.paths()
        ok("project/main.c" in paths and "/etc/passwd" in paths, "the line table names what it likes", paths)
        equal(service.get("/t/t/src/project/main.c").status, 200, "a source below the root is served")
        equal(service.get("/t/t/src/project/linked.h").status, 404, "a link that leads out of the root is not")
        for path in ("/etc/passwd", "//etc/passwd", "etc/passwd", "project/../../secret", "project/%2e%2e/%2e%2e/secret",
                     "project/main.c/../../../secret", "project/../../../../../../etc/hostname", "project", "project/", "", "project/main.c%00.h"):
            reply = service.get("/t/t/src/" + path)
            if reply.status not in (400, 404) or b"secret" in reply.body or b"root:" in reply.body:
                ok(False, f"src/{path} is not served", f"{reply.status} {reply.body[:200]!r}")
        ok(True, "no other path leads anywhere")

        names = tarfile.open(fileobj=io.BytesIO(service.get("/t/t/sources.tar").body)).getnames()
        equal(names, ["project/fifo.h", "project/gone.h", "project/main.c"], "the tar holds what is below the root, and no link out of it")
        os.unlink(os.path.join(root, "gone.h"))
        os.unlink(os.path.join(root, "fifo.h"))
        os.mkfifo(os.path.join(root, "fifo.h"))
        data = service.get("/t/t/sources.tar").body
        equal(tarfile.open(fileobj=io.BytesIO(data)).getnames(), ["project/main.c"], "a file that is gone and one that is a FIFO now are left out")
        ok(data.endswith(bytes(1024)), "… of a complete archive")
        service.wait_log("gone.h")
        equal(service.get("/t/t/src/project/fifo.h").status, 404, "a FIFO is not served either")

        connection = http.client.HTTPConnection(service.host, service.port, timeout=PATIENCE)
        wrong = []
        for path in ("/", "/main.js", "/main.wasm", "/t/t/", "/t/t/index.bin", "/t/t/functions.bin", "/t/t/functions.json", "/t/t/blocks.bin", "/t/t/shapes.bin", "/t/t/coverage.lcov", "/t/t/coverage.json", "/t/t/coverage.xml", "/t/t/sources.tar", "/t/t/src/project/main.c", "/api/v1/targets", "/healthz", "/nowhere"):
            connection.request("GET", path)
            reply = connection.getresponse()
            body, got = reply.read(), reply.status
            connection.request("HEAD", path)
            reply = connection.getresponse()
            if reply.read() or reply.status != got:
                wrong.append((path, reply.status))
            if reply.getheader("etag"):
                connection.request("GET", path, headers={"If-None-Match": reply.getheader("etag")})
                again = connection.getresponse()
                if again.read() or again.status != 304:
                    wrong.append((path, again.status))
        equal(wrong, [], "HEAD and conditional requests are in step on one connection")
        packed(service, root)
        wait_until(lambda: service.get("/api/v1/jobs/t/sleeps/log").status == 200, "its log")
        methods(service)
        equal(service.get("/t/t").status, 301, "a target's URL without its slash leads to the right one")
        equal([service.get(path).status for path in ("/t/none/", "/t/none/main.js", "/t/none/main.wasm", "/t/none/index.bin", "/t/none/src/project/main.c", "/t/none/sources.tar", "/t/none")],
              [200, 200, 200, 404, 404, 404, 404], "of a target that is not there the page is served, to say so, and nothing else")
        equal((service.get("/nowhere").status, service.get("/nowhere").text.strip()), (404, "not found"), "what is not there is not found")
        policy = service.get("/").headers["content-security-policy"]
        ok("default-src 'none'" in policy and "unsafe-inline" not in policy, "a strict Content-Security-Policy", policy)

        shipped = service.get("/main.wasm").body
        with open(os.path.join(web, "client.c"), "a") as file:
            file.write("\nthis is no C\n")
        reply = service.get("/main.wasm")
        ok(reply.status == 500 and "client.c" in reply.text and "error:" in reply.text, "a compile error is shown with the compiler's words", reply.text)
        service.wait_log(r"client\.c.*error:")
        ok(True, "… and logged")
        debug = service.get("/debug/main.wasm")
        equal(debug.status, 500, "the debug module is no other")

    extra = os.path.join(folder, "second")
    os.mkdir(extra)
    with Service(extra, {"t": Target(executable, os.path.join(folder, "coverage"), [root])}, extra='wasm-compiler = ""', environment={"FUZZSUPD_WEB": web}) as service:
        equal(service.get("/main.wasm").body[:4], b"\0asm", "without a compiler the shipped module is served")
    third = os.path.join(folder, "third")
    os.mkdir(third)
    service = Service(third, {"t": Target(executable, os.path.join(folder, "coverage"), [root])})
    written = service.write_config

    def with_unix():
        written()
        with open(service.config) as file:
            text = file.read().replace("listen = { ", f"listen = {{ {json.dumps('unix:' + unix)}, ")
        with open(service.config, "w") as file:
            file.write(text)
    service.write_config = with_unix
    with service:
        connection = UnixConnection(unix)
        connection.request("GET", "/healthz", headers={"Host": "localhost"})
        equal(connection.getresponse().status, 200, "a unix socket serves the same")
    done()
