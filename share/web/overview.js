// SPDX-License-Identifier: MIT
// The list of all targets: is all running? Runs in the browser.

import {
	h,
	svg,
	setText,
	setTitle,
	setClass,
	behindWord,
	coverageBar,
	exact,
	short,
	rate,
	span,
	moment,
	codeBlock,
	sortHeads,
} from "./dom.js";
import { Health } from "./health.js";
import { VirtualList } from "./list.js";
import { healthText } from "./jobs.js";
import { store, serverNow, targetUrl, perSecond } from "./link.js";

const JOBS_EVERY_MS = 4000;

const STATES = {
	live: { look: "", group: "live" },
	stale: { look: "quiet", group: "silent", text: "silent" },
	ready: { look: "idle", group: "silent", text: "ready" },
	waiting: { look: "idle", group: "waiting" },
	symbolizing: { look: "busy", group: "waiting" },
	failed: { look: "bad", group: "failed" },
};

const MEANING = {
	live: "its executions grow",
	stale: "coverage is there, executions stand still",
	ready: "resolved; no fuzzer has been seen yet",
	waiting: "for the executable, or for a first list of PCs",
	symbolizing: "its PCs are being resolved to source lines",
	failed: "see the reason",
};

export function stateLook(target) {
	const state = STATES[target.state] ?? { look: "idle", group: "waiting" };
	return {
		look: `state ${state.look}`,
		text: state.text ?? target.state,
		group: state.group,
		meaning: MEANING[target.state] ?? "",
	};
}

// Dot, word and reason; set(target) changes it.
export function stateBadge() {
	const word = h("span", { class: "state" });
	const reason = h("span", { class: "reason" });
	const element = h("span", { class: "statebox" }, word, reason);
	element.set = (target) => {
		const { look, text, meaning } = stateLook(target);
		setClass(word, look);
		setText(word, text);
		setTitle(word, meaning);
		setText(reason, behindWord(target.state, target.reason ?? ""));
		setTitle(reason, target.reason ?? "");
	};
	return element;
}

// Worst first: what needs somebody is what is seen when there is no room for more.
const JOB_WORDS = [
	["failed", "failed", "bad"],
	["troubled", "stuck", "warn"],
	["running", "running", ""],
	["restarting", "restarting", ""],
	["queued", "queued", ""],
	["waiting", "waiting", ""],
	["stopping", "stopping", ""],
	["starting", "starting", ""],
	["stopped", "stopped", ""],
	["done", "done", ""],
];

const NO_JOBS = { jobs: 0, states: {}, troubled: 0, worst: null };

// "1 failed · 3 running": what the jobs of a target are; set(sum) changes it.
function jobsSummary() {
	const element = h("span", { class: "jobsum" });
	element.set = (sum) => {
		const speed = sum.executions_per_second;
		const counts = { ...sum.states, troubled: sum.troubled };
		if (counts.running) counts.running -= sum.troubled;
		const parts = JOB_WORDS.filter(([key]) => counts[key] > 0).map(([key, word, look]) => ({
			text: `${exact(counts[key])} ${word}${key === "running" && speed > 0 ? ` at ${rate(speed)}/s` : ""}`,
			look,
		}));
		const key = parts.map((part) => part.text).join(" · ");
		const { worst } = sum;
		if (element.textContent !== (key || "–"))
			element.replaceChildren(
				...(parts.length
					? parts.flatMap((part, i) => [i ? " · " : "", h("span", { class: part.look }, part.text)])
					: ["–"]),
			);
		setClass(element, parts.length ? "jobsum" : "jobsum none");
		const lines = [
			sum.jobs ? key : "no jobs",
			worst ? `${worst.name}: ${worst.reason || healthText(worst)}` : "",
			sum.jobs ? `${exact(speed)} executions/s, as the engines say` : "",
		];
		setTitle(element, lines.filter(Boolean).join("\n"));
	};
	return element;
}

const GROUPS = [
	["all", "All"],
	["jobs", "Failing jobs"],
	["live", "Live"],
	["silent", "Silent"],
	["waiting", "Waiting"],
	["failed", "Failed"],
];

const isFailing = (sum) => sum.troubled > 0 || (sum.states.failed ?? 0) > 0;
// Of lines where they are counted, which is what other tools speak of; else of PCs.
const counted = (target) =>
	target.lines
		? { total: target.lines, covered: target.lines_reached, unit: "lines" }
		: { total: target.pcs, covered: target.covered, unit: "PCs" };
const share = (target) => {
	const { total, covered } = counted(target);
	return total ? covered / total : -1;
};

const COLUMNS = [
	{ key: "name", label: "Target", value: (t) => t.name, up: true },
	{ key: "state", label: "State", value: (t) => t.state, up: true },
	{
		key: "jobs",
		label: "Jobs",
		value: (t, jobs) => (jobs.states.failed ?? 0) * 1e6 + jobs.troubled * 1e3 + (jobs.states.running ?? 0),
		class: "jobcol",
	},
	{ key: "rate", label: "exec/s", value: perSecond, class: "num" },
	{ label: "2 min", class: "wide" },
	{ key: "runs", label: "Runs", value: (t) => t.runs, class: "num wide" },
	{ key: "coverage", label: "Coverage", value: share },
	{ key: "pcs", label: "PCs", value: (t) => t.pcs ?? 0, class: "num wide" },
	{ key: "find", label: "Last find", value: (t) => t.lastFind, class: "num" },
];

export class Overview {
	constructor(go) {
		this.go = go;
		this.selected = -1;
		this.sorted = [];
		this.jobs = new Map(); // by target's name
		this.filters = h("div", { class: "seg", role: "group", "aria-label": "Filter by state" });
		this.heads = h("div", { class: "thead", role: "row" });
		this.body = h("div", { role: "rowgroup" });
		this.none = h("div", { class: "nothing dim" });
		this.table = h(
			"div",
			{ class: "table targets", role: "table", "aria-label": "Targets" },
			h("div", { role: "rowgroup" }, this.heads),
			this.body,
		);
		this.panel = h(
			"div",
			{ class: "panel" },
			h("div", { class: "head" }, h("h1", {}, "Targets"), h("span", { class: "grow" }), this.filters),
			this.table,
			this.none,
		);
		this.empty = emptyState();
		this.loading = h("p", { class: "nothing dim" }, "Waiting for the list of targets …");
		this.health = new Health();
		this.element = h("div", { class: "view" }, this.health.element, this.panel, this.empty, this.loading);
		this.list = new VirtualList({
			element: this.body,
			height: () => (window.innerWidth >= 720 ? 42 : this.jobs.size > 0 ? 92 : 72),
			make: (index) => this.makeRow(index),
			update: (row, index) => this.updateRow(row, this.sorted[index]),
		});
		this.filterButtons = GROUPS.map(([key, label]) => {
			const button = h(
				"button",
				{ type: "button", onclick: () => this.setQuery({ state: key === "all" ? null : key }) },
				label,
			);
			return { key, label, button };
		});
		this.filters.append(...this.filterButtons.map((filter) => filter.button));
	}

	enter(place) {
		const query = place.query;
		this.filter = GROUPS.some(([key]) => key === query.get("state")) ? query.get("state") : "all";
		const sort = query.get("sort") ?? "name";
		this.down = sort.startsWith("-");
		this.column = COLUMNS.find((column) => column.key === sort.replace(/^-/, "")) ?? COLUMNS[0];
		document.title = "fuzzsupd";
		this.root = place.root;
		this.drawHeads();
		this.arrange();
		clearInterval(this.timer);
		this.timer = setInterval(() => this.lookAtJobs(), JOBS_EVERY_MS);
		this.lookAtJobs();
		this.health.enter(place.root);
	}

	leave() {
		clearInterval(this.timer);
		this.health.leave();
		this.list.end();
	}

	jobsOf(target) {
		return this.jobs.get(target.name) ?? NO_JOBS;
	}

	// One request for all targets, and none while nobody looks.
	async lookAtJobs() {
		if (document.hidden || this.looking) return;
		this.looking = true;
		try {
			const answer = await fetch(`${this.root}api/v1/jobs?by=target`);
			if (answer.ok) this.showJobs((await answer.json()).targets);
		} catch {
			// The header says that the server is away.
		}
		this.looking = false;
	}

	showJobs(sums) {
		const failing = (jobs) =>
			[...jobs.values()]
				.filter(isFailing)
				.map((sum) => sum.target)
				.join("\n");
		const before = `${this.jobs.size > 0} ${failing(this.jobs)}`;
		this.jobs = new Map(sums.map((sum) => [sum.target, sum]));
		if (before !== `${this.jobs.size > 0} ${failing(this.jobs)}`) this.arrange();
		else this.list.request();
	}

	setQuery(change) {
		const query = new URLSearchParams(location.search);
		for (const [key, value] of Object.entries(change)) value ? query.set(key, value) : query.delete(key);
		const text = query.toString();
		this.go(location.pathname + (text ? `?${text}` : ""), true);
	}

	drawHeads() {
		this.heads.replaceChildren(...sortHeads(COLUMNS, this.column, this.down, (change) => this.setQuery(change)));
	}

	// Which rows, in which order: only when the list or the wish changes, so that nothing jumps. Who goes
	// by keyboard stays at the target, not at the row.
	arrange() {
		const before = this.sorted.map((target) => target.name);
		const all = [...store.targets.values()];
		const counts = { all: all.length };
		for (const target of all) {
			const { group } = stateLook(target);
			counts[group] = (counts[group] ?? 0) + 1;
			if (isFailing(this.jobsOf(target))) counts.jobs = (counts.jobs ?? 0) + 1;
		}
		for (const { key, label, button } of this.filterButtons) {
			setText(button, `${label} ${exact(counts[key] ?? 0)}`);
			button.setAttribute("aria-pressed", String(key === this.filter));
			if (key !== "jobs") continue;
			button.hidden = !counts.jobs && this.filter !== "jobs";
			setClass(button, counts.jobs ? "bad" : "");
		}
		this.table.classList.toggle("withjobs", this.jobs.size > 0);
		const { value } = this.column;
		this.sorted = all.filter(
			(target) =>
				this.filter === "all" ||
				(this.filter === "jobs" ? isFailing(this.jobsOf(target)) : stateLook(target).group === this.filter),
		);
		this.sorted.sort((a, b) => {
			const x = value(a, this.jobsOf(a)),
				y = value(b, this.jobsOf(b));
			const order = typeof x === "string" ? x.localeCompare(y) : x - y;
			return (this.down ? -order : order) || a.name.localeCompare(b.name);
		});
		this.loading.hidden = store.listed || all.length > 0;
		this.empty.hidden = !store.listed || all.length > 0;
		this.panel.hidden = all.length === 0;
		setText(
			this.none,
			this.filter === "jobs"
				? "No job fails now."
				: `No target is ${GROUPS.find(([key]) => key === this.filter)[1].toLowerCase()} now.`,
		);
		this.none.hidden = this.sorted.length > 0;
		this.table.setAttribute("aria-rowcount", String(this.sorted.length + 1));
		const at = (index) =>
			before[index] === undefined ? -1 : this.sorted.findIndex((target) => target.name === before[index]);
		this.selected = at(this.selected);
		if (before.length === this.sorted.length && this.sorted.every((target, i) => target.name === before[i]))
			this.list.draw();
		else this.list.renew(this.sorted.length, at(this.list.focused()));
	}

	makeRow(index) {
		const target = this.sorted[index];
		const cells = {
			name: h("b", {}, target.name),
			badge: stateBadge(),
			jobs: jobsSummary(),
			rate: h("span"),
			spark: sparkline(),
			runs: h("span"),
			bar: coverageBar(),
			pcs: h("span"),
			find: h("span"),
		};
		const cell = (content, name) => h("span", { role: "cell", class: name }, content);
		const row = h(
			"a",
			{ class: "trow", role: "row", href: targetUrl(target.name), "aria-rowindex": String(index + 2) },
			cell(cells.name, "name"),
			cell(cells.badge, "st"),
			cell(cells.jobs, "jobcol"),
			cell(cells.rate, "num rate"),
			cell(cells.spark, "wide"),
			cell(cells.runs, "num wide"),
			cell(cells.bar, "cv"),
			cell(cells.pcs, "num wide dim"),
			cell(cells.find, "num dim find"),
		);
		row.cells = cells;
		row.index = index;
		return row;
	}

	updateRow(row, target) {
		const { badge, jobs, rate: speed, spark, runs, bar, pcs, find } = row.cells;
		const now = perSecond(target);
		badge.set(target);
		jobs.set(this.jobsOf(target));
		setText(speed, now > 0 ? rate(now) : "–");
		setTitle(speed, `${exact(Math.round(now))} executions per second`);
		spark.set(target.samples);
		setText(runs, target.counted ? short(target.runs) : "–");
		setTitle(runs, `${exact(target.runs)} executions`);
		const { total, covered, unit } = counted(target);
		bar.set(covered, total, unit, unit === "lines" ? `; ${exact(target.covered)} of ${exact(target.pcs)} PCs` : "");
		setText(pcs, target.pcs ? short(target.pcs) : "–");
		setTitle(pcs, target.pcs ? `${exact(target.covered)} of ${exact(target.pcs)} PCs reached` : "");
		setText(find, target.lastFind ? `${span(serverNow() - target.lastFind)} ago` : "–");
		setTitle(
			find,
			target.lastFind
				? moment(target.lastFind)
				: target.covered
					? "before the service first looked"
					: "nothing found yet",
		);
		row.classList.toggle("selected", row.index === this.selected);
	}

	update(what) {
		if (what.has("targets")) this.arrange();
		else this.list.draw();
	}

	key(event) {
		if (event.key === "j" || event.key === "k") {
			if (!this.sorted.length) return true;
			this.selected = Math.max(0, Math.min(this.sorted.length - 1, this.selected + (event.key === "j" ? 1 : -1)));
			this.list.reveal(this.selected);
			this.list.rows.get(this.selected)?.focus({ preventScroll: true });
			return true;
		}
		return false;
	}
}

function sparkline() {
	const area = svg("path", { class: "a" }),
		line = svg("path", { class: "l" });
	const element = svg(
		"svg",
		{ class: "spark", viewBox: "0 0 96 22", preserveAspectRatio: "none", "aria-hidden": "true" },
		area,
		line,
	);
	element.set = (samples) => {
		const most = Math.max(1, ...samples);
		const points = samples.map(
			(value, i) =>
				`${(96 - (samples.length - 1 - i) * (96 / 59)).toFixed(1)} ${(21 - (18 * value) / most).toFixed(1)}`,
		);
		const path = points.length > 1 && most > 1 ? `M${points.join(" L")}` : "";
		if (line.getAttribute("d") === path) return;
		line.setAttribute("d", path);
		area.setAttribute("d", path && `${path} L96 22 L${points[0].split(" ")[0]} 22Z`);
	};
	return element;
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
				"Only what lies below source-roots is ever shown. Where the target runs with FUZZSUP_DIR, coverage = names the same folder.",
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
