# SPDX-License-Identifier: MIT
"""What the tests of the runtime share: running targets that are linked with it, and reading
what they leave."""
import glob
import itertools

from fuzzsup import *

TARGETS = os.path.join(SRC, "t", "targets")
BRANCHES = os.path.join(TARGETS, "branches.c")
COMPLAINT = re.compile(r"^fuzzsup: .*; this target is not visible to fuzzsupd$", re.M)
RUNS = 20000
numbers = itertools.count()


def fresh(folder, name="coverage"):
    path = os.path.join(folder, f"{name}-{next(numbers)}")
    os.mkdir(path)
    os.chmod(path, 0o777)
    return path


def start(executable, directory, *arguments, **options):
    environment = dict(os.environ, ASAN_OPTIONS="detect_leaks=0", UBSAN_OPTIONS="symbolize=0")
    environment.pop("FUZZSUP", None)
    environment.pop("FUZZSUP_DIR", None)
    if directory is not None:
        environment["FUZZSUP_DIR"] = directory
    environment.update(options.pop("environment", {}))
    return subprocess.Popen([executable, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                            stderr=subprocess.PIPE, text=True, errors="replace", env=environment, **options)


def finish(process):
    """(exit code, stderr)"""
    _, log = process.communicate(timeout=PATIENCE * 4)
    return process.returncode, log


def run(executable, directory, *arguments, **options):
    options.setdefault("cwd", os.path.dirname(executable))
    return finish(start(executable, directory, *arguments, **options))


def fuzz(executable, directory, runs=RUNS, *arguments, **options):
    return run(executable, directory, f"-runs={runs}", "-seed=1", "-max_len=128", "-print_final_stats=1", *arguments, **options)


def executed(log):
    return int(re.search(r"stat::number_of_executed_units:\s*(\d+)", log).group(1))


def own_cov(log):
    found = re.findall(r"cov: (\d+)", log)
    return int(found[-1]) if found else 0


def maps(directory):
    return sorted(f for f in glob.glob(glob.escape(directory) + "/*") if re.fullmatch("[0-9a-f]{16}", os.path.basename(f)))


def leftovers(directory):
    return [f for f in os.listdir(directory) if not re.fullmatch(r"[0-9a-f]{16}(\.module)?", f)]


def sidecar(path):
    """{key: [values]}"""
    found = {}
    with open(path + ".module") as file:
        for line in file.read().splitlines():
            key, value = line.split(" ", 1)
            found.setdefault(key, []).append(value)
    return found


def functions(executable, path):
    """Names of the functions of which some PC is set."""
    _, _, bits, pcs = CoverageFile.read(path)
    text = "\n".join(hex(pcs[i]) for i in set_bits(bits))
    if not text:
        return set()
    out = subprocess.run([SYMBOLIZER, "--obj=" + executable, "--no-inlines", "--functions=linkage"], input=text, text=True,
                         capture_output=True, check=True).stdout
    return {block.splitlines()[0] for block in out.strip().split("\n\n")}
