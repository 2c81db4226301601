#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Workers in the hands of an attacker: t/lib/taken_over.c, started by a real supervisor in
their place, tries what none of them may. As root, as an ordinary user, and in a user
namespace. What was seen is a table in ARCHITECTURE.md; `t/0720-sandbox.t --write` writes it
there."""
import contextlib
import os
import stat
import sys

sys.path.insert(0, os.path.join(os.environ.get("srcdir") or os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."), "t", "lib"))
import fuzzsup
from fuzzsup import *

WORKERS = ("symbolizer", "collector", "frontend", "archive")
ORDINARY = 54321  # nobody's uid
BEGIN, END = "<!-- printed by t/0720-sandbox.t: begin -->\n", "<!-- printed by t/0720-sandbox.t: end -->\n"
ACTS_MIN = 25

with open(os.path.join(BUILD, "config.h")) as file:
    if re.search(r"^#define WITH_SANITIZERS\b", file.read(), re.M):
        skip_all("sanitizers need what the sandbox denies; the release build runs it")


def copy_programs(folder):
    """Programs where any user may execute them, and the page's files where any may read them."""
    os.makedirs(os.path.join(folder, "real"))
    for name in ("fuzzsupd", "fuzzsupctl", *(f"fuzzsupd-{worker}" for worker in (*WORKERS, "runner"))):
        shutil.copy2(program(name), os.path.join(folder, "real", name))
    shutil.copy2(os.path.join(BUILD, "t", "lib", "taken_over"), os.path.join(folder, "taken_over"))
    shutil.copytree(web_folder(), os.path.join(folder, "web"))
    for worker in WORKERS:
        os.makedirs(os.path.join(folder, worker))
        for other in (*WORKERS, "runner"):
            os.symlink("../taken_over" if other == worker else f"../real/fuzzsupd-{other}", os.path.join(folder, worker, f"fuzzsupd-{other}"))
    fuzzsup.program = lambda name: os.path.join(folder, "real", name)


class World:
    """One way to start the service, with a folder for all that it needs."""

    def __init__(self, name, top, prefix, uid):
        self.name, self.prefix, self.top = name, prefix, top
        self.folder = os.path.join(top, name.replace(" ", "-"))
        os.makedirs(self.folder)
        self.secret = os.path.join(self.folder, "secret")
        for name in ("sources", "coverage", "state"):
            os.mkdir(os.path.join(self.folder, name))
            with open(os.path.join(self.folder, name, "file"), "w") as out:
                out.write("to be read")
        with open(self.secret, "w") as out:
            out.write("not to be read")
        for top, folders, files in os.walk(self.folder):
            for path in [top, *(os.path.join(top, file) for file in files)]:
                os.chown(path, uid, uid)

    def target(self):
        return Target(executable, os.path.join(self.folder, "coverage"), roots=[os.path.join(self.folder, "sources")],
                      jobs={"sleeper": {"engine": "command", "command": ["/bin/sleep", "1000"]}})

    def environment(self, worker):
        return {"FUZZSUPD_LIBEXEC": os.path.join(self.top, worker), "FUZZSUPD_WEB": os.path.join(self.top, "web"), "TAKEN_OVER_SECRET": self.secret}

    def user(self, worker):
        """Root of a user namespace has nobody else to become; the symbolizer has to say so."""
        return 'user = "root"' if self.name == "user namespace" and worker != "symbolizer" else ""

    def service(self, worker):
        return Service(self.folder, {"t": self.target()}, extra=self.user(worker), prefix=self.prefix, environment=self.environment(worker))

    def taken(self, worker):
        """What the taken-over worker said."""
        with self.service(worker) as service:
            service.wait_log("taken over: done", f"the taken-over {worker} is done")
            log = service.log()
        os.unlink(service.log_path)
        return log[:log.index("taken over: done")]

    def frames(self):
        done = subprocess.run([*self.prefix, os.path.join(self.top, "real", "fuzzsupctl"), "symbolize", executable, "0x1234"], capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=PATIENCE, env=dict(os.environ, **self.environment("symbolizer")))
        return done.stderr


class Seen:
    """What a taken-over worker said, as numbers."""

    def __init__(self, said):
        self.said = said
        self.acts = dict(re.findall(r"(?:^|: )act (.+): (refused|killed|nothing to try|GOT THROUGH|cannot be tried.*|died.*)$", said, re.M))
        self.rights = dict(re.findall(r"(?:^|: )may (.+): (yes|no|cannot be tried.*)$", said, re.M))
        self.seen = dict(re.findall(r"(?:^|: )seen (\w+):\s+(.*)$", said, re.M))

    def bad(self):
        return {name: end for name, end in self.acts.items() if end not in ("refused", "killed", "nothing to try")}

    def tried(self):
        return sum(end in ("refused", "killed") for end in self.acts.values())


def judge(world, worker, said):
    seen = Seen(said)
    equal(seen.bad(), {}, f"{world.name}: {worker}: nothing got through")
    ok(seen.tried() >= ACTS_MIN, f"{world.name}: {worker}: {seen.tried()} acts refused", said[-6000:])
    missing = re.findall(r"sandbox: (.*) is not available here", said, re.M)
    wanted = ["another user"] if world.name == "user namespace" and worker == "symbolizer" else []
    equal(sorted(set(missing)), wanted, f"{world.name}: {worker}: no layer is missing" + (f" but {wanted[0]}" if wanted else ""))
    if worker != "frames":
        equal(re.findall(r"own session: (\w+)", said), ["yes"], f"{world.name}: {worker}: has a session of its own")
    return seen


# ---- what /proc tells of the real ones ----

def status(pid):
    with open(f"/proc/{pid}/status") as file:
        return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)


def user_of(uid):
    return "root" if uid == "0" else "`user`"


def capabilities(mask):
    number = int(mask, 16)
    return "none" if number == 0 else "CAP_DAC_READ_SEARCH" if number == 1 << 2 else "all that root has"


def is_cut_off(path):
    above, here = os.stat(path + "/.."), os.stat(path + "/.")
    return (above.st_dev, above.st_ino) == (here.st_dev, here.st_ino)


def kind_of(path, number):
    mode, link = os.stat(path).st_mode, os.readlink(path)
    if stat.S_ISDIR(mode):
        if os.path.samefile(path, f"/proc/{path.split('/')[2]}/root"):
            return "its own folder"
        return "directories, cut off" if is_cut_off(path) else "directories that lead up"
    if stat.S_ISSOCK(mode):
        return "channel" if number == 3 else "edge" if number in (6, 7, 8) else "sockets"
    if stat.S_ISFIFO(mode):
        return "log pipe" if number in (1, 2) else "FIFOs"
    if link.startswith("/memfd:"):
        return link.split(":", 1)[1].split(" ")[0]
    if link.startswith("anon_inode:"):
        return link.split(":", 1)[1].strip("[]")
    return link if stat.S_ISCHR(mode) else "files"


def held_now(pid):
    folder, kinds = f"/proc/{pid}/fd", set()
    for number in map(int, os.listdir(folder)):
        with contextlib.suppress(FileNotFoundError):  # was closed meanwhile
            kinds.add(kind_of(f"{folder}/{number}", number))
    return kinds


def descriptors(pid):
    """Kinds of those that stay: a file is opened for moments."""
    kinds = held_now(pid)
    for _ in range(20):
        kinds &= held_now(pid)
    return sorted(kinds)


def shared_maps(pid):
    with open(f"/proc/{pid}/maps") as file:
        found = re.findall(r"^\S+ (r[-w])[-x]s .*/memfd:(\S+)", file.read(), re.M)
    return sorted({f"{name} {'read and written' if access == 'rw' else 'read'}" for access, name in found})


def is_empty_root(link):
    return link.endswith("(deleted)")


def row(name, about, acts):
    return [name, *about, acts]


def about(pid):
    of = status(pid)
    root = os.readlink(f"/proc/{pid}/root")
    return [user_of(of["Uid"].split("\t")[1]), capabilities(of["CapEff"]), "none" if of["NoNewPrivs"] == "1" else "may be gained",
            "empty" if is_empty_root(root) else "`state-dir/archive`" if root.endswith("/state/archive") else root, "by list" if of["Seccomp"] == "2" else "all"]


def markdown(head, rows):
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [head, ["---"] * len(head), *rows]) + "\n"


def real_rows(world):
    """Rows of the processes of a service that nobody has taken over."""
    rows = {}
    with world.service("real") as service:
        service.wait_state("t", "live", "stale", "ready")
        service.wait_job("sleeper")
        wait_until(lambda: all(any(word in name for name in shared_maps(service.worker("frontend"))) for word in ("live", "function-table", "block-table")),
                   "the front-end maps what it gets")
        for name in ("symbolizer", "collector", "frontend", "runner", "archive"):
            pid = service.worker(name)
            held, maps = descriptors(pid), shared_maps(pid)
            wrong = [kind for kind in held if "tty" in kind or "pts" in kind or ("lead up" in kind and name != "runner")]
            equal(wrong, [], f"{world.name}: the real {name} holds no terminal" + (", nor a directory that leads up" if name != "runner" else ""))
            with open(f"/proc/{pid}/stat") as file:
                equal(int(file.read().rsplit(")", 1)[1].split()[3]), pid, f"{world.name}: the real {name} leads a session of its own")
            rows[name] = [*about(pid), ", ".join(held), ", ".join(maps) or "nothing"]
    return rows


def report(rows, seen):
    """The tables for ARCHITECTURE.md, of what root saw."""
    titles = {"symbolizer": "symbolizer", "frames": "symbolizer for `fuzzsupctl symbolize`", "collector": "collector", "frontend": "front-end", "archive": "archive", "runner": "runner"}
    frames = seen["frames"].seen
    rows["frames"] = ["nobody" if frames["Uid"].split()[1] == "65534" else "the user's", capabilities(frames["CapEff"]), "none" if frames["NoNewPrivs"] == "1" else "may be gained",
                      "empty" if is_empty_root(frames["root"]) else frames["root"], "by list" if frames["Seccomp"] == "2" else "all",
                      "the user's 0 to 2, the executable, its channel; debug files", "nothing"]
    table = [[titles[name], *rows[name], f"{seen[name].tried()}, refused" if name in seen else "not tried: it may do what root may"] for name in titles]
    text = markdown(["process", "user", "capabilities", "new privileges", "root directory", "system calls", "descriptors", "shared memory", "forbidden acts"], table)
    names = list(next(iter(seen.values())).rights)
    text += "\n" + markdown(["may", *(titles[name] for name in seen)], [[right, *(seen[name].rights[right] for name in seen)] for right in names])
    return text


def compare(text):
    path = os.path.join(SRC, "ARCHITECTURE.md")
    with open(path) as file:
        whole = file.read()
    before, rest = whole.split(BEGIN, 1)
    told, after = rest.split(END, 1)
    if "--write" in sys.argv:
        with open(path, "w") as file:
            file.write(before + BEGIN + text + END + after)
        return
    equal(told, text, "ARCHITECTURE.md's table is what was seen; if it should be: t/0720-sandbox.t --write")


def test_mounts(top):
    """A detached mount holds what was mounted below it: of later ones the front-end is told."""
    folder = os.path.join(top, "mounts")
    inner = os.path.join(folder, "src", "sub")
    os.makedirs(inner)
    shutil.copy2(os.path.join(SRC, "t", "targets", "letters.c"), inner)
    built = build(os.path.join(folder, "letters"), [os.path.join(inner, "letters.c")], "-O1")
    address = "/t/t/src/src/sub/letters.c"
    service = Service(folder, {"t": Target(built, roots=[os.path.join(folder, "src")])}, prefix=["unshare", "-m"],
                      environment={"FUZZSUPD_LIBEXEC": os.path.join(top, "real"), "FUZZSUPD_WEB": os.path.join(top, "web")})
    with service:
        wait_until(lambda: service.get(address).text.startswith("/* SPDX"), "the source is served")
        inside = ["nsenter", "-t", str(service.process.pid), "-m"]
        subprocess.run([*inside, "mount", "-t", "tmpfs", "none", inner], check=True)
        subprocess.run([*inside, "sh", "-c", f"echo other >{inner}/letters.c"], check=True)
        wait_until(lambda: service.get(address).text == "other\n", "what was mounted below a source root is served")
        subprocess.run([*inside, "umount", inner], check=True)
        wait_until(lambda: service.get(address).text.startswith("/* SPDX"), "and what lay there, after it went")
        ok(True, "mounts below a source root come and go")


with scratch() as top:
    copy_programs(top)
    executable = build(os.path.join(top, "letters"), [os.path.join(SRC, "t", "targets", "letters.c")], "-O1")
    root = os.geteuid() == 0
    uid = ORDINARY if root else os.geteuid()
    drop = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "--"] if root else []
    worlds = []
    if root:
        worlds.append(World("root", top, [], 0))
        test_mounts(top)
    else:
        skip("as root", "the test does not run as root")
    can_enter = subprocess.run([*drop, "unshare", "-Ur", "true"], stderr=subprocess.DEVNULL).returncode == 0
    if can_enter:
        worlds.append(World("ordinary user", top, drop, uid))
        worlds.append(World("user namespace", top, [*drop, "unshare", "-Ur"], uid))
    else:
        skip("as an ordinary user, and in a user namespace", "user namespaces are not allowed here")
    for world in worlds:
        rows = real_rows(world)
        seen = {worker: judge(world, worker, world.taken(worker)) for worker in WORKERS}
        seen = {"symbolizer": seen["symbolizer"], "frames": judge(world, "frames", world.frames()), "collector": seen["collector"], "frontend": seen["frontend"], "archive": seen["archive"]}
        if world.name == "root":
            compare(report(rows, seen))
    done()
