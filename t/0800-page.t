#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The page in a real Chromium, against the whole service and what a libFuzzer reached: the
lines it marks are those that llvm-symbolizer names for the same bits. SCREENS: a folder
that gets pictures of it."""
import os
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from fuzzsup import *
from symbolizer import SYMBOLIZE_BLOCKS, SYMBOLIZE_TABLE, symbolizer_stand_in

TOOLS = os.environ.get("FUZZSUPD_TOOLS") or os.path.join(SRC, "build-tools")
if not os.path.isdir(os.path.join(TOOLS, "node_modules", "playwright-core")):
    skip_all("playwright-core is not there; fetch it with t/lib/fetch build-tools")
if not os.access(os.environ.get("CHROMIUM", "/usr/bin/chromium"), os.X_OK):
    skip_all("Chromium is not there")


def fuzz(executable, coverage):
    subprocess.run([executable, "-runs=20000", "-seed=1"], env=dict(os.environ, FUZZSUP_DIR=coverage), check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for name in sorted(os.listdir(coverage)):
        if re.fullmatch(r"[0-9a-f]{16}", name):
            return os.path.join(coverage, name)
    raise FileNotFoundError("the runtime wrote no coverage file")


def line_states(executable, coverage_file, root):
    """{name: {line: state}} as the page should show them."""
    names = {"reached": "hit", "partly": "part", "missed": "miss", "idle": "idle", "unknown": "unknown"}
    states = {}
    for text in subprocess.run([os.path.join(BUILD, "t", "lib", "tell_lines"), executable, coverage_file], check=True, text=True, capture_output=True).stdout.splitlines():
        place, state = text.rsplit(" ", 1)
        path, line = place.rsplit(":", 1)
        name = os.path.join(os.path.basename(root), os.path.relpath(path, root))
        if not name.startswith(os.path.basename(root) + "/.."):
            states.setdefault(name, {})[line] = names[state]
    return states


class Servant(threading.Thread):
    """Does to the service what a program of t/browser asks for by making a file: restarts it, takes its targets out, builds one anew."""

    def __init__(self, service, folder, rebuild=None):
        super().__init__(daemon=True)
        self.service, self.rebuild, self.ended = service, rebuild, threading.Event()
        self.asks = {what: os.path.join(folder, what) for what in ("stop", "start", "remove", "add", "rebuild")}
        self.targets = service.targets

    def run(self):
        while not self.ended.wait(0.1):
            self.obey()

    def obey(self):
        for what, path in self.asks.items():
            if os.path.exists(path):
                self.do(what)
                os.unlink(path)

    def do(self, what):
        if what == "stop":
            self.service.stop()
        elif what in ("remove", "add"):
            self.service.targets = self.targets if what == "add" else {}
            self.service.reload()
        elif what == "rebuild":
            self.rebuild()
        else:
            self.service.write_config()
            self.service.start()

    def command(self, what):
        path = self.asks[what]
        return f"touch '{path}'; while [ -e '{path}' ]; do sleep 0.05; done"


class Helper(Servant):
    """Lets the runs grow while the bits stand still, too."""

    def __init__(self, service, coverage_file, folder):
        super().__init__(service, folder)
        self.file = coverage_file

    def run(self):
        with open(self.file, "r+b", buffering=0) as file:
            while not self.ended.wait(0.1):
                file.seek(0)
                runs = struct.unpack("<Q", file.read(8))[0]
                file.seek(0)
                file.write(struct.pack("<Q", runs + 100))
                self.obey()


def say(command):
    """Runs a program of t/browser and passes on what it says."""
    if os.environ.get("SCREENS"):
        command = [*command, "--screens", os.environ["SCREENS"]]
    page = subprocess.run(command, env=dict(os.environ, FUZZSUPD_TOOLS=TOOLS), stdout=subprocess.PIPE, text=True)
    result, detail = None, []
    for line in page.stdout.split("\n") + ["ok 0 - end"]:
        found = re.match(r"(not )?ok \d+ - (.*)", line)
        if not found:
            detail.append(line.lstrip("# "))
            continue
        if result:
            ok(not result.group(1), "page: " + result.group(2), "\n".join(detail))
            if not result.group(1):
                note("\n".join(detail))
        result, detail = found, []
    equal(page.returncode, 0, "the browser ended well")


def jobs(folder, executable):
    """Jobs in all states: of a real fuzzer, and of programs that fail, wait and stand still."""
    coverage = os.path.join(folder, "coverage")
    os.makedirs(coverage)
    os.mkdir(os.path.join(folder, "calm"))
    os.chmod(coverage, 0o1777)
    work = {
        "main": {"engine": "libfuzzer", "command": [executable, "-max_len=128"], "instances": 2, "autostart": "no"},
        "broken": {"engine": "command", "command": ["/bin/sh", "-c", "echo cannot find its dictionary; exit 7"], "start-limit": 2},
        "by-hand": shell_job("echo began; exec sleep 1000", autostart="no"),
        "nightly": shell_job("exec sleep 1000", autostart="no"),
        "absent": {"engine": "libfuzzer", "command": [os.path.join(folder, "not-built-yet")]},
        "once": shell_job("echo done", instances=2),
    }
    targets = {"json": Target(executable, coverage, [os.path.join(SRC, "share", "demo")], jobs=work), "calm": Target(executable, os.path.join(folder, "calm"))}
    with Service(folder, targets, extra="max-running = 2\nturn = 1h\nhealth-patience = 1d") as service:
        state = lambda: {job["name"]: job["state"] for job in service.get("/api/v1/jobs").json()["jobs"]}
        wait_until(lambda: state().get("broken") == "failed" and state().get("once") == "done", "a job that failed, one that is done")
        for name, wanted in (("main", "running"), ("nightly", "queued")):
            service.request("POST", f"/api/v1/jobs/json/{name}/start", headers={"Origin": f"http://{service.host}:{service.port}"})
            wait_until(lambda: state()[name] == wanted, f"{name} is {wanted}")
        say(["node", os.path.join(SRC, "t", "browser", "jobs.mjs"), f"http://{service.host}:{service.port}/", "json", "calm"])


def coverage(folder, executable):
    """Targets, files, functions and source lines, with what was reached."""
    root = os.path.join(SRC, "share", "demo")
    directory = os.path.join(folder, "coverage")
    os.makedirs(directory)
    coverage_file = fuzz(executable, directory)
    expected = line_states(executable, coverage_file, root)
    with open(os.path.join(folder, "expected.json"), "w") as file:
        json.dump(expected, file)
    states = [state for lines in expected.values() for state in lines.values()]
    note(f"{len(states)} lines in {len(expected)} files: " + ", ".join(f"{states.count(s)} {s}" for s in ("hit", "part", "miss", "idle", "unknown")))
    with Service(folder, {"json": Target(executable, directory, [root])}) as service:
        service.wait_state("json", "ready", "live", "stale")
        helper = Helper(service, coverage_file, folder)
        helper.start()
        command = ["node", os.path.join(SRC, "t", "browser", "page.mjs"), f"http://{service.host}:{service.port}/", "json",
                   "--expect", os.path.join(folder, "expected.json"),
                   "--status", f"'{program('fuzzsupctl')}' -s '{service.control}' --json targets", *(text for what in ("stop", "start", "remove", "add") for text in (f"--{what}", helper.command(what)))]
        say(command)
        helper.ended.set()
        helper.join()


def history(folder, executable):
    """A real fuzzer whose past is kept, built anew and restarted while one looks."""
    directory, fuzzer = os.path.join(folder, "coverage"), os.path.join(folder, "fuzz_json")
    os.makedirs(directory)
    os.chmod(directory, 0o1777)
    shutil.copy(executable, fuzzer)

    def rebuild():
        os.rename(build(fuzzer + ".new", demo_sources(), "-O2", "-lm"), fuzzer)

    work = {"main": {"engine": "libfuzzer", "command": [fuzzer, "-max_len=128"]}}
    with Service(folder, {"json": Target(fuzzer, directory, [os.path.join(SRC, "share", "demo")], jobs=work)}, extra="health-patience = 1d") as service:
        service.wait_state("json", "live")
        servant = Servant(service, folder, rebuild)
        servant.start()
        say(["node", os.path.join(SRC, "t", "browser", "history.mjs"), f"http://{service.host}:{service.port}/", "json", "main", "demo/json_parse.c",
             *(text for what in ("stop", "start", "rebuild") for text in (f"--{what}", servant.command(what)))])
        servant.ended.set()
        servant.join()


COMMENT_LINES = 300000


def trouble(folder, executable):
    """A service that hangs, sources that come late or not at all, one that is a long comment."""
    directory, root = os.path.join(folder, "coverage"), os.path.join(folder, "long")
    os.makedirs(directory)
    os.mkdir(root)
    with open(os.path.join(root, "long.c"), "w") as file:
        file.write("/*\n" + "".join(f' * if (i == {i}) return "that\'s it";\n' for i in range(COMMENT_LINES - 2)) + " */\n")
        file.write("#include <stddef.h>\nint LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)\n{\n    return size && data[0] ? -1 : 0;\n}\n")
    long = build(os.path.join(folder, "fuzz_long"), [file.name], "-O1")
    coverage_file = fuzz(executable, directory)
    targets = {"json": Target(executable, directory, [os.path.join(SRC, "share", "demo")]), "long": Target(long, None, [root])}
    # The front-end is stopped, and not to be replaced for that.
    with Service(folder, targets, environment={"FUZZSUPD_NO_HEARTBEAT": "1"}) as service:
        for name in targets:
            service.wait_state(name, "ready", "live", "stale")
        helper = Helper(service, coverage_file, folder)
        helper.start()
        say(["node", os.path.join(SRC, "t", "browser", "trouble.mjs"), f"http://{service.host}:{service.port}/", "json", "demo/json_parse.c",
             "long", "long/long.c", str(COMMENT_LINES), str(service.worker("frontend"))])
        helper.ended.set()
        helper.join()


def blocks(folder, executable):
    """Lines that become known while the page is shown, and a target of which they never will."""
    directory, root = os.path.join(folder, "coverage"), os.path.join(folder, "inlined")
    os.makedirs(directory)
    os.mkdir(root)
    with open(os.path.join(root, "only.h"), "w") as file:
        file.write('static inline __attribute__((always_inline, no_sanitize("coverage"))) int\nonly(int x)\n{\n\treturn x * 7 + 3;\n}\n')
    with open(os.path.join(root, "user.c"), "w") as file:
        file.write('#include <stddef.h>\n#include "only.h"\nvolatile int sink;\nint LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)\n{\n'
                   "\tif (size > 3)\n\t\tsink = only(data[0]);\n\treturn 0;\n}\n")
    user = build(os.path.join(folder, "user"), [file.name], "-O1")
    coverage_file = fuzz(user, directory)
    for name, extra in (("late", ""), ("never", "")):
        gate = os.path.join(folder, name + ".gate")
        os.mkfifo(gate)
        # Blocks come when somebody writes into the FIFO; or the symbolizer dies of them.
        act = f"open({gate!r}).read()" if name == "late" else "os.abort()"
        workers = symbolizer_stand_in(os.path.join(folder, name, "libexec"), SYMBOLIZE_TABLE | SYMBOLIZE_BLOCKS, act)
        with Service(os.path.join(folder, name), {"inlined": Target(user, directory, [root])}, environment={"FUZZSUPD_LIBEXEC": workers}) as service:
            service.wait_state("inlined", "ready", "live", "stale")
            wait_until(lambda: service.target("inlined")["covered"] > 0 and service.target("inlined")["functions"], "its coverage")
            helper = Helper(service, coverage_file, folder)
            helper.start()
            if name == "never":
                wait_until(lambda: service.target("inlined")["lines_reason"], "why it has no lines")
            line = next(line for line in service.ctl("targets").stdout.splitlines() if line.startswith("inlined"))
            ok(re.search(r" \d+ PCs +[\d.]+%", line), f"{name}: fuzzsupctl counts PCs while there are no lines: {line}")
            answer = service.get("/t/inlined/functions.json").json()
            ok(all(one["lines"] is None and one["pcs"] for one in answer["functions"]) and answer["totals"]["lines"] is None, f"{name}: so does functions.json", answer)
            say(["node", os.path.join(SRC, "t", "browser", "blocks.mjs"), f"http://{service.host}:{service.port}/", "inlined", "inlined/only.h",
                 *([f"echo >'{gate}'", f"echo >>'{os.path.join(root, 'only.h')}'"] if name == "late" else [""])])
            helper.ended.set()
            helper.join()


DEEP = os.path.join("a_component_with_quite_a_long_name", "third_party_of_somebody_else", "implementation_details", "generated")


def looks(folder, executable):
    """A target with a job that failed, and one whose file lies far down."""
    directory, root = os.path.join(folder, "coverage"), os.path.join(folder, "deep")
    os.makedirs(directory)
    os.makedirs(os.path.join(root, DEEP))
    name = os.path.join(DEEP, "a_file_with_a_long_name.c")
    with open(os.path.join(root, name), "w") as file:
        file.write("int LLVMFuzzerTestOneInput(const unsigned char *data, unsigned long size)\n{\n    return size && data[0] ? -1 : 0;\n}\n")
    deep = build(os.path.join(folder, "fuzz_deep"), [file.name], "-O1")
    fuzz(executable, directory)
    work = {"broken": {"engine": "command", "command": ["/bin/sh", "-c", "echo cannot find its dictionary; exit 7"], "start-limit": 2},
            "by-hand": shell_job("exec sleep 1000", autostart="no")}
    targets = {"json": Target(executable, directory, [os.path.join(SRC, "share", "demo")], jobs=work), "deep": Target(deep, None, [root])}
    with Service(folder, targets, extra="health-patience = 1d") as service:
        for target in targets:
            service.wait_state(target, "ready", "live", "stale")
        state = lambda: {job["name"]: job["state"] for job in service.get("/api/v1/jobs").json()["jobs"]}
        wait_until(lambda: state().get("broken") == "failed", "a job that failed")
        say(["node", os.path.join(SRC, "t", "browser", "looks.mjs"), f"http://{service.host}:{service.port}/", "json", "deep", os.path.join("deep", name)])


with scratch() as folder:
    executable = build(os.path.join(folder, "fuzz_json"), demo_sources(), "-O1", "-lm")
    for part in (coverage, blocks, jobs, history, trouble, looks):
        if len(sys.argv) < 2 or part.__name__ in sys.argv[1:]:
            part(os.path.join(folder, part.__name__), executable)
done()
