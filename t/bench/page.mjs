// SPDX-License-Identifier: MIT
// What the page costs on a target: in time, over a slow line, and in memory; page.py runs it.
//
// usage: node page.mjs TARGET-URL FILE
//
// FILE: a large source, as the index names it.

import { createRequire } from "node:module";

const require = createRequire(process.env.FUZZSUPD_TOOLS ? `${process.env.FUZZSUPD_TOOLS}/` : import.meta.url);
const { chromium } = require("playwright-core");
const [url, file] = process.argv.slice(2);
const WAIT = 600000;
const SLOW = { offline: false, latency: 150, downloadThroughput: 200000, uploadThroughput: 200000 }; // 1.6 Mbit/s

const browser = await chromium.launch({
	executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
	args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
});

/** Nothing is in the cache of a new page's context. */
async function open(slow) {
	const context = await browser.newContext({ viewport: { width: 1280, height: 860 } });
	const page = await context.newPage();
	page.setDefaultTimeout(WAIT);
	if (slow) {
		const session = await context.newCDPSession(page);
		await session.send("Network.enable");
		await session.send("Network.emulateNetworkConditions", SLOW);
	}
	return page;
}

const since = (page) => page.evaluate(() => Math.round(performance.now()));
const say = (what, ...numbers) => process.stdout.write(`${what}: ${numbers.join(", ")}\n`);

async function targetPage(name, slow) {
	const page = await open(slow);
	await page.goto(url, { waitUntil: "commit" });
	await page.waitForSelector(".tree .trow");
	const tree = await since(page);
	await page.waitForFunction(() => / lines$/.test(document.querySelector(".stats small")?.textContent ?? ""));
	const lines = await since(page);
	const paint = await page.evaluate(() =>
		Math.round(performance.getEntriesByName("first-contentful-paint")[0].startTime),
	);
	say(name, `first paint ${paint} ms`, `tree ${tree} ms`, `lines ${lines} ms`);
	return page;
}

async function sourcePage(name, slow) {
	const page = await open(slow);
	await page.goto(`${url}#${encodeURI(file)}:100`, { waitUntil: "commit" });
	const said = new Set();
	const watch = setInterval(async () => {
		const text = await page.evaluate(() => document.querySelector(".teach")?.textContent ?? "").catch(() => "");
		if (/ of [\d.]+ [kM]B/.test(text)) said.add(text);
	}, 500);
	await page.waitForSelector(".row .text");
	const shown = await since(page);
	await page.waitForSelector(".view.source.haslines");
	const lines = await since(page);
	clearInterval(watch);
	const paint = await page.evaluate(() =>
		Math.round(performance.getEntriesByName("first-contentful-paint")[0].startTime),
	);
	say(name, `first paint ${paint} ms`, `source ${shown} ms`, `its lines ${lines} ms`);
	if (slow) say("  it said", [...said].slice(1, 3).join(" … ") || "nothing of how far it is");
	return page;
}

/** Of the page's own model, and of one that is made anew and counted at once. */
const measure = (page) =>
	page.evaluate(async () => {
		const at = (name) => new URL(name, location.href).href;
		const { currentSession } = await import(at("link.js"));
		const { Model } = await import(at("model.js"));
		const { FunctionTable } = await import(at("function_table.js"));
		const session = currentSession(),
			own = session.model;
		const time = (work) => {
			const begin = performance.now();
			work();
			return Number((performance.now() - begin).toFixed(1));
		};
		const bytes = async (name) =>
			(await fetch(`${session.url}${name}.bin?table=${session.target.table}`)).arrayBuffer();
		const model = await Model.create(`${session.url}main.wasm`);
		const result = { memory: own.wasm.memory.buffer.byteLength, heap: performance.memory?.usedJSHeapSize };
		const index = await bytes("index"),
			blocks = await bytes("blocks"),
			shapes = await bytes("shapes");
		Object.assign(result, { index: index.byteLength, blocks: blocks.byteLength, shapes: shapes.byteLength });
		result.readIndex = time(() => model.feed("client_load_index", index));
		const bits = own.bits.slice(),
			full = new DataView(new ArrayBuffer(32 + bits.byteLength));
		full.setUint8(0, 18);
		full.setBigUint64(8, 1n, true);
		full.setUint32(16, own.summary.pcs, true);
		new Uint8Array(full.buffer, 32).set(new Uint8Array(bits.buffer));
		result.full = time(() => model.feed("client_full", full.buffer));
		result.loadBlocks = time(() => model.feed("client_load_blocks", blocks));
		result.loadShapes = time(() => model.feed("client_load_shapes", shapes));
		result.count = time(() => model.workOnLines(2147483647, true));
		// Bits here and there.
		const unset = [];
		for (let i = 0; i < own.summary.pcs && unset.length < 100; i += Math.floor(own.summary.pcs / 211) + 1)
			if (!((bits[i >> 5] >> (i & 31)) & 1)) unset.push(i);
		const gaps = [];
		unset.forEach((bit, i) => {
			for (let left = bit - (i ? unset[i - 1] + 1 : 0); ; left >>>= 7) {
				gaps.push((left & 127) | (left > 127 ? 128 : 0));
				if (left < 128) break;
			}
		});
		const delta = new DataView(new ArrayBuffer(40 + gaps.length));
		delta.setUint8(0, 19);
		delta.setBigUint64(8, 1n, true);
		delta.setBigUint64(16, 2n, true);
		delta.setUint32(24, unset.length, true);
		new Uint8Array(delta.buffer, 40).set(gaps);
		result.deltaBits = unset.length;
		result.deltaError = 0;
		result.delta = time(() => (result.deltaError = model.feed("client_delta", delta.buffer)));
		result.deltaFunctions = time(() => model.workOnLines(2147483647, false));
		result.deltaFiles = time(() => model.workOnLines(2147483647, true));
		// A line of the largest file, one of whose ways was never taken.
		let largest = 0;
		for (let i = 0; i < model.summary.files; i++) if (model.file(i).total > model.file(largest).total) largest = i;
		result.open = time(() => model.open(largest));
		const partly = Array.from({ length: model.summary.lines }, (_, i) => model.line(i)).find(
			({ state }) => state === "part",
		);
		result.ways = partly ? time(() => model.untakenWays(partly.line)) : 0;
		const table = new FunctionTable(await bytes("functions"));
		result.functions = table.length;
		result.functionsFirst = time(() => table.count(model));
		table.countedAt = -Infinity;
		table.counted = -1;
		result.functionsAgain = time(() => table.count(model));
		const s = model.summary;
		return { ...result, pcs: s.pcs, files: s.files, ...model.node(0) };
	});

const page = await targetPage("target", false);
const m = await measure(page);
const mega = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;
say("size", `${m.pcs} PCs`, `${m.total} ${m.unit}`, `${m.files} files`, `${m.functions} functions`);
say("tables", `index ${mega(m.index)}`, `blocks ${mega(m.blocks)}`, `shapes ${mega(m.shapes)}`);
say("memory of the tab", `WASM ${mega(m.memory)}`, `JavaScript ${mega(m.heap ?? 0)}`);
say(
	"loading",
	`index ${m.readIndex} ms`,
	`full frame ${m.full} ms`,
	`blocks ${m.loadBlocks} ms`,
	`shapes ${m.loadShapes} ms`,
);
say("full count", `${m.count} ms`);
say(
	`${m.deltaBits} bits more`,
	`delta ${m.delta} ms`,
	`functions ${m.deltaFunctions} ms`,
	`files ${m.deltaFiles} ms`,
	`error ${m.deltaError}`,
);
say("the largest file", `open ${m.open} ms`, `ways of a line ${m.ways} ms`);
say("function table", `first count ${m.functionsFirst} ms`, `again ${m.functionsAgain} ms`);
const begin = Date.now();
await page.locator(".tabs a", { hasText: "Functions" }).click();
await page.waitForSelector(".functions .trow");
say("function list", `${Date.now() - begin} ms`);
const source = await sourcePage("source", false);
say(
	"one update of the source page",
	`${await source.evaluate(async () => {
		const { currentSession } = await import(new URL("link.js", location.href).href);
		const session = currentSession(),
			times = [];
		for (let i = 0; i < 20; i++) {
			const begin = performance.now();
			session.tell("coverage");
			await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
			times.push(performance.now() - begin);
		}
		return times.sort((a, b) => a - b)[10].toFixed(1);
	})} ms`,
);
await source.context().close();
await page.context().close();
await targetPage("target, 1.6 Mbit/s and 150 ms", true);
await sourcePage("source, 1.6 Mbit/s and 150 ms", true);
await browser.close();
