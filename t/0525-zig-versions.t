#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Fuzz tests of Zig 0.15 and later run as jobs: several tests and instances, restarts, finds
that instances share, inputs of crashes. What cannot be run says why."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from fuzzsup import *
from wire import *
import zig

VERSIONS = zig.later_versions()
VERSIONS = sorted({VERSIONS[0], VERSIONS[-1]})  # one of each protocol; 0.16 and 0.17 speak the same

# Speaks Zig's test protocol, as much as is asked of it; argv[1] says what it is.
FAKE = r'''#!/usr/bin/env python3
import os, struct, sys, time
what = sys.argv[1]

def say(tag, body=b""):
    os.write(1, struct.pack("<II", tag, len(body)) + body)

def hear():
    def read(size):
        data = b""
        while len(data) < size:
            data += os.read(0, size - len(data)) or sys.exit(0)
        return data
    tag, size = struct.unpack("<II", read(8))
    return tag, read(size)

if what == "silent":
    time.sleep(10 ** 6)
if what == "chatty":
    print("Test [1/1] all is well", flush=True)
    time.sleep(10 ** 6)
say(0, {"future": b"0.99.0-dev.1+abc"}.get(what, b"0.16.0"))
assert hear() == (4, b"")
names = b"one\0two\0"
say(3, struct.pack("<II4I", len(names), 2, 0, 4, 0, 0) + names)
tag, body = hear()
assert tag == 6
limit, instance, tests, size = struct.unpack_from("<BQII", body)
assert (limit, tests, size) == (0, 1, 3), body
test = body[17:20].decode()
if instance == 0:
    say(7, struct.pack("<QQQQ", 0x0409638ee2bde459 if what == "blind" else 1, 0, 0, 0))
    say(8, struct.pack("<Q", 0x1000))
say(9, struct.pack("<I", 0))
find = struct.pack("<I", 0) + f"{test} {instance}".encode()
say(10, find)
say(10, find + b"x" * 100000)
with open(f"heard-{test}-{instance}", "w") as file:
    while True:
        tag, body = hear()
        assert tag == 7 and body[:4] == bytes(4), (tag, body)
        file.write(f"{len(body)} {body[4:11].decode().strip('x')}\n")
        file.flush()
'''


def write_fake(folder):
    path = os.path.join(folder, "fake")
    with open(path, "w") as file:
        file.write(FAKE)
    os.chmod(path, 0o755)
    return path


def job(**keys):
    return dict(engine="zig", **keys)


def fake_target(fake, what, **keys):
    return Target(fake, None, [], jobs={what: job(command=[fake, what], **keys)})


def own_backend(folder):
    """An executable as Zig's own backend leaves it: without a PC table."""
    path, comment = os.path.join(folder, "own-backend"), os.path.join(folder, "comment")
    with open(comment, "wb") as file:
        file.write(b"zig 0.15.2\0")
    subprocess.run([CLANG, "-g", "-x", "c", "-", "-o", path], input=b"int main(void) { return 0; }", check=True)
    subprocess.run(["objcopy", "--update-section", ".comment=" + comment, path], check=True)
    return path


def functions_covered(service, target):
    return {entry["name"].split(".")[-1] for entry in service.get(f"/t/{target}/functions.json").json()["functions"] if entry["covered"] > 0}


def look_at_version(service, version):
    target = "zig-" + version
    new = version.split(".")[1] >= "16"
    name = f"all-{version}"
    service.wait_job(name, "running", what=lambda job: job["running"] == 3)
    service.wait_state(target, "live")
    wait_until(lambda: {"brackets", "digits"} <= functions_covered(service, target), f"Zig {version}: both tests reach what they test")
    ok(True, f"Zig {version}: three instances fuzz two tests, and coverage comes")
    follower = Follower(service.websocket("/", "fuzzsup.v1"), target)
    follower.until(lambda: len(follower.entries) >= 2)
    ok(True, f"Zig {version}: its tests are entry points")
    before = service.wait_job(name, what=lambda job: (job["executions"] or 0) > 0)["executions"]
    service.ctl("restart", name, check=True)
    after = service.wait_job(name, "running", what=lambda job: job["starts"] >= 6 and job["running"] == 3 and job["executions"] > before)
    ok(True, f"Zig {version}: executions are counted, over a restart, too: {before}, then {after['executions']}")

    wanted = "" if new else r"one test a process.*set instances = 2"
    entry = service.wait_job(f"few-{version}", "running", what=lambda job: re.search(wanted, job["reason"]))
    ok(new == (entry["reason"] == ""), f"Zig {version}: one instance, two tests: {entry['reason'] or 'both are fuzzed'}")
    log = service.get(f"/api/v1/jobs/{target}/few-{version}/log").text
    ok(re.search(r"Zig %s; fuzzes test 1, [a-z.]*brackets%s; its tests: 0 " % (re.escape(version), ", test 2, [a-z.]*digits" if new else ""), log), f"Zig {version}: its log names its tests", log)
    entry = service.wait_job(f"none-{version}", "failed")
    ok(re.search("there is no test 9: the executable has 4 tests", entry["reason"]), f"Zig {version}: {entry['reason']}")

    entry = service.wait_job(f"fails-{version}", what=lambda job: job["starts"] > 1)
    if not new:
        ok(True, f"Zig {version}: what fails is started again")
        return
    service.wait_job(f"fails-{version}", what=lambda job: (job["crashes"] or 0) > 0)
    artifacts = os.path.join(service.state, "jobs", target, f"fails-{version}", "artifacts")
    kept = [name for name in os.listdir(artifacts) if os.path.getsize(os.path.join(artifacts, name)) > 0]
    ok(kept, f"Zig {version}: the input of a crash is kept and counted", os.listdir(artifacts))


def refusals(service):
    for what, words in (("future", r"Zig 0\.99\.0-dev.*speaks the test protocol of Zig 0\.14 to 0\.17"),
                        ("chatty", r"not Zig's test protocol.*zig test"),
                        ("blind", r"no PC table.*\.use_llvm = true")):
        entry = service.wait_job(what, "failed")
        ok(re.search(words, entry["reason"]) and entry["starts"] == 1, f"{what}: failed at once, and for good: {entry['reason']}", entry)
    entry = wait_until(lambda: (lambda t: t if "PC table" in t["reason"] else None)(service.target("own-backend")), "the reason of a target without PCs")
    ok(re.search(r"Zig 0\.15\.2 .*\.use_llvm = true", entry["reason"]), f"a target that Zig's own backend made: {entry['reason']}")
    entry = service.wait_job("silent", "running", what=lambda job: job["reason"])
    ok(re.search("not said a word .* 10 s", entry["reason"]), f"silent: {entry['reason']}")


def heard(service, test, instance):
    path = os.path.join(service.state, "jobs", "shares", "shares", "work", f"heard-{test}-{instance}")
    if not os.path.exists(path):
        return set()
    with open(path) as file:
        return set(file.read().splitlines())


def sharing(service):
    """Five instances, two tests: 0, 2 and 4 fuzz the first, 1 and 3 the second."""
    for test, instances in (("one", 3), ("two", 2)):
        for instance in range(instances):
            wanted = {line for other in range(instances) if other != instance for line in (f"9 {test} {other}", f"100009 {test} {other}")}
            wait_until(lambda: heard(service, test, instance) >= wanted, f"instance {instance} of {test} hears {wanted}; it heard {heard(service, test, instance)}")
            equal(heard(service, test, instance), wanted, f"instance {instance} of test {test} is told what the others found, and nothing else")


with scratch() as folder:
    os.chmod(folder, 0o755)
    built = zig.build_later_tests(folder, os.path.join(SRC, "t", "targets", "several.zig"), VERSIONS)
    fake = write_fake(folder)
    targets = {what: fake_target(fake, what) for what in ("future", "chatty", "blind", "silent")}
    targets["shares"] = fake_target(fake, "shares", tests=[0, 1], instances=5)
    targets["own-backend"] = Target(own_backend(folder))
    with Service(folder, targets) as service:
        sharing(service)
        refusals(service)
    targets = {"zig-" + version: Target(executable, None, [os.path.join(SRC, "t", "targets")], jobs={
                   f"all-{version}": job(tests=[1, 2], instances=3), f"few-{version}": job(tests=[1, 2]),
                   f"none-{version}": job(tests=[9]), f"fails-{version}": job(tests=[3])})
               for version, executable in built().items()}
    with Service(folder, targets) as service:
        for version in VERSIONS:
            look_at_version(service, version)
    done()
