// SPDX-License-Identifier: MIT
// What happened to a target, newest first: builds, jobs, the service; runs in the browser.

import { h, many, moment, setText, setTitle, span } from "./dom.js";
import { mergeEvents } from "./history_data.js";
import { apiUrl, serverNow } from "./link.js";
import { failureText, LOAD, Loading } from "./loading.js";

const KEPT = 1000;
const SHOWN = 30; // and as many more when they are asked for

/** How each kind is marked, as states of jobs are. @type {Record<string, string>} */
const LOOKS = {
	service: "busy",
	reload: "idle",
	worker: "warn",
	build: "busy",
	"target-failed": "bad",
	"job-started": "",
	"job-ended": "idle",
	"job-failed": "bad",
	"job-restarted": "quiet",
	"job-waiting": "idle",
	plateau: "quiet",
};

/**
 * @typedef {import("./history_data.js").Event} Event
 * @typedef {ReturnType<typeof makeRow>} Row
 */

export class EventList {
	/** @param {() => void} tell called when there are others */
	constructor(tell) {
		this.tell = tell;
		this.target = "";
		/** @type {Event[]} */
		this.events = []; // ascending
		/** @type {Loading<Event[]>[]} */
		this.first = [];
		this.asking = false;
		this.most = SHOWN;
		/** @type {Map<number, Row>} */
		this.rows = new Map();
		const head = ["Time", "What", "Job", "Details"].map((label) => h("span", { role: "columnheader" }, label));
		this.body = h("div", { role: "rowgroup" });
		this.table = h(
			"div",
			{ class: "table events", role: "table", "aria-label": "Events" },
			h("div", { role: "rowgroup" }, h("div", { class: "thead", role: "row" }, head)),
			this.body,
		);
		this.note = h("p", { class: "nothing dim" });
		this.more = h("button", { type: "button", class: "btn", onclick: () => this.showMore() });
		this.element = h(
			"section",
			{ class: "eventlist", "aria-label": "Events" },
			h("h2", {}, "Events"),
			this.table,
			this.note,
			h("p", { class: "moreevents" }, this.more),
		);
	}

	/** @param {string} target */
	enter(target) {
		if (this.target === target && this.first.length) return;
		this.leave();
		this.target = target;
		this.events = [];
		this.most = SHOWN;
		// Those of the service are of no target, and come only where none is asked for.
		this.first = [`target=${encodeURIComponent(target)}&`, ""].map(
			(whose) =>
				new Loading(
					apiUrl(`events?${whose}limit=${KEPT}`),
					(bytes) => this.read(JSON.parse(new TextDecoder().decode(bytes))),
					() => this.changed(),
				),
		);
		for (const loading of this.first) loading.want();
	}

	leave() {
		for (const loading of this.first) loading.end();
		this.first = [];
	}

	/** Of this target, and of the service. @param {{ events?: Event[] }} answer */
	read(answer) {
		return (answer.events ?? []).filter(({ target }) => target === this.target || !target);
	}

	changed() {
		this.add(this.first.flatMap(({ value }) => value ?? []));
	}

	/** @param {Event[]} more */
	add(more) {
		const last = this.events.at(-1)?.id,
			{ length } = this.events;
		this.events = mergeEvents(this.events, more, KEPT);
		this.draw();
		if (this.events.at(-1)?.id !== last || this.events.length !== length) this.tell();
	}

	/** What came since the last look; true: the service answered. */
	async look() {
		if (this.asking || !this.first.length || this.first.some(({ state }) => state !== LOAD.SHOWN)) return;
		const { target } = this,
			after = this.events.at(-1)?.id ?? 0;
		this.asking = true;
		try {
			const answer = await fetch(apiUrl(`events?after=${after}&limit=${KEPT}`));
			const json = answer.ok ? await answer.json() : {};
			if (target !== this.target) return;
			if (json.newest < after) this.beginAnew();
			else this.add(this.read(json));
		} catch {
			// The header says that the server is away.
		} finally {
			this.asking = false;
		}
	}

	/** The archive was begun anew: its numbers are those of other events. */
	beginAnew() {
		const { target } = this;
		this.leave();
		for (const { element } of this.rows.values()) element.remove();
		this.rows = new Map();
		this.enter(target);
	}

	showMore() {
		this.most += SHOWN;
		this.draw();
	}

	draw() {
		const shown = this.events.slice(-this.most).reverse(),
			now = serverNow();
		/** @type {Map<number, Row>} */
		const rows = new Map();
		for (const event of shown) {
			const row = this.rows.get(event.id) ?? makeRow(event);
			setTitle(row.time, `${span(now - event.time)} ago`);
			rows.set(event.id, row);
		}
		for (const [id, row] of this.rows) if (rows.get(id) !== row) row.element.remove();
		this.rows = rows;
		[...rows.values()].forEach(({ element }, i) => {
			const at = this.body.children[i];
			if (at !== element) this.body.insertBefore(element, at ?? null);
		});
		this.table.hidden = shown.length === 0;
		this.drawNote(shown.length);
	}

	/** @param {number} shown */
	drawNote(shown) {
		const failed = this.first.find(({ failure }) => failure),
			loading = this.first.some(({ state }) => state !== LOAD.SHOWN);
		const words = failed
			? `The events could not be read. ${failureText(failed)}`
			: loading
				? "Reading the events …"
				: "Nothing happened yet: builds, starts and ends of jobs, and restarts of the service appear here.";
		this.note.hidden = !failed && shown > 0;
		setText(this.note, words);
		const left = this.events.length - shown;
		this.more.hidden = left <= 0;
		setText(this.more, `Show ${many(Math.min(left, SHOWN), "older events")}`);
	}
}

/** @param {Event} event */
function makeRow({ time: ms, kind, job, text }) {
	const time = h("time", { datetime: new Date(ms).toISOString() }, moment(ms));
	const what = h("span", { class: `state ${LOOKS[kind] ?? "idle"}` }, kind.replaceAll("-", " "));
	/** @param {string} look @param {Node | string} content */
	const cell = (look, content) => h("span", { role: "cell", class: look }, content);
	const cells = [cell("time dim", time), cell("what", what), cell("job", job), cell("text", text)];
	return { time, element: h("div", { class: "trow", role: "row" }, cells) };
}
