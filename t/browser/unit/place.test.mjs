// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { test } from "node:test";

import { fileUrl, matchFiles, parse, queryUrl } from "../../../share/web/place.js";

const at = (text) => new URL(text, "http://localhost");

test("place: an address is read behind any prefix", () => {
	const { root, target, file, line } = parse(at("/proxy/fuzz/t/a%20b/#src/c%23d.c:17"));
	assert.deepEqual([root, target, file, line], ["/proxy/fuzz/", "a b", "src/c#d.c", 17]);
	assert.deepEqual(parse(at("/t/json/debug/")).debug, true);
	assert.deepEqual(parse(at("/proxy/")).target, null);
	assert.equal(parse(at("/t/json/#main")).file, null);
	assert.equal(parse(at("/t/json/#a.c:3:9")).line, 3);
	assert.equal(parse(at("/t/json/#%E0%A4%A")).file, "%E0%A4%A", "what cannot be decoded stays as it is");
});

test("place: the address of a file is read back", () => {
	for (const name of ["src/a.c", "a b/ü#?%.c", "/usr/include/c++/12/vector"]) {
		const { file, line } = parse(at(fileUrl("/t/x/", name, 4)));
		assert.deepEqual([file, line], [name, 4]);
	}
});

test("place: a path means the file of that name, else all that end with it", () => {
	const names = ["json/a.c", "json/lib/a.c", "b.c"];
	assert.deepEqual(matchFiles(names, "json/a.c"), [0]);
	assert.deepEqual(matchFiles(names, "a.c"), [0, 1]);
	assert.deepEqual(matchFiles(names, "/lib/a.c"), [1]);
	assert.deepEqual(matchFiles(names, "c"), []);
});

test("place: a query changes in what is asked for alone", () => {
	const here = at("/t/x/?view=functions&sort=-left");
	assert.equal(queryUrl(here, { sort: "name", filter: "a b" }), "/t/x/?view=functions&sort=name&filter=a+b");
	assert.equal(queryUrl(here, { view: null, sort: "" }), "/t/x/");
});
