// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { test } from "node:test";

import { ALIVE, HELLO, TAG } from "../../../share/web/layout.js";

// The clock, the timers and the connection are ours.
let now = 1700000000000;
const timers = [],
	sockets = [];
Date.now = () => now;
globalThis.setInterval = (body) => timers.push(body);
globalThis.setTimeout = (body) => timers.push(body);
globalThis.clearTimeout = () => {};
globalThis.addEventListener = () => {};
globalThis.document = { hidden: false, addEventListener: () => {} };
globalThis.location = new URL("http://localhost/");
globalThis.WebSocket = class {
	static OPEN = 1;
	constructor() {
		this.readyState = 1;
		sockets.push(this);
	}
	send() {}
	close() {
		this.closed = true;
	}
};

const { addSamples, connect, isFresh, LINK, mergeTargets, store } = await import("../../../share/web/link.js");

function wait(ms) {
	for (const end = now + ms; now < end; ) {
		now += 500;
		timers[0]();
	}
}

function frame(tag, size) {
	const view = new DataView(new ArrayBuffer(size));
	view.setUint8(0, tag);
	view.setBigInt64(tag === TAG.HELLO ? HELLO.now_ms : ALIVE.now_ms, BigInt(now + 7000), true);
	sockets.at(-1).onmessage({ data: view.buffer });
}

test("link: live while it is told so, silent within three seconds, live again at the next word", () => {
	connect();
	assert.equal(store.link, LINK.CONNECTING);
	frame(TAG.HELLO, HELLO.size);
	assert.equal(store.link, LINK.LIVE);
	assert.equal(store.skew, 7000);
	for (let i = 0; i < 30; i++) {
		wait(1000);
		frame(TAG.ALIVE, ALIVE.size);
		assert.ok(isFresh(store.link));
	}
	const heard = now;
	wait(3000);
	assert.equal(store.link, LINK.SILENT);
	assert.equal(store.since, heard, "since it was last heard");
	assert.ok(!isFresh(store.link));
	frame(TAG.ALIVE, ALIVE.size);
	assert.equal(store.link, LINK.LIVE);
});

test("link: a connection that is gone is made anew, and one that says nothing for a minute, too", () => {
	const { length } = sockets;
	wait(65000);
	assert.ok(sockets.at(-1).closed);
	assert.equal(store.link, LINK.AWAY, "it was silent for long enough");
	timers.at(-1)(); // its pause is over
	assert.equal(sockets.length, length + 1);
	frame(TAG.HELLO, HELLO.size);
	assert.equal(store.link, LINK.LIVE);
	sockets.at(-1).onclose();
	assert.equal(store.link, LINK.RECONNECTING);
	wait(11000);
	assert.equal(store.link, LINK.AWAY);
});

test("link: targets keep their numbers over changes, and not over another one of their id", () => {
	const before = mergeTargets(new Map(), {
		full: true,
		targets: [
			{ id: 1, name: "a" },
			{ id: 2, name: "b" },
		],
	});
	before.get(1).runs = 5;
	const changed = mergeTargets(before, { targets: [{ id: 1, name: "a", state: "live" }], removed: [2] });
	assert.deepEqual([changed.size, changed.get(1).runs, changed.get(1).state], [1, 5, "live"]);
	const other = mergeTargets(changed, { full: true, targets: [{ id: 1, name: "c" }] });
	assert.deepEqual([other.get(1).name, other.get(1).runs], ["c", 0]);
});

test("link: where nobody looked there is no speed", () => {
	const samples = [1, 2];
	addSamples(samples, 3, 4);
	assert.deepEqual(samples, [1, 2, null, null, 4]);
	addSamples(samples, 60, 5);
	assert.equal(samples.length, 60);
	assert.deepEqual(samples.slice(-2), [null, 5]);
});
