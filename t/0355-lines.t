#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What becomes of lines that hold every kind of way through code (t/targets/ways.cc), as the block table and the PCs tell it,
against llvm-cov on the same inputs, on x86-64 and on AArch64, which qemu runs. Where llvm-cov is wrong the source says so."""
import io
import os
import random
import re
import shutil
import subprocess
import sys
import tarfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from cross import *
from fuzzsup import *
from wire import SourceIndex
from symbolizer import elf_headers

SOURCES = [os.path.join(SRC, "t", "targets", name) for name in ("ways.cc", "ways_other.cc")]
HEADER = os.path.join(SRC, "t", "targets", "ways.hh")
FLAGS = ("-g", "-std=c++20", "-w")
BUILDS = {"-O0": (), "-O1": (), "-O1 with ASan": ("-fsanitize=address",), "-O1 with no-prune": ("-fsanitize-coverage=no-prune",), "-O2": ()}
ASAN = ("-fsanitize=address",)  # GCC's library, on AArch64
AARCH64_BUILDS = {"-O0": (), "-O1": (), "-O1 with ASan": ASAN, "-O1 with no-prune": ("-fsanitize-coverage=no-prune",), "-O2": (), "-O2 with branch protection": ("-mbranch-protection=standard",)}
STATED_MIN = 130  # lines of about 220 that llvm-cov takes for code; the optimizer leaves no more


def compile_ways(path, *flags):
    subprocess.run([CLANGXX, *FLAGS, "-fsanitize=fuzzer", *flags, *SOURCES, "-o", path], check=True)
    return path


def llvm_cov(folder, inputs):
    """Whether it says that a line ran, by (file, line)."""
    judge = compile_ways(os.path.join(folder, "judge"), "-O0", "-fprofile-instr-generate", "-fcoverage-mapping")
    raw, profile = judge + ".profraw", judge + ".profdata"
    subprocess.run([judge, "-runs=0", inputs], env=dict(os.environ, LLVM_PROFILE_FILE=raw), stderr=subprocess.DEVNULL, check=True)
    subprocess.run(["llvm-profdata-19", "merge", "-o", profile, raw], check=True)
    text = subprocess.run(["llvm-cov-19", "export", "-format=lcov", "-instr-profile=" + profile, judge], capture_output=True, text=True, check=True).stdout
    with open(os.path.join(folder, "judge.lcov"), "w") as file:
        file.write(text)
    return read_lcov(text)


def mend(truth):
    """Lines of which the source says that llvm-cov is wrong."""
    for path in SOURCES:
        with open(path) as source:
            for number, line in enumerate(source, 1):
                if found := re.search(r"llvm-cov: (missed|reached)", line):
                    truth[path, number] = found[1] == "missed"
    return truth


def coverage_file(executable):
    folder = executable + ".coverage"
    return os.path.join(folder, next(name for name in os.listdir(folder) if re.fullmatch("[0-9a-f]{16}", name)))


def ours(executable):
    """State of each line, by (file, line)."""
    told = subprocess.run([os.path.join(BUILD, "t", "lib", "tell_lines"), executable, coverage_file(executable)], capture_output=True, text=True, check=True)
    states = {}
    for line in told.stdout.splitlines():
        place, state = line.rsplit(" ", 1)
        path, number = place.rsplit(":", 1)
        states[os.path.normpath(path), int(number)] = state
    return states


def run_here(executable, inputs):
    """The executable, of which all inputs were run."""
    os.mkdir(executable + ".coverage")
    subprocess.run([executable, "-runs=0", inputs], env=dict(os.environ, FUZZSUP_DIR=executable + ".coverage"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    return executable


def run_on_aarch64(folder, name, flags, inputs):
    """The same; what libFuzzer would bring are stubs."""
    common = [name.split()[0], "-fPIC"]
    objects = [compile_for(folder, TRIPLE, source, *FLAGS, "-fsanitize=fuzzer-no-link", *common, *flags) for source in SOURCES]
    objects += [compile_for(folder, TRIPLE, os.path.join(TARGETS, source), *common) for source in ("stub_driver.c", "trace_stubs.c")]
    executable = os.path.join(folder, "aarch64" + name.replace(" ", ""))
    subprocess.run([TRIPLE + "-g++", *objects, *runtime_for(folder, TRIPLE), *(flags if flags == ASAN else ()), "-Wl,--build-id", "-o", executable], check=True)
    os.mkdir(executable + ".coverage")
    texts = []
    for entry in sorted(os.listdir(inputs)):
        with open(os.path.join(inputs, entry)) as file:
            texts.append(file.read())
    done = emulate(executable, "", *texts, FUZZSUP_DIR=executable + ".coverage", ASAN_OPTIONS="detect_leaks=0")
    if done.returncode != 0:
        raise RuntimeError(f"{executable}: {done}")
    return executable


def agree(name, states, truth, unknown="unknown is right, too"):
    """Each construct of the source, in one build; lines of which the source says @unknown need no state."""
    with open(SOURCES[0]) as file:
        lines = file.read().splitlines()
    open_lines = {(SOURCES[0], number) for number, line in enumerate(lines, 1) if re.search(unknown, line)}
    both = {line: state for line, state in states.items() if line in truth}
    wrong = [f"{os.path.basename(path)}:{number} {both[path, number]}" for path, number in both
             if both[path, number] != "unknown" and is_reached(both[path, number]) != truth[path, number]]
    ok(not wrong, f"{name}: no line is said to be what it is not", " ".join(wrong))
    open_now = [number for (path, number), state in both.items() if state == "unknown" and (path, number) not in open_lines]
    ok(not open_now, f"{name}: and each of them is known", open_now)
    ok(len(both) >= STATED_MIN, f"{name}: most lines have a state", f"{len(both)} of {len(truth)}")
    idle = next(number for number, line in enumerate(lines, 1) if line.startswith("never_called(")) + 2
    ok(states.get((SOURCES[0], idle)) == "idle", f"{name}: a function that was never entered is told from lines that were passed by")


def read_branches(text):
    """Which of the ways out of each line were taken, by (file, line); None for a line that nobody came to."""
    branches, file = {}, None
    for line in text.splitlines():
        if line.startswith("SF:"):
            file = os.path.normpath(line[3:])
        elif line.startswith("BRDA:"):
            number, _, _, taken = line[5:].split(",")
            branches.setdefault((file, int(number)), []).append(None if taken == "-" else taken != "0")
    return branches


def branches_agree(lcov, judge_lcov, wanted):
    """Lines with two ways out: a condition that llvm-cov, too, sees there as one."""
    branches, judge = read_branches(lcov), read_branches(judge_lcov)
    ok(set(branches) <= set(wanted) and all((None in ways) == (not wanted[line]) and len(ways) > 1 for line, ways in branches.items()), "ways are told of lines that have a state, and of those that were reached whether they were taken")
    with open(SOURCES[0]) as source:
        twice = {(SOURCES[0], number) for number, line in enumerate(source, 1) if "setjmp(" in line}  # of whose returns llvm-cov counts the first
    both = {line: (sorted(branches[line]), sorted(judge[line])) for line in branches if len(branches[line]) == len(judge.get(line, [])) == 2 and wanted[line] and line not in twice}
    wrong = [f"{os.path.basename(path)}:{number}: {both[path, number]}" for path, number in both if both[path, number][0] != both[path, number][1]]
    ok(len(both) > 15 and wrong == [], f"and each of {len(both)} conditions that llvm-cov sees as one was decided as it says", wrong)
    files = lcov.split("end_of_record\n")[:-1]
    counts = [(int(re.search(r"BRF:(\d+)", file)[1]), int(re.search(r"BRH:(\d+)", file)[1])) if "\nBRF:" in file else (0, 0) for file in files]
    equal(counts, [(file.count("\nBRDA:"), len(re.findall(r"(?m)^BRDA:.*,1$", file))) for file in files], "their sums are right")
    return tuple(map(sum, zip(*counts)))


def exports(service, folder, wanted, lcov):
    """The other formats, and what reads them."""
    data = json.loads(service.get("/t/ways/coverage.json").text)["data"][0]
    lines = {(file["filename"], line): count > 0 for file in data["files"] for line, _, count, known, begins, _ in file["segments"] if known and begins}
    equal(lines, wanted, "coverage.json has the same states")
    counts = (len(wanted), sum(wanted.values()))
    equal(tuple(data["totals"]["lines"][name] for name in ("count", "covered")), counts, "and their sums")
    ok(all((file["summary"]["lines"]["count"], file["summary"]["lines"]["covered"]) == (sum(path == file["filename"] for path, _ in wanted), sum(state for (path, _), state in wanted.items() if path == file["filename"])) for file in data["files"]), "of each file, too")
    equal(tuple(data["totals"]["functions"][name] for name in ("count", "covered")), (lcov.count("\nFNDA:"), lcov.count("\nFNDA:1,")), "and of functions")
    gaps = [segment for file in data["files"] for before, segment in zip(file["segments"], file["segments"][1:]) if segment[3] and before[3] and segment[0] != before[0] + 1]
    equal(gaps, [], "no count goes on over lines of which nothing is told")

    path = os.path.join(folder, "coverage.xml")
    with open(path, "w") as file:
        file.write(service.get("/t/ways/coverage.xml").text)
    script = "import sys, pycobertura; c = pycobertura.Cobertura(sys.argv[1]); print(c.total_statements(), c.total_hits(), c.line_rate(), *sorted(c.files()))"
    told = subprocess.run([os.path.join(os.environ.get("FUZZSUPD_TOOLS", os.path.join(SRC, "build-tools")), "python", "bin", "python"), "-c", script, path], capture_output=True, text=True)
    words = told.stdout.split()
    xml = service.get("/t/ways/coverage.xml").text
    partly = sum(taken != of for taken, of in re.findall(r'hits="1" branch="true" condition-coverage="\d+% \((\d+)/(\d+)\)"', xml))
    ok(tuple(map(int, words[:2])) == (counts[0], counts[1] - partly) and abs(float(words[2]) - counts[1] / counts[0]) < 1e-4 and words[3:] == sorted({name.lstrip("/") for name, _ in wanted}), "pycobertura reads coverage.xml", told)

    path = os.path.join(folder, "coverage.lcov")
    with open(path, "w") as file:
        file.write(lcov)
    told = subprocess.run(["genhtml", "-q", "--legend", "--branch-coverage", "-o", os.path.join(folder, "html"), path], capture_output=True, text=True)
    ok(told.returncode == 0 and os.path.isfile(os.path.join(folder, "html", "index.html")), "genhtml reads coverage.lcov", told)
    with open(os.path.join(folder, "judge.lcov")) as file:
        found, hit = branches_agree(lcov, file.read(), wanted)
    equal((data["totals"]["branches"]["count"], data["totals"]["branches"]["covered"]), (found, hit), "coverage.json sums up the same ways")
    pairs = [tuple(map(int, pair)) for pair in re.findall(r'branch="true" condition-coverage="\d+% \((\d+)/(\d+)\)"', xml)]
    ok((sum(pair[1] for pair in pairs), sum(pair[0] for pair in pairs)) == (found, hit) and f'branches-covered="{hit}" branches-valid="{found}"' in xml, "and so does coverage.xml", pairs)
    with open(os.path.join(folder, "html", "index.html")) as file:
        page = re.sub(r"<[^>]*>|&nbsp;", " ", file.read())
    ok(re.search(rf"Branches:\s+(?:{hit}\s+{found}|[\d.]+\s*%\s+{found}\s+{hit})\b", page), "and counts ways as we do", re.findall(r"Branches:[\s\d.%]*", page))
    ok(re.search(rf"Lines:\s+(?:{counts[1]}\s+{counts[0]}|[\d.]+\s*%\s+{counts[0]}\s+{counts[1]})\b", page), "and lines", re.findall(r"Lines:[\s\d.%]*", page))
    wait_until(lambda: (lambda entry: (entry["lines"], entry["lines_reached"]) == counts)(service.target("ways")), f"the API's count; {service.target('ways')}, {counts}")
    ok(True, "and so does the API, which counts in the background")
    equal([service.get(f"/t/none/coverage.{name}").status for name in ("json", "xml")], [404, 404], "of no target there is none of them")


def commands(service, folder):
    """fuzzsupctl export."""
    for name, path in (("lcov", "lcov"), ("json", "json"), ("cobertura", "xml")):
        told = service.ctl("export", "--format", name, "ways")
        same = service.get(f"/t/ways/coverage.{path}").text
        ok(told.returncode == 0 and re.sub(r'timestamp="\d+"', "", told.stdout).strip() == re.sub(r'timestamp="\d+"', "", same).strip() and len(same) > 1000, f"fuzzsupctl export --format {name}", (told.stderr, told.stdout[:300], same[:300]))
    equal(service.ctl("export", "ways").stdout, service.get("/t/ways/coverage.lcov").text, "without --format it is lcov")
    told = service.ctl("export", "none")
    ok(told.returncode == 1 and "target none: 404" in told.stderr and told.stdout == "", "of no target there is nothing, which is said", told)
    told = service.ctl("export", "--format", "gcov", "ways")
    ok(told.returncode == 2 and "lcov, json and cobertura" in told.stderr, "a format that there is not", told)
    with open("/dev/full", "w") as full:
        told = subprocess.run([program("fuzzsupctl"), "-s", service.control, "export", "ways"], stdout=full, stderr=subprocess.PIPE, text=True)
    ok(told.returncode == 1 and "No space left" in told.stderr, "what cannot be written is said", told)


def inlined_alone(folder):
    """A header of which no PC is: its lines are seen where they were inlined, and it is a file like others."""
    with open(os.path.join(folder, "only.h"), "w") as file:
        file.write('static inline __attribute__((always_inline, no_sanitize("coverage"))) int\nonly(int x)\n{\n\treturn x * 7 + 3;\n}\n')
    with open(os.path.join(folder, "user.c"), "w") as file:
        file.write('#include <stddef.h>\n#include "only.h"\nvolatile int sink;\nint LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)\n{\n\tif (size > 3)\n\t\tsink = only(data[0]);\n\treturn 0;\n}\n')
    executable = build(os.path.join(folder, "user"), [os.path.join(folder, "user.c")], "-O1")
    os.utime(os.path.join(folder, "user.c"), (time.time() + 100, time.time() + 100))
    return executable


def sources_change(service, folder):
    """People edit and clean below a fuzzer that runs: lines stay what they were of, and who takes them is told."""
    header, before = os.path.join(folder, "only.h"), service.get("/t/alone/coverage.lcov").text
    kept, at = open(header).read(), os.stat(header).st_mtime_ns
    told = lambda: {key: service.target("alone")[key] for key in ("sources_changed", "sources_missing")}
    with open(header, "w") as file:
        file.write("/* a line more */\n" + kept)
    export = service.ctl("export", "alone")
    ok("built: 2;" in export.stderr and export.stdout == before, "an edited source is told with the next export, whose lines stay what they were", (export.stderr, export.stdout, before))
    wait_until(lambda: told() == {"sources_changed": 2, "sources_missing": 0}, lambda: f"the API's say: {told()}")
    os.remove(header)
    export = service.ctl("export", "alone")
    ok("that are not there: 1;" in export.stderr and "built: 1;" in export.stderr and export.stdout == before, "and one that was cleaned away", (export.stderr, export.stdout))
    wait_until(lambda: told() == {"sources_changed": 1, "sources_missing": 1}, lambda: f"the API's say: {told()}")
    with open(header, "w") as file:
        file.write(kept)
    os.utime(header, ns=(at, at))
    ok("not there" not in service.ctl("export", "alone").stderr, "until it is back")


def alone_header(service, entry, text):
    """Everywhere where files are."""
    index = SourceIndex(service.get("/t/alone/index.bin").body)
    header = next((path for path in index.paths() if path.endswith("/only.h")), None)
    ok(header and not [1 for file, _, _ in index.locations if file < len(index.files) and index.paths()[file] == header] and entry["files"] == len(index.files),
       "a file that inlined code alone names is in the index, without a PC", (header, entry))
    names = tarfile.open(fileobj=io.BytesIO(service.get("/t/alone/sources.tar").body)).getnames()
    ok(header in names and b"return x * 7" in service.get(f"/t/alone/src/{header}").body, "in sources.tar, and by itself", names)
    counts = re.search(r"SF:\S*/only\.h\n(?:.*\n)*?LF:(\d+)", text)
    ok(counts and int(counts[1]) >= 1 and text.count("\nDA:") == entry["lines"] > 3, "and its lines are counted by the export, and by the API", (entry, text))


def functions_count_lines(service, text):
    """Lines of each function are those that the export has of it."""
    answer = service.get("/t/ways/functions.json").json()
    totals, lines = answer["totals"], read_lcov(text)
    equal((totals["lines"] + totals["lines_elsewhere"], totals["lines_reached"] + totals["lines_reached_elsewhere"]), (len(lines), sum(lines.values())),
          "functions.json counts each line once, and what is of no function")
    ok(totals["lines"] > 0.9 * len(lines), "which is little", totals)
    begins = {int(line): name for line, name in re.findall(r"(?m)^FN:(\d+),(\S+)$", text.split("end_of_record")[0])}
    entered = {name: taken == "1" for taken, name in re.findall(r"(?m)^FNDA:(\d),(\S+)$", text)}
    functions = {one["symbol"]: one for one in answer["functions"]}
    wrong = {name: (functions[name]["state"], entered[name]) for name in entered if (functions[name]["state"] != "uncovered") != entered[name]}
    ok(entered and not wrong, f"{len(entered)} functions are entered as the export says", wrong)
    path = os.path.normpath(re.search(r"SF:(.*)", text)[1])
    starts = sorted(begins) + [1 << 30]
    compared, wrong = 0, []
    for start, end in zip(starts, starts[1:]):
        one = functions[begins[start]]
        inside = [state for (file, line), state in lines.items() if file == path and start <= line < end]
        # What stands behind a function, and was inlined elsewhere, may be another's.
        if one["lines"] == len(inside):
            compared += 1
            if one["lines_reached"] != sum(inside):
                wrong.append((one, inside))
    ok(compared > len(begins) // 2 and not wrong, f"and the lines of {compared} of {len(begins)} are those between its first and the next one's", wrong)
    states = {one["state"]: one for one in answer["functions"]}
    ok(all(one["lines_reached"] == one["lines"] and one["lines_partly"] == 0 for one in answer["functions"] if one["state"] == "covered" and one["lines"]) and
       all(one["lines_reached"] < one["lines"] or one["lines_partly"] for one in answer["functions"] if one["state"] == "partial" and one["lines"]) and set(states) == {"uncovered", "partial", "covered"},
       "whole is what has no line and no way left", states)
    return len(lines), sum(lines.values())


def excluded_files(service, wanted):
    """What source-exclude names is in no sum, and in no export."""
    rest = {place: state for place, state in wanted.items() if not os.path.basename(place[0]).startswith("ways_other")}
    wait_until(lambda: (lambda entry: (entry["lines"], entry["lines_reached"]) == (len(rest), sum(rest.values())))(service.target("apart")), f"the API's count without it: {service.target('apart')}, {len(rest)}")
    equal(read_lcov(service.get("/t/apart/coverage.lcov").text), rest, f"excluded files are not exported, nor counted: {len(wanted) - len(rest)} lines")
    totals = json.loads(service.get("/t/apart/coverage.json").text)["data"][0]["totals"]["lines"]
    ok(totals["count"] == len(rest) < len(wanted), "nor are they in sums", totals)
    answer, whole = (service.get(f"/t/{target}/functions.json").json() for target in ("apart", "ways"))
    totals = answer["totals"]
    others = {one["symbol"] for one in whole["functions"] if os.path.basename(one["file"] or "").startswith("ways_other")}
    equal((totals["lines"] + totals["lines_elsewhere"], totals["lines_reached"] + totals["lines_reached_elsewhere"]), (len(rest), sum(rest.values())), "functions.json counts lines without them")
    ok(others and {one["symbol"] for one in whole["functions"]} - others == {one["symbol"] for one in answer["functions"]} and totals["functions_excluded"] == len(others)
       and totals["functions"] == len(answer["functions"]) and totals["pcs"] == sum(one["pcs"] for one in answer["functions"]), "and has none of their functions", (totals, others))


def status_counts_lines(service, found, hit):
    """fuzzsupctl status."""
    told = lambda: next(one for one in json.loads(service.ctl("targets", "--json").stdout)["targets"] if one["name"] == "ways")
    wait_until(lambda: (told()["lines"], told()["lines_reached"]) == (found, hit), f"fuzzsupctl's count: {told()}, {found}, {hit}")
    entry = service.target("ways")
    equal((told()["pcs"], told()["covered"]), (entry["pcs"], entry["covered"]), "fuzzsupctl counts lines and PCs as the API")
    line = next(line for line in service.ctl("status").stdout.splitlines() if line.startswith("ways"))
    ok(re.search(rf"\b{hit}\s+{found} lines\s+{int(1000 * hit / found) / 10}%", line), f"and shows lines: {line}")


CALLS = """#include <stddef.h>
volatile int sink;
static inline __attribute__((always_inline)) int
inner(int x)
{
	return x * 3 + 1;
}
int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	int a = size > 0 ? data[0] : 0;

	sink =
	    inner(a);
	if (size > 100)
		sink =
		    inner(a + sink);
	return 0;
}
"""


def call_lines(folder, inputs):
    """A line that does nothing but call what was inlined has no row in the line table, and runs all the same."""
    source = os.path.join(folder, "calls.c")
    with open(source, "w") as file:
        file.write(CALLS)
    for version in ("-gdwarf-4", "-gdwarf-5"):
        executable = build(os.path.join(folder, "calls" + version), [source], "-O1", version)
        rows = subprocess.run(["llvm-dwarfdump-19", "--debug-line", executable], capture_output=True, text=True).stdout
        line = CALLS[:CALLS.index("    inner(a);")].count("\n") + 1
        ok(rows and not re.search(rf"(?m)^0x[0-9a-f]+ +{line} ", rows), f"{version}: no instruction is told of such a line")
        states = ours(run_here(executable, inputs))
        equal([states.get((source, number)) for number in (line, line + 2, line + 3)], ["reached", "missed", "missed"], f"{version}: it was reached where its callee's code was, and not where that was not")


# Two units that have one function, and list their files in another order: the linker keeps one of the two.
SHARED = {
    "never.h": "volatile extern int sink;\ninline int never(int x)\n{\n\treturn x / 3 + sink;\n}\n",
    "inner.h": "static inline __attribute__((always_inline)) int inner(int x) { return x * 7 + 1; }\n",
    "shared.h": "#include \"inner.h\"\n__attribute__((noinline)) inline int shared(int x)\n{\n\treturn inner(x);\n}\n",
    "first.cc": "#include \"never.h\"\n#include \"shared.h\"\nint other(int x);\nvolatile int sink;\nint (*volatile keep)(int) = never;\n"
                "extern \"C\" int\nLLVMFuzzerTestOneInput(const unsigned char *, unsigned long size)\n{\n\tsink = shared((int)size) + other((int)size);\n\treturn 0;\n}\n",
    "second.cc": "#include \"shared.h\"\nint other(int x) { return shared(x + 1); }\n",
}


def of_units(folder, name, texts, inputs):
    """States of the lines of all texts, by DWARF version; the units are linked by what the compiler takes by itself."""
    folder = os.path.join(folder, name)
    os.mkdir(folder)
    for file_name, text in texts.items():
        with open(os.path.join(folder, file_name), "w") as file:
            file.write(text)
    sources = [os.path.join(folder, file_name) for file_name in texts if file_name.endswith(".cc")]
    for version in ("-gdwarf-4", "-gdwarf-5"):
        executable = os.path.join(folder, name + version)
        subprocess.run([CLANGXX, "-g", version, "-O1", "-fsanitize=fuzzer", *sources, "@" + runtime_response_file(), "-o", executable], check=True)
        yield version, {f"{os.path.basename(path)}:{line}": state for (path, line), state in ours(run_here(executable, inputs)).items()}


def units_share(folder, inputs):
    """What a unit says of a copy of its own, which the linker dropped, names files as that unit does."""
    for version, states in of_units(folder, "shared", SHARED, inputs):
        equal([states.get(place) for place in ("shared.h:4", "never.h:4")], ["reached", "idle"], f"{version}: a function of two units is told by one's files")


# Two units that have one function, in which another was inlined: of both the linker makes one, of which each tells.
TWINS = {
    "twins.h": "extern volatile int sink;\nstatic inline __attribute__((always_inline)) int helper(int x)\n{\n\tif (x >= 0)\n\t\treturn sink + x;\n"
               "\tsink = sink * x;\n\tsink = sink + 3;\n\treturn sink;\n}\ninline __attribute__((noinline)) int outer(int x)\n{\n\tsink = 4;\n\treturn helper(x) + 1;\n}\n",
    "one.cc": "#include \"twins.h\"\nint other(int x);\nvolatile int sink;\nextern \"C\" int\nLLVMFuzzerTestOneInput(const unsigned char *, unsigned long size)\n{\n\tsink = outer((int)size);\n"
              "\treturn size > 77 ? other(3) * 0 : 0;\n}\n",
    "two.cc": "#include \"twins.h\"\nint other(int x) { return outer(x) * 2; }\n",
}


def units_twin(folder, inputs):
    """What two units tell of one copy has lost nothing."""
    for version, states in of_units(folder, "twins", TWINS, inputs):
        equal([states.get(f"twins.h:{line}") for line in (6, 7, 8)], ["missed"] * 3, f"{version}: nor is it there twice")


# The then-block of line 5 ends in a jump that is told to be of line 9, where the else-block is; line 7's has nothing else.
JUMPS = """	.text
	.globl picks
	.type picks,@function
picks:
	.file 0 "%s" "jumps.txt"
	.loc 0 3
	.cfi_startproc
	incb c0(%%rip)
	testl %%edi, %%edi
	.loc 0 4
	je .Lother
.Lthen:
	.loc 0 5
	incb c1(%%rip)
	.loc 0 0
	movl $1, %%eax
	.loc 0 9
	jmp .Lend
.Lother:
	.loc 0 6
	testl %%esi, %%esi
	jne .Llast
.Lnone:
	incb c2(%%rip)
	.loc 0 7
	jmp .Lend
.Llast:
	.loc 0 9
	incb c3(%%rip)
	movl $2, %%eax
.Lend:
	.loc 0 11
	ret
	.cfi_endproc
	.size picks, .-picks
	.section __sancov_cntrs,"aw",@progbits
c0:	.byte 0
c1:	.byte 0
c2:	.byte 0
c3:	.byte 0
	.section __sancov_pcs,"aw",@progbits
	.p2align 3
	.quad picks, 1, .Lthen, 0, .Lnone, 0, .Llast, 0
	.section .note.GNU-stack,"",@progbits
"""
PICKS = """int picks(int x, int y);
volatile int sink;
int
LLVMFuzzerTestOneInput(const unsigned char *data, unsigned long size)
{
	if (size == 1 && data[0] < 4)
		sink = picks(data[0] & 1, data[0] & 2);
	return 0;
}
"""


def jumps_alone(folder):
    """What compilers make one of two places may end in the jump of the one that did not run."""
    if os.uname().machine != "x86_64":
        skip("a jump that is told to be of another line", "its machine code is x86-64's")
        return
    sources = {"picks.c": PICKS, "picks.s": JUMPS % folder}
    for name, text in sources.items():
        with open(os.path.join(folder, name), "w") as file:
            file.write(text)
    # Its runs are of what the first does, and of what the third does.
    for name, values, lines in (("then", (1,), "RRMMU"), ("none", (0, 1), "RRRRU"), ("last", (2,), "RMRMR")):
        inputs = os.path.join(folder, "picks." + name)
        os.mkdir(inputs)
        for value in values:
            with open(os.path.join(inputs, str(value)), "wb") as file:
                file.write(bytes([value]))
        executable = build(os.path.join(folder, "picks-" + name), [os.path.join(folder, "picks.c"), os.path.join(folder, "picks.s")], "-O1")
        states = ours(run_here(executable, inputs))
        told = "".join({"missed": "M", "idle": "M", "unknown": "U", None: " "}.get(states.get((os.path.join(folder, "jumps.txt"), line)), "R") for line in (3, 5, 6, 7, 9))
        equal(told, lines, f"a jump alone leaves open what became of a line that has more elsewhere ({name})")


# Of the copy that runs nothing is left of line 6, whose answer is known there; the other one never runs.
FOLDED = """#include <stddef.h>
volatile int sink;
static inline __attribute__((always_inline)) int
clamp(int x)
{
	if (x < 0)
		x = sink;
	return x + 3;
}
int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	(void)data;
	sink = clamp((int)(size & 7));
	if (size > 100)
		sink = clamp(sink);
	return 0;
}
"""


def copies_fold(folder, inputs):
    """What a copy that was begun has lost was executed where it goes on; but not what something decides on."""
    source = os.path.join(folder, "folded.c")
    with open(source, "w") as file:
        file.write(FOLDED)
    for version in ("-gdwarf-4", "-gdwarf-5"):
        states = ours(run_here(build(os.path.join(folder, "folded" + version), [source], "-O1", version), inputs))
        equal([states.get((source, line)) for line in (6, 7, 8, 16)], ["reached", "missed", "reached", "missed"], f"{version}: what a copy has lost that goes on was executed there")


# Each small function is inlined where it is called; the second call never runs, nor does what nobody calls.
COUNTED = """#![no_main]
pub struct Pair { a: u8, b: u8 }
#[no_mangle]
fn first(pair: &Pair) -> u8 { pair.a + 1 }
#[no_mangle]
fn last(pair: &Pair) -> u8 { pair.b + 1 }
#[no_mangle]
fn nobody(pair: &Pair) -> u8 { first(pair) + 1 }
#[no_mangle]
pub extern "C" fn LLVMFuzzerTestOneInput(_data: *const u8, size: usize) -> i32 {
    let pair = Pair { a: size as u8, b: 2 };
    if size > 100 {
        return last(&pair) as i32;
    }
    unsafe { std::ptr::write_volatile(&mut 0, first(&pair)) };
    0
}
"""
SANCOV = ["-sanitizer-coverage-level=4", "-sanitizer-coverage-inline-8bit-counters", "-sanitizer-coverage-pc-table", "-sanitizer-coverage-prune-blocks=0"]


def counted_first(folder, inputs):
    """Where counters were put in before anything was inlined, who never counted never ran: nothing is open of small functions."""
    rustc = shutil.which("rustc", path="/usr/bin") or shutil.which("rustc")
    if not rustc:
        return skip("what is counted before it is inlined", "rustc is missing")
    source, executable = os.path.join(folder, "counted.rs"), os.path.join(folder, "counted-rust")
    with open(source, "w") as file:
        file.write(COUNTED)
    subprocess.run([rustc, "--edition=2021", "-g", "-Copt-level=1", "-Ccodegen-units=1", "-Cno-prepopulate-passes", "-Cpasses=sancov-module", "-Cpasses=default<O1>",
                    *("-Cllvm-args=" + word for word in SANCOV), "-Clinker=" + CLANG, "-Clink-arg=-fsanitize=fuzzer", "-Clink-arg=@" + runtime_response_file(), source, "-o", executable], check=True)
    states = ours(run_here(executable, inputs))
    told = {line: states.get((source, line)) for line in (4, 6, 8, 12, 13, 15)}
    equal(told, {4: "reached", 6: "missed", 8: "idle", 12: "partly", 13: "missed", 15: "reached"}, "counted before it was inlined, as README advises for Rust: each function is known")


LAMBDA = """volatile int sink;
extern "C" int
LLVMFuzzerTestOneInput(const unsigned char *, unsigned long size)
{
	auto never = [](int x) { return x - 1; };

	if (size > 100)
		sink = never(1);
	return 0;
}
"""


def lambda_target(folder, inputs):
    """One whose only line is also part of who makes it."""
    source = os.path.join(folder, "lambda.cc")
    with open(source, "w") as file:
        file.write(LAMBDA)
    executable = os.path.join(folder, "lambda")
    subprocess.run([CLANGXX, *FLAGS, "-fsanitize=fuzzer", "-O0", source, "@" + runtime_response_file(), "-o", executable], check=True)
    return run_here(executable, inputs)


def never_entered(service):
    wait_until(lambda: service.target("lambda")["lines"], "its count")
    functions = {one["symbol"]: one["state"] for one in service.get("/t/lambda/functions.json").json()["functions"]}
    never = next(name for name in functions if name.endswith("clEi"))
    text = service.get("/t/lambda/coverage.lcov").text
    ok(functions[never] == "uncovered" and f"FNDA:0,{never}\n" in text and f"DA:{LAMBDA[:LAMBDA.index('auto never')].count(chr(10)) + 1},1\n" in text,
       "a function whose code never ran was never entered, though its line is part of another's runs", (functions, text))


READ_FOR_LINES = (".debug_info", ".debug_abbrev", ".debug_rnglists", ".debug_addr", ".debug_str_offsets", ".debug_line", ".eh_frame", ".gcc_except_table", ".text", ".rodata", ".plt", "__sancov_pcs")


def damaged(folder, whole, what):
    """What else is read of an executable than for locations: each damage is survived, and lines are told or refused."""
    path, rng, file = os.path.join(folder, "bad"), random.Random(355), coverage_file(whole)
    with open(whole, "rb") as source:
        good = source.read()
    headers = elf_headers(good)
    places = [headers[name][1:] for name in READ_FOR_LINES if name in headers]
    told, wrong, count = 0, [], int(os.environ.get("CORRUPTIONS", "80"))
    for case in range(count):
        bad = bytearray(good)
        for _ in range(rng.choice((1, 2, 8, 64))):
            start, size = rng.choice(places)
            at = start + rng.randrange(size)
            value = rng.choice((bytes([bad[at] ^ 1 << rng.randrange(8)]), b"\0", b"\xff", b"\x80", b"\xff" * 4, b"\0" * 4, b"\xff\xff\xff\x7f", rng.randbytes(4)))
            bad[at:at + len(value)] = value
        with open(path, "wb") as output:
            output.write(bad[:len(good)])
        done = subprocess.run([os.path.join(BUILD, "t", "lib", "tell_lines"), path, file, "--blocks"], capture_output=True, text=True, errors="replace", timeout=PATIENCE)
        told += done.returncode == 0
        if done.returncode not in (0, 1) or "Sanitizer" in done.stderr or "runtime error" in done.stderr:
            wrong.append(f"case {case}: exit {done.returncode} {done.stderr[-1000:]}")
    ok(not wrong and told > count // 3, f"{count} damaged executables{what}: lines are told of {told}, the others are refused", "\n".join(wrong))


def is_reached(state):
    return state in ("reached", "partly")


with scratch() as folder:
    inputs = os.path.join(folder, "inputs")
    os.mkdir(inputs)
    for byte in (1, 2, 3, 5):
        with open(os.path.join(inputs, str(byte)), "wb") as file:
            file.write(bytes([byte]))
    truth = mend(llvm_cov(folder, inputs))
    kept = {}
    for name, flags in BUILDS.items():
        kept[name] = ours(run_here(compile_ways(os.path.join(folder, name.replace(" ", "")), name.split()[0], *flags, "@" + runtime_response_file()), inputs))
        agree(name, kept[name], truth)
    call_lines(folder, inputs)
    units_share(folder, inputs)
    units_twin(folder, inputs)
    jumps_alone(folder)
    copies_fold(folder, inputs)
    counted_first(folder, inputs)
    damaged(folder, os.path.join(folder, "-O1"), "")
    if missing := what_is_missing(TRIPLE + "-g++"):
        skip("AArch64", f"{missing} is missing")
    else:
        for name, flags in AARCH64_BUILDS.items():
            agree("AArch64, " + name, ours(run_on_aarch64(folder, name, flags, inputs)), truth, "unknown (is right, too|there)")
        damaged(folder, os.path.join(folder, "aarch64-O1"), " of AArch64")
    # The service says the same.
    executable, coverage = os.path.join(folder, "-O1"), os.path.join(folder, "-O1.coverage")
    os.chmod(folder, 0o755)
    alone = inlined_alone(folder)
    late = lambda_target(folder, inputs)
    with Service(folder, {"lambda": Target(late, late + ".coverage", [folder]), "ways": Target(executable, coverage, [os.path.dirname(HEADER)]), "alone": Target(alone, os.path.join(folder, "none"), [folder]),
                          "apart": Target(executable, coverage, [os.path.dirname(HEADER)], exclude=["ways_other"])}) as service:
        service.wait_state("ways", "live", "stale")
        wait_until(lambda: service.get("/t/ways/functions.json").status == 200, "its functions")
        wanted = {line: is_reached(state) for line, state in kept["-O1"].items() if state != "unknown"}
        told = lambda: service.get("/t/ways/coverage.lcov")
        answer = wait_until(lambda: (lambda answer: answer if answer.status == 200 and read_lcov(answer.text) == wanted else None)(told()), f"its lines; {told().text[:500]}")
        ok(True, "coverage.lcov has the same states")
        text = answer.text
        ok(re.search(r"(?m)^FN:\d+,_ZL8plain_ifi\nFNDA:1,_ZL8plain_ifi$", text) and re.search(r"(?m)^FN:\d+,_ZL12never_calledi\nFNDA:0,_ZL12never_calledi$", text), "and the functions of each file", text[:2000])
        files = text.split("end_of_record\n")[:-1]
        ok(all(int(re.search(r"LF:(\d+)", file)[1]) == file.count("\nDA:") and int(re.search(r"LH:(\d+)", file)[1]) == len(re.findall(r"(?m)^DA:\d+,1$", file)) for file in files) and len(files) >= 3, "its sums are right")
        exports(service, folder, wanted, text)
        status_counts_lines(service, *functions_count_lines(service, text))
        commands(service, folder)
        entry = wait_until(lambda: (lambda entry: entry["lines"] and entry)(service.target("alone")), "its count")
        text = service.get("/t/alone/coverage.lcov").text
        name = next(name for name in tarfile.open(fileobj=io.BytesIO(service.get("/t/alone/sources.tar").body)).getnames() if name.endswith("user.c"))
        told = service.ctl("export", "alone")
        ok(entry["sources_changed"] == 1 and "x-fuzzsup-changed" in service.get(f"/t/alone/src/{name}").headers and "changed after the executable was built: 1;" in told.stderr and told.returncode == 0,
           "a source that was changed after the build is said to be so, by the API, with the source and by fuzzsupctl", (entry, told))
        ok("x-fuzzsup-changed" not in service.get("/t/ways/coverage.lcov").headers and service.target("ways")["sources_changed"] == 0, "and one that was not is not")
        ok(entry.keys() == service.target("ways").keys() and entry["covered"] == entry["n_runs"] == 0, "a target of which nothing came yet has the same keys as others", entry)
        sources_change(service, folder)
        alone_header(service, entry, text)
        excluded_files(service, wanted)
        never_entered(service)
        equal(service.request("HEAD", "/t/ways/coverage.lcov").status, 200, "HEAD asks for nothing")
        equal(service.get("/t/none/coverage.lcov").status, 404, "of no target there are no lines")
done()
