// SPDX-License-Identifier: MIT
// The jobs of a target: do its fuzzers run, and what do they say? Runs in the browser.

import { h, setText, setTitle, setClass, behindWord, bytes, exact, short, rate, span, moment } from "./dom.js";
import { apiUrl, serverNow } from "./link.js";
import { reportLine } from "./report.js";

const EVERY_MS = 2000;

/**
 * Of /api/v1/jobs; null: its engine has not said.
 * @typedef {{ name: string, engine: string, attached: string | null, state: string, reason: string,
 *   instances: number, running: number, since_ms: number, memory: number, health: string | null,
 *   health_since_ms: number, heard: boolean | null, executions: number | null, executions_per_second: number,
 *   corpus: number | null, crashes: number | null, pending: number, updated_ms: number,
 *   last_find_ms: number }} Job
 */

/** @type {Record<string, string>} */
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
/** @type {Record<string, string>} */
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

/**
 * What is wrong with a job that runs; "" where nothing is.
 * @param {Pick<Job, "health" | "health_since_ms" | "reason"> & { heard?: boolean | null }} job
 */
export function healthText({ health, health_since_ms: since, heard, reason }) {
	if (health === "stale" && heard === false)
		return `nothing heard from it since its start ${span(serverNow() - since)} ago`;
	if (health === "stale") return `stats are ${span(serverNow() - since)} old`;
	if (health === "losing") return reason;
	return health === "stuck" ? `no progress for ${span(serverNow() - since)}` : "";
}

/** What a job says beside its state. @param {Job} job */
function reasonText(job) {
	const trouble = healthText(job);
	const said = behindWord(job.state, job.reason) || trouble;
	if (said) return said;
	if (job.state === "queued") return MEANING.queued;
	if (job.pending > 0 && job.state === "running")
		return `${exact(job.pending)} of ${exact((job.corpus ?? 0) + job.pending)} inputs left to replay`;
	return "";
}

/** @typedef {ReturnType<JobsPanel["makeRow"]>} Row */

export class JobsPanel {
	/** tell: called once the jobs of a target are known. @param {() => void} tell */
	constructor(tell) {
		this.tell = tell;
		/** @type {Map<string, Row>} */
		this.rows = new Map();
		/** @type {string | null} */
		this.opened = null; // name of the job whose log is shown
		this.shownLog = ""; // job and instance
		this.logText = "";
		this.target = "";
		this.known = false; // which jobs the target has
		this.timer = 0;
		this.shownAgain = () => this.look();
		this.body = h("div", { role: "rowgroup" });
		const heads = [
			["Job"],
			["State"],
			["exec/s", "num"],
			["Executions", "num wide"],
			["Corpus", "num wide"],
			["Crashes", "num crashes"],
			["Memory", "num wide"],
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
					h("span", { role: "columnheader" }, h("span", { class: "unseen" }, "Actions")),
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

	/** @param {import("./place.js").Address} place */
	enter(place) {
		if (this.target !== place.target) this.clear();
		this.target = place.target ?? "";
		clearInterval(this.timer);
		this.timer = setInterval(() => this.look(), EVERY_MS);
		document.addEventListener("visibilitychange", this.shownAgain);
		this.look();
	}

	leave() {
		clearInterval(this.timer);
		document.removeEventListener("visibilitychange", this.shownAgain);
	}

	clear() {
		this.known = false;
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
			const answer = await fetch(apiUrl(`jobs?target=${encodeURIComponent(target)}`));
			const { jobs } = answer.ok ? await answer.json() : { jobs: [] };
			if (target !== this.target) return;
			if (answer.ok) this.show(jobs);
			if (!this.known) {
				this.known = true;
				this.tell();
			}
			if (this.opened !== null) await this.readLog();
		} catch {
			// The header says that the server is away.
		}
	}

	/** @param {Job[]} jobs */
	show(jobs) {
		const names = new Set(jobs.map((job) => job.name));
		for (const [name, row] of this.rows) {
			if (names.has(name)) continue;
			if (name === this.opened) this.close();
			row.remove();
			this.rows.delete(name);
		}
		for (const job of jobs) {
			const row = this.rows.get(job.name) ?? this.makeRow(job);
			if (!row.isConnected) this.body.append(row);
			this.rows.set(job.name, row);
			this.updateRow(row, job);
		}
		this.element.hidden = jobs.length === 0;
		const running = jobs.filter((job) => job.state === "running").length;
		setText(this.count, `${running} of ${jobs.length} running`);
		if (this.opened) this.offerInstances();
	}

	/** @param {Job} job */
	makeRow(job) {
		const { name } = job;
		/** @param {string} label @param {() => void} onclick @param {string} [look] @param {Record<string, string>} [more] */
		const button = (label, onclick, look = "btn", more = {}) =>
			h("button", { type: "button", class: look, onclick, ...more }, label);
		const toggle = () => this.ask(name, ENDED.has(row.job.state) ? "start" : "stop");
		const cells = {
			name: button("", () => this.toggleLog(name), "jobname", { "aria-expanded": "false" }),
			engine: h("span", { class: "dim small" }),
			state: h("span", { class: "state" }),
			reason: h("span", { class: "reason" }),
			rate: h("span"),
			executions: h("span"),
			corpus: h("span"),
			crashes: h("span"),
			memory: h("span"),
			stop: button("", toggle),
			restart: button("Restart", () => this.ask(name, "restart")),
		};
		cells.name.append(h("b", {}, name));
		/** @param {string} look @param {...Node} content */
		const cell = (look, ...content) => h("span", { role: "cell", class: look }, content);
		const element = h(
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
		const row = Object.assign(element, { cells, job });
		return row;
	}

	/** @param {Row} row @param {Job} job */
	updateRow(row, job) {
		const { cells } = row;
		row.job = job;
		setTitle(cells.name, `Log of ${job.name}`);
		const engine = job.attached ? `${job.engine}, attached` : job.engine;
		setText(cells.engine, job.instances > 1 ? `${engine} × ${job.running}/${job.instances}` : engine);
		setTitle(cells.engine, job.attached ? `runs elsewhere, over ${job.attached}` : "");
		this.updateState(cells, job);
		this.updateNumbers(cells, job);
		setText(cells.stop, ENDED.has(job.state) ? "Start" : "Stop");
		cells.stop.setAttribute("aria-label", `${cells.stop.textContent} ${job.name}`);
		cells.restart.setAttribute("aria-label", `Restart ${job.name}`);
		cells.stop.disabled = Boolean(job.attached);
		cells.restart.disabled = Boolean(job.attached) || ENDED.has(job.state);
	}

	/** @param {Row["cells"]} cells @param {Job} job */
	updateState({ state, reason }, job) {
		const trouble = healthText(job),
			text = reasonText(job);
		setClass(state, `state ${trouble ? "quiet" : (LOOKS[job.state] ?? "idle")}`);
		setText(state, job.state);
		setTitle(state, `${MEANING[job.state] ?? ""}${job.since_ms ? `; since ${moment(job.since_ms)}` : ""}`);
		setText(reason, text);
		setTitle(reason, trouble ? `${text}; since ${moment(job.health_since_ms)}` : text);
		setClass(reason, trouble && text === trouble ? "reason warn" : "reason");
	}

	/** @param {Row["cells"]} cells @param {Job} job */
	updateNumbers(cells, job) {
		const trouble = healthText(job);
		const speed = job.state === "running" ? job.executions_per_second : 0;
		setText(cells.rate, speed ? rate(speed) : "–");
		setClass(cells.rate, !speed ? "none" : trouble ? "old" : "");
		setTitle(
			cells.rate,
			trouble && speed ? `${trouble}: this is what it said last` : "executions per second, as its engine says",
		);
		const { executions, corpus, crashes } = job;
		const age = job.updated_ms
			? `as of ${span(serverNow() - job.updated_ms)} ago`
			: "its engine has said nothing yet";
		setText(cells.executions, executions === null ? "–" : short(executions));
		setTitle(cells.executions, executions === null ? age : `${exact(executions)} executions, ${age}`);
		setText(cells.corpus, corpus === null ? "–" : short(corpus));
		setTitle(cells.corpus, job.last_find_ms ? `last find ${moment(job.last_find_ms)}` : "");
		setText(cells.crashes, crashes === null ? "–" : short(crashes));
		setTitle(
			cells.crashes,
			crashes === null ? "its engine does not count crashes" : `${exact(crashes)} inputs that crash it were kept`,
		);
		setClass(cells.crashes, crashes ? "found" : "");
		setText(cells.memory, job.memory ? bytes(job.memory) : "–");
	}

	/** @param {string} name @param {string} what */
	url(name, what) {
		return apiUrl(`jobs/${encodeURIComponent(this.target)}/${encodeURIComponent(name)}/${what}`);
	}

	/** @param {string} name @param {string} what */
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

	/** @param {string} name */
	toggleLog(name) {
		const again = this.opened === name,
			row = this.rows.get(name);
		this.close();
		if (again || !row) return;
		this.opened = name;
		row.cells.name.setAttribute("aria-expanded", "true");
		this.instance.replaceChildren();
		this.offerInstances();
		setText(this.logOf, `Log of ${name}`);
		this.showLog("…", "");
		row.after(this.logBox);
		this.logBox.hidden = false;
		this.readLog();
	}

	close() {
		this.openedRow()?.cells.name.setAttribute("aria-expanded", "false");
		this.opened = null;
		this.logBox.hidden = true;
	}

	openedRow() {
		return this.opened === null ? undefined : this.rows.get(this.opened);
	}

	// By hand: whoever goes on by keyboard is where the log was opened.
	dismiss() {
		const row = this.openedRow();
		this.close();
		row?.cells.name.focus();
	}

	// As many as the job has; what is chosen stays.
	offerInstances() {
		const instances = Math.max(1, this.openedRow()?.job.instances ?? 1);
		const { options } = this.instance;
		while (options.length < instances)
			this.instance.append(h("option", { value: options.length }, String(options.length)));
		while (options.length > instances) this.instance.lastChild?.remove();
		this.choice.hidden = options.length === 1;
	}

	async readLog() {
		const name = this.opened,
			number = this.instance.value;
		if (name === null) return;
		let text;
		try {
			text = await (await fetch(this.url(name, `log?instance=${number}`))).text();
		} catch {
			return; // The header says that the server is away.
		}
		if (name === this.opened && number === this.instance.value) this.showLog(text, `${name} ${number}`);
	}

	/**
	 * Opens at the first line of the report, if the last run ended with one, else at its end. Stays at the end, unless
	 * somebody has scrolled up to read.
	 * @param {string} text @param {string} of which log it is
	 */
	showLog(text, of) {
		const { log } = this;
		const atEnd = log.scrollTop + log.clientHeight >= log.scrollHeight - 4,
			opens = this.shownLog !== of;
		if (text === this.logText && !opens) return;
		this.shownLog = of;
		this.logText = text;
		const lines = text.split("\n"),
			at = reportLine(lines);
		const head = at < 0 ? null : h("span", { class: "reportline" }, lines[at]);
		if (head)
			log.replaceChildren(
				lines
					.slice(0, at)
					.map((line) => `${line}\n`)
					.join(""),
				head,
				`\n${lines.slice(at + 1).join("\n")}`,
			);
		else log.replaceChildren(text);
		if (opens && head) log.scrollTop = head.offsetTop - 8;
		else if (atEnd || opens) log.scrollTop = log.scrollHeight;
	}
}
