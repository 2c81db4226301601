// SPDX-License-Identifier: MIT
// The strip beside the source: the whole file at a glance, click to go there; runs in the browser.

import { h } from "./dom.js";

export class Minimap {
	constructor(scroller, rowHeight) {
		this.scroller = scroller;
		this.rowHeight = rowHeight;
		this.canvas = h("canvas", { width: "14", height: "1" });
		this.view = h("i");
		this.element = h(
			"div",
			{ class: "map", "aria-hidden": "true", title: "the whole file" },
			this.canvas,
			this.view,
		);
		this.frame = () => this.place();
		scroller.addEventListener("scroll", this.frame, { passive: true });
		this.element.addEventListener("pointerdown", (event) => {
			this.element.setPointerCapture(event.pointerId);
			this.scrollTo(event);
		});
		this.element.addEventListener("pointermove", (event) => event.buttons && this.scrollTo(event));
		this.observer = new ResizeObserver(() => this.again());
		this.observer.observe(this.element);
		this.theme = () => this.again();
		addEventListener("themechange", this.theme);
		matchMedia("(prefers-color-scheme: dark)").addEventListener("change", this.theme);
	}

	end() {
		this.observer.disconnect();
		removeEventListener("themechange", this.theme);
		matchMedia("(prefers-color-scheme: dark)").removeEventListener("change", this.theme);
	}

	scrollTo(event) {
		const box = this.element.getBoundingClientRect();
		const share = (event.clientY - box.top) / Math.min(box.height, this.used());
		this.scroller.scrollTop = share * this.lines * this.rowHeight - this.scroller.clientHeight / 2;
	}

	// A short file does not fill the strip: its lines keep their true height.
	used() {
		return this.lines * this.rowHeight;
	}

	draw(model, summary, lines) {
		this.lines = lines;
		this.marks = [];
		for (let i = 0; i < summary.lines; i++) {
			const { line, state } = model.line(i, summary);
			const share = { hit: 1, part: 0.5, miss: 0, idle: 0 }[state];
			if (share !== undefined) this.marks.push({ line, share });
		}
		this.again();
	}

	again() {
		if (!this.marks || !this.element.isConnected) return;
		const height = Math.max(1, this.element.clientHeight);
		if (this.canvas.height !== height) this.canvas.height = height;
		const style = getComputedStyle(this.element);
		const context = this.canvas.getContext("2d");
		context.clearRect(0, 0, 14, height);
		const step = Math.min(this.rowHeight, height / this.lines);
		// Many lines may share a row of pixels: each colour has its share of the width.
		const rows = new Map();
		for (const { line, share } of this.marks) {
			const top = step < 1 ? Math.floor((line - 1) * step) : (line - 1) * step;
			const row = rows.get(top) ?? { lines: 0, reached: 0 };
			row.lines++;
			row.reached += share;
			rows.set(top, row);
		}
		for (const [top, row] of rows) {
			const width = Math.round((14 * row.reached) / row.lines);
			context.fillStyle = style.color;
			context.fillRect(0, top, width, Math.max(1, step));
			context.fillStyle = style.outlineColor;
			context.fillRect(width, top, 14 - width, Math.max(1, step));
		}
		this.place();
	}

	place() {
		if (!this.lines) return;
		const height = Math.min(this.element.clientHeight, this.used());
		const all = this.lines * this.rowHeight;
		this.view.style.top = `${(this.scroller.scrollTop / all) * height}px`;
		this.view.style.height = `${Math.max(8, Math.min(1, this.scroller.clientHeight / all) * height)}px`;
	}
}
