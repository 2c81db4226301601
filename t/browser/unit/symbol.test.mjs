// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { test } from "node:test";

import { splitSymbol } from "../../../share/web/symbol.js";

test("symbol: scope and last part, without what stands in brackets", () => {
	for (const [name, scope, last] of [
		["main", "", "main"],
		["", "", ""],
		["f(int, char const*)", "", "f(…)"],
		["ns::f()", "ns::", "f()"],
		["a::table<std::pair<int, int>, 5>::insert(std::vector<int> const&) const", "a::table<…>::", "insert(…) const"],
		["(anonymous namespace)::f(int)", "(anonymous namespace)::", "f(…)"],
		["a::(anonymous namespace)::b::~b()", "a::(anonymous namespace)::b::", "~b()"],
		["f(int)::{lambda(char)#1}::operator()(char) const", "f(…)::{lambda(…)#1}::", "operator()(…) const"],
		["a::operator<(b const&)", "a::", "operator<(…)"],
		["a::operator<<(b const&)", "a::", "operator<<(…)"],
		["a::operator-><int>()", "a::", "operator-><…>()"],
		["regex_syntax::ast::parse::ParserI<P>::char_at", "regex_syntax::ast::parse::ParserI<…>::", "char_at"],
		["<a::b::C as core::fmt::Debug>::fmt", "<a::b::C as core::fmt::Debug>::", "fmt"],
		["a::b::{{closure}}", "a::b::", "{{closure}}"],
		["f<fn(int) -> int>::g", "f<…>::", "g"],
		["broken<(", "", "broken<…>"],
	])
		assert.deepEqual(splitSymbol(name), [scope, last], name);
});

test("symbol: a long one, and one that is never closed", () => {
	assert.deepEqual(splitSymbol(`f${"<a".repeat(50000)}`), ["", "f<…>"]);
	assert.deepEqual(splitSymbol(`${"a::".repeat(30000)}b`), ["a::".repeat(30000), "b"]);
});
