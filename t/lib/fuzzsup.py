# SPDX-License-Identifier: MIT
"""What the tests of the whole service share: TAP, a scratch folder, a running service,
fuzz targets, an HTTP and a WebSocket client. Python's standard library alone.

    from fuzzsup import *

    with scratch() as folder:
        with Service(folder, targets={"demo": Target(executable=path)}) as service:
            ok(service.get("/healthz").status == 200, "it is healthy")
    done()

With FUZZSUPD_ATTACH=host:port set, Service talks to a daemon that somebody debugs."""

import atexit
import base64
import contextlib
import http.client
import json
import os
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import traceback

SRC = os.path.normpath(os.environ.get("srcdir") or os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
BUILD = os.environ.get("builddir") or os.path.join(SRC, "build")
CLANG = os.environ.get("CLANG") or "clang-19"
CLANGXX = CLANG.replace("clang", "clang++", 1)
SYMBOLIZER = os.environ.get("LLVM_SYMBOLIZER") or "llvm-symbolizer-19"
CORES = os.cpu_count() or 1


def patience_now():
    """Seconds until a wait is a failure: a minute, and more on a machine that has more to do than it has cores."""
    return 60.0 * max(1.0, os.getloadavg()[0] / CORES)


PATIENCE = 2 * patience_now()  # where it must be said before: the load may grow

_count = 0
_failed = 0


def ok(condition, name, detail=""):
    """One TAP line."""
    global _count, _failed
    _count += 1
    print(("ok" if condition else "not ok"), _count, "-", name, flush=True)
    if not condition:
        _failed += 1
        for line in str(detail).splitlines()[-40:]:
            print("#  ", line, flush=True)
    return bool(condition)


def equal(got, wanted, name):
    return ok(got == wanted, name, f"got    {got!r}\nwanted {wanted!r}")


def skip(name, reason):
    """A TAP line for what cannot be tested here."""
    global _count
    _count += 1
    print(f"ok {_count} - {name} # SKIP {reason}", flush=True)


def note(text):
    for line in str(text).splitlines():
        print("#", line, flush=True)


def skip_all(reason):
    print(f"1..0 # SKIP {reason}")
    sys.exit(0)


def figure(name, value, unit, wanted=""):
    """A time or a share of a processor: told, never judged here, since it says more of the machine than of us.
    `t/bench/figures.py` collects them."""
    text = f"{name}: {value:.3g} {unit}" + (f" (wanted {wanted} on an idle machine)" if wanted else "")
    note(f"figure: {text}")


def read_lcov(text):
    """Whether each line ran, by (file, line)."""
    ran, file = {}, None
    for line in text.splitlines():
        if line.startswith("SF:"):
            file = os.path.normpath(line[3:])
        elif line.startswith("DA:"):
            number, count = line[3:].split(",")[:2]
            ran[file, int(number)] = int(count) > 0
    return ran


def done():
    print(f"1..{_count}", flush=True)
    sys.exit(1 if _failed else 0)


def _fail_with(kind, value, trace):
    """A test that ends early says why in TAP, and still has a plan."""
    ok(False, f"it goes on to its end: {kind.__name__}: {value}".splitlines()[0], "".join(traceback.format_exception(kind, value, trace)))
    print(f"1..{_count}", flush=True)


sys.excepthook = _fail_with


def wait_until(condition, what, patience=None, step=0.01):
    """Waits for an event that nothing announces; returns what condition() gave, else raises. @patience: seconds on a
    machine that has cores to spare; it grows with the load. @what: text, or a function that tells it when the time is over."""
    begin = time.monotonic()
    while True:
        value = condition()
        if value:
            return value
        waited = time.monotonic() - begin
        if waited > (patience or 60) / 60 * patience_now():
            raise TimeoutError(f"waited {waited:.0f} s for: {what() if callable(what) else what}")
        time.sleep(step)


@contextlib.contextmanager
def scratch():
    """A folder of its own, removed at the end unless KEEP is set."""
    path = tempfile.mkdtemp(prefix="fuzzsup-t-")
    os.chmod(path, 0o755)
    try:
        yield path
    finally:
        if not os.environ.get("KEEP"):
            shutil.rmtree(path, ignore_errors=True)
        else:
            note(f"kept {path}")


def rooms(top):
    """The source folder @top and those below it."""
    return sorted(folder for folder, _, _ in os.walk(os.path.join(SRC, top)))


def program(name):
    """A program in the build tree."""
    for folder in ("", "daemon", "daemon/ctl"):
        path = os.path.join(BUILD, folder, name)
        if os.access(path, os.X_OK) and os.path.isfile(path):
            return path
    raise FileNotFoundError(name)


def libexec():
    """The folder with the workers, as the supervisor wants it."""
    for folder in ("", "libexec"):
        path = os.path.join(BUILD, folder)
        if os.path.exists(os.path.join(path, "fuzzsupd-frontend")):
            return path
    return BUILD


def web_folder():
    """share/web with main.wasm: from the source where it was built in place, else a folder
    of links that joins both trees."""
    built = os.path.join(BUILD, "share", "web")
    joined = os.path.join(BUILD, "t", "web")
    os.makedirs(joined, exist_ok=True)
    for folder in (os.path.join(SRC, "share", "web"), built):
        for top, _, files in os.walk(folder):
            relative = os.path.relpath(top, folder)
            os.makedirs(os.path.join(joined, relative), exist_ok=True)
            for name in files:
                source, copy = os.path.join(top, name), os.path.join(joined, relative, name)
                copy_newer(source, copy)
    for name in ("wire.h", "line_states.h", "line_states.c", "line_owners.h", "line_owners.c", "line_places.h", "line_places.c", "line_shapes.h", "line_shapes.c", "line_lost.c", "line_shape_code.h"):
        copy_newer(os.path.join(SRC, "common", "" if name == "wire.h" else "lines", name), os.path.join(joined, name))
    return joined


def copy_newer(source, copy):
    """At once, since a service of another test may be reading it."""
    if not os.path.exists(copy) or os.path.getmtime(copy) < os.path.getmtime(source):
        part = f"{copy}.{os.getpid()}"
        shutil.copy2(source, part)
        os.rename(part, copy)


class Target:
    """One `target` block of fuzz.conf."""

    def __init__(self, executable, coverage=None, roots=(), exclude=(), entry_points=(), jobs=None):
        self.jobs = dict(jobs or {})  # {name: {key: value}}
        self.keys = {"executable": executable, "coverage": coverage, "source-roots": list(roots),
                     "source-exclude": list(exclude), "entry-points": list(entry_points)}

    def block(self, name):
        lines = [f'target "{name}" {{', *self.lines(self.keys)]
        for job, keys in self.jobs.items():
            lines += [f'  job "{job}" {{', *self.lines(keys), "  }"]
        return "\n".join(lines + ["}"])

    @staticmethod
    def lines(keys):
        for key, value in keys.items():
            if isinstance(value, dict):  # blocks with titles
                for title, inner in value.items():
                    yield "\n".join([f"  {key} {json.dumps(title)} {{", *Target.lines(inner), "  }"])
            elif isinstance(value, (list, tuple)) and value:
                yield f"  {key} = {{ " + ", ".join(json.dumps(str(v), ensure_ascii=False) for v in value) + " }"
            elif value and not isinstance(value, (list, tuple)):
                yield f"  {key} = {json.dumps(str(value), ensure_ascii=False)}"


class Response:
    def __init__(self, reply):
        self.status, self.headers, self.body = reply.status, dict((k.lower(), v) for k, v in reply.getheaders()), reply.read()

    @property
    def text(self):
        return self.body.decode("utf-8", "replace")

    def json(self):
        return json.loads(self.body)


class Service:
    """A fuzzsupd with a configuration of its own, on a free port, in the foreground."""

    def __init__(self, folder, targets=None, extra="", arguments=(), environment=None, prefix=()):
        self.folder = folder
        self.config = os.path.join(folder, "fuzz.conf")
        self.state = os.path.join(folder, "state")
        self.log_path = os.path.join(folder, "fuzzsupd.log")
        self.control = os.path.join(folder, "control")
        self.targets = dict(targets or {})
        self.extra = extra
        self.arguments = list(arguments)
        self.prefix = list(prefix)  # a command that executes the service
        self.environment = dict(environment or {})
        self.process = None
        self.port = None
        self.host = "127.0.0.1"

    def write_config(self):
        text = ['listen = { "127.0.0.1:%d" }' % (self.port or 0), f"state-dir = {json.dumps(self.state)}",
                f"control = {json.dumps(self.control)}", self.extra]
        text += [target.block(name) for name, target in self.targets.items()]
        with open(self.config, "w") as file:
            file.write("\n".join(text) + "\n")

    def __enter__(self):
        attach = os.environ.get("FUZZSUPD_ATTACH")
        if attach:
            self.host, self.port = attach.rsplit(":", 1)[0], int(attach.rsplit(":", 1)[1])
            return self
        self.write_config()
        self.start()
        return self

    def start(self):
        os.makedirs(self.state, exist_ok=True)
        environment = dict(os.environ, FUZZSUPD_LIBEXEC=libexec(), FUZZSUPD_WEB=web_folder())
        environment.update(self.environment)
        self.log_file = open(self.log_path, "ab")
        mark = len(self.log())
        self.process = subprocess.Popen([*self.prefix, program("fuzzsupd"), "-c", self.config, *self.arguments], stdin=subprocess.DEVNULL,
                                        stdout=self.log_file, stderr=self.log_file, env=environment, start_new_session=True)
        atexit.register(self.kill)
        found = wait_until(lambda: re.search(r"web interface listening at http://127\.0\.0\.1:(\d+)/", self.log()[mark:]) or self.dead(), "the web interface")
        self.port = int(found.group(1))

    def dead(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"fuzzsupd ended with {self.process.returncode}:\n{self.log()}")
        return None

    def log(self):
        with open(self.log_path, errors="replace") as file:
            return file.read()

    def wait_log(self, pattern, what=None, after=0):
        return wait_until(lambda: re.search(pattern, self.log()[after:]), what or f"log line {pattern!r}")

    def reload(self):
        """Rewrites the configuration and waits until it was taken or refused."""
        self.write_config()
        mark = len(self.log())
        self.process.send_signal(signal.SIGHUP)
        return self.wait_log(r"(?i)reload", after=mark)

    def worker(self, name):
        """Pid of the running worker, or None."""
        try:
            with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children") as file:
                pids = file.read().split()
        except FileNotFoundError:
            return None
        for pid in pids:
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as file:
                    if os.path.basename(file.read().split(b"\0")[0].decode()) == f"fuzzsupd-{name}":
                        return int(pid)
            except (FileNotFoundError, ProcessLookupError):
                continue
        return None

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def stop(self):
        """SIGTERM; returns the exit code."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(PATIENCE)
        finally:
            self.log_file.close()

    def __exit__(self, kind, value, trace):
        if self.process and self.process.poll() is None:
            code = self.stop()
            if kind is None:
                ok(code == 0, "the service stops with exit code 0", self.log()[-3000:])
        if kind is not None or "ERROR: AddressSanitizer" in self.log():
            note(self.log()[-6000:] if self.process else "")
        if self.process:
            found = re.search(r"(ERROR: (Address|Leak)Sanitizer|runtime error:).*", self.log())
            ok(not found, "no sanitizer complains", found and self.log()[found.start():][:4000])

    def request(self, method, path, headers=None, body=None):
        connection = http.client.HTTPConnection(self.host, self.port, timeout=PATIENCE)
        try:
            connection.request(method, path, body=body, headers=headers or {})
            return Response(connection.getresponse())
        finally:
            connection.close()

    def get(self, path, headers=None):
        return self.request("GET", path, headers)

    def target(self, name):
        """The target's entry in the JSON list, or None."""
        for entry in self.get("/api/v1/targets").json()["targets"]:
            if entry["name"] == name:
                return entry
        return None

    def ctl(self, *words, check=False):
        """What fuzzsupctl answers; @check: it must be 0."""
        return subprocess.run([program("fuzzsupctl"), "-s", self.control, *words], capture_output=True, text=True, timeout=PATIENCE, check=check)

    def jobs(self, target=None):
        """The entries of the JSON list, by name: of all targets, whose jobs then have names of their own, or of one."""
        query = f"?target={target}" if target else ""
        return {job["name"]: job for job in self.get("/api/v1/jobs" + query).json()["jobs"]}

    def wait_job(self, name, *states, what=lambda job: True):
        """The job's entry when it is in one of @states (none: any) and @what() is true of it."""
        def look():
            job = self.jobs().get(name)
            return job if job and (not states or job["state"] in states) and what(job) else None
        try:
            return wait_until(look, f"job {name}: {'/'.join(states)}")
        except TimeoutError as error:
            raise TimeoutError(f"{error}; it is {self.jobs().get(name)}") from None

    def wait_state(self, name, *states):
        return wait_until(lambda: (lambda t: t if t and t["state"] in states else None)(self.target(name)), lambda: f"{name} is {'/'.join(states)}; it is {self.target(name)}")

    def websocket(self, path="/", protocol=None):
        return WebSocket(self.host, self.port, path, protocol)


class WebSocket:
    """A client that shows every frame as (opcode, payload)."""

    def __init__(self, host, port, path="/", protocol=None, headers=None):
        self.socket = socket.create_connection((host, port), timeout=PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [f"GET {path} HTTP/1.1", f"Host: {host}:{port}", "Upgrade: websocket", "Connection: Upgrade",
                 f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13"]
        if protocol:
            lines.append(f"Sec-WebSocket-Protocol: {protocol}")
        lines += [f"{k}: {v}" for k, v in (headers or {}).items()]
        self.socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        self.buffer = b""
        while b"\r\n\r\n" not in self.buffer:
            self._more()
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        self.head = head.decode()
        self.status = int(self.head.split()[1])

    def _more(self):
        data = self.socket.recv(1 << 20)
        if not data:
            raise ConnectionError("the server closed the connection")
        self.buffer += data

    def _take(self, count):
        if len(self.buffer) < count:
            parts, have = [self.buffer], len(self.buffer)
            while have < count:
                data = self.socket.recv(1 << 20)
                if not data:
                    raise ConnectionError("the server closed the connection")
                parts.append(data)
                have += len(data)
            self.buffer = b"".join(parts)
        part, self.buffer = self.buffer[:count], self.buffer[count:]
        return part

    def frame(self):
        first, second = self._take(2)
        length = second & 127
        if length == 126:
            length = struct.unpack(">H", self._take(2))[0]
        elif length == 127:
            length = struct.unpack(">Q", self._take(8))[0]
        return first & 15, self._take(length)

    def message(self):
        """The next data message, joined; answers pings."""
        whole = b""
        while True:
            first, second = self._take(2)
            length = second & 127
            if length == 126:
                length = struct.unpack(">H", self._take(2))[0]
            elif length == 127:
                length = struct.unpack(">Q", self._take(8))[0]
            payload = self._take(length)
            opcode = first & 15
            if opcode == 9:
                self.send(payload, 10)
            elif opcode == 8:
                raise ConnectionError(f"closed: {payload!r}")
            elif opcode < 8:
                whole += payload
                if first & 128:
                    return whole

    def readable(self, seconds):
        return bool(self.buffer) or bool(select.select([self.socket], [], [], seconds)[0])

    def send(self, payload, opcode=1, final=True, mask=True):
        if isinstance(payload, str):
            payload = payload.encode()
        head = bytes([(128 if final else 0) | opcode])
        bit = 128 if mask else 0
        if len(payload) < 126:
            head += bytes([bit | len(payload)])
        elif len(payload) < 65536:
            head += bytes([bit | 126]) + struct.pack(">H", len(payload))
        else:
            head += bytes([bit | 127]) + struct.pack(">Q", len(payload))
        if mask:
            key = os.urandom(4)
            payload = bytes(b ^ key[i % 4] for i, b in enumerate(payload))
            head += key
        self.socket.sendall(head + payload)

    def close(self):
        self.socket.close()


def popcount(data):
    return bin(int.from_bytes(data, "little")).count("1")


def set_bits(data):
    """Indexes of the set bits of little-endian words."""
    number, found = int.from_bytes(data, "little"), []
    while number:
        low = number & -number
        found.append(low.bit_length() - 1)
        number ^= low
    return found


def message_types():
    """Numbers of the messages, from the one place that lists them."""
    with open(os.path.join(SRC, "common", "message", "message.h")) as file:
        return {name: number for number, name in enumerate(re.findall(r"\bX\((\w+), \"", file.read().split("#define MESSAGE_TYPES(X)")[1]), 1)}


def build(output, sources, *flags, runtime=True):
    """A libFuzzer target with -g; returns its path."""
    command = [CLANG, "-g", "-fsanitize=fuzzer", *flags, *sources, "-o", output]
    if runtime:
        command.append("@" + runtime_response_file())
    subprocess.run(command, check=True)
    return output


def runtime_response_file(name="fuzzsup"):
    """The response file that names the build tree's runtime, with the options of the one that is installed."""
    path = os.path.join(BUILD, "t", name + "-build.rsp")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(os.path.join(BUILD, name + ".rsp")) as file:
        options = re.sub(r"\S*/(libfuzzsup_\w+\.a)", lambda found: os.path.join(BUILD, found.group(1)), file.read())
    with open(path, "w") as file:
        file.write(options)
    return path


def afl_build(output, *words, native=True):
    """A target for AFL++, by its compiler; native: instrumented by LLVM itself."""
    subprocess.run(["afl-clang-fast", *words, "-o", output], check=True, env=dict(os.environ, AFL_QUIET="1", **({"AFL_LLVM_INSTRUMENT": "LLVM-NATIVE"} if native else {})))
    return output


def shell_job(text, **keys):
    """A job that is a shell's command, and not restarted."""
    return {"engine": "command", "command": ["/bin/sh", "-c", text], "restart": "never", **keys}


def command_lines():
    """(pid, words) of each process: its command line, with a NUL behind each word."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                yield int(pid), file.read()
        except (FileNotFoundError, ProcessLookupError):
            continue


def demo_sources():
    folder = os.path.join(SRC, "share", "demo")
    return [os.path.join(folder, name) for name in sorted(os.listdir(folder)) if name.startswith(("json", "fuzz_json")) and name.endswith(".c")]


class CoverageFile:
    """Writes a coverage file as a foreign fuzzer would."""

    def __init__(self, path, pcs):
        self.path, self.pcs = path, pcs
        self.words = (len(pcs) + 63) // 64
        with open(path + ".tmp", "wb") as file:
            file.write(struct.pack("<QQQ", 0, 0, len(pcs)) + bytes(8 * self.words) + struct.pack(f"<{len(pcs)}Q", *pcs))
        os.rename(path + ".tmp", path)
        self.file = open(path, "r+b", buffering=0)

    def hit(self, *indexes, runs=1, unique=1):
        for index in indexes:
            byte = 24 + index // 8
            self.file.seek(byte)
            value = self.file.read(1)[0]
            self.file.seek(byte)
            self.file.write(bytes([value | 1 << (index % 8)]))
        self.file.seek(0)
        n_runs, unique_runs = struct.unpack("<QQ", self.file.read(16))
        self.file.seek(0)
        self.file.write(struct.pack("<QQ", n_runs + runs, unique_runs + unique))

    @staticmethod
    def read(path):
        """(n_runs, unique_runs, bits as bytes, pcs)"""
        with open(path, "rb") as file:
            data = file.read()
        n_runs, unique, count = struct.unpack_from("<QQQ", data)
        words = (count + 63) // 64
        return n_runs, unique, data[24:24 + 8 * words], struct.unpack_from(f"<{count}Q", data, 24 + 8 * words)
