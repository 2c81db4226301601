// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { test } from "node:test";

import * as data from "../../../share/web/history_data.js";

const S = 1000;

/** Columns of samples at @times (s), of one build unless told. */
function columnsAt(times, builds = times.map(() => 1)) {
	const columns = data.noColumns();
	for (const name of Object.keys(columns)) columns[name] = times.map((_, i) => i);
	columns.t = times.map((time) => time * S);
	columns.build = builds;
	return columns;
}

const range = (query) => data.rangeOf(new URLSearchParams(query));

test("history: the address names a range, one of the buttons' or one that was dragged over", () => {
	assert.deepEqual(range(""), { key: "1h", seconds: 3600, from: 0, to: 0 });
	assert.deepEqual(range("range=1w"), { key: "1w", seconds: 604800, from: 0, to: 0 });
	assert.deepEqual(range("range=all"), { key: "all", seconds: 0, from: 0, to: 0 });
	assert.deepEqual(range("range=nonsense"), range(""));
	assert.deepEqual(range("from=1000000&to=1020500"), { key: "zoom", seconds: 21, from: 1000000, to: 1020500 });
	for (const bad of ["from=1020500&to=1000000", "from=1000000&to=1000001", "from=x&to=y", "from=-5&to=99999"])
		assert.equal(range(bad).key, "1h", bad);
	assert.equal(data.rangeQuery("1h").range, null);
	assert.equal(data.rangeQuery("1d").range, "1d");
});

test("history: what is dragged over has an order, is not too short, and ends now at the latest", () => {
	assert.deepEqual(data.zoomTo(50 * S, 90 * S, 1000 * S), { from: 50 * S, to: 90 * S });
	assert.deepEqual(data.zoomTo(90 * S, 50 * S, 1000 * S), { from: 50 * S, to: 90 * S });
	assert.deepEqual(data.zoomTo(50 * S, 51 * S, 1000 * S), { from: 41 * S, to: 51 * S });
	assert.deepEqual(data.zoomTo(50 * S, 90 * S, 60 * S), { from: 50 * S, to: 60 * S });
});

test("history: about 1,000 points cover every range", () => {
	assert.equal(data.stepFor(300), 1);
	assert.equal(data.stepFor(3600), 5);
	assert.equal(data.stepFor(86400), 120);
	assert.equal(data.stepFor(7 * 86400), 1800);
	assert.equal(data.stepFor(3 * 365 * 86400), 86400);
});

test("history: an answer must have all columns, of one length", () => {
	assert.deepEqual(data.readColumns({ ...columnsAt([1, 2]), more: 1 }), columnsAt([1, 2]));
	assert.throws(() => data.readColumns({ ...columnsAt([1, 2]), corpus: [1] }), /corpus/);
	assert.throws(() => data.readColumns({}), /column t/);
	assert.throws(() => data.readColumns(null), /column t/);
});

test("history: what is new takes the place of the last step, and the oldest leaves", () => {
	const old = columnsAt([100, 105, 110, 112]);
	assert.equal(data.tailFrom(old, 5), 110);
	assert.equal(data.tailFrom(data.noColumns(), 5), 0);
	const joined = data.appendColumns(old, columnsAt([114, 117]), 110, 103 * S);
	assert.deepEqual(joined.t, [105 * S, 114 * S, 117 * S]);
	assert.deepEqual(joined.corpus, [1, 0, 1]);
	assert.deepEqual(data.appendColumns(old, data.noColumns(), 113, 0), old);
	assert.deepEqual(data.appendColumns(old, columnsAt([900]), 880, 800 * S).t, [900 * S]);
});

test("history: a gap is where the service did not run, not where less is kept", () => {
	const gaps = (times, step) => data.gapsOf(columnsAt(times).t, step);
	assert.deepEqual(gaps([1, 2, 3, 4], 1), []);
	assert.deepEqual(gaps([1, 2, 4, 5], 1), [], "a sample that was late");
	assert.deepEqual(gaps([1, 2, 3, 60, 61, 62], 1), [3]);
	assert.deepEqual(gaps([0, 60, 120, 180, 181, 182], 1), [], "minutes, then seconds");
	assert.deepEqual(gaps([0, 60, 120, 600, 660, 720], 1), [3], "a gap among minutes");
	assert.deepEqual(gaps([1, 2, 3, 100000, 200000, 200001], 1), [3, 4], "one sample between two gaps");
	assert.deepEqual(gaps([], 1), []);
});

test("history: nothing is drawn over a gap", () => {
	const columns = columnsAt([1, 2, 60, 61]);
	assert.deepEqual(data.drawnColumns(columns, ["corpus"], [2]), [
		[1 * S, 2 * S, 31 * S, 60 * S, 61 * S],
		[0, 1, null, 2, 3],
	]);
	assert.deepEqual(data.drawnColumns(columns, ["corpus"], []), [columns.t, columns.corpus]);
});

const event = (id, time, kind) => ({ id, time: time * S, kind, target: "", job: "", text: "" });
const marks = (columns, gaps, events) =>
	data.marksOf(columns, gaps, events).map(({ at, kind, text }) => `${at / S} ${kind} ${text}`);

test("history: builds and starts of the service are marked once each", () => {
	const columns = columnsAt([1, 2, 60, 61, 62, 63], [7, 7, 0, 7, 8, 8]);
	assert.deepEqual(marks(columns, [2], [event(1, 58, "service"), event(2, 61, "build"), event(3, 61, "reload")]), [
		"58 restart service started",
		"62 build new build",
	]);
	assert.deepEqual(marks(columnsAt([1, 9], [7, 8]), [], [event(1, 5, "build")]), ["5 build new build"]);
	assert.deepEqual(marks(columns, [2], []), ["60 restart recorded again", "62 build new build"]);
});

test("history: builds are marked by events where samples are a job's", () => {
	const columns = columnsAt([10, 20, 30], [0, 0, 0]);
	assert.deepEqual(marks(columns, [], [event(1, 5, "build"), event(2, 25, "build")]), ["25 build new build"]);
});

test("history: words stand beside their mark, and not over others", () => {
	assert.deepEqual(data.roomFor([{ left: 10, width: 20 }], 100), [10]);
	assert.deepEqual(data.roomFor([{ left: 90, width: 20 }], 100), [70], "left of it at the edge");
	const close = [
		{ left: 40, width: 20 },
		{ left: 50, width: 20 },
	];
	assert.deepEqual(data.roomFor(close, 100), [20, 50]);
	assert.deepEqual(data.roomFor([{ left: 5, width: 20 }, ...close], 100), [null, 20, 50]);
	assert.deepEqual(data.roomFor([], 100), []);
});

test("history: events are joined once each, and the newest are kept", () => {
	const one = event(1, 1, "build"),
		two = event(2, 2, "build"),
		three = event(3, 3, "build");
	assert.deepEqual(data.mergeEvents([one, three], [three, two], 10), [one, two, three]);
	assert.deepEqual(data.mergeEvents([one, three], [two], 2), [two, three]);
});

test("history: the axis of time names days, minutes, or seconds within a minute", () => {
	const noon = new Date(2026, 10, 27, 12, 0, 0).getTime(),
		midnight = new Date(2026, 10, 28).getTime();
	assert.deepEqual(data.timeLabels([noon, noon + 30 * S], 30 * S), ["12:00", ":30"]);
	assert.deepEqual(data.timeLabels([noon, midnight], 12 * 3600 * S), ["12:00", "28 Nov"]);
	assert.deepEqual(data.timeLabels([noon], 86400 * S), ["27 Nov"]);
});

test("history: coverage before the service started is of the same build, with gaps", () => {
	const columns = columnsAt([10, 11, 12, 13, 20, 21], [1, 2, 2, 2, 2, 2]);
	const past = data.sameBuildBefore(columns, 20 * S);
	assert.deepEqual(past, { t: [11 * S, 12 * S, 13 * S], covered: [1, 2, 3] });
	assert.deepEqual(data.sameBuildBefore(columns, 22 * S).t, [], "of what runs now nothing is known");
	assert.deepEqual(data.sameBuildBefore(columnsAt([1, 2, 3], [1, 1, 2]), 3 * S).t, [], "another build");
	assert.deepEqual(data.pastCoverage(past, 1, 10 * S, 20 * S, 10), [NaN, 1, 2, 3, 3, 3, NaN, NaN, NaN, NaN]);
	const gap = { t: [1 * S, 2 * S, 3 * S, 9 * S, 10 * S], covered: [1, 1, 2, 5, 5] };
	assert.deepEqual(data.pastCoverage(gap, 1, 2 * S, 10 * S, 4), [1, NaN, NaN, NaN]);
});
