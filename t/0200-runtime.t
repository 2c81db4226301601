#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The runtime in real libFuzzer targets: what it writes is what libFuzzer itself says, in
whatever way the target was built; and nothing that it meets makes a target fail."""
import os
import resource
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from runtime import *

def table_pcs(executable):
    """Link-time PCs of a target that was linked with -no-pie, as they stand in its file."""
    listing = subprocess.run(["readelf", "-SW", executable], text=True, capture_output=True, check=True).stdout
    offset, size = re.search(r"__sancov_pcs\s+PROGBITS\s+\w+\s+(\w+)\s+(\w+)", listing).groups()
    with open(executable, "rb") as file:
        file.seek(int(offset, 16))
        words = struct.unpack(f"<{int(size, 16) // 8}Q", file.read(int(size, 16)))
    return words[::2]


def check_run(name, executable, directory, code, log, processes=1):
    """One target, one file, and it says what libFuzzer says."""
    files = maps(directory)
    if not ok(code == 0 and len(files) == 1 and "fuzzsup:" not in log, f"{name}: runs and writes one coverage file", f"exit {code}, {files}\n{log}"):
        return
    n_runs, unique, bits, pcs = CoverageFile.read(files[0])
    cov, units = own_cov(log), executed(log)
    ok(popcount(bits) >= cov > 0, f"{name}: {popcount(bits)} of {len(pcs)} PCs, libFuzzer counts {cov}", log)
    ok(abs(n_runs - units) <= units / 10000, f"{name}: {n_runs} runs, libFuzzer executed {units} units")
    ok(0 < unique <= popcount(bits), f"{name}: {unique} runs were worth keeping")
    equal(leftovers(directory), [], f"{name}: no temporary file stays behind")
    beside = sidecar(files[0])
    equal((beside["fuzzsup-module"], beside["path"], beside["pcs"]), (["1"], [os.path.realpath(executable)], [str(len(pcs))]), f"{name}: the sidecar describes the module")


def archive(folder, sources):
    """As many build systems, and libfuzzer-sys, hand targets to the linker."""
    objects = []
    for source in sources:
        objects.append(os.path.join(folder, os.path.basename(source) + ".o"))
        subprocess.run([CLANG, "-g", "-O1", "-fsanitize=fuzzer-no-link", "-c", source, "-o", objects[-1]], check=True)
    output = os.path.join(folder, "libtarget.a")
    subprocess.run(["ar", "cr", output, *objects], check=True)
    return output


def variants(folder):
    demo = demo_sources()
    plus = CLANGXX
    source = os.path.join(folder, "plus.cc")
    with open(source, "w") as file:
        file.write('#include <cstddef>\n#include <cstdint>\n#include <map>\n#include <stdexcept>\n#include <string>\n'
                   'extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {\n'
                   '  std::string text(reinterpret_cast<const char *>(data), size);\n  std::map<char, int> counts;\n'
                   '  for (char c : text) counts[c]++;\n'
                   '  try {\n    if (text.size() > 3 && counts[text[0]] == 3) throw std::runtime_error("three");\n'
                   '  } catch (const std::exception &e) {\n    counts.clear();\n  }\n  return 0;\n}\n')
    lld = "-fuse-ld=lld-19" if shutil.which("ld.lld-19") else "-fuse-ld=lld"
    yield "-O1, PIE", build(os.path.join(folder, "o1"), demo, "-O1", "-lm")
    yield "-O2, -no-pie, lld", build(os.path.join(folder, "nopie"), demo, "-O2", "-no-pie", lld, "-lm")
    yield "-O2, GNU ld, stripped", build(os.path.join(folder, "stripped"), demo, "-O2", "-fuse-ld=bfd", "-s", "-lm")
    yield "AddressSanitizer, lld, RELR", build(os.path.join(folder, "asan"), demo, "-O1", "-fsanitize=address,undefined", lld, "-Wl,-z,pack-relative-relocs", "-lm")
    yield "MemorySanitizer", build(os.path.join(folder, "msan"), demo, "-O1", "-fsanitize=memory", "-lm")
    yield "UndefinedBehaviorSanitizer", build(os.path.join(folder, "ubsan"), demo, "-O1", "-fsanitize=undefined", "-lm")
    yield "ThreadSanitizer", build(os.path.join(folder, "tsan"), demo, "-O1", "-fsanitize=thread", "-lm")
    yield "full LTO", build(os.path.join(folder, "full"), demo, "-O2", "-flto", lld, "-lm")
    yield "thin LTO, collected sections", build(os.path.join(folder, "lto"), demo, "-O2", "-flto=thin", lld, "-ffunction-sections", "-Wl,--gc-sections", "-lm")
    yield "target in an archive, GNU ld", build(os.path.join(folder, "archive"), [archive(folder, demo)], "-O1", "-fuse-ld=bfd", "-lm")
    yield "target in an archive, lld", build(os.path.join(folder, "archive-lld"), [archive(folder, demo)], "-O1", lld, "-lm")
    yield "no build ID", build(os.path.join(folder, "noid"), demo, "-O1", "-Wl,--build-id=none", "-lm")
    rust = shutil.which("rustc")
    if rust:
        output = os.path.join(folder, "rust")
        passes = ["-Cpasses=sancov-module"] + [f"-Cllvm-args=-sanitizer-coverage-{word}" for word in ("level=4", "inline-8bit-counters", "pc-table")]
        subprocess.run([rust, "--edition=2021", "-g", "-O", "-Ccodegen-units=1", *passes, "-Clinker=" + CLANG, "-Clink-arg=-fsanitize=fuzzer",
                        "-Clink-arg=@" + runtime_response_file(), os.path.join(TARGETS, "counts.rs"), "-o", output], check=True)
        yield "Rust", output
    else:
        note("no rustc here: Rust is not tested")
    if shutil.which(plus):
        output = os.path.join(folder, "plus")
        subprocess.run([plus, "-g", "-O1", "-fsanitize=fuzzer", source, "-o", output, "@" + runtime_response_file()], check=True)
        yield "C++ with exceptions", output


def test_variants(folder):
    built = {}
    for name, executable in variants(folder):
        directory = fresh(folder)
        runs = RUNS // 10 if "Sanitizer" in name else RUNS
        code, log = fuzz(executable, directory, runs)
        check_run(name, executable, directory, code, log)
        built[name] = (executable, directory)
    return built


def test_exact(folder, nopie):
    """-no-pie: run-time PCs are link-time PCs, so libFuzzer's own list can be compared."""
    directory = fresh(folder)
    code, log = fuzz(nopie, directory, 5000, "-print_pcs=1", "-symbolize=0")
    _, _, bits, pcs = CoverageFile.read(maps(directory)[0])
    # By version, libFuzzer names a PC or the address behind it.
    said = {pc if pc in pcs else pc - 1 for pc in (int(word, 16) for word in re.findall(r"NEW_PC: (0x[0-9a-f]+)", log))}
    reached = {pcs[i] for i in set_bits(bits)}
    ok(code == 0 and len(said) > 5 and said <= reached, f"each of the {len(said)} PCs that libFuzzer names is set", sorted(map(hex, said - reached)))
    equal(pcs, table_pcs(nopie), "the PCs are the executable's table, in its order")


def test_choices(folder, branches):
    """Known functions: exactly those that an input reaches, and they add up."""
    directory = fresh(folder)
    inputs = {}
    for letter in "AB":
        inputs[letter] = os.path.join(folder, letter)
        with open(inputs[letter], "w") as file:
            file.write(letter + "…")
    code, log = run(branches, directory, inputs["A"])
    path = maps(directory)[0]
    equal((code, functions(branches, path)), (0, {"LLVMFuzzerTestOneInput", "on_a"}), "input A reaches what A reaches")
    first = CoverageFile.read(path)
    code, log = run(branches, directory, inputs["A"])
    second = CoverageFile.read(path)
    ok(second[0] > first[0] and second[1:3] == first[1:3], "once more: runs grow, unique runs do not", f"{first[:2]} {second[:2]}")
    run(branches, directory, inputs["B"])
    third = CoverageFile.read(path)
    equal(functions(branches, path), {"LLVMFuzzerTestOneInput", "on_a", "on_b"}, "input B adds what B reaches, in the same file")
    equal((third[1], len(maps(directory))), (second[1] + 1, 1), "that was one unique run more")
    wanted = subprocess.run(["nm", branches], text=True, capture_output=True, check=True).stdout
    address = int(re.search(r"^([0-9a-f]+) T LLVMFuzzerTestOneInput$", wanted, re.M).group(1), 16)
    entry = sidecar(path)["entry"][0].split()
    equal((int(entry[0], 16), entry[1], int(entry[0], 16) in third[3]), (address, "LLVMFuzzerTestOneInput", True), "the sidecar names the entry point by its link-time address")
    notes = subprocess.run(["readelf", "-n", branches], text=True, capture_output=True).stdout
    build_id = re.search(r"Build ID: ([0-9a-f]+)", notes)
    equal(sidecar(path).get("build-id"), [build_id.group(1)] if build_id else None, "and the build ID")


def test_builds_apart(folder):
    """Equal PCs but another build: a file of its own."""
    directory = fresh(folder)
    for letter in "12":
        output = os.path.join(folder, "build" + letter)
        build(output, [BRANCHES], "-O1", "-Wl,--build-id=0x" + letter * 16)
        fuzz(output, directory, 100)
    files = maps(directory)
    same = len({CoverageFile.read(f)[3] for f in files})
    equal((len(files), same), (2, 1), "two builds with equal PCs have a file each")


def test_library(folder):
    """An instrumented shared library is a module, and a file, of its own."""
    library, output = os.path.join(folder, "libbranches.so"), os.path.join(folder, "with_library")
    subprocess.run([CLANG, "-g", "-O1", "-fsanitize=fuzzer-no-link", "-shared", "-fPIC", "-o", library, os.path.join(TARGETS, "branches_library.c")], check=True)
    build(output, [BRANCHES], "-O1", "-DWITH_LIBRARY", library, "-Wl,-rpath," + folder)
    directory, chosen = fresh(folder), os.path.join(folder, "Lx")
    with open(chosen, "w") as file:
        file.write("Lx")
    code, log = run(output, directory, chosen)
    found = {sidecar(f)["path"][0]: f for f in maps(directory)}
    if ok(code == 0 and set(found) == {os.path.realpath(library), os.path.realpath(output)}, "a shared library has a file of its own", f"{found}\n{log}"):
        equal(functions(library, found[os.path.realpath(library)]), {"library_call", "in_library"}, "with what is reached in it")
        equal(functions(output, found[os.path.realpath(output)]), {"LLVMFuzzerTestOneInput"}, "and the executable's holds the executable's alone")
        ok("entry" not in sidecar(found[os.path.realpath(library)]), "the entry point stands with the module that holds it")


def test_later(folder):
    """A library that comes, and goes, while the target runs: what its first run reached is there."""
    library, output = os.path.join(folder, "liblater.so"), os.path.join(folder, "later")
    subprocess.run([CLANG, "-g", "-O1", "-fsanitize=fuzzer-no-link", "-shared", "-fPIC", "-o", library, os.path.join(TARGETS, "branches_library.c")], check=True)
    for sanitizer in ("", "address", "memory"):
        kind = sanitizer or "no sanitizer"
        # What libraries need of libFuzzer must be exported, as it is where they are linked.
        build(output, [BRANCHES], "-O1", "-rdynamic", *([f"-fsanitize={sanitizer}"] if sanitizer else []))
        directory, chosen = fresh(folder), os.path.join(folder, "D")
        with open(chosen, "w") as file:
            file.write("Dx")
        code, log = run(output, directory, chosen, environment={"LATER_LIBRARY": library})
        found = {sidecar(f)["path"][0]: f for f in maps(directory)}
        if ok(code == 0 and set(found) == {os.path.realpath(library), os.path.realpath(output)} and "fuzzsup:" not in log, f"a library loaded later has a file, too ({kind})", f"{found}\n{log}"):
            equal(functions(library, found[os.path.realpath(library)]), {"library_call", "in_library"}, f"with what the run that loaded it reached ({kind})")
    code, log = run(output, directory, "-runs=300", chosen, environment={"LATER_LIBRARY": library})
    found = {sidecar(f)["path"][0]: f for f in maps(directory)}
    # The bare run above, and what libFuzzer does before the first of -runs.
    runs = {path: CoverageFile.read(f)[0] for path, f in found.items()}
    ok(code == 0 and len(found) == 2 and min(runs.values()) >= 300, f"loaded in each run, it has one file and {runs}", log)
    directory = fresh(folder)
    code, log = run(output, directory, chosen, environment={"LATER_LIBRARY": "libz.so.1"})
    equal((code, len(maps(directory)), "fuzzsup:" in log), (0, 1, False), "a library without instrumentation is nothing to speak of")
    bare = os.path.join(folder, "libbare.so")
    subprocess.run(["objcopy", "--set-section-flags", "__sancov_pcs=alloc", "--rename-section", "__sancov_pcs=.data.gone", library, bare], check=True)
    code, log = run(output, fresh(folder), chosen, environment={"LATER_LIBRARY": bare})
    equal((code, "fuzzsup:" in log), (0, False), "nor is one that lost its PC table")


def test_processes(folder, executable):
    """Several processes add to one file; counts stay exact."""
    directory = fresh(folder)
    arguments = ["-runs=30000", "-max_len=128", "-print_final_stats=1"]
    pair = [start(executable, directory, *arguments, f"-seed={seed}", cwd=folder) for seed in (1, 2)]
    logs = [finish(process) for process in pair]
    ok((len(maps(directory)), [code for code, _ in logs]) == (1, [0, 0]), "two processes share one file", "\n".join(f"{code}: {log[-1500:]}" for code, log in logs))
    n_runs, unique, bits, pcs = CoverageFile.read(maps(directory)[0])
    total = sum(executed(log) for _, log in logs)
    ok(abs(n_runs - total) <= total / 10000, f"two processes: {n_runs} runs, libFuzzer executed {total}")
    ok(popcount(bits) >= max(own_cov(log) for _, log in logs), "two processes: no less than each one's cov")

    for seconds in (3, 12, 48):  # until one of its jobs has ended and was counted, however slow the machine is
        directory, corpus = fresh(folder), fresh(folder, "corpus")
        code, log = run(executable, directory, "-fork=2", f"-max_total_time={seconds}", "-max_len=128", "-seed=3", corpus)
        if own_cov(log) > 0:
            break
    n_runs, unique, bits, pcs = CoverageFile.read(maps(directory)[0])
    units = int(re.findall(r"^#(\d+): cov", log, re.M)[-1])
    ok(len(maps(directory)) == 1 and popcount(bits) >= own_cov(log) > 0 and n_runs >= units, f"-fork=2: {popcount(bits)} PCs, cov {own_cov(log)}; {n_runs} runs, at least the {units} of its jobs", log)
    equal((COMPLAINT.findall(log), leftovers(directory)), ([], []), "-fork=2: no complaint and nothing left behind")

    directory, inside = fresh(folder), fresh(folder, "jobs")
    code, log = run(executable, directory, "-jobs=2", "-workers=2", "-runs=5000", "-seed=4", "-print_final_stats=1", cwd=inside)
    total = 0
    for path in glob.glob(inside + "/fuzz-*.log"):
        with open(path, errors="replace") as file:
            total += executed(file.read())
    n_runs = CoverageFile.read(maps(directory)[0])[0]
    ok(code == 0 and abs(n_runs - total) <= total / 10000, f"-jobs=2: {n_runs} runs, libFuzzer executed {total}", log)

    directory = fresh(folder)
    together = [start(executable, directory, "-runs=50", "-seed=1", cwd=folder) for _ in range(12)]
    ends = [finish(process) for process in together]
    equal(([code for code, log in ends if code or "fuzzsup:" in log], len(maps(directory)), leftovers(directory)), ([], 1, []),
          "12 that start at the same moment agree on one file")


def test_killed(folder, executable):
    """kill -9 loses nothing that was counted, and the next one goes on."""
    directory = fresh(folder)
    process = start(executable, directory, "-runs=2000000000", "-seed=1", "-max_len=64", cwd=folder)
    path = wait_until(lambda: maps(directory), "the file")[0]
    wait_until(lambda: CoverageFile.read(path)[0] > 1000, "runs")
    process.kill()
    finish(process)
    before = CoverageFile.read(path)
    code, log = fuzz(executable, directory, 1000)
    after = CoverageFile.read(path)
    units = executed(log)
    equal(after[0] - before[0], units, "after kill -9 the next process counts on from there")
    ok(popcount(after[2]) >= popcount(before[2]), "and no bit is lost")


def test_doorbell(folder, demo, branches):
    directory = fresh(folder)
    bell = os.path.join(directory, ".wake")
    os.mkfifo(bell)
    reader = os.open(bell, os.O_RDONLY | os.O_NONBLOCK)
    code, log = fuzz(demo, directory, 3000)
    rings = os.read(reader, 65536)
    unique = CoverageFile.read(maps(directory)[0])[1]
    equal((code, len(rings)), (0, unique), "the doorbell rings once for each run that set a bit")
    fuzz(demo, directory, 3000)
    quiet = True
    try:
        quiet = os.read(reader, 65536) == b""
    except BlockingIOError:
        pass
    ok(quiet, "and stays quiet when nothing is new")

    directory = fresh(folder)
    os.mkfifo(os.path.join(directory, ".wake"))
    reader = os.open(os.path.join(directory, ".wake"), os.O_RDWR | os.O_NONBLOCK)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(reader, bytes(4096))
    code, log = fuzz(branches, directory, 3000)
    equal((code, executed(log) > 2999), (0, True), "a full doorbell holds nobody up")
    os.close(reader)
    code, log = fuzz(branches, directory, 3000)
    equal(code, 0, "nor does one that nobody reads")

    directory = fresh(folder)
    innocent = os.path.join(folder, "innocent")
    for kind in ("a regular file", "a symbolic link"):
        with open(innocent, "w") as file:
            file.write("mine")
        bell = os.path.join(directory, ".wake")
        if kind == "a regular file":
            os.rename(innocent, bell)
            innocent_now = bell
        else:
            os.unlink(bell)
            os.symlink(innocent, bell)
            innocent_now = innocent
        for file in maps(directory):
            os.unlink(file)
        code, log = fuzz(branches, directory, 1000)
        with open(innocent_now) as file:
            equal((code, file.read()), (0, "mine"), f"a doorbell that is {kind} is not written to")


def test_closed(folder, branches):
    """The target closes all descriptors, and their numbers come to mean another file."""
    directory, reused, corpus = fresh(folder), os.path.join(folder, "reused"), fresh(folder, "corpus")
    os.mkfifo(os.path.join(directory, ".wake"))
    for name, content in (("1", "C"), ("2", "A"), ("3", "B")):
        with open(os.path.join(corpus, name), "w") as file:
            file.write(content)
    code, log = run(branches, directory, os.path.join(corpus, "1"), os.path.join(corpus, "2"), os.path.join(corpus, "3"),
                    environment={"REUSED_FILE": reused})
    path = maps(directory)[0]
    equal((code, os.path.getsize(reused)), (0, 0), "a target that closes all descriptors finds nothing of ours in its files")
    ok({"on_a", "on_b"} <= functions(branches, path), "and stays visible")

    directory = fresh(folder)
    chosen = os.path.join(folder, "F")
    with open(chosen, "w") as file:
        file.write("F")
    once = run(branches, fresh(folder), chosen)
    directory = fresh(folder)
    code, log = run(branches, directory, "-runs=50", chosen)
    n_runs = CoverageFile.read(maps(directory)[0])[0]
    ok(code == 0 and 50 <= n_runs <= 52, f"a target that forks counts each run once ({n_runs})", log)


def complains(name, executable, directory, **options):
    """The target runs to its end, and one line says why it is not seen."""
    arguments = options.pop("arguments", ())
    code, log = fuzz(executable, directory, 1000, *arguments, **options)
    lines = [line for line in log.splitlines() if line.startswith("fuzzsup:")]
    ok(code == 0 and executed(log) >= 1000 and len(lines) == 1 and COMPLAINT.search(log), f"{name}: the target runs, one line says why it is not seen", f"exit {code}\n{log}")
    if lines:
        note(lines[0])
    return log


def as_nobody():
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)


def test_trouble(folder, branches):
    complains("no such directory", branches, os.path.join(folder, "not", "there"))
    plain = os.path.join(folder, "plain")
    with open(plain, "w"):
        pass
    complains("a file where the directory should be", branches, plain)
    complains("a path that is too long", branches, "/" + "x" * 5000)

    locked = fresh(folder)
    os.chmod(locked, 0o555)
    private = fresh(folder)
    complains("a directory that cannot be written", branches, locked, preexec_fn=as_nobody if os.geteuid() == 0 else None, cwd="/")
    if os.geteuid() == 0:
        os.chmod(private, 0o700)
        complains("a directory that cannot be entered", branches, private, preexec_fn=as_nobody, cwd="/")

    complains("no file may grow (RLIMIT_FSIZE)", branches, fresh(folder), preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100)))
    directory = fresh(folder)
    code, log = fuzz(branches, directory, 1000, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (4, 4)))
    ok(code == 0 and len(COMPLAINT.findall(log)) <= 1, "few descriptors: the target runs", log)

    bare = os.path.join(folder, "bare")
    objcopy = next((tool for tool in ("llvm-objcopy-19", "llvm-objcopy") if shutil.which(tool)), None)
    if objcopy:
        subprocess.run([objcopy, "--strip-sections", branches, bare], check=True)
        complains("no section headers", bare, fresh(folder))

    directory = fresh(folder)
    for environment in ({"FUZZSUP": "off"}, {"FUZZSUP_DIR": ""}):
        code, log = fuzz(branches, directory, 1000, environment=environment)
        equal((code, "fuzzsup:" in log, os.listdir(directory)), (0, False, []), f"{environment}: off in silence")


def test_bad_files(folder, branches):
    """What stands where the coverage file should be."""
    model = fresh(folder)
    fuzz(branches, model, 100)
    name = os.path.basename(maps(model)[0])
    with open(maps(model)[0], "rb") as file:
        good = file.read()
    count = struct.unpack_from("<Q", good, 16)[0]
    words = (count + 63) // 64
    other = bytearray(good)
    other[24 + 8 * words] ^= 1
    swollen = bytearray(good)
    swollen[16:24] = struct.pack("<Q", 1 << 61)
    contents = {"other PCs": bytes(other), "an empty file": b"", "a truncated file": good[:-8], "a longer file": good + bytes(8),
                "a length that overflows": bytes(swollen), "PCs that are zero": good[:24 + 8 * words] + bytes(8 * count)}
    for kind, content in contents.items():
        directory = fresh(folder)
        path = os.path.join(directory, name)
        with open(path, "wb") as file:
            file.write(content)
        complains(kind, branches, directory)
        with open(path, "rb") as file:
            ok(file.read() == content, f"{kind}: is left alone")
    makers = {"a FIFO": os.mkfifo, "a directory": os.mkdir, "a symbolic link": lambda path: os.symlink(maps(model)[0], path),
              "a dangling link": lambda path: os.symlink("/nowhere/at/all", path)}
    before = CoverageFile.read(maps(model)[0])[0]
    for kind, make in makers.items():
        directory = fresh(folder)
        make(os.path.join(directory, name))
        complains(kind, branches, directory)
    equal(CoverageFile.read(maps(model)[0])[0], before, "no link was followed")
    if os.geteuid() == 0:
        directory = fresh(folder)
        path = os.path.join(directory, name)
        with open(path, "wb") as file:
            file.write(good)
        os.chmod(path, 0o666)
        os.chown(path, 12345, 12345)
        complains("a file of somebody who could cut it under us", branches, directory)


def in_namespace(script, *arguments):
    """Runs sh in a mount namespace of its own, with an empty /tmp and /run; None if that is not allowed here."""
    command = ["unshare", "--mount", "--propagation", "private"] if os.geteuid() == 0 else ["unshare", "--user", "--map-root-user", "--mount"]
    probe = subprocess.run([*command, "mount", "-t", "tmpfs", "none", "/run"], capture_output=True)
    if probe.returncode != 0:
        return None
    return subprocess.run([*command, "sh", "-eu", "-c", script, "sh", *arguments], capture_output=True, text=True, errors="replace", stdin=subprocess.DEVNULL,
                          env={"PATH": os.environ["PATH"]})


def test_places(folder, branches):
    """Where files go when FUZZSUP_DIR is not set, without touching the machine's own."""
    home = tempfile.mkdtemp(prefix="fuzzsup-t-", dir="/var/tmp")
    os.chmod(home, 0o755)
    try:
        target = os.path.join(home, "branches")
        shutil.copy2(branches, target)
        prepare = 'mount -t tmpfs none /run; mount -t tmpfs -o mode=1777 none /tmp; cd /\n'
        fuzzing = '"$1" -runs=500 -seed=1 -print_final_stats=1 2>&1\n'
        result = in_namespace(prepare + fuzzing + 'stat -c "%a %u" /tmp/fuzzsup-0; ls /tmp/fuzzsup-0', target)
        if result is None:
            note("no mount namespaces here: default places and full disks are not tested")
            return
        ok(result.returncode == 0 and "fuzzsup:" not in result.stdout and re.search(r"^700 0\n[0-9a-f]{16}\n[0-9a-f]{16}\.module$", result.stdout, re.M),
           "without FUZZSUP_DIR: a private directory below /tmp", result.stdout)
        result = in_namespace(prepare + "mkdir -p /run/fuzzsupd/coverage\n" + fuzzing + "ls /run/fuzzsupd/coverage; ! ls /tmp/fuzzsup-0", target)
        ok(result.returncode == 0 and re.search(r"^[0-9a-f]{16}\.module$", result.stdout, re.M), "the service's own directory comes first", result.stdout)
        for kind, make in (("a symbolic link", "mkdir /tmp/else; ln -s else /tmp/fuzzsup-0"), ("open to all", "mkdir /tmp/fuzzsup-0; chmod 777 /tmp/fuzzsup-0")) + (
                (("somebody else's", "mkdir /tmp/fuzzsup-0; chown 1:1 /tmp/fuzzsup-0"),) if os.geteuid() == 0 else ()):
            result = in_namespace(prepare + make + "\n" + fuzzing + "ls -A /tmp/fuzzsup-0/", target)
            ok(result.returncode == 0 and len(COMPLAINT.findall(result.stdout)) == 1 and not re.search(r"^[0-9a-f]{16}$", result.stdout, re.M),
               f"a directory below /tmp that is {kind} is not used", result.stdout)
        for size in (4096, 8192, 12288):
            result = in_namespace(prepare + f'mkdir /run/full; mount -t tmpfs -o size={size} none /run/full; dd if=/dev/zero of=/run/full/.fill bs=4096 count={size // 4096 - 1} 2>/dev/null || :\n'
                                  'export FUZZSUP_DIR=/run/full\n' + fuzzing, target)
            ok(result.returncode == 0 and "stat::number_of_executed_units" in result.stdout, f"a full disk ({size} bytes) does not kill the target", result.stdout)
    finally:
        shutil.rmtree(home, ignore_errors=True)


with scratch() as folder:
    branches = build(os.path.join(folder, "branches"), [BRANCHES], "-O1")
    built = test_variants(folder)
    test_exact(folder, built["-O2, -no-pie, lld"][0])
    test_choices(folder, branches)
    test_builds_apart(folder)
    test_library(folder)
    test_later(folder)
    test_processes(folder, built["-O1, PIE"][0])
    test_killed(folder, built["-O1, PIE"][0])
    test_doorbell(folder, built["-O1, PIE"][0], branches)
    test_closed(folder, branches)
    test_trouble(folder, branches)
    test_bad_files(folder, branches)
    test_places(folder, branches)
done()
