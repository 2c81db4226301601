// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { percent, rate, short } from "../../../share/web/dom.js";
import { axisTicks } from "../../../share/web/growth.js";
import { sparkPath } from "../../../share/web/overview.js";
import { reportLine } from "../../../share/web/report.js";
import { excludedFiles } from "../../../share/web/session.js";
import { NO_JOBS, verdict } from "../../../share/web/verdict.js";

test("words: large and small numbers are short, and never rounded up to the next unit", () => {
	assert.deepEqual([9999, 12345, 99999, 999999, 1930000].map(short), ["9,999", "12.3k", "99.9k", "999k", "1.93 M"]);
	assert.deepEqual([0, 0.04, 0.4, 999].map(rate), ["0", "<0.1", "0.4", "999"]);
	assert.deepEqual([percent(999, 1000), percent(9999, 10000), percent(1, 1)], ["99.9%", "99.9%", "100.0%"]);
});

test("words: an axis holds what it shows, from zero or so that a hair is no cliff", () => {
	for (const [low, high] of [
		[0, 0],
		[0, 1],
		[267, 269],
		[0, 374],
		[374, 374],
		[999000, 1000000],
		[5, 1234567],
	]) {
		// prettier-ignore
		const ticks = axisTicks(low, high),
			steps = ticks.slice(1).map((tick, i) => tick - ticks[i]);
		assert.ok(ticks[0] <= low && ticks.at(-1) >= high, `${low} to ${high}: ${ticks}`);
		assert.ok(new Set(steps).size === 1 && steps[0] >= 1 && ticks.length >= 3 && ticks.length <= 8, `${ticks}`);
		assert.ok(ticks.every(Number.isInteger));
		assert.ok(low >= high / 2 || ticks[0] === 0, `${low} to ${high}: ${ticks}`);
		assert.ok(ticks.at(-1) - ticks[0] >= Math.min(4, high / 20), `${ticks}`);
	}
});

test("words: a line of speeds is broken where nobody looked", () => {
	assert.equal(sparkPath([]), "");
	assert.equal(sparkPath([0, 0]), "");
	assert.equal(sparkPath([2, null, null, 4, 4]).match(/M/g).length, 2);
});

const sum = (states, more) => ({ ...NO_JOBS, jobs: 1, states, ...more });
const worst = { name: "main", reason: "exit status 1", health: null, health_since_ms: 0 };

test("words: a target is as bad as the worst of its jobs", () => {
	const words = (state, jobs) => {
		const { word, group } = verdict({ state, reason: `${state} for a reason` }, jobs);
		return `${word} ${group}`;
	};
	assert.equal(words("live"), "live live");
	assert.equal(words("stale"), "silent silent");
	assert.equal(words("live", sum({ running: 1, failed: 1 })), "failing failing");
	assert.equal(words("stale", sum({ failed: 1 })), "failing failing");
	assert.equal(words("stale", sum({ running: 1 }, { troubled: 1 })), "troubled failing");
	assert.equal(words("stale", sum({ restarting: 1 })), "restarting failing");
	assert.equal(words("stale", sum({ queued: 1 })), "queued waiting");
	assert.equal(words("ready", sum({ queued: 1 })), "queued waiting");
	assert.equal(words("ready", sum({ waiting: 1 })), "waiting waiting");
	assert.equal(words("stale", sum({ stopped: 1 })), "stopped silent");
	assert.equal(words("failed", sum({ running: 1 })), "failed failing");
});

test("words: the reason is that of what is worst", () => {
	assert.equal(verdict({ state: "stale" }, sum({ failed: 1 }, { worst })).reason, "main: exit status 1");
	assert.equal(verdict({ state: "stale" }, sum({ queued: 1 })).reason, "other jobs have their turn");
	assert.equal(verdict({ state: "waiting", reason: "waiting for its executable" }).reason, "for its executable");
	const ranks = ["failed", "stale", "waiting", "ready", "live"].map((state) => verdict({ state }).rank);
	assert.deepEqual(
		ranks,
		[...ranks].sort((a, b) => a - b),
		"the worst first",
	);
});

const recording = (name) => readFileSync(new URL(`../../recordings/${name}`, import.meta.url), "utf8").split("\n");

test("words: a log's report begins at its first line", () => {
	const at = (lines) => lines[reportLine(lines)] ?? null;
	assert.match(at(recording("libfuzzer-19-asan.txt")), /^==77==ERROR: AddressSanitizer: heap-buffer-overflow/);
	assert.match(at(recording("libfuzzer-19-crash.txt")), /^==28081== ERROR: libFuzzer: deadly signal/);
	assert.equal(at(recording("libfuzzer-19-plain.txt")), null);
	const panic = [
		"#12\tNEW cov: 3",
		"thread '<unnamed>' panicked at src/lib.rs:3:5:",
		"boom",
		"==9== ERROR: libFuzzer: deadly signal",
		"SUMMARY",
	];
	assert.equal(reportLine(panic), 1, "the cause stands before what it led to");
	const again = [...panic, "fuzzsupd: instance 0 starts: pid 7", "#2\tINITED"];
	assert.equal(reportLine(again), -1, "a run that goes on has none");
});

test("words: prefixes of source-exclude count below a source root", () => {
	const names = ["json/third_party/a.c", "json/src/third_party/b.c", "/third_party/c.c"];
	assert.deepEqual(excludedFiles(names, ["third_party/", ""]), [0]);
	assert.deepEqual(excludedFiles(names, []), []);
});
