// SPDX-License-Identifier: MIT
// The past of a target as columns: which range is asked for, what comes later, gaps, builds; runs in the browser.

/** seconds 0: everything. */
export const RANGES = [
	{ key: "5m", label: "5 min", seconds: 300 },
	{ key: "1h", label: "1 h", seconds: 3600 },
	{ key: "1d", label: "1 day", seconds: 86400 },
	{ key: "1w", label: "1 week", seconds: 7 * 86400 },
	{ key: "all", label: "All", seconds: 0 },
];
const DEFAULT = RANGES[1];
// Seconds that people can read, of which about POINTS cover a range.
const STEPS = [1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 14400, 43200];
const POINTS = 1000;
const DAY = 86400;
const COARSEST = 3600000; // ms: what is kept for good
const SLACK = 2.5; // as far as this many steps apart, samples belong together
const LEAST = 10; // seconds of a range

/**
 * As /api/v1/targets/NAME/history has them: columns of equal length. t: ms, memory: bytes, build: 0: not known.
 * @typedef {{ t: number[], covered: number[], executions: number[], executions_per_second: number[],
 *   corpus: number[], crashes: number[], memory: number[], build: number[] }} Columns
 * @typedef {"covered" | "executions_per_second" | "corpus" | "crashes" | "memory"} Column
 * @typedef {{ id: number, time: number, kind: string, target: string, job: string, text: string }} Event
 * at: ms; text: a word or two that stand at the mark.
 * @typedef {{ at: number, kind: "build" | "restart", text: string }} Mark
 * seconds 0: everything; from, to: ms of a range that somebody chose, 0: it ends now.
 * @typedef {{ key: string, seconds: number, from: number, to: number }} Range
 */

/** @type {(keyof Columns)[]} */
const NAMES = ["t", "covered", "executions", "executions_per_second", "corpus", "crashes", "memory", "build"];

/** What an address asks for. @param {URLSearchParams} query @returns {Range} */
export function rangeOf(query) {
	const from = Math.round(Number(query.get("from"))),
		to = Math.round(Number(query.get("to")));
	if (from > 0 && to - from >= LEAST * 1000) return { key: "zoom", seconds: Math.ceil((to - from) / 1000), from, to };
	const { key, seconds } = RANGES.find((one) => one.key === query.get("range")) ?? DEFAULT;
	return { key, seconds, from: 0, to: 0 };
}

/** The address of a range: none for the one that is shown where none is named. @param {string} key */
export function rangeQuery(key) {
	return { range: key === DEFAULT.key ? null : key, from: null, to: null };
}

/**
 * A range that was dragged over, in ms: never too short, and never the future.
 * @param {number} from @param {number} to @param {number} now
 */
export function zoomTo(from, to, now) {
	const last = Math.round(Math.min(Math.max(from, to), now));
	return { from: Math.min(Math.round(Math.min(from, to)), last - LEAST * 1000), to: last };
}

/** Seconds that one sample stands for. @param {number} seconds of the whole range */
export function stepFor(seconds) {
	return STEPS.find((step) => seconds / step <= POINTS) ?? DAY;
}

/** @returns {Columns} */
export function noColumns() {
	return {
		t: [],
		covered: [],
		executions: [],
		executions_per_second: [],
		corpus: [],
		crashes: [],
		memory: [],
		build: [],
	};
}

/** What the service answered. @param {any} answer @returns {Columns} */
export function readColumns(answer) {
	const columns = noColumns();
	for (const name of NAMES) {
		const column = answer?.[name];
		if (!Array.isArray(column) || column.length !== answer.t.length)
			throw new Error(`the history has no column ${name}`);
		columns[name] = column;
	}
	return columns;
}

/** From where the newest samples are asked for: the last step may have grown. @param {Columns} columns @param {number} step */
export function tailFrom({ t }, step) {
	const last = t.at(-1);
	return last ? Math.floor(last / 1000 / step) * step : 0;
}

/**
 * @columns with @more, which was asked for from @from (seconds) on, without what is older than @oldest (ms).
 * @param {Columns} columns @param {Columns} more @param {number} from @param {number} oldest
 */
export function appendColumns(columns, more, from, oldest) {
	const begin = lowerBound(columns.t, oldest),
		end = Math.max(begin, lowerBound(columns.t, from * 1000)),
		joined = noColumns();
	for (const name of NAMES) joined[name] = columns[name].slice(begin, end).concat(more[name]);
	return joined;
}

/** The first index of @sorted whose value is not below @value. @param {number[]} sorted @param {number} value */
export function lowerBound(sorted, value) {
	let low = 0,
		high = sorted.length;
	while (low < high) {
		const middle = (low + high) >> 1;
		if (sorted[middle] < value) low = middle + 1;
		else high = middle;
	}
	return low;
}

/**
 * Indices before which nobody sampled: the service did not run. What is old is kept more coarsely than what is new, so
 * how far apart samples may be follows from those before.
 * @param {number[]} t @param {number} step seconds
 */
export function gapsOf(t, step) {
	const gaps = [];
	let usual = t.length > 2 ? Math.min(t[2] - t[1], COARSEST) : COARSEST;
	for (let i = 1; i < t.length; i++) {
		const apart = t[i] - t[i - 1];
		if (apart > SLACK * Math.max(step * 1000, usual)) gaps.push(i);
		else usual = apart;
	}
	return gaps;
}

/**
 * Times and values as they are drawn: nothing is where nobody sampled.
 * @param {Columns} columns @param {Column[]} names @param {number[]} gaps
 * @returns {(number | null)[][]} the times, then a column for each name
 */
export function drawnColumns(columns, names, gaps) {
	/** @param {(number | null)[]} column @param {(i: number) => number | null} between */
	const withGaps = (column, between) => {
		/** @type {(number | null)[]} */
		let parts = [],
			from = 0;
		for (const gap of gaps) {
			parts = parts.concat(column.slice(from, gap), between(gap));
			from = gap;
		}
		return parts.concat(column.slice(from));
	};
	const { t } = columns;
	return [withGaps(t, (i) => (t[i - 1] + t[i]) / 2), ...names.map((name) => withGaps(columns[name], () => null))];
}

/**
 * The samples before @until (ms) of the build that runs since then; none where nothing behind it is known yet.
 * @param {Columns} columns @param {number} until
 */
export function sameBuildBefore({ t, covered, build }, until) {
	const end = lowerBound(t, until),
		now = build.at(-1);
	let begin = end;
	if (end < t.length && now) while (begin > 0 && build[begin - 1] === now) begin--;
	return { t: t.slice(begin, end), covered: covered.slice(begin, end) };
}

/**
 * Coverage at @count times from @from to @to (ms), the last one left out; NaN: nobody sampled.
 * @param {{ t: number[], covered: number[] }} past @param {number} step seconds
 * @param {number} from @param {number} to @param {number} count
 */
export function pastCoverage({ t, covered }, step, from, to, count) {
	const gaps = new Set(gapsOf(t, step));
	return Array.from({ length: count }, (_, i) => {
		const time = from + ((to - from) * i) / count,
			behind = lowerBound(t, time + 1);
		if (!behind || gaps.has(behind)) return NaN;
		return behind === t.length && time - t[behind - 1] > SLACK * step * 1000 ? NaN : covered[behind - 1];
	});
}

/**
 * What happened at once: new builds, and starts of the service.
 * @param {Columns} columns @param {number[]} gaps @param {Event[]} events ascending
 * @returns {Mark[]} ascending
 */
export function marksOf({ t, build }, gaps, events) {
	/** @type {Mark[]} */
	const marks = [];
	const starts = events.filter(({ kind }) => kind === "service").map(({ time }) => time);
	for (const at of starts) marks.push({ at, kind: "restart", text: "service started" });
	// Only the target's own samples know their build.
	const builds = build.some(Boolean) ? [] : events.filter(({ kind, time }) => kind === "build" && time > t[0]);
	for (const { time } of builds) marks.push({ at: time, kind: "build", text: "new build" });
	let known = 0;
	for (let i = 0; i < t.length; i++) {
		if (!build[i]) continue;
		if (known && build[i] !== known) {
			const told = events.findLast(({ kind, time }) => kind === "build" && time > t[i - 1] && time < t[i]);
			marks.push({ at: told?.time ?? t[i], kind: "build", text: "new build" });
		}
		known = build[i];
	}
	// A start that lies in a gap is that gap's end; where no event tells of one the first sample does.
	for (const gap of gaps)
		if (!starts.some((time) => time > t[gap - 1] && time <= t[gap] + 1000))
			marks.push({ at: t[gap], kind: "restart", text: "recorded again" });
	return marks.sort((a, b) => a.at - b.at);
}

/**
 * Where the words of marks begin: right of their lines, else left of them, and nowhere (null) where others stand. The
 * newest have their words first, since they are looked for.
 * @param {{ left: number, width: number }[]} marks ascending, in px @param {number} end of the room
 * @returns {(number | null)[]}
 */
export function roomFor(marks, end) {
	/** @type {(number | null)[]} */
	const begins = marks.map(() => null);
	let free = end;
	for (let i = marks.length - 1; i >= 0; i--) {
		const { left, width } = marks[i];
		if (left > free) continue;
		const begin = left + width <= free ? left : left - width;
		if (begin < 0) continue;
		begins[i] = free = begin;
	}
	return begins;
}

/**
 * The newest @most of two lists of events, ascending, each once.
 * @param {Event[]} old @param {Event[]} more @param {number} most
 */
export function mergeEvents(old, more, most) {
	/** @type {Map<number, Event>} */
	const all = new Map();
	for (const event of [...old, ...more]) all.set(event.id, event);
	return [...all.values()].sort((a, b) => a.id - b.id).slice(-most);
}

const CLOCK = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const DATE = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });

/**
 * What stands at the ticks of the time axis: a date where a day begins, seconds alone within a minute.
 * @param {number[]} ticks ms @param {number} step ms from one to the next
 */
export function timeLabels(ticks, step) {
	return ticks.map((tick) => {
		const time = new Date(tick);
		if (step >= DAY * 1000 || tick === new Date(tick).setHours(0, 0, 0, 0)) return DATE.format(time);
		return time.getSeconds() ? `:${String(time.getSeconds()).padStart(2, "0")}` : CLOCK.format(time);
	});
}
