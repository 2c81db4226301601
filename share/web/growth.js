// SPDX-License-Identifier: MIT
// PCs reached over time, with axes: from the times of their first hits, and from the archive for the time before the
// service started; runs in the browser.

import { h, svg, setText, exact, moment } from "./dom.js";
import { pastCoverage, readColumns, sameBuildBefore, stepFor } from "./history_data.js";
import { apiUrl, serverNow } from "./link.js";
import { Loading } from "./loading.js";

const RANGES = [
	{ key: "5m", label: "5 min", seconds: 5 * 60 },
	{ key: "1h", label: "1 h", seconds: 3600 },
	{ key: "24h", label: "24 h", seconds: 86400 },
	{ key: "all", label: "all", seconds: 0 },
];
const STEPS = 240;
const HEIGHT = 100; // of the drawing's own units
const DRAW_EVERY = 1000; // ms
const SAMPLED_AFTER = 5000; // ms: by then the archive knows which build runs
const LEAST_SHARE = 0.05; // of the highest value that the axis spans: what grew by a hair is no cliff
const TICKS = 4; // about

/**
 * Values for the axis of what lies between @low and @high, ascending, at equal steps; the first and the last are its
 * ends. It begins at 0 where that is not far.
 * @param {number} low @param {number} high whole numbers @param {number} [wanted] steps, about
 */
export function axisTicks(low, high, wanted = TICKS) {
	const span = Math.max(high - low, high * LEAST_SHARE, wanted);
	const from = low < high / 2 ? 0 : Math.max(0, low - (span - (high - low)) / 2);
	const rough = (Math.max(high, from + span) - from) / wanted;
	const power = 10 ** Math.floor(Math.log10(rough));
	const step = Math.max(1, [1, 2, 5, 10].map((one) => one * power).find((one) => one >= rough) ?? rough);
	const ticks = [];
	for (let at = Math.floor(from / step) * step; ; at += step) {
		ticks.push(at);
		if (at >= Math.max(high, from + span)) return ticks;
	}
}

export class Growth {
	constructor() {
		this.range = RANGES[3];
		this.drawn = -Infinity;
		/** @type {import("./session.js").Session | null} */
		this.session = null;
		/** @type {Loading<import("./history_data.js").Columns> | null} */
		this.archive = null;
		/** key: of the session. @type {{ key: string, step: number, t: number[], covered: number[] }} */
		this.past = { key: "", step: 1, t: [], covered: [] };
		this.line = svg("path", { class: "l" });
		this.grid = svg("path", { class: "g" });
		this.labels = h("div", { class: "ticks", "aria-hidden": "true" });
		this.from = h("span");
		this.buttons = RANGES.map((range) => {
			const onclick = () => this.setRange(range);
			return { range, button: h("button", { type: "button", onclick }, range.label) };
		});
		const box = `0 0 ${STEPS} ${HEIGHT}`;
		const props = { class: "big", viewBox: box, preserveAspectRatio: "none", role: "img", "aria-label": "" };
		this.image = svg("svg", props, this.grid, this.line);
		const buttons = this.buttons.map(({ button }) => button);
		const head = h(
			"div",
			{ class: "head" },
			h("h2", {}, "Coverage"),
			h("span", { class: "dim small" }, "PCs reached over time"),
			h("span", { class: "grow" }),
			h("div", { class: "seg", role: "group", "aria-label": "Range" }, buttons),
		);
		const plot = h("div", { class: "plot" }, this.labels);
		plot.append(this.image);
		const axis = h("div", { class: "axis dim small" }, this.from, h("span", {}, "now"));
		this.element = h("section", { class: "panel growth" }, head, plot, axis);
	}

	/** @param {RANGES[0]} range */
	setRange(range) {
		this.range = range;
		this.drawn = -Infinity;
		if (this.session) this.update(this.session);
	}

	/** @param {import("./session.js").Session} session */
	update(session) {
		const { model } = session;
		this.session = session;
		if (!model || performance.now() - this.drawn < DRAW_EVERY) return;
		this.drawn = performance.now();
		for (const { range, button } of this.buttons) button.setAttribute("aria-pressed", String(range === this.range));
		const { baseMs } = model,
			to = Math.max(baseMs + 1000, serverNow());
		if (this.past.key !== session.key && to - baseMs > SAMPLED_AFTER) this.askArchive(session, baseMs);
		const { t, covered, step } = this.past.key === session.key ? this.past : { t: [], covered: [], step: 1 };
		const first = t[0] ?? baseMs;
		const from = this.range.seconds ? Math.max(first, to - this.range.seconds * 1000) : first;
		const before = Math.round((STEPS * Math.max(0, baseMs - from)) / (to - from));
		const early = Math.min(STEPS - 2, before);
		const values = model.growth(
			Math.round(Math.max(0, from - baseMs) / 10),
			Math.round((to - baseMs) / 10),
			STEPS - early,
		);
		if (!values) return;
		this.draw([...pastCoverage({ t, covered }, step, from, baseMs, early), ...values]);
		setText(this.from, moment(from));
	}

	end() {
		this.archive?.end();
	}

	/** @param {import("./session.js").Session} session @param {number} baseMs when the service began to look */
	askArchive({ key, target }, baseMs) {
		this.archive?.end();
		this.past = { key, step: 1, t: [], covered: [] };
		this.archive = new Loading(
			apiUrl(`targets/${encodeURIComponent(target.name)}/history`),
			(bytes) => readColumns(JSON.parse(new TextDecoder().decode(bytes))),
			() => {
				const columns = this.archive?.value;
				if (!columns || this.past.key !== key) return;
				const step = stepFor((serverNow() - (columns.t[0] ?? serverNow())) / 1000);
				this.past = { key, step, ...sameBuildBefore(columns, baseMs) };
			},
			{ refusals: true },
		);
		this.archive.want();
	}

	/** @param {number[]} values NaN: nobody looked */
	draw(values) {
		const low = values.find((value) => !Number.isNaN(value)) ?? 0,
			high = values[STEPS - 1];
		const ticks = axisTicks(low, high),
			bottom = ticks[0],
			top = ticks[ticks.length - 1];
		/** @param {number} value */
		const y = (value) => HEIGHT - (HEIGHT * (value - bottom)) / (top - bottom);
		let path = "",
			pen = "M";
		for (let i = 0; i < STEPS; i++) {
			if (!Number.isNaN(values[i]))
				path += `${pen}${((i * STEPS) / (STEPS - 1)).toFixed(1)} ${y(values[i]).toFixed(2)}`;
			pen = Number.isNaN(values[i]) ? "M" : "L";
		}
		this.line.setAttribute("d", path);
		this.grid.setAttribute("d", ticks.map((tick) => `M0 ${y(tick)}H${STEPS}`).join(""));
		this.image.setAttribute("aria-label", `PCs reached over time: from ${exact(low)} to ${exact(high)}`);
		const key = ticks.join();
		if (this.labels.dataset.ticks === key) return;
		this.labels.dataset.ticks = key;
		this.labels.replaceChildren(
			...ticks.map((tick) => {
				const label = h("span", {}, exact(tick));
				label.style.top = `${y(tick)}%`;
				return label;
			}),
		);
	}
}
