// SPDX-License-Identifier: MIT
// The jobs of a target: do its fuzzers run, and what do they say? Runs in the browser.

import { h, setText, setTitle, setClass, behindWord, exact, short, rate, span, moment } from "./dom.js";
import { serverNow } from "./link.js";

const EVERY_MS = 2000;
const LOOKS = {
	running: "",
	restarting: "quiet",
	queued: "idle",
	waiting: "idle",
	stopping: "busy",
	stopped: "idle",
	starting: "busy",
	done: "idle",
	failed: "bad",
};
const MEANING = {
	running: "at least one instance runs",
	restarting: "it ended; a timer starts it again",
	queued: "others have their turn",
	waiting: "its program is not there yet",
	stopping: "has been told to end",
	stopped: "on request, until it is started",
	done: "ended as it was meant to",
	failed: "is not started again until its program changes or somebody starts it",
};
const ENDED = new Set(["stopped", "done", "failed"]);

// What is wrong with a job that runs; "" where nothing is.
export function healthText({ health, health_since_ms: since, heard, reason }) {
	if (health === "stale" && heard === false)
		return `nothing heard from it since its start ${span(serverNow() - since)} ago`;
	if (health === "stale") return `stats are ${span(serverNow() - since)} old`;
	if (health === "losing") return reason;
	return health === "stuck" ? `no progress for ${span(serverNow() - since)}` : "";
}

function bytes(number) {
	if (!number) return "–";
	const mib = number / (1 << 20);
	return mib >= 1024 ? `${(mib / 1024).toFixed(1)} GiB` : `${Math.max(1, Math.round(mib))} MiB`;
}

export class JobsPanel {
	constructor() {
		this.rows = new Map();
		this.opened = null; // name of the job whose log is shown
		this.body = h("div", { role: "rowgroup" });
		const heads = [
			["Job"],
			["State"],
			["exec/s", "num"],
			["Executions", "num wide"],
			["Corpus", "num wide"],
			["Crashes", "num"],
			["Memory", "num wide"],
			[""],
		];
		this.table = h(
			"div",
			{ class: "table jobs", role: "table", "aria-label": "Jobs" },
			h(
				"div",
				{ role: "rowgroup" },
				h(
					"div",
					{ class: "thead", role: "row" },
					heads.map(([label, look]) => h("span", { role: "columnheader", class: look ?? "" }, label)),
				),
			),
			this.body,
		);
		this.note = h("p", { class: "refused", role: "status" });
		this.note.hidden = true;
		this.log = h("pre", { tabindex: "0", "aria-label": "Log" });
		this.logOf = h("span", { class: "dim small" });
		this.instance = h("select", { "aria-label": "Instance", onchange: () => this.readLog() });
		this.choice = h("label", { class: "small" }, "Instance ", this.instance);
		this.closer = h(
			"button",
			{ type: "button", class: "btn", "aria-label": "Close the log", onclick: () => this.dismiss() },
			"Close",
		);
		this.logBox = h(
			"div",
			{ class: "joblog", role: "row" },
			h(
				"div",
				{ role: "cell" },
				h("div", { class: "logbar" }, this.logOf, this.choice, h("span", { class: "grow" }), this.closer),
				this.log,
			),
		);
		this.logBox.hidden = true;
		this.element = h(
			"section",
			{ class: "panel jobspanel" },
			h(
				"div",
				{ class: "head" },
				h("h2", {}, "Jobs"),
				h("span", { class: "grow" }),
				(this.count = h("span", { class: "dim small" })),
			),
			this.note,
			this.table,
		);
		this.element.hidden = true;
		this.element.addEventListener(
			"keydown",
			(event) => event.key === "Escape" && this.opened !== null && this.dismiss(),
		);
	}

	enter(place) {
		if (this.target !== place.target) this.clear();
		this.root = place.root;
		this.target = place.target;
		clearInterval(this.timer);
		this.timer = setInterval(() => this.look(), EVERY_MS);
		this.look();
	}

	leave() {
		clearInterval(this.timer);
	}

	clear() {
		this.rows.clear();
		this.body.replaceChildren();
		this.element.hidden = true;
		this.close();
	}

	// What is not seen costs nothing; an answer that is late is of the last target.
	async look() {
		if (document.hidden) return;
		const target = this.target;
		try {
			const answer = await fetch(`${this.root}api/v1/jobs?target=${encodeURIComponent(target)}`);
			if (!answer.ok) return;
			const { jobs } = await answer.json();
			if (target === this.target) this.show(jobs);
			if (this.opened) await this.readLog();
		} catch {
			// The header says that the server is away.
		}
	}

	show(jobs) {
		const names = new Set(jobs.map((job) => job.name));
		for (const [name, row] of this.rows) {
			if (names.has(name)) continue;
			if (name === this.opened) this.close();
			row.remove();
			this.rows.delete(name);
		}
		for (const job of jobs) {
			if (!this.rows.has(job.name)) {
				const row = this.makeRow(job);
				this.rows.set(job.name, row);
				this.body.append(row);
			}
			this.updateRow(this.rows.get(job.name), job);
		}
		this.element.hidden = jobs.length === 0;
		const running = jobs.filter((job) => job.state === "running").length;
		setText(this.count, `${running} of ${jobs.length} running`);
		if (this.opened) this.offerInstances();
	}

	makeRow(job) {
		const cells = {
			name: h(
				"button",
				{ type: "button", class: "jobname", "aria-expanded": "false", onclick: () => this.toggleLog(job.name) },
				h("b", {}, job.name),
			),
			engine: h("span", { class: "dim small" }),
			state: h("span", { class: "state" }),
			reason: h("span", { class: "reason" }),
			rate: h("span"),
			executions: h("span"),
			corpus: h("span"),
			crashes: h("span"),
			memory: h("span"),
			stop: h("button", {
				type: "button",
				class: "btn",
				onclick: () => this.ask(job.name, ENDED.has(this.rows.get(job.name).job.state) ? "start" : "stop"),
			}),
			restart: h(
				"button",
				{ type: "button", class: "btn", onclick: () => this.ask(job.name, "restart") },
				"Restart",
			),
		};
		const cell = (name, ...content) => h("span", { role: "cell", class: name }, ...content);
		const row = h(
			"div",
			{ class: "trow", role: "row" },
			cell("name", cells.name, cells.engine),
			cell("st", h("span", { class: "statebox" }, cells.state, cells.reason)),
			cell("num rate", cells.rate),
			cell("num wide", cells.executions),
			cell("num wide", cells.corpus),
			cell("num crashes", cells.crashes),
			cell("num wide dim", cells.memory),
			cell("acts", cells.stop, cells.restart),
		);
		row.cells = cells;
		return row;
	}

	updateRow(row, job) {
		const { cells } = row;
		row.job = job;
		setTitle(cells.name, `Log of ${job.name}`);
		const engine = job.attached ? `${job.engine}, attached` : job.engine;
		setText(cells.engine, job.instances > 1 ? `${engine} × ${job.running}/${job.instances}` : engine);
		setTitle(cells.engine, job.attached ? `runs elsewhere, over ${job.attached}` : "");
		setClass(cells.state, `state ${healthText(job) ? "quiet" : (LOOKS[job.state] ?? "idle")}`);
		setText(cells.state, job.state);
		setTitle(cells.state, `${MEANING[job.state] ?? ""}${job.since_ms ? `; since ${moment(job.since_ms)}` : ""}`);
		const trouble = healthText(job);
		const reason =
			behindWord(job.state, job.reason) ||
			trouble ||
			(job.state === "queued" ? MEANING.queued : "") ||
			(job.pending > 0 && job.state === "running"
				? `${exact(job.pending)} of ${exact(job.corpus + job.pending)} inputs left to replay`
				: "");
		setText(cells.reason, reason);
		setTitle(cells.reason, trouble ? `${reason}; since ${moment(job.health_since_ms)}` : reason);
		setClass(cells.reason, trouble && reason === trouble ? "reason warn" : "reason");
		const speed = job.state === "running" ? job.executions_per_second : 0;
		setText(cells.rate, speed ? rate(speed) : "–");
		setClass(cells.rate, trouble ? "old" : "");
		setTitle(cells.rate, trouble && speed ? `${trouble}: this is what it said last` : "");
		setText(cells.executions, job.executions === null ? "–" : short(job.executions));
		const age = job.updated_ms
			? `as of ${span(serverNow() - job.updated_ms)} ago`
			: "its engine has said nothing yet";
		setTitle(cells.executions, job.executions === null ? age : `${exact(job.executions)} executions, ${age}`);
		setText(cells.corpus, job.corpus === null ? "–" : short(job.corpus));
		setTitle(cells.corpus, job.last_find_ms ? `last find ${moment(job.last_find_ms)}` : "");
		setText(cells.crashes, job.crashes === null ? "–" : short(job.crashes));
		setClass(cells.crashes, job.crashes > 0 ? "found" : "");
		setText(cells.memory, bytes(job.memory));
		setText(cells.stop, ENDED.has(job.state) ? "Start" : "Stop");
		cells.stop.setAttribute("aria-label", `${cells.stop.textContent} ${job.name}`);
		cells.restart.setAttribute("aria-label", `Restart ${job.name}`);
		cells.stop.disabled = Boolean(job.attached);
		cells.restart.disabled = Boolean(job.attached) || ENDED.has(job.state);
	}

	url(name, what) {
		return `${this.root}api/v1/jobs/${encodeURIComponent(this.target)}/${encodeURIComponent(name)}/${what}`;
	}

	async ask(name, what) {
		let why = "";
		try {
			const answer = await fetch(this.url(name, what), { method: "POST" });
			if (!answer.ok) why = (await answer.text()).trim();
		} catch {
			why = "the server is away";
		}
		setText(this.note, why ? `${name} could not be asked to ${what}: ${why}` : "");
		this.note.hidden = !why;
		setTimeout(() => this.look(), 200);
	}

	toggleLog(name) {
		const again = this.opened === name;
		this.close();
		if (again) return;
		this.opened = name;
		this.rows.get(name).cells.name.setAttribute("aria-expanded", "true");
		this.instance.replaceChildren();
		this.offerInstances();
		setText(this.logOf, `Log of ${name}`);
		setText(this.log, "…");
		this.rows.get(name).after(this.logBox);
		this.logBox.hidden = false;
		this.readLog();
	}

	close() {
		this.rows.get(this.opened)?.cells.name.setAttribute("aria-expanded", "false");
		this.opened = null;
		this.logBox.hidden = true;
	}

	// By hand: whoever goes on by keyboard is where the log was opened.
	dismiss() {
		const { name } = this.rows.get(this.opened).cells;
		this.close();
		name.focus();
	}

	// As many as the job has; what is chosen stays.
	offerInstances() {
		const { instances } = this.rows.get(this.opened).job;
		const { options } = this.instance;
		while (options.length < Math.max(1, instances))
			this.instance.append(h("option", { value: options.length }, String(options.length)));
		while (options.length > Math.max(1, instances)) this.instance.lastChild.remove();
		this.choice.hidden = options.length === 1;
	}

	// Stays at the end, unless somebody has scrolled up to read.
	async readLog() {
		const name = this.opened,
			number = this.instance.value;
		let text;
		try {
			text = await (await fetch(this.url(name, `log?instance=${number}`))).text();
		} catch {
			return; // The header says that the server is away.
		}
		if (name !== this.opened || number !== this.instance.value) return;
		const atEnd = this.log.scrollTop + this.log.clientHeight >= this.log.scrollHeight - 4;
		const shown = `${name} ${number}`;
		setText(this.log, text);
		if (atEnd || this.shownLog !== shown) this.log.scrollTop = this.log.scrollHeight;
		this.shownLog = shown;
	}
}
