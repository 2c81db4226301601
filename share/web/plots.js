// SPDX-License-Identifier: MIT
// Plots of a target's past, one below the other, with one cursor and one range of time; runs in the browser.

import { h, setText, bytes, exact, moment, rate, short } from "./dom.js";
import { axisTicks } from "./growth.js";
import { roomFor, timeLabels } from "./history_data.js";

/**
 * @typedef {import("./history_data.js").Column} Column
 * @typedef {import("./history_data.js").Mark} Mark
 * data: the times, then a column for each of names; from, to: ms.
 * @typedef {{ names: Column[], data: (number | null)[][], marks: Mark[], from: number, to: number }} Drawn
 * What is used of uPlot.
 * @typedef {{ root: HTMLElement, bbox: { left: number, top: number, width: number, height: number }, over: HTMLElement,
 *   ctx: CanvasRenderingContext2D, cursor: { idx: number | null, left: number }, data: (number | null)[][],
 *   select: { left: number, width: number }, scales: Record<string, { min: number, max: number }>,
 *   batch: (act: () => void) => void, destroy: () => void, posToVal: (position: number, scale: string) => number,
 *   redraw: (again?: boolean, axes?: boolean) => void, setCursor: (at: { left: number, top: number }) => void,
 *   setData: (data: (number | null)[][], reset?: boolean) => void,
 *   setScale: (scale: string, range: { min: number, max: number }) => void,
 *   setSelect: (select: { left: number, top: number, width: number, height: number }, tell?: boolean) => void,
 *   setSize: (size: { width: number, height: number }) => void,
 *   valToPos: (value: number, scale: string, canvas?: boolean) => number }} Plot
 * @typedef {{ new (options: object, data: (number | null)[][], parent: HTMLElement): Plot, pxRatio: number }} Library
 */

// zero: its axis begins at 0, and what is below the line is filled.
/** @type {Record<Column, { label: string, unit: string, zero: boolean, text: (value: number) => string }>} */
const LOOKS = {
	covered: { label: "Coverage", unit: "PCs", zero: false, text: exact },
	executions_per_second: { label: "Executions", unit: "per second", zero: true, text: rate },
	corpus: { label: "Corpus", unit: "inputs", zero: false, text: exact },
	crashes: { label: "Crashes", unit: "inputs that crash it", zero: true, text: exact },
	memory: { label: "Memory", unit: "", zero: true, text: bytes },
};
const HEIGHT = 92;
const MARKS_HEIGHT = 20; // above the first, for the words of marks
const AXIS_HEIGHT = 26; // below the last
const GUTTER = 64;
const FONT = "11px ui-sans-serif, system-ui, sans-serif";
const TICKS = 2; // about
const GIB = 2 ** 30;
const SYNC = "fuzzsupd";

/** The values at the axis of what lies between @low and @high. @param {Column} name @param {number} low @param {number} high */
export function ticksOf(name, low, high) {
	const unit = name !== "memory" ? 1 : high >= 4 * GIB ? GIB : 2 ** 20;
	// A line that does not stand on zero stands above its axis.
	const margin = Math.ceil((high - low) / 20) + 1;
	const least = LOOKS[name].zero ? 0 : Math.max(0, low - margin);
	return axisTicks(Math.floor(least / unit), Math.ceil(high / unit), TICKS).map((tick) => tick * unit);
}

/** "1 M" of "1.00 M". @param {string} text */
export function plain(text) {
	return text.replace(/\.(\d*?)0+(?=\D|$)/, (_, digits) => (digits ? `.${digits}` : ""));
}

/** Samples beside which there is none: a line would not show them. @param {(number | null)[]} column */
export function alone(column) {
	const found = [];
	for (let i = 0; i < column.length; i++)
		if (column[i] !== null && (column[i - 1] ?? null) === null && (column[i + 1] ?? null) === null) found.push(i);
	return found;
}

export class Plots {
	/**
	 * @param {Library} library
	 * @param {(from: number, to: number) => void} zoom what was dragged over, in ms @param {() => void} reset
	 */
	constructor(library, zoom, reset) {
		this.library = library;
		this.zoom = zoom;
		this.reset = reset;
		this.selecting = false;
		/** @type {Drawn} */
		this.drawn = { names: [], data: [[]], marks: [], from: 0, to: 0 };
		/** @type {{ name: Column, plot: Plot, value: HTMLElement, box: HTMLElement }[]} */
		this.plots = [];
		this.colours = { line: "", text: "", grid: "", mark: "", fill: "" };
		this.when = h("p", { class: "when small" });
		this.said = h("p", { class: "unseen", role: "status" });
		this.rows = h("div", {
			class: "plotrows",
			tabindex: "0",
			role: "group",
			"aria-label": "Plots. Left and right: another time. Plus and minus: zoom. Escape: the whole range.",
		});
		this.rows.addEventListener("keydown", (event) => this.key(event));
		this.element = h("div", { class: "plots" }, this.when, this.rows, this.said);
		this.observer = new ResizeObserver(() => this.resize());
		this.observer.observe(this.rows);
		this.theme = () => this.recolour();
		this.media = [matchMedia("(prefers-color-scheme: dark)"), matchMedia("(forced-colors: active)")];
		addEventListener("themechange", this.theme);
		for (const media of this.media) media.addEventListener("change", this.theme);
	}

	end() {
		this.clear();
		this.observer.disconnect();
		removeEventListener("themechange", this.theme);
		for (const media of this.media) media.removeEventListener("change", this.theme);
	}

	clear() {
		for (const { plot } of this.plots) plot.destroy();
		this.plots = [];
		this.rows.replaceChildren();
	}

	/** @param {Drawn} drawn */
	draw(drawn) {
		const same = this.drawn.names.join() === drawn.names.join();
		this.drawn = drawn;
		if (!same || !this.plots.length) this.make();
		this.plots.forEach(({ plot }, i) => {
			plot.batch(() => {
				plot.setData([drawn.data[0], drawn.data[i + 1]], false);
				plot.setScale("x", { min: drawn.from, max: drawn.to });
			});
		});
		this.tell();
	}

	make() {
		this.clear();
		this.readColours();
		const { names } = this.drawn;
		this.plots = names.map((name, i) => {
			const { label, unit } = LOOKS[name];
			const value = h("b"),
				box = h("div", { class: "plotbox", role: "img" });
			const title = h("div", { class: "plotname" }, h("span", {}, label), value, h("small", {}, unit));
			this.rows.append(h("div", { class: "plotrow", "data-column": name }, title, box));
			const options = this.options(name, i === 0, i === names.length - 1, box);
			return { name, value, box, plot: new this.library(options, [[], []], box) };
		});
	}

	/** @param {Column} name @param {boolean} first @param {boolean} last @param {HTMLElement} box */
	options(name, first, last, box) {
		const { zero, text } = LOOKS[name];
		const axis = {
			stroke: () => this.colours.text,
			font: FONT,
			ticks: { show: false },
			grid: { stroke: () => this.colours.grid, width: 1 },
		};
		/** @type {number[]} */
		let ticks = [];
		/** @param {Plot} _ @param {number | null} low @param {number | null} high */
		const range = (_, low, high) => {
			ticks = ticksOf(name, low ?? 0, high ?? 0);
			return [ticks[0], ticks[ticks.length - 1]];
		};
		return {
			...sizeOf(box, first, last),
			ms: 1,
			padding: [first ? MARKS_HEIGHT : 8, 8, last ? 0 : 8, 0],
			legend: { show: false },
			cursor: this.cursor(),
			scales: { x: { time: true, auto: false }, y: { range } },
			axes: [
				{
					...axis,
					size: last ? AXIS_HEIGHT : 0,
					space: (/** @type {Plot} */ { root }) => (root.clientWidth < 500 ? 44 : 72),
					values: (
						/** @type {Plot} */ _,
						/** @type {number[]} */ at,
						/** @type {number} */ __,
						/** @type {number} */ ___,
						/** @type {number} */ step,
					) => (last ? timeLabels(at, step) : at.map(() => "")),
				},
				{
					...axis,
					size: GUTTER,
					gap: 8,
					splits: () => ticks,
					values: (/** @type {Plot} */ _, /** @type {number[]} */ at) =>
						at.map((value) => plain((name === "memory" ? text : short)(value))),
				},
			],
			series: [{}, this.series(zero)],
			hooks: {
				draw: [(/** @type {Plot} */ plot) => this.drawMarks(plot, first)],
				setCursor: [() => this.tell()],
				setSelect: [(/** @type {Plot} */ plot) => this.selected(plot)],
			},
		};
	}

	cursor() {
		const reset = () => () => {
			this.reset();
			return null;
		};
		return {
			y: false,
			drag: { x: true, y: false, setScale: false, dist: 6 },
			sync: { key: SYNC, setSeries: false },
			points: { size: 7, width: 0, fill: () => this.colours.line, stroke: () => this.colours.line },
			bind: { dblclick: reset },
		};
	}

	/** @param {boolean} filled */
	series(filled) {
		return {
			stroke: () => this.colours.line,
			width: 1.5,
			fill: () => (filled ? this.colours.fill : "transparent"),
			points: {
				show: false,
				size: 4,
				fill: () => this.colours.line,
				filter: (/** @type {Plot} */ plot, /** @type {number} */ series) => alone(plot.data[series]),
			},
		};
	}

	// ---- what was dragged over, and keys ----

	/** @param {Plot} plot */
	selected(plot) {
		const { left, width } = plot.select;
		if (width <= 0) return;
		const from = plot.posToVal(left, "x"),
			to = plot.posToVal(left + width, "x");
		plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
		// Each of the plots has it selected: once is enough, and when all have said so.
		if (!this.selecting) queueMicrotask(() => ((this.selecting = false), this.zoom(from, to)));
		this.selecting = true;
	}

	/** @param {KeyboardEvent} event */
	key(event) {
		const plot = this.plots[0]?.plot;
		if (!plot || event.ctrlKey || event.metaKey || event.altKey) return;
		const { from, to } = this.drawn,
			width = plot.over.clientWidth,
			at = plot.cursor.left >= 0 ? plot.cursor.left : width;
		const middle = plot.posToVal(at, "x");
		const step = event.key === "ArrowLeft" ? -1 : event.key === "ArrowRight" ? 1 : 0;
		if (step) {
			const left = Math.max(0, Math.min(width, at + (step * width) / (event.shiftKey ? 10 : 100)));
			plot.setCursor({ left, top: 0 });
			this.say();
		} else if (event.key === "+" || event.key === "=") {
			const begin = Math.max(from, Math.min(middle - (to - from) / 4, (from + to) / 2));
			this.zoom(begin, begin + (to - from) / 2);
		} else if (event.key === "-") this.zoom(from - (to - from) / 2, to + (to - from) / 2);
		else if (event.key === "Escape") this.reset();
		else return;
		event.preventDefault();
		event.stopPropagation();
	}

	// ---- what stands beside the plots ----

	/** The sample at the cursor; the newest without one. null: there is none. */
	shown() {
		const [first] = this.plots,
			times = this.drawn.data[0];
		const at = first?.plot.cursor.idx ?? null;
		return at === null || at >= times.length ? null : at;
	}

	tell() {
		const at = this.shown(),
			times = this.drawn.data[0];
		this.plots.forEach(({ name, value, box }, i) => {
			const column = this.drawn.data[i + 1];
			const now = at === null ? column.at(-1) : column[at];
			setText(value, now === null || now === undefined ? "–" : LOOKS[name].text(now));
			const label = this.summary(name, column);
			if (box.getAttribute("aria-label") !== label) box.setAttribute("aria-label", label);
		});
		const { from, to } = this.drawn;
		setText(this.when, at === null ? `${moment(from)} – ${moment(to)}` : moment(times[at] ?? from));
		this.when.classList.toggle("dim", at === null);
	}

	/** @param {Column} name @param {(number | null)[]} column */
	summary(name, column) {
		const { label, unit, text } = LOOKS[name];
		let low = Infinity,
			high = -Infinity;
		for (const value of column) {
			if (value === null) continue;
			low = Math.min(low, value);
			high = Math.max(high, value);
		}
		const behind = unit ? ` ${unit}` : "";
		return high < low ? `${label}: nothing is known` : `${label}: ${text(low)} to ${text(high)}${behind}`;
	}

	// For those who hear the page.
	say() {
		const values = this.plots.map(({ name, value }) => `${LOOKS[name].label} ${value.textContent}`);
		setText(this.said, `${this.when.textContent}: ${values.join(", ")}`);
	}

	// ---- drawing ----

	// Of tokens, whose values a canvas cannot read: as the browser resolves them for properties.
	readColours() {
		const style = getComputedStyle(this.rows);
		const line = style.outlineColor;
		this.colours = {
			line,
			text: style.color,
			grid: style.borderTopColor,
			mark: style.columnRuleColor,
			fill: this.media[1].matches ? "transparent" : `color-mix(in srgb, ${line} 14%, transparent)`,
		};
	}

	recolour() {
		this.readColours();
		for (const { plot } of this.plots) plot.redraw(false, true);
	}

	resize() {
		this.plots.forEach(({ plot, box }, i) => {
			const size = sizeOf(box, i === 0, i === this.plots.length - 1);
			if (size.width > 0) plot.setSize(size);
		});
	}

	/** A line for each mark, its words above the first plot where there is room. @param {Plot} plot @param {boolean} words */
	drawMarks(plot, words) {
		const { ctx, bbox } = plot,
			scale = this.library.pxRatio;
		const marks = this.drawn.marks.filter(({ at }) => at >= this.drawn.from && at <= this.drawn.to);
		ctx.save();
		ctx.font = FONT.replace("11px", `${11 * scale}px`);
		ctx.strokeStyle = ctx.fillStyle = this.colours.mark;
		ctx.lineWidth = scale;
		ctx.textBaseline = "middle";
		ctx.textAlign = "left";
		const places = marks.map((mark) => {
			const left = Math.round(plot.valToPos(mark.at, "x", true)) + 0.5;
			ctx.setLineDash(mark.kind === "build" ? [] : [4 * scale, 3 * scale]);
			ctx.beginPath();
			ctx.moveTo(left, bbox.top - (words ? 6 * scale : 0));
			ctx.lineTo(left, bbox.top + bbox.height);
			ctx.stroke();
			return { left, width: ctx.measureText(mark.text).width + 12 * scale };
		});
		roomFor(words ? places : [], bbox.left + bbox.width + 8 * scale).forEach((begin, i) => {
			const inside = begin === places[i].left ? 0 : 8 * scale; // words that end at their line keep off it
			if (begin !== null) ctx.fillText(marks[i].text, begin + inside, bbox.top - 12 * scale);
		});
		ctx.restore();
	}
}

/** @param {HTMLElement} box @param {boolean} first @param {boolean} last */
function sizeOf(box, first, last) {
	const height = HEIGHT + (first ? MARKS_HEIGHT - 8 : 0) + (last ? AXIS_HEIGHT - 8 : 0);
	return { width: box.clientWidth, height };
}
