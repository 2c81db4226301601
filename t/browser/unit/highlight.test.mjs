// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { test } from "node:test";

import { Highlighter, languageOf, LineStates } from "../../../share/web/highlight.js";

// The kinds of a file's pieces: "k:int", one list a line.
function pieces(name, text) {
	const highlighter = new Highlighter(languageOf(name));
	let state = 0;
	return text.split("\n").map((line) => {
		const found = [];
		let from = 0;
		state = highlighter.lex(line, state, (end, kind) => {
			if (kind) found.push(`${kind}:${line.slice(from, end)}`);
			from = end;
		});
		assert.equal(from, line.length, "all of a line is told");
		return found;
	});
}

test("highlight: a comment goes on over lines, and nothing in it is code", () => {
	const found = pieces("a.c", "int a; /* if\n * return 1;\n */ return b(2);");
	assert.deepEqual(found, [["k:int", "c:/* if"], ["c: * return 1;"], ["c: */", "k:return", "f:b", "n:2"]]);
});

test("highlight: quotes in comments and comments in strings are neither", () => {
	assert.deepEqual(pieces("a.c", "// don't \"stop\nint x;"), [["c:// don't \"stop"], ["k:int"]]);
	assert.deepEqual(pieces("a.c", 'f("/* no */", \'"\');'), [["f:f", 's:"/* no */"', "s:'\"'"]]);
});

test("highlight: Rust nests comments, and has lifetimes and raw strings over lines", () => {
	assert.deepEqual(pieces("a.rs", "/* a /* b */ fn\n */ fn x"), [["c:/* a /* b */ fn"], ["c: */", "k:fn"]]);
	assert.deepEqual(pieces("a.rs", "fn f<'a>() {}")[0], ["k:fn"], "no character begins there");
	assert.deepEqual(pieces("a.rs", 'let s = r#"a\n"b"#; let'), [
		["k:let", 's:r#"a'],
		['s:"b"#', "k:let"],
	]);
});

test("highlight: directives and raw strings of C++, lines of Zig's strings", () => {
	assert.deepEqual(pieces("a.cc", "#define A \\\n  1 // x\nint"), [
		["p:#define A \\"],
		["p:  1 ", "c:// x"],
		["k:int"],
	]);
	assert.deepEqual(pieces("a.cc", 'auto s = R"x(\n)" )x"; int'), [
		["k:auto", 's:R"x('],
		['s:)" )x"', "k:int"],
	]);
	assert.deepEqual(pieces("a.zig", "\\\\ fn\nfn"), [["s:\\\\ fn"], ["k:fn"]]);
});

test("highlight: what is no source has no colours", () => {
	assert.deepEqual(pieces("README.md", "int /* a"), [[]]);
});

test("highlight: a line's state is known in the order of lines, and not told before", async () => {
	const lines = ["/*", ...Array.from({ length: 400000 }, (_, i) => ` * return ${i};`), " */", "int x;"];
	let told = 0;
	const all = await new Promise((resolve) => {
		const states = new LineStates(lines, new Highlighter(languageOf("a.c")), () => {
			told++;
			if (states.at(lines.length - 1) !== null) resolve(states);
		});
		assert.equal(states.at(0), 0, "the first is known at once");
		assert.notEqual(states.at(1), null, "so is what is looked at with it");
		assert.equal(states.at(lines.length - 1), null, "the last is not told before it is known");
	});
	assert.ok(told > 1, "it says that it gets on");
	assert.notEqual(all.at(200000), 0, "in the middle of the comment");
	assert.equal(all.at(lines.length - 1), 0, "behind it");
});
