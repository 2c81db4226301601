#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Start, configuration errors, reload, and that no process stays behind."""
import os
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.environ.get("srcdir") or os.path.join(os.path.dirname(__file__), ".."), "t", "lib"))
from fuzzsup import *

WORKERS = ("symbolizer", "collector", "frontend", "runner", "archive")


def run(*arguments):
    return subprocess.run([program("fuzzsupd"), *arguments], capture_output=True, text=True, timeout=PATIENCE)


def gone(pids):
    return all(not os.path.exists(f"/proc/{pid}") for pid in pids)


def workers(service):
    return wait_until(lambda: (lambda p: p if all(p) else None)([service.worker(w) for w in WORKERS]), "all workers run")


equal(run().returncode, 2, "no configuration is bad usage")
equal(run("-x").returncode, 2, "an unknown option is bad usage")
for option in ("--help", "-h"):
    shown = run(option)
    ok(shown.returncode == 0 and shown.stdout.startswith("usage: fuzzsupd -c FILE"), f"{option} tells the usage")
ok(run("--version").stdout.startswith("fuzzsupd "), "--version tells the version")
with scratch() as folder:
    path = os.path.join(folder, "fuzz.conf")
    cases = [
        ("jbos = 1\n", ":1:", "expected one of"), ("\nlisten = { \"10.0.0.1:80\" }\n", ":2:", "proxy"),
        ("listen = { \"x\" }\n", ":1:", "expected ADDRESS:PORT"), ("target \"a\" {\n}\n", ":2:", "has no executable"),
        ("target \"-a\" {\n executable = \"/x\"\n}\n", ":3:", "expected a name"),
        ("target \"a\" { executable = \"/x\" }\ntarget \"a\" { executable = \"/y\" }\n", ":2:", "a"),
        ("health-patience = \"soon\"\n", ":1:", "expected a duration"),
        ("archive {\nkeep-minutes = \"a month\"\n}\n", ":2:", "expected a duration"),
        ("archive {\nkeep-events = \"0\"\n}\n", ":2:", "expected a number"),
        ("archive {\nkeep-seconds = \"10ms\"\n}\n", ":2:", "one second at least"),
        ("archive {\nkeep = \"1d\"\n}\n", ":2:", "no such option"),
        ("archive { }\narchive {\n}\n", ":3:", "a block of it already"),
        ("\nhealth-ignores = { \"a\", \"job-stuck\",\n\"a/none\" }\ntarget \"a\" { executable = \"/x\" }\n", ":3:", "expected a check of fuzz.conf(5), a target, or TARGET/JOB"),
        ("symbolize-timeout = 0\n", ":1:", "expected seconds"), ("state-dir = \"a\"\nstate-dir = \"b\"\n", ":2:", "second time"),
        ("coverage-dir = { \"a\" }\ncoverage-dir = { \"b\", \"c\" }\n", ":2:", "second time"),
        ("target \"a\" {\n executable = \"/x\"\n", ":3:", "ends too early"), ("state-dir = \"a\nb", ":1:", "string that begins here"),
        *[("target \"a\" {\n executable = \"/x\"\n job \"j\" {\n" + text + "\n }\n}\n", line, words) for text, line, words in [
            ("", ":5:", "has no engine"), ("engine = \"fuzz\"", ":4:", "expected one of libfuzzer"), ("engine = \"command\"", ":5:", "nothing to run"),
            ("engine = \"libfuzzer\"\ninstances = 0", ":5:", "1 to 256"), ("engine = \"libfuzzer\"\ncpus = \"3-1\"", ":5:", "list of CPUs"),
            ("engine = \"libfuzzer\"\nmemory-max = \"2Q\"", ":5:", "expected a size"), ("engine = \"libfuzzer\"\nrun-for = \"2w\"", ":5:", "expected a duration"),
            ("engine = \"libfuzzer\"\nenvironment = { \"A\" }", ":5:", "NAME=VALUE"), ("engine = \"libfuzzer\"\ncommand = { \"/x\", \"-jobs=3\" }", ":6:", "use instances"),
            ("engine = \"replay\"\ninstances = 2", ":6:", "the same inputs"), ("engine = \"afl++\"\ncorpus = { \"/a\", \"/b\" }", ":6:", "takes several"), ("engine = \"replay\"\nengine-args = { \"-timeout=1\" }", ":6:", "use timeout"),
            ("engine = \"zig\"\nseeds = { \"/s\" }", ":6:", "std.testing.fuzz"), ("engine = \"libfuzzer\"\nseeds = { \"${HOME}/s\" }", ":5:", "\"${HOME}/s\": paths hold no variables"),
            ("engine = \"libfuzzer\"\nengine-args = { \"${FUZZSUP_CORPSE}\" }", ":5:", "FUZZSUP_CORPUS"), ("engine = \"command\"\ncommand = { \"${FUZZSUP_EXECUTABLE}\" }", ":5:", "expected a program"),
            ("engine = \"libfuzzer\"\nattach = \"/out\"", ":6:", "only for engine \"afl++\""), ("engine = \"afl++\"\nattach = \"/out\"\ninstances = 2", ":7:", "instances says how to run it"),
            ("engine = \"afl++\"\ninstance-args \"main,3\" {\n}", ":7:", "no instance 3"), ("engine = \"libfuzzer\"\ninstance-args \"main\" {\n}", ":7:", "expected instances as in"),
            ("engine = \"afl++\"\ninstance-args \"main\" {\nengine-args = { \"-M\", \"x\" }\n}", ":8:", "use instances"), ("engine = \"afl++\"\ninstance-args \"0\" {\nattach = \"/x\"\n}", ":6:", "no such option"),
            ("engine = \"afl++\"\ninstance-args \"0\" {\n}\ninstance-args \"0\" {\n}", ":7:", "duplicate title"),
            ("engine = \"libfuzzer\"\nengine-args = {" + ", ".join("\"-x=" + "y" * 1000 + "\"" for i in range(7)) + "}", ":6:", "its settings are longer than"),
            ("engine = \"libfuzzer\"\ncommand = { \"" + "x" * 9000 + "\" }", ":5:", "longer than")]],
        ("listen = { \"x }\nuser = \"y\"\n", ":1:", "string that begins here"), ("listen = {\n", ":2:", "ends too early"), ("/* listen\n", ":2:", "within a comment"), ("user = \"a\"\n\0", ":2:", "byte 0x00"),
        ("\"\" = 1\n", ":1:", "where a key should"), ("target \"a\" {\n executable = \"/x\"\n \"\" = 1\n}\n", ":3:", "where a key should"), ("\nuser = \"a\x01\"\n", ":2:", "byte 0x01"),
        *[("allowed-hosts = { \"" + host + "\" }\n", ":1:", "expected a host name") for host in ("a:80", "[::1]", "a/b", ".a", "a..b", "")],
        ("coverage-dir = { \"/bin/true\" }\n", ":1:", "not a folder"), ("\nstate-dir = \"/bin/true\"\n", ":2:", "not a folder"),
        ("listen = { " + ", ".join(f"\"127.0.0.1:{port}\"" for port in range(9001, 9019)) + " }\n", ":1:", "at most 16"),
        ("user = \"no-such-user\"\n", ":1:", "no such user"),
        ("target \"a\" { executable = \"/x\" }\njob \"b/j\" {\n engine = \"libfuzzer\"\n}\n", ":4:", "there is no such target"), ("job \"j\" {\n engine = \"libfuzzer\"\n}\n", ":3:", "outside of a target"),
        ("job \"a/j\" {\n engine = \"libfuzzer\"\n}\ntarget \"a\" {\n executable = \"/x\"\n job \"j\" { engine = \"libfuzzer\" }\n}\n", ":3:", "a job of that name already, at " + path + ":6"),
        ("job \"a/j\" {\n}\n", ":2:", "has no engine"), ("job \"a/j\" { engine = \"libfuzzer\" }\njob \"a/j\" { engine = \"libfuzzer\" }\n", ":2:", "duplicate title"),
        ("target \"a\" { executable = \"/x\" }\ntarget \"a\" { executable = \"/y\" }\n", ":2:", "job \"TARGET/JOB\""), ("include(\"${HOME}/x\")\n", ":1:", "paths hold no variables"),
        ("target \"a\" {\n executable = \"/x\"\n" + "".join(f" job \"j{i}\" {{ engine = \"libfuzzer\" corpus = \"/{'c' * 200}{i}\" }}\n" for i in range(40)) + " job \"r\" {\n  engine = \"replay\"\n }\n}\n", ":45:", "which it follows"),
    ]
    for text, line, words in cases:
        with open(path, "w") as file:
            file.write(text)
        result = run("-c", path, "-n")
        ok(result.returncode == 2 and path + line in result.stderr and words in result.stderr, f"refused with its line: {text!r}", result.stderr)
    ours = 'listen = { "127.0.0.1:0" }\nstate-dir = "state"\n'
    with open(path, "w") as file:
        file.write(ours + 'target "a" { executable = "fuzz_a" }\n')
    sound = run("-c", path, "-n")
    ok(sound.returncode == 0 and f"target a: executable {folder}/fuzz_a: No such file" in sound.stderr, "a sound configuration passes -n, which says what is not there yet", sound.stderr)
    with open(path, "w") as file:
        file.write(ours + f'target "a" {{\n executable = "/bin/true"\n source-roots = {{ "/bin/true", "/nowhere/at/all" }}\n}}\n')
    lines = run("-c", path, "-n").stderr.splitlines()
    ok(len(lines) == 2 and "not a directory" in lines[0] and "/nowhere/at/all: No such file" in lines[1], "of source roots, too", "\n".join(lines))
    with open(path, "w") as file:
        file.write(ours + """job "a/late" { engine = "command" command = { "./later", "${X}" } seeds = { "./s", "/bin/true" } }
target "a" { executable = "/bin/true" }
job "a/found" {\n engine = "command" command = { "sh" } directory = "." instance-args "0" { command = { "no-such-program" } }\n}\n""")
    checked = run("-c", path, "-n")
    wanted = [f"warning: {path}:3: job a/late: {folder}/later: there is no such program", f"warning: {path}:7: job a/found: no-such-program: no such program in PATH",
              f"warning: {path}:3: job a/late: its seeds are not read: {folder}/s: it is not there; it will be waited for", f"error: {path}:3: job a/late: its seeds are not read: /bin/true: it is not a folder"]
    ok(checked.returncode == 2 and all(words in line for words, line in zip(wanted, checked.stderr.splitlines())) and len(checked.stderr.splitlines()) == len(wanted), "of jobs: their programs, relative to the file, and folders", checked.stderr)
    with open(path, "w") as file:
        file.write(ours + 'coverage-dir = { "a", "b" }\ncoverage-dir += { "c" }\n# no newline')
    equal(run("-c", path, "-n").returncode, 0, "a list has many values, and is added to")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        for text, words in ((f'listen = {{ "127.0.0.1:{taken.getsockname()[1]}" }}\nstate-dir = "state"\n', "Address already in use"),
                            ('listen = { "127.0.0.1:0" }\nstate-dir = "fuzz.conf/state"\n', "state-dir"),
                            (ours + 'control = "nowhere/control"\n', "control"), (ours + 'coverage-dir = { "fuzz.conf/a" }\n', "coverage-dir")):
            with open(path, "w") as file:
                file.write(text)
            result = run("-c", path, "-n")
            ok(result.returncode == 2 and "error: " + words.split()[0].replace("Address", "listen") in result.stderr and words in result.stderr, f"-n finds what a start would fail of: {words}", result.stderr)
    equal(sorted(os.listdir(folder)), ["fuzz.conf"], "-n makes nothing")

with scratch() as folder:
    with Service(folder, targets={"a": Target("/nonexistent/a")}) as service:
        ok("to keep this port" in service.log(), "port 0: a hint how to keep it")
        other = os.path.join(folder, "other.conf")
        with open(other, "w") as file:
            file.write(f'listen = {{ "127.0.0.1:0" }}\nstate-dir = "{service.state}"\ncontrol = "{folder}/other"\n')
        second = run("-c", other)
        ok(second.returncode == 1 and f"in use by another fuzzsupd (process {service.process.pid})" in second.stderr, "two services cannot have one state-dir", second)
        before = workers(service)
        service.targets["b"] = Target("/nonexistent/b")
        service.reload()
        ok(wait_until(lambda: service.target("b"), "b"), "reload adds a target")
        del service.targets["a"]
        service.reload()
        wait_until(lambda: service.target("a") is None, "a is gone")
        ctl = lambda *words: subprocess.run([program("fuzzsupctl"), "-s", service.control, *words], cwd=folder, capture_output=True, text=True)
        equal(ctl("announce", "00112233445566aa", "fuzz_c", "v/c", "c").returncode, 0, "announce takes relative paths")
        ok(wait_until(lambda: os.path.join(folder, "fuzz_c") in (service.target("c") or {"reason": ""})["reason"], "c"), "they count from where fuzzsupctl runs", service.target("c"))
        result = ctl("halt")
        ok(result.returncode == 2 and 'no command "halt"' in result.stderr, "an unknown command is named", result.stderr)
        result = ctl("entry")
        ok(result.returncode == 2 and "entry: too few words" in result.stderr, "too few words are told apart from it", result.stderr)
        service.extra = "nonsense = 1"
        service.reload()
        ok("refused" in service.log() and service.target("b"), "a bad file is refused, the old one stays", service.log())
        mark = len(service.log())
        open(service.config, "w").close()
        service.process.send_signal(signal.SIGHUP)
        service.wait_log("reload refused", after=mark)
        ok("configuration is empty" in service.log()[mark:] and service.target("b"), "so is one that was emptied", service.log()[mark:])
        equal(workers(service), before, "no worker was restarted by a reload")
        service.extra = ""
    ok(wait_until(lambda: gone(before), "processes end"), "SIGTERM leaves no process")

with scratch() as folder:
    with Service(folder) as service:
        before = workers(service)
        service.process.send_signal(signal.SIGKILL)
        service.process.wait()
        ok(wait_until(lambda: gone(before), "processes end"), "SIGKILL of the supervisor leaves no process")
done()
