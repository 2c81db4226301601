// SPDX-License-Identifier: MIT
// The strip beside the source: the whole file at a glance, click to go there; runs in the browser.

import { h } from "./dom.js";

const WIDTH = 14; // px

/** What of a line's height was reached. @type {Partial<Record<import("./model.js").LineState, number>>} */
const SHARES = { hit: 1, part: 0.5, miss: 0, idle: 0 };

export class Minimap {
	/** @param {HTMLElement} scroller @param {number} rowHeight */
	constructor(scroller, rowHeight) {
		this.scroller = scroller;
		this.rowHeight = rowHeight;
		this.lines = 0;
		/** @type {{ lines: Uint32Array, shares: Float32Array, length: number } | null} */
		this.marks = null;
		this.canvas = h("canvas", { width: String(WIDTH), height: "1" });
		this.view = h("i");
		this.element = h(
			"div",
			{ class: "map", "aria-hidden": "true", title: "the whole file" },
			this.canvas,
			this.view,
		);
		scroller.addEventListener("scroll", () => this.place(), { passive: true });
		this.element.addEventListener("pointerdown", (event) => {
			this.element.setPointerCapture(event.pointerId);
			this.scrollTo(event);
		});
		this.element.addEventListener("pointermove", (event) => event.buttons && this.scrollTo(event));
		this.observer = new ResizeObserver(() => this.again());
		this.observer.observe(this.element);
		this.theme = () => this.again();
		this.media = [matchMedia("(prefers-color-scheme: dark)"), matchMedia("(forced-colors: active)")];
		addEventListener("themechange", this.theme);
		for (const media of this.media) media.addEventListener("change", this.theme);
	}

	end() {
		this.observer.disconnect();
		removeEventListener("themechange", this.theme);
		for (const media of this.media) media.removeEventListener("change", this.theme);
	}

	/** @param {PointerEvent} event */
	scrollTo(event) {
		const box = this.element.getBoundingClientRect();
		const share = (event.clientY - box.top) / Math.min(box.height, this.used());
		this.scroller.scrollTop = share * this.lines * this.rowHeight - this.scroller.clientHeight / 2;
	}

	// A short file does not fill the strip: its lines keep their true height.
	used() {
		return this.lines * this.rowHeight;
	}

	/** Of the open file. @param {import("./model.js").Model} model @param {number} lines of its source */
	draw(model, lines) {
		const counted = model.summary.lines,
			marks = { lines: new Uint32Array(counted), shares: new Float32Array(counted), length: 0 };
		this.lines = lines;
		model.eachLine((line, state) => {
			const share = SHARES[state];
			if (share === undefined) return;
			marks.lines[marks.length] = line;
			marks.shares[marks.length++] = share;
		});
		this.marks = marks;
		this.again();
	}

	again() {
		const context = this.canvas.getContext("2d");
		if (!this.marks || !context || !this.element.isConnected) return;
		const height = Math.max(1, this.element.clientHeight);
		if (this.canvas.height !== height) this.canvas.height = height;
		const style = getComputedStyle(this.element);
		context.clearRect(0, 0, WIDTH, height);
		const step = Math.min(this.rowHeight, height / this.lines);
		for (const [top, row] of this.pixelRows(step)) {
			const width = Math.round((WIDTH * row.reached) / row.lines);
			context.fillStyle = style.color;
			context.fillRect(0, top, width, Math.max(1, step));
			context.fillStyle = style.outlineColor;
			context.fillRect(width, top, WIDTH - width, Math.max(1, step));
		}
		this.place();
	}

	/** Many lines may share a row of pixels: each colour has its share of the width. @param {number} step px a line */
	pixelRows(step) {
		/** @type {Map<number, { lines: number, reached: number }>} */
		const rows = new Map();
		const { lines, shares, length } = this.marks ?? { lines: [], shares: [], length: 0 };
		for (let i = 0; i < length; i++) {
			const above = (lines[i] - 1) * step,
				top = step < 1 ? Math.floor(above) : above;
			let row = rows.get(top);
			if (!row) rows.set(top, (row = { lines: 0, reached: 0 }));
			row.lines++;
			row.reached += shares[i];
		}
		return rows;
	}

	place() {
		if (!this.lines) return;
		const height = Math.min(this.element.clientHeight, this.used());
		const all = this.lines * this.rowHeight;
		this.view.style.top = `${(this.scroller.scrollTop / all) * height}px`;
		this.view.style.height = `${Math.max(8, Math.min(1, this.scroller.clientHeight / all) * height)}px`;
	}
}
