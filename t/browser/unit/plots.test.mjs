// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { test } from "node:test";

import { alone, plain, ticksOf } from "../../../share/web/plots.js";

test("plots: what is filled begins at zero", () => {
	for (const name of ["executions_per_second", "memory", "crashes"])
		for (const [low, high] of [
			[0, 0],
			[90, 100],
			[5e8, 6e8],
			[7e9, 9e9],
		]) {
			const ticks = ticksOf(name, low, high);
			assert.equal(ticks[0], 0);
			assert.ok(ticks.at(-1) >= high && ticks.length >= 2, `${name}: ${ticks}`);
		}
});

test("plots: a line that does not begin at zero does not lie on its axis", () => {
	const ticks = ticksOf("covered", 350, 393);
	assert.ok(ticks[0] < 350 && ticks[0] > 0 && ticks.at(-1) >= 393, String(ticks));
	assert.equal(ticksOf("covered", 0, 10)[0], 0);
});

test("plots: memory has ticks at whole MiB and GiB", () => {
	assert.ok(ticksOf("memory", 0, 90 << 20).every((tick) => tick % (1 << 20) === 0));
	assert.ok(ticksOf("memory", 0, 9 * 2 ** 30).every((tick) => tick % 2 ** 30 === 0));
});

test("plots: samples that stand alone are found", () => {
	assert.deepEqual(alone([1, null, 2, 3, null, 4]), [0, 5]);
	assert.deepEqual(alone([1]), [0]);
	assert.deepEqual(alone([1, 2]), []);
	assert.deepEqual(alone([null]), []);
});

test("plots: an axis has no needless zeros", () => {
	assert.deepEqual(["1.00 M", "12.50k", "10.0k", "100", "0", "1,000", "1.05k", "10.0 GiB"].map(plain), [
		"1 M",
		"12.5k",
		"10k",
		"100",
		"0",
		"1,000",
		"1.05k",
		"10 GiB",
	]);
});
