# SPDX-License-Identifier: MIT
"""Zig 0.14.1 as a peer: its fuzzer, run as its build runner runs it, and its web page,
served with its own files in front of our sources.tar and WebSocket. Later versions, to build
fuzz tests with."""

import concurrent.futures
import glob
import http.server
import os
import select
import socket
import struct
import subprocess
import sys
import threading

from fuzzsup import BUILD, SRC, atexit, skip_all, wait_until

TOOLS = os.environ.get("FUZZSUPD_TOOLS") or os.path.join(SRC, "build-tools")
PYTHON = os.path.join(TOOLS, "python", "bin", "python")


def need():
    if not os.path.exists(PYTHON):
        skip_all("Zig is not there; fetch it with t/lib/fetch build-tools")


def zig(*arguments, cwd):
    cache = os.path.join(cwd, "zig-cache")
    environment = dict(os.environ, ZIG_GLOBAL_CACHE_DIR=cache, ZIG_LOCAL_CACHE_DIR=cache)
    return subprocess.run([PYTHON, "-m", "ziglang", *arguments], cwd=cwd, env=environment, check=True, capture_output=True, text=True).stdout


def later_versions():
    """Those that t/lib/fetch has put beside 0.14.1."""
    found = [os.path.basename(os.path.dirname(path)).removeprefix("zig-") for path in glob.glob(os.path.join(TOOLS, "zig-*", "zig"))]
    if not found:
        skip_all("no Zig later than 0.14 is there; fetch some with t/lib/fetch build-tools")
    return sorted(found)


def later_zig(version, *arguments, cwd):
    cache = os.path.join(cwd, "zig-cache-" + version)
    environment = dict(os.environ, ZIG_GLOBAL_CACHE_DIR=cache, ZIG_LOCAL_CACHE_DIR=cache)
    run = subprocess.run([os.path.join(TOOLS, "zig-" + version, "zig"), *arguments], cwd=cwd, env=environment, capture_output=True, text=True)
    if run.returncode != 0:
        raise RuntimeError(f"Zig {version}: {run.stderr}")


def build_later_tests(folder, source, versions):
    """Begins to build the fuzz tests of @source by each of @versions; calling what is returned waits for
    {version: executable}. ReleaseSmall takes half the time of others."""
    outputs = {version: os.path.join(folder, "tests-" + version) for version in versions}
    pool = concurrent.futures.ThreadPoolExecutor()
    builds = [pool.submit(later_zig, version, "test", "-ffuzz", "-fllvm", "-OReleaseSmall", "-fno-strip", "--test-no-exec", "-femit-bin=" + outputs[version], source, cwd=folder) for version in versions]

    def wait():
        for build in builds:
            build.result()
        return outputs
    return wait


def library():
    """Zig's lib folder."""
    return subprocess.run([PYTHON, "-c", "import ziglang, os; print(os.path.join(os.path.dirname(ziglang.__file__), 'lib'))"],
                          check=True, capture_output=True, text=True).stdout.strip()


def build_test(folder):
    """The fuzz test t/targets/brackets.zig as an executable."""
    output = os.path.join(folder, "brackets")
    zig("test", "-ffuzz", "--test-no-exec", "-femit-bin=" + output, os.path.join(SRC, "t", "targets", "brackets.zig"), cwd=folder)
    return output


class Fuzzer:
    """A Zig fuzz executable, driven over --listen=- without Zig's build runner."""

    def __init__(self, executable, cache):
        os.makedirs(os.path.join(cache, "v"), exist_ok=True)
        self.process = subprocess.Popen([executable, "--cache-dir=" + cache, "--seed=1", "--listen=-"],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        atexit.register(self.stop)
        self.process.stdin.write(struct.pack("<III", 6, 4, 0))
        self.process.stdin.flush()
        self.coverage_id = self.entry = None
        while self.entry is None:
            tag, length = struct.unpack("<II", self.process.stdout.read(8))
            body = self.process.stdout.read(length)
            if tag == 6:
                self.coverage_id = struct.unpack("<Q", body)[0]
            elif tag == 7:
                self.entry = struct.unpack("<Q", body)[0]
        # The name is the id's bytes in memory order.
        self.coverage_file = os.path.join(cache, "v", struct.pack("<Q", self.coverage_id).hex())

    def stop(self):
        self.process.kill()
        self.process.wait()


def build_page(folder):
    """Zig's own web client: (html, js, wasm) as bytes."""
    lib = library()
    zig("build-exe", "-fno-entry", "-O", "Debug", "-target", "wasm32-freestanding", "-mcpu", "baseline+atomics+bulk_memory+multivalue+mutable_globals+nontrapping_fptoint+reference_types+sign_ext",
        "--name", "fuzzer", "-rdynamic", "-fsingle-threaded", "--dep", "Walk", "--dep", "html_render", f"-Mroot={lib}/fuzzer/web/main.zig",
        f"-MWalk={lib}/docs/wasm/Walk.zig", "--dep", "Walk", f"-Mhtml_render={lib}/docs/wasm/html_render.zig", cwd=folder)
    found = []
    for path in (f"{lib}/fuzzer/web/index.html", f"{lib}/fuzzer/web/main.js", os.path.join(folder, "fuzzer.wasm")):
        with open(path, "rb") as file:
            found.append(file.read())
    return found


class Page:
    """A server that gives Zig's page its own files, and passes everything else on to a
    fuzzsupd base URL, with Host and Origin made ours."""

    def __init__(self, files, host, port, base):
        self.files = {"/": (files[0], "text/html"), "/main.js": (files[1], "application/javascript"),
                      "/main.wasm": (files[2], "application/wasm")}
        self.upstream, self.base = (host, port), base
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.open = []
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/"

    def _accept(self):
        while True:
            try:
                client = self.socket.accept()[0]
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        head = b""
        while b"\r\n\r\n" not in head:
            data = client.recv(65536)
            if not data:
                return client.close()
            head += data
        lines = head.split(b"\r\n\r\n")[0].decode().split("\r\n")
        path = lines[0].split()[1].split("?")[0]
        upgrade = any(line.lower().startswith("upgrade:") for line in lines)
        if path in self.files and not upgrade:
            body, kind = self.files[path]
            client.sendall((f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
                            "Connection: close\r\n\r\n").encode() + body)
            return client.close()
        ours = "%s:%d" % self.upstream
        kept = [line for line in lines[1:] if line.split(":")[0].lower() not in ("host", "origin", "connection")]
        kept += [f"Host: {ours}", f"Origin: http://{ours}", "Connection: " + ("Upgrade" if upgrade else "close")]
        server = socket.create_connection(self.upstream)
        self.open.append(server)
        server.sendall("\r\n".join([f"GET {self.base}{path[1:]} HTTP/1.1"] + kept + ["", ""]).encode())
        self._pass(client, server)

    @staticmethod
    def _pass(client, server):
        other = {client: server, server: client}
        while True:
            for ready in select.select([client, server], [], [])[0]:
                try:
                    data = ready.recv(1 << 18)
                    if data:
                        other[ready].sendall(data)
                        continue
                except OSError:
                    pass
                client.close()
                server.close()
                return

    def drop_connections(self):
        """Cuts every connection to the service, as a restart of it does."""
        for server in self.open:
            try:
                server.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.open.clear()
