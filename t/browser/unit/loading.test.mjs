// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { test } from "node:test";

import { failureText, LOAD, Loading, progress } from "../../../share/web/loading.js";

const text = (bytes) => new TextDecoder().decode(bytes);

// Waits until @loading is in @state, by what it tells.
function until(state, answer, options) {
	globalThis.fetch = answer;
	return new Promise((resolve) => {
		const loading = new Loading("x", text, () => loading.state === state && resolve(loading), options);
		assert.equal(loading.state, LOAD.IDLE);
		assert.equal(loading.want(), null);
		assert.equal(loading.state, LOAD.LOADING);
	});
}

test("loading: what comes is shown, and fetched once", async () => {
	let count = 0;
	const loading = await until(LOAD.SHOWN, async () => (count++, new Response("abc")));
	assert.equal(loading.want(), "abc");
	assert.equal(await loading.done(), "abc");
	assert.equal(count, 1);
	loading.end();
});

test("loading: no answer is tried again, and shown when it comes", async () => {
	let count = 0;
	const answer = async () => {
		if (!count++) throw new TypeError("Failed to fetch");
		return new Response("there");
	};
	const failed = await until(LOAD.FAILED, answer);
	assert.match(failureText(failed), /^The service cannot be reached \(Failed to fetch\)\. Trying again in [12] s\.$/);
	failed.again();
	assert.equal(await failed.done(), "there");
	failed.end();
});

test("loading: it is tried again by itself", async () => {
	let count = 0;
	const loading = await until(LOAD.SHOWN, async () => new Response(`${++count}`, { status: count < 2 ? 503 : 200 }));
	assert.equal(loading.value, "2");
	assert.equal(loading.failure, null);
	loading.end();
});

test("loading: of what is packed the service says how long it is", async () => {
	const totals = [];
	for (const headers of [
		{ "content-length": "1000" },
		{ "content-length": "10", "content-encoding": "gzip", "x-fuzzsup-size": "1000" },
		{ "content-length": "10", "content-encoding": "gzip" },
	]) {
		const loading = await until(LOAD.SHOWN, async () => new Response("abc", { headers }));
		totals.push(loading.total);
		loading.end();
	}
	assert.deepEqual(totals, [1000, 1000, 0]);
});

test("loading: what was cut off says how far it was", async () => {
	const body = () =>
		new ReadableStream({
			start(controller) {
				controller.enqueue(new Uint8Array(1234567));
				setTimeout(() => controller.error(new TypeError("network error")));
			},
		});
	const loading = await until(LOAD.FAILED, async () => new Response(body()));
	assert.match(failureText(loading), /^It broke off after 1\.2 MB \(network error\)\. Trying again/);
	loading.end();
});

test("loading: a refusal is final where that is asked for; a busy service is none", async () => {
	const refused = await until(LOAD.FAILED, async () => new Response("no such file\n", { status: 404 }), {
		refusals: true,
	});
	assert.equal(refused.failure.final, true);
	assert.equal(failureText(refused), "The service answered 404: no such file.");
	for (const status of [429, 503]) {
		const busy = await until(LOAD.FAILED, async () => new Response("", { status }), { refusals: true });
		assert.equal(busy.failure.final, false);
		assert.match(failureText(busy), new RegExp(`^The service answered ${status}\\. Trying again`));
		busy.end();
	}
});

test("loading: a value that cannot be read is a failure", async () => {
	globalThis.fetch = async () => new Response("x");
	const read = () => {
		throw new Error("a message ended early");
	};
	const loading = new Loading("x", read, () => {});
	loading.want();
	assert.equal(await loading.done(), null);
	assert.match(failureText(loading), /a message ended early/);
	loading.end();
});

test("loading: how far it is, and that nothing comes", () => {
	const at = (received, total, heard) => progress({ received, total, heard }, 100000);
	assert.equal(at(0, 0, 100000), "");
	assert.equal(at(1234567, 9100000, 99000), "1.2 MB of 9.1 MB");
	assert.equal(at(45678, 0, 99000), "45 kB so far");
	assert.equal(at(45678, 0, 88000), "45 kB so far; nothing came for 12 s");
});
