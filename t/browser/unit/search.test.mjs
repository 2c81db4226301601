// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { test } from "node:test";

import { fuzzy, rank } from "../../../share/web/search.js";

const items = ["lib/parse.c", "lib/parser/main.c", "test/parse_test.c", "lib/sparse.c", "x/y.c"].map((name) => ({
	kind: "file",
	name,
	href: () => name,
}));
const found = (query) => rank(query, items).map(({ name }) => name);

test("search: letters in order, wherever they stand", () => {
	assert.ok(fuzzy("pc", "parse.c") > 0);
	assert.equal(fuzzy("cp", "parse.c"), 0);
	assert.ok(fuzzy("par", "xpar.c") > fuzzy("par", "xpxaxr"), "a run counts more");
});

test("search: the name of the file counts before its folder, and what begins with it before what holds it", () => {
	assert.deepEqual(found("parse")[0], "lib/parse.c");
	assert.ok(found("parse").indexOf("lib/sparse.c") > 0);
	assert.deepEqual(found("ma"), ["lib/parser/main.c"]);
	assert.deepEqual(found("PARSE TEST"), ["test/parse_test.c"]);
	assert.deepEqual(found("nothing"), []);
});

test("search: nothing wanted is all, and not more than can be shown", () => {
	assert.equal(found("").length, items.length);
	const many = Array.from({ length: 5000 }, (_, i) => ({ kind: "file", name: `f${i}.c`, href: () => "" }));
	assert.equal(rank("f", many).length, 50);
});
