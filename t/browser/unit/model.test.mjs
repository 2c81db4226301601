// SPDX-License-Identifier: MIT
// Against the real main.wasm, which t/0805-page-code.t names.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { FunctionTable } from "../../../share/web/function_table.js";
import { FUNCTION, FUNCTIONS, FUNCTIONS_MAGIC, FUNCTIONS_VERSION, NONE, TAG } from "../../../share/web/layout.js";
import { Model } from "../../../share/web/model.js";
import { treeRows } from "../../../share/web/tree.js";

const wasm = process.env.FUZZSUPD_WASM;
globalThis.fetch = async () => new Response(readFileSync(wasm));

const FOLDERS = ["json/src", "json/lib/deep", "/usr/include"];
const FILES = [[0, "a.c"], [0, "b.c"], [1, "c.c"], [2, "vector"]]; // prettier-ignore
const PLACES = [[0, 3, 5], [0, 3, 9], [0, 7, 1], [1, 1, 1], [2, 2, 2], [3, 10, 1], [NONE, 0, 0]]; // prettier-ignore

// index.bin as wire.h describes it.
function index() {
	const strings = [...FOLDERS, ...FILES.map(([, name]) => name)];
	const text = Buffer.from(`${strings.join("\0")}\0`);
	const offset = (name) => text.indexOf(Buffer.from(`${name}\0`));
	const head = [1, FOLDERS.length, FILES.length, PLACES.length, text.length, 0, 0];
	const files = FILES.flatMap(([folder, name]) => [folder, offset(name)]);
	const words = [...head, ...FOLDERS.map(offset), ...files, ...PLACES.flat()];
	return Buffer.concat([Buffer.from(Uint32Array.from(words).buffer), text]);
}

const frame = (tag, ...words) => Uint32Array.from([tag, 1, ...words]).buffer;
const full = (version, bits) => frame(TAG.COVERAGE_FULL, version, 0, PLACES.length, 0, 1000, 0, bits, 0);

async function modelOf(bits) {
	const model = await Model.create(wasm),
		bytes = index();
	assert.equal(
		model.feed("client_load_index", bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length)),
		0,
	);
	assert.equal(model.feed("client_full", full(1, bits)), 0);
	return model;
}

test("model: counts, names and places are those of the index", { skip: !wasm }, async () => {
	const model = await modelOf(0b0001001);
	const { pcs, files, covered, hasLines } = model.summary;
	assert.deepEqual([pcs, files, covered, hasLines], [PLACES.length, FILES.length, 2, false]);
	assert.deepEqual(model.fileNames(), ["json/src/a.c", "json/src/b.c", "json/lib/deep/c.c", "/usr/include/vector"]);
	assert.deepEqual(model.location(1), { file: 0, line: 3, column: 9 });
	assert.equal(model.location(6).file, NONE);
	assert.equal(model.location(99), null);
	assert.equal(model.baseMs, 1000);
});

test("model: lines of a file, in part, whole and not at all", { skip: !wasm }, async () => {
	const model = await modelOf(0b0001001);
	model.open(0);
	const { lines, linesAt } = model.summary;
	const all = Array.from({ length: lines }, (_, i) => model.line(i, linesAt));
	assert.deepEqual(all.map(({ line, reached, places }) => [line, reached, places]), [[3, 1, 2], [7, 0, 1]]); // prettier-ignore
	assert.deepEqual(model.places(all[0]).map(({ column, reached }) => [column, reached]), [[5, 1], [9, 0]]); // prettier-ignore
	assert.equal(model.lineAt(4), null);
	assert.equal(model.lineAt(7).line, 7);
	model.open(1);
	assert.equal(model.lineAt(1).state, "hit");
});

test("model: a delta adds bits, one of another version is told", { skip: !wasm }, async () => {
	const model = await modelOf(0);
	const delta = (from, to) => {
		const bytes = Buffer.from(frame(TAG.COVERAGE_DELTA, from, 0, to, 0, 2, 0, 50, 0));
		return Uint8Array.from([...bytes, 0, 1]).buffer; // the first PC, and one behind the next
	};
	assert.equal(model.feed("client_delta", delta(1, 2)), 0);
	assert.equal(model.summary.covered, 2);
	assert.equal(model.bits[0], 0b101);
	assert.match(Model.errorText(model.feed("client_delta", delta(7, 8))), /another version/);
	assert.match(Model.errorText(model.feed("client_full", frame(TAG.COVERAGE_FULL))), /ended early/);
});

test("model: the tree opens what is the user's own, and closes on request", { skip: !wasm }, async () => {
	const model = await modelOf(0b0001000);
	const names = (by, turned = new Set()) =>
		treeRows(model, by, turned).map(({ label, depth }) => `${depth} ${label}`);
	assert.deepEqual(names("name"), [
		"0 json/",
		"1 lib/deep/",
		"2 c.c",
		"1 src/",
		"2 a.c",
		"2 b.c",
		"0 no source location",
		"0 /usr/include/",
	]);
	const [json] = treeRows(model, "name", new Set());
	assert.deepEqual(names("name", new Set([json.key])), ["0 json/", "0 no source location", "0 /usr/include/"]);
	assert.deepEqual(names("uncovered").slice(0, 3), ["0 json/", "1 src/", "2 a.c"], "most that is left first");
});

// functions.bin as wire.h describes it: one for each of the first PCs.
function functionsBin(length) {
	const head = Buffer.alloc(FUNCTIONS.size);
	const words = new Uint32Array(length * FUNCTION.size);
	for (let i = 0; i < length; i++) {
		words[i * FUNCTION.size + FUNCTION.first] = words[i * FUNCTION.size + FUNCTION.pc] = i;
		words[i * FUNCTION.size + FUNCTION.pcs_len] = 1;
	}
	const owners = Uint32Array.from(PLACES, (_, i) => (i < length ? i : NONE));
	head.writeUInt32LE(FUNCTIONS_MAGIC, FUNCTIONS.magic);
	head.writeUInt32LE(FUNCTIONS_VERSION, FUNCTIONS.version);
	head.writeUInt32LE(PLACES.length, FUNCTIONS.pcs_len);
	head.writeUInt32LE(length, FUNCTIONS.functions_len);
	head.writeUInt32LE(1, FUNCTIONS.string_bytes_len);
	head.writeBigUInt64LE(BigInt(FUNCTIONS.size), FUNCTIONS.functions);
	head.writeBigUInt64LE(BigInt(FUNCTIONS.size + words.byteLength), FUNCTIONS.owners);
	head.writeBigUInt64LE(BigInt(FUNCTIONS.size + words.byteLength + owners.byteLength), FUNCTIONS.strings);
	const parts = [head, Buffer.from(words.buffer), Buffer.from(owners.buffer), Buffer.from("\0")];
	return Uint8Array.from(Buffer.concat(parts)).buffer;
}

test("model: functions of excluded files are counted apart", { skip: !wasm }, async () => {
	const model = await modelOf(0b11);
	const functions = new FunctionTable(functionsBin(PLACES.length));
	assert.ok(functions.count(model));
	assert.equal(functions.includedLength, PLACES.length);
	model.exclude([0]);
	const others = new FunctionTable(functionsBin(PLACES.length));
	others.count(model);
	assert.deepEqual([...others.excluded], [1, 1, 1, 0, 0, 0, 0]);
	assert.equal(others.includedLength, 4);
});
