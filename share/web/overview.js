// SPDX-License-Identifier: MIT
// The list of all targets: is all running? Runs in the browser.

import {
	h,
	svg,
	setText,
	setTitle,
	setClass,
	coverageBar,
	exact,
	short,
	rate,
	span,
	moment,
	codeBlock,
	sortHeads,
} from "./dom.js";
import { health, HealthBanner } from "./health.js";
import { VirtualList } from "./list.js";
import { apiUrl, store, serverNow, targetUrl, perSecond } from "./link.js";
import { queryUrl } from "./place.js";
import { jobsSummary, stateBadge, verdict, NO_JOBS } from "./verdict.js";

/**
 * @typedef {import("./link.js").Target} Target
 * @typedef {import("./verdict.js").JobSum} JobSum
 * @typedef {{ key: string, label: string }} Filter by group of a verdict, or all
 * @typedef {{ target: Target, group: string, value: number | string }} Ranked
 * @typedef {import("./dom.js").Column & { value: (target: Target, sum: JobSum) => number | string }} Column
 * @typedef {ReturnType<Overview["makeRow"]>} Row
 */

const JOBS_EVERY_MS = 4000;
const ARRANGE_EVERY = 1000;
const BY_NAME = new Intl.Collator("en", { numeric: true });
const SETTLED_AFTER = 2000; // ms, at the latest

/** @type {Filter[]} */
const FILTERS = [
	{ key: "all", label: "All" },
	{ key: "failing", label: "Failing" },
	{ key: "live", label: "Live" },
	{ key: "silent", label: "Silent" },
	{ key: "waiting", label: "Waiting" },
];

/** Of lines where they are counted, which is what other tools speak of; else of PCs. @param {Target} target */
function counted({ lines, lines_reached: reached, pcs, covered }) {
	if (lines) return { total: lines, covered: reached ?? 0, unit: "lines" };
	return { total: pcs ?? 0, covered, unit: "PCs" };
}

/** @param {Target} target */
function share(target) {
	const { total, covered } = counted(target);
	return total ? covered / total : -1;
}

/** What runs now: as its coverage tells, or where that does not tell, its engines. @param {Target} target @param {JobSum} sum */
function speedOf(target, sum) {
	return perSecond(target) || sum.executions_per_second;
}

/** Worst first. @type {Column} */
const STATE = { key: "state", label: "State", value: (t, sum) => verdict(t, sum).rank, up: true };
/** @type {(Column | import("./dom.js").Column)[]} */
const COLUMNS = [
	{ key: "name", label: "Target", value: (t) => t.name, up: true },
	STATE,
	{ key: "jobs", label: "Jobs", value: (_, sum) => jobsRank(sum), class: "jobcol" },
	{ key: "rate", label: "exec/s", value: speedOf, class: "num" },
	{ label: "2 min", class: "wide" },
	{ key: "executions", label: "Executions", value: (t) => t.runs, class: "num wide" },
	{ key: "coverage", label: "Coverage", value: share },
	{ key: "crashes", label: "Crashes", value: (_, sum) => sum.crashes, class: "num crashes" },
	{ key: "find", label: "Last find", value: (t) => t.lastFind, class: "num" },
];

/** @param {JobSum} sum */
function jobsRank({ states, troubled }) {
	return (states.failed ?? 0) * 1e6 + troubled * 1e3 + (states.running ?? 0);
}

/** What was last heard, so that a list that is shown again is whole at once. @type {Map<string, JobSum> | null} */
let heard = null;

export class Overview {
	/** @param {import("./search.js").Go} go */
	constructor(go) {
		this.go = go;
		this.selected = -1;
		/** @type {Target[]} */
		this.sorted = [];
		/** @type {Map<string, JobSum>} */
		this.jobs = heard ?? new Map(); // by target's name
		this.column = STATE;
		this.down = false;
		this.filter = FILTERS[0];
		this.wanted = ""; // in names
		this.timer = 0;
		this.looking = false;
		this.asked = heard !== null; // for jobs, once
		this.order = "";
		this.arranged = -Infinity; // when
		this.due = false; // to be arranged, but not yet
		this.entered = 0;
		this.heads = h("div", { class: "thead", role: "row" });
		this.body = h("div", { role: "rowgroup" });
		this.none = h("div", { class: "nothing dim" });
		this.table = h(
			"div",
			{ class: "table targets", role: "table", "aria-label": "Targets" },
			h("div", { class: "heads", role: "rowgroup" }, this.heads),
			this.body,
		);
		this.buttons = FILTERS.map((filter) => {
			const onclick = () => this.setQuery({ state: filter.key === "all" ? null : filter.key });
			return { filter, button: h("button", { type: "button", onclick }, filter.label) };
		});
		this.input = h("input", {
			type: "search",
			class: "filter",
			placeholder: "Filter by name",
			"aria-label": "Filter targets by name",
			spellcheck: "false",
			autocomplete: "off",
		});
		this.input.addEventListener("input", () => this.setQuery({ filter: this.input.value }));
		const buttons = this.buttons.map(({ button }) => button);
		const choice = h("div", { class: "seg", role: "group", "aria-label": "Filter by state" }, buttons);
		const head = h(
			"div",
			{ class: "head" },
			h("h1", {}, "Targets"),
			h("span", { class: "grow" }),
			h("div", { class: "tools" }, this.input, choice),
		);
		this.panel = h("div", { class: "panel" }, head, this.table, this.none);
		this.empty = emptyState();
		this.loading = h("p", { class: "nothing dim" }, "Waiting for the list of targets …");
		this.health = new HealthBanner();
		this.element = h("div", { class: "view settling" }, this.health.element, this.panel, this.empty, this.loading);
		/** @type {VirtualList<Row>} */
		this.list = new VirtualList({
			element: this.body,
			height: () => (window.innerWidth >= 720 ? 48 : this.jobs.size > 0 ? 94 : 74),
			make: (index) => this.makeRow(index),
			update: (row, index) => this.updateRow(row, this.sorted[index]),
		});
		this.shownAgain = () => this.lookAtJobs();
	}

	/** @param {import("./place.js").Address} place */
	enter({ query }) {
		const state = { jobs: "failing", failed: "failing" }[query.get("state") ?? ""] ?? query.get("state");
		this.filter = FILTERS.find(({ key }) => key === state) ?? FILTERS[0];
		this.wanted = query.get("filter") ?? "";
		if (this.input.value !== this.wanted) this.input.value = this.wanted;
		const sort = query.get("sort") ?? "state";
		this.down = sort.startsWith("-");
		const column = COLUMNS.find(({ key }) => key && key === sort.replace(/^-/, ""));
		this.column = /** @type {Column} */ (column ?? STATE);
		document.title = "fuzzsupd";
		this.entered ||= performance.now();
		this.heads.replaceChildren(...sortHeads(COLUMNS, this.column, this.down, (change) => this.setQuery(change)));
		this.arrange();
		this.health.draw();
		this.settle();
		clearInterval(this.timer);
		this.timer = setInterval(() => this.lookAtJobs(), JOBS_EVERY_MS);
		document.addEventListener("visibilitychange", this.shownAgain);
		this.lookAtJobs();
	}

	leave() {
		clearInterval(this.timer);
		document.removeEventListener("visibilitychange", this.shownAgain);
		this.list.end();
	}

	/** @param {Target} target */
	jobsOf(target) {
		return this.jobs.get(target.name) ?? NO_JOBS;
	}

	// One request for all targets, and none while nobody looks.
	async lookAtJobs() {
		if (document.hidden || this.looking) return;
		this.looking = true;
		try {
			const answer = await fetch(apiUrl("jobs?by=target"));
			if (answer.ok) this.showJobs((await answer.json()).targets);
		} catch {
			// The header says that the server is away.
		}
		this.looking = false;
		this.asked = true;
		this.settle();
	}

	// All is shown at once, so that nothing moves: when it is known which parts there are.
	settle() {
		const known = store.listed && this.asked && health.asked;
		if (known || performance.now() - this.entered > SETTLED_AFTER) this.element.classList.remove("settling");
	}

	/** @param {JobSum[]} sums */
	showJobs(sums) {
		heard = this.jobs = new Map(sums.map((sum) => [sum.target, sum]));
		this.arrangeIfOther();
	}

	/** @param {Record<string, string | null>} change */
	setQuery(change) {
		this.go(queryUrl(location, change), true);
	}

	// The order follows names and states, not numbers: nothing jumps. In a large farm states change all the time: not
	// more than once a second.
	arrangeIfOther() {
		const order = [...store.targets.values()].map(
			(target) => `${target.id} ${verdict(target, this.jobsOf(target)).rank}`,
		);
		const key = `${store.listed} ${this.jobs.size > 0} ${order.join()}`;
		this.due = key !== this.order && performance.now() - this.arranged < ARRANGE_EVERY;
		if (key === this.order || this.due) return this.list.request();
		this.order = key;
		this.arranged = performance.now();
		return this.arrange();
	}

	/** All targets, with what they are sorted and filtered by. @returns {Ranked[]} */
	ranked() {
		return [...store.targets.values()].map((target) => {
			const sum = this.jobsOf(target);
			return { target, group: verdict(target, sum).group, value: this.column.value(target, sum) };
		});
	}

	/** @param {Ranked} a @param {Ranked} b */
	compare(a, b) {
		const order =
			typeof a.value === "string" ? BY_NAME.compare(a.value, String(b.value)) : a.value - Number(b.value);
		return (this.down ? -order : order) || BY_NAME.compare(a.target.name, b.target.name);
	}

	// Which rows, in which order. Who goes by keyboard stays at the target, not at the row.
	arrange() {
		const before = this.sorted.map((target) => target.name),
			all = this.ranked(),
			wanted = this.wanted.toLowerCase();
		this.drawFilters(all);
		this.table.classList.toggle("withjobs", this.jobs.size > 0);
		this.sorted = all
			.filter(({ group }) => this.filter === FILTERS[0] || group === this.filter.key)
			.filter(({ target }) => target.name.toLowerCase().includes(wanted))
			.sort((a, b) => this.compare(a, b))
			.map(({ target }) => target);
		this.drawEmptiness(all.length);
		/** @param {number} index */
		const at = (index) => (index < 0 ? -1 : this.sorted.findIndex((target) => target.name === before[index]));
		this.selected = at(this.selected);
		if (before.length === this.sorted.length && this.sorted.every((target, i) => target.name === before[i]))
			this.list.draw();
		else this.list.renew(this.sorted.length, at(this.list.focused()));
	}

	/** What is said where there is nothing to list. @param {number} all how many targets there are */
	drawEmptiness(all) {
		this.loading.hidden = store.listed || all > 0;
		this.empty.hidden = !store.listed || all > 0;
		this.panel.hidden = all === 0;
		const named = this.wanted ? ` with “${this.wanted}” in its name` : "";
		const state = this.filter === FILTERS[0] ? "here" : this.filter.label.toLowerCase();
		setText(this.none, `No target${named} is ${state} now.`);
		this.none.hidden = this.sorted.length > 0;
		this.table.setAttribute("aria-rowcount", String(this.sorted.length + 1));
	}

	/** @param {Ranked[]} all */
	drawFilters(all) {
		for (const { filter, button } of this.buttons) {
			const count = filter === FILTERS[0] ? all.length : all.filter(({ group }) => group === filter.key).length;
			setText(button, `${filter.label} ${exact(count)}`);
			button.setAttribute("aria-pressed", String(filter === this.filter));
			setClass(button, filter.key === "failing" && count ? "bad" : "");
		}
	}

	/** @param {number} index */
	makeRow(index) {
		const target = this.sorted[index];
		const cells = {
			name: h("b", {}, target.name),
			badge: stateBadge(),
			jobs: jobsSummary(),
			rate: h("span"),
			spark: sparkline(),
			executions: h("span"),
			bar: coverageBar(),
			crashes: h("span"),
			find: h("span"),
		};
		/** @param {Node} content @param {string} look */
		const cell = (content, look) => h("span", { role: "cell", class: look }, content);
		const element = h(
			"a",
			{ class: "trow", role: "row", href: targetUrl(target.name), "aria-rowindex": String(index + 2) },
			cell(cells.name, "name"),
			cell(cells.badge, "st"),
			cell(cells.jobs, "jobcol"),
			cell(cells.rate, "num rate"),
			cell(cells.spark, "wide"),
			cell(cells.executions, "num wide"),
			cell(cells.bar, "cv"),
			cell(cells.crashes, "num crashes"),
			cell(cells.find, "num dim find"),
		);
		return Object.assign(element, { cells, index });
	}

	/** @param {Row} row @param {Target} target */
	updateRow(row, target) {
		const { badge, jobs, rate: speed, spark, executions, bar, crashes, find } = row.cells;
		const sum = this.jobsOf(target),
			now = speedOf(target, sum);
		badge.set(target, sum);
		jobs.set(sum);
		setText(speed, now > 0 ? rate(now) : "–");
		const from = perSecond(target) ? "" : ", as its engines say";
		setTitle(speed, `${exact(Math.round(now))} executions per second${now > 0 ? from : ""}`);
		spark.set(target.samples);
		setText(executions, target.counted ? short(target.runs) : "–");
		setTitle(executions, `${exact(target.runs)} executions`);
		const { total, covered, unit } = counted(target);
		const pcs = `; ${exact(target.covered)} of ${exact(target.pcs ?? 0)} PCs`;
		bar.set(covered, total, unit, unit === "lines" ? pcs : "");
		setText(crashes, sum.jobs ? short(sum.crashes) : "–");
		setTitle(crashes, sum.jobs ? `${exact(sum.crashes)} inputs that crash it were kept` : "no job counts crashes");
		setClass(crashes, sum.crashes ? "found" : "dim");
		setText(find, target.lastFind ? `${span(serverNow() - target.lastFind)} ago` : "–");
		const never = target.covered ? "before the service first looked" : "nothing found yet";
		setTitle(find, target.lastFind ? moment(target.lastFind) : never);
		row.classList.toggle("selected", row.index === this.selected);
	}

	/** @param {Set<string>} what */
	update(what) {
		this.settle();
		this.health.draw();
		if (what.has("targets") || this.due) this.arrangeIfOther();
		else this.list.draw();
	}

	/** @param {KeyboardEvent} event */
	key(event) {
		const step = event.key === "j" ? 1 : event.key === "k" ? -1 : 0;
		if (!step) return false;
		if (!this.sorted.length) return true;
		this.selected = Math.max(0, Math.min(this.sorted.length - 1, this.selected + step));
		this.list.reveal(this.selected);
		this.list.rows.get(this.selected)?.focus({ preventScroll: true });
		return true;
	}
}

// Executions per second of the last two minutes; the line is broken where nobody looked.
function sparkline() {
	const line = svg("path", { class: "l" });
	const props = { class: "spark", viewBox: "0 0 96 22", preserveAspectRatio: "none", "aria-hidden": "true" };
	const element = svg("svg", props, line);
	/** @param {(number | null)[]} samples */
	const set = (samples) => {
		const path = sparkPath(samples);
		if (line.getAttribute("d") !== path) line.setAttribute("d", path);
	};
	return Object.assign(element, { set });
}

/** @param {(number | null)[]} samples the newest last */
export function sparkPath(samples) {
	const most = Math.max(1, ...samples.map((value) => value ?? 0));
	if (most === 1) return "";
	let path = "",
		pen = "M";
	samples.forEach((value, i) => {
		const x = (96 - (samples.length - 1 - i) * (96 / 59)).toFixed(1);
		if (value !== null) path += `${pen}${x} ${(21 - (18 * value) / most).toFixed(1)}`;
		pen = value === null ? "M" : "L";
	});
	return path;
}

const CONF = `target "json" {
  executable   = "/srv/json/fuzz_json"
  source-roots = { "/srv/json" }
}`;
const LINK = "clang -g -fsanitize=fuzzer fuzz_json.c @/usr/local/lib/fuzzsup.rsp -o fuzz_json";
const LINK_AFL = `export AFL_LLVM_INSTRUMENT=LLVM-NATIVE
afl-clang-fast -g -fsanitize-coverage=trace-pc-guard,pc-table fuzz_json.c @/usr/local/lib/fuzzsup-main.rsp -o fuzz_json`;
const LINK_MAIN =
	"clang -g -fsanitize-coverage=inline-bool-flag,pc-table main.c @/usr/local/lib/fuzzsup-main.rsp -o json";
const JOB = 'job "main" { engine = "libfuzzer" }';

function emptyState() {
	return h(
		"section",
		{ class: "panel empty" },
		h("div", { class: "head" }, h("h1", {}, "No target yet")),
		h(
			"div",
			{ class: "teach" },
			h("h2", {}, "1. Link the fuzz target with our runtime"),
			h(
				"p",
				{ class: "dim" },
				"One option, no change of the source; the file lies where fuzzsupd was installed.",
			),
			h("p", { class: "dim" }, "libFuzzer:"),
			codeBlock(LINK),
			h("p", { class: "dim" }, "AFL++, with or without __AFL_LOOP:"),
			codeBlock(LINK_AFL),
			h("p", { class: "dim" }, "A program with a main of its own:"),
			codeBlock(LINK_MAIN),
			h("h2", {}, "2. Name it in fuzz.conf"),
			h(
				"p",
				{ class: "dim" },
				"Only what lies below source-roots is ever shown. " +
					"Where the target runs with FUZZSUP_DIR, coverage = names the same folder.",
			),
			codeBlock(CONF),
			h("h2", {}, "3. Let fuzzsupd run the fuzzer, if you like"),
			h(
				"p",
				{ class: "dim" },
				"In the target's block. A job is started, kept alive and shown here with its log. " +
					"The engine is libfuzzer, afl++, honggfuzz, zig, replay or command.",
			),
			codeBlock(JOB),
			h("h2", {}, "4. Let fuzzsupd read it"),
			h(
				"p",
				{ class: "dim" },
				"The target appears here by itself; a mistake is logged with its line, and what runs goes on.",
			),
			codeBlock("fuzzsupctl reload"),
		),
	);
}
