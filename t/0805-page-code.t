#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The page's code: layout, lint, types, unit tests of its modules, and that what it knows of C structs and of its
own files is true. Needs no service and no browser."""
import hashlib
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from fuzzsup import *

TOOLS = os.environ.get("FUZZSUPD_TOOLS") or os.path.join(SRC, "build-tools")
WEB = os.path.join(SRC, "share", "web")
TESTS = os.path.join(SRC, "t", "browser")
WIDEST = 140
for tool in ("prettier", "eslint", "tsc"):
    if not os.access(os.path.join(TOOLS, "node_modules", ".bin", tool), os.X_OK):
        skip_all(f"{tool} is not there; fetch it with t/lib/fetch build-tools")


def run(*command, **environment):
    """Its output; None where it ended well."""
    done = subprocess.run(command, cwd=SRC, env=dict(os.environ, FUZZSUPD_TOOLS=TOOLS, **environment), text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return None if done.returncode == 0 else done.stdout


def tool(name, *arguments):
    return run(os.path.join(TOOLS, "node_modules", ".bin", name), *arguments)


def files(folder, *ends):
    return sorted(os.path.join(top, name) for top, _, names in os.walk(folder) for name in names if name.endswith(ends))


def text_of(path):
    with open(path) as file:
        return file.read()


def unit_tests():
    """Each of node's tests is one of ours."""
    done = subprocess.run(["node", "--test", "--test-reporter=tap", *files(os.path.join(TESTS, "unit"), ".test.mjs")], cwd=SRC,
                          env=dict(os.environ, FUZZSUPD_WASM=os.path.join(BUILD, "share", "web", "main.wasm")), text=True, stdout=subprocess.PIPE)
    detail, count = [], 0
    for line in done.stdout.split("\n"):
        found = re.match(r"(not )?ok \d+ - ([^#]*)", line)
        if found and not re.search(r"\.test\.mjs$", found.group(2)):
            ok(not found.group(1), found.group(2).strip())
            count += 1
        elif re.match(r"    (not )?ok \d+ - ", line):  # of a file, as older versions of node print it
            ok(not line.lstrip().startswith("not"), line.split(" - ", 1)[1].split(" #")[0])
            count += 1
        detail.append(line)
    if done.returncode != 0:
        note("\n".join(detail))
    ok(done.returncode == 0 and count > 30, f"node ended well after {count} tests", done.returncode)


VENDORED = "uPlot.esm.js"  # of npm's uplot 1.6.32, behind a comment of ours
VENDORED_SHA256 = "5dd9b3281aa64b461b42d9945f6adb2649d346502b12281a9ae0d46599a80eba"

code = [*(path for path in files(WEB, ".js") if os.path.basename(path) != VENDORED), *files(TESTS, ".mjs")]
equal(tool("prettier", "--config", os.path.join(TESTS, ".prettierrc.json"), "--check", *code), None, "prettier laid it out")
equal(tool("eslint", "--config", os.path.join(TESTS, "eslint.config.mjs"), "--max-warnings=0", "share/web", "t/browser"), None, "eslint has nothing to say")
equal(tool("tsc", "-p", os.path.join(TESTS, "tsconfig.json")), None, "its types are sound")
wide = [f"{os.path.relpath(path, SRC)}:{number}" for path in [*code, *files(WEB, ".css", ".html")]
        for number, line in enumerate(text_of(path).split("\n"), 1) if len(line) > WIDEST]
equal(wide, [], f"no line has more than {WIDEST} characters")
vendored = text_of(os.path.join(WEB, VENDORED)).split("// @ts-nocheck\n", 1)[1]
equal(hashlib.sha256(vendored.encode()).hexdigest(), VENDORED_SHA256, f"{VENDORED} is what npm has")
layouts = subprocess.run([os.path.join(BUILD, "t", "lib", "print_layouts")], check=True, text=True, stdout=subprocess.PIPE).stdout
ok(layouts == text_of(os.path.join(WEB, "layout.js")), "layout.js tells where fields lie (else: t/lib/print_layouts >share/web/layout.js)")
modules = {os.path.basename(path) for path in files(WEB, ".js")} - {"main.js", VENDORED}  # which is fetched when plots are looked at
preloaded = re.findall(r'rel="modulepreload" href="(.*?)"', text_of(os.path.join(WEB, "index.html")))
equal(sorted(preloaded), sorted(modules), "index.html names all modules, so that none waits for another")
listed = set(re.findall(r"share/web/([\w.]+)", text_of(os.path.join(SRC, "Makefile.am"))))
equal(sorted({os.path.basename(path) for path in files(WEB, "")} - listed), [], "all of its files are installed")
unit_tests()
done()
