// SPDX-License-Identifier: MIT
// What was: coverage, speed, corpus and memory of a target over time, and what happened; runs in the browser.

import { h, setText, span } from "./dom.js";
import { EventList } from "./events.js";
import {
	appendColumns,
	drawnColumns,
	gapsOf,
	marksOf,
	noColumns,
	rangeOf,
	rangeQuery,
	RANGES,
	readColumns,
	stepFor,
	tailFrom,
	zoomTo,
} from "./history_data.js";
import { apiUrl, serverNow } from "./link.js";
import { failureText, LOAD, Loading, progress } from "./loading.js";
import { Plots } from "./plots.js";
import { queryUrl } from "./place.js";

const TICK = 2000; // ms
const TAIL_MOST = 15000; // ms between two looks at what is new
const STALE_AFTER = 10000; // ms without an answer: said
const POINTS_MOST = 4000; // then all is read anew, in larger steps

/**
 * @typedef {import("./history_data.js").Columns} Columns
 * @typedef {import("./history_data.js").Column} Column
 * @typedef {import("./history_data.js").Range} Range
 */

const NOTHING_YET = "Nothing is known of that time yet. What is sampled from now on appears here.";
const NOTHING_THEN = "Nothing is known of that time: the service did not run, or the target was not there yet.";

/** @type {Promise<import("./plots.js").Library> | null} */
let library = null,
	tries = 0;

/** Fetched when plots are first looked at. @returns {Promise<import("./plots.js").Library>} */
function plotLibrary() {
	// A browser may remember of an address that it failed.
	library ??= import(`./uPlot.esm.js${tries++ ? `?try=${tries}` : ""}`).then((module) => module.default);
	library.catch(() => (library = null));
	return library;
}

export class HistoryView {
	/** @param {import("./search.js").Go} go */
	constructor(go) {
		this.go = go;
		this.target = this.job = this.asked = "";
		/** @type {Range} */
		this.range = rangeOf(new URLSearchParams());
		this.columns = noColumns();
		this.step = 1;
		/** @type {Loading<Columns> | null} */
		this.loading = null;
		/** @type {Plots | null} */
		this.plots = null;
		this.timer = this.heard = this.looked = 0; // heard, looked: of performance.now()
		this.asking = false;
		this.refused = ""; // what the service said instead of what is new
		this.libraryFailed = "";
		this.events = new EventList(() => this.draw());
		this.shownAgain = () => this.tick();
		this.buttons = RANGES.map(({ key, label }) => {
			const onclick = () => this.setRange(key);
			return { key, button: h("button", { type: "button", role: "radio", onclick }, label) };
		});
		this.unzoom = h("button", { type: "button", class: "btn", onclick: () => this.reset() }, "Reset zoom");
		this.choice = h("select", {
			"aria-label": "Whose history",
			onchange: () => this.go(queryUrl(location, { job: this.choice.value }), true),
		});
		this.tools = h("div", { class: "tools historytools" }, this.unzoom, this.choice, this.rangeGroup());
		this.message = h("div", { class: "message" });
		this.stage = h("div", { class: "stage" }, this.message);
		this.stale = h("p", { class: "warn small stalenote", role: "status" });
		this.element = h("div", { class: "history" }, this.stage, this.stale, this.events.element);
	}

	rangeGroup() {
		const buttons = this.buttons.map(({ button }) => button);
		const group = h("div", { class: "seg", role: "radiogroup", "aria-label": "Range of time" }, buttons);
		group.addEventListener("keydown", (event) => this.turnRange(event));
		return group;
	}

	/** @param {import("./place.js").Address} place */
	enter(place) {
		const { query } = place,
			target = place.target ?? "",
			job = query.get("job") ?? "";
		if (target !== this.target || job !== this.job) {
			this.columns = noColumns();
			this.refused = "";
		}
		this.target = target;
		this.job = job;
		this.range = rangeOf(query);
		this.events.enter(target);
		this.drawTools();
		if (!this.timer) {
			this.timer = setInterval(() => this.tick(), TICK);
			document.addEventListener("visibilitychange", this.shownAgain);
		}
		this.wantPlots();
		const asked = [target, job, this.range.key, this.range.from, this.range.to].join("\n");
		if (asked !== this.asked) {
			this.asked = asked;
			this.load();
		} else this.tick();
	}

	leave() {
		clearInterval(this.timer);
		this.timer = 0;
		document.removeEventListener("visibilitychange", this.shownAgain);
		this.loading?.end();
		this.events.leave();
		this.plots?.end();
		this.plots = null;
		this.asked = "";
	}

	async wantPlots() {
		if (this.plots) return;
		try {
			const found = await plotLibrary();
			this.libraryFailed = "";
			if (this.plots || !this.timer) return;
			this.plots = new Plots(
				found,
				(from, to) => this.zoom(from, to),
				() => this.reset(),
			);
			this.stage.prepend(this.plots.element);
		} catch (error) {
			this.libraryFailed = error instanceof Error ? error.message : String(error);
		}
		this.draw();
	}

	// ---- ranges ----

	/** @param {string} key */
	setRange(key) {
		this.go(queryUrl(location, rangeQuery(key)), true);
	}

	/** As radio buttons do. @param {KeyboardEvent} event */
	turnRange(event) {
		const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
		const at = this.buttons.findIndex(({ button }) => button === document.activeElement);
		if (!step || at < 0) return;
		const next = this.buttons[(at + step + this.buttons.length) % this.buttons.length];
		next.button.focus();
		this.setRange(next.key);
		event.preventDefault();
		event.stopPropagation();
	}

	/** An address of its own, so that Back is where one was. @param {number} from @param {number} to ms */
	zoom(from, to) {
		const zoomed = zoomTo(from, to, serverNow());
		this.go(queryUrl(location, { from: String(zoomed.from), to: String(zoomed.to) }));
	}

	reset() {
		if (this.range.key === "zoom") this.go(queryUrl(location, { from: null, to: null }), true);
	}

	/** What is shown of time, in ms. */
	window() {
		const { from, to, seconds } = this.range;
		if (to) return { from, to };
		const now = serverNow();
		return { from: seconds ? now - seconds * 1000 : Math.min(this.columns.t[0] ?? now, now - 60000), to: now };
	}

	// ---- fetching ----

	/** @param {Record<string, number>} query */
	url(query) {
		const name = encodeURIComponent(this.target);
		const words = Object.entries(query).map(([key, value]) => `${key}=${value}`);
		if (this.job) words.push(`job=${encodeURIComponent(this.job)}`);
		return apiUrl(`targets/${name}/history${words.length ? "?" : ""}${words.join("&")}`);
	}

	load() {
		const { from, to } = this.window(),
			{ seconds } = this.range;
		this.loading?.end();
		this.step = stepFor(seconds || 1);
		/** @type {Record<string, number>} */
		const query = seconds ? { from: Math.floor(from / 1000), step: this.step } : {};
		if (this.range.to) query.to = Math.ceil(to / 1000);
		this.loading = new Loading(
			this.url(query),
			(bytes) => readColumns(JSON.parse(new TextDecoder().decode(bytes))),
			() => this.loaded(),
			{ refusals: true },
		);
		this.loading.want();
		this.draw();
	}

	loaded() {
		const { loading } = this;
		if (loading?.state === LOAD.SHOWN && loading.value) {
			this.columns = loading.value;
			if (!this.range.seconds) this.step = stepFor((serverNow() - (this.columns.t[0] ?? serverNow())) / 1000);
			this.heard = this.looked = performance.now();
			this.refused = "";
		}
		this.draw();
	}

	tick() {
		if (document.hidden || !this.timer) return;
		this.events.look();
		this.tail();
		this.draw();
	}

	// What is new, while the range ends now.
	async tail() {
		const due = performance.now() - this.looked >= Math.min(TAIL_MOST, Math.max(TICK, this.step * 1000)) - TICK / 2;
		if (this.range.to || this.asking || !due || this.loading?.state !== LOAD.SHOWN) return;
		if (this.columns.t.length > POINTS_MOST) {
			this.load();
			return;
		}
		const { asked, loading } = this,
			oldest = this.window().from,
			from = Math.max(tailFrom(this.columns, this.step), Math.floor(oldest / 1000));
		this.asking = true;
		this.looked = performance.now();
		try {
			const answer = await fetch(this.url({ from, step: this.step }));
			const said = answer.ok ? readColumns(await answer.json()) : (await answer.text()).trim();
			if (asked !== this.asked || loading !== this.loading) return;
			this.refused = typeof said === "string" ? said : "";
			if (typeof said === "string") return;
			this.heard = performance.now();
			this.columns = appendColumns(this.columns, said, from, this.range.seconds ? oldest - this.step * 1000 : 0);
		} catch {
			this.refused = "the service cannot be reached";
		} finally {
			this.asking = false;
			this.draw();
		}
	}

	// ---- drawing ----

	/** Once a second, or when something changed. @param {Iterable<string>} jobs their names */
	update(jobs) {
		this.offerJobs([...jobs]);
		if (this.message.dataset.text) this.draw(); // it may count seconds
	}

	/** @param {string[]} names of the target's jobs */
	offerJobs(names) {
		const wanted = this.job && !names.includes(this.job) ? [...names, this.job] : names,
			key = wanted.join("\n");
		if (this.choice.dataset.names !== key) {
			this.choice.dataset.names = key;
			const options = wanted.map((name) => h("option", { value: name }, `Job ${name}`));
			this.choice.replaceChildren(h("option", { value: "" }, "Whole target"), ...options);
		}
		if (this.choice.value !== this.job) this.choice.value = this.job;
		this.choice.hidden = this.choice.options.length < 2;
	}

	drawTools() {
		const { key } = this.range,
			checked = RANGES.some((range) => range.key === key);
		this.buttons.forEach((one, i) => {
			one.button.setAttribute("aria-checked", String(one.key === key));
			one.button.tabIndex = one.key === key || (!checked && i === 0) ? 0 : -1;
		});
		this.unzoom.hidden = checked;
	}

	/** Which plots there are. @returns {Column[]} */
	shownColumns() {
		/** @type {Column[]} */
		const names = this.job ? [] : ["covered"];
		names.push("executions_per_second", "corpus");
		if (this.columns.crashes.some((count) => count > 0)) names.push("crashes");
		return [...names, "memory"];
	}

	draw() {
		if (!this.timer) return;
		const { from, to } = this.window(),
			words = this.messageText(from);
		this.stage.classList.toggle("covered", words !== "");
		this.stage.setAttribute("aria-busy", String(this.loading?.state === LOAD.LOADING));
		this.drawMessage(words);
		const silent = this.refused && performance.now() - this.heard > STALE_AFTER;
		setText(
			this.stale,
			silent
				? `Not renewed for ${span(performance.now() - this.heard)}: ${this.refused}. It is tried again.`
				: "",
		);
		if (!this.plots) return;
		const gaps = gapsOf(this.columns.t, this.step),
			names = this.shownColumns(),
			marks = marksOf(this.columns, gaps, this.events.events);
		this.plots.draw({ names, data: drawnColumns(this.columns, names, gaps), marks, from, to });
	}

	/** What is said in the place of plots; "": they are there. @param {number} from ms */
	messageText(from) {
		const { loading } = this;
		if (this.libraryFailed) return `The plots could not be loaded (${this.libraryFailed}).`;
		const drawn = this.columns.t.length > 0 && this.columns.t[this.columns.t.length - 1] >= from;
		if (loading?.failure) {
			const busy = loading.state === LOAD.LOADING;
			return busy ? `Trying again … ${progress(loading)}` : failureText(loading);
		}
		if (drawn && this.plots) return "";
		if (!loading || loading.state !== LOAD.SHOWN || !this.plots)
			return `Reading the history … ${loading ? progress(loading) : ""}`;
		return this.range.to ? NOTHING_THEN : NOTHING_YET;
	}

	/** @param {string} words */
	drawMessage(words) {
		if (this.message.dataset.text === words) return;
		this.message.dataset.text = words;
		const failed = this.libraryFailed || this.loading?.failure;
		const again = () => (this.libraryFailed ? this.wantPlots() : this.loading?.again());
		const button = failed ? h("button", { type: "button", class: "btn", onclick: again }, "Try again now") : null;
		const focused = this.message.contains(document.activeElement);
		this.message.replaceChildren(...(words ? [h("p", {}, words)] : []), ...(button ? [button] : []));
		if (focused) button?.focus();
	}
}
