// SPDX-License-Identifier: MIT
// The functions of one target: which were never entered, which only in part? Runs in the browser.

import { h, setText, setTitle, setClass, coverageBar, exact, pathText, sortHeads, symbolText } from "./dom.js";
import { failureText, progress } from "./loading.js";
import { VirtualList } from "./list.js";
import { currentSession, targetUrl } from "./link.js";
import { NONE } from "./model.js";
import { fileUrl, queryUrl } from "./place.js";

/**
 * @typedef {import("./function_table.js").FunctionTable} FunctionTable
 * @typedef {import("./model.js").Model} Model
 * @typedef {"all" | "miss" | "part" | "hit"} State
 */

/** query: as in functions.json. @type {{ key: State, label: string, query: string | null }[]} */
const STATES = [
	{ key: "all", label: "All", query: null },
	{ key: "miss", label: "Never entered", query: "uncovered" },
	{ key: "part", label: "In part", query: "partial" },
	{ key: "hit", label: "Whole", query: "covered" },
];
const MARKS = {
	hit: { glyph: "●", meaning: "all of its lines were reached, and all of their ways taken", none: "wholly reached" },
	part: { glyph: "◐", meaning: "reached in part", none: "reached in part" },
	miss: { glyph: "○", meaning: "never entered", none: "never entered" },
};
const LEFT = { key: "left", label: "Not reached", class: "num left" };
/** @type {import("./dom.js").Column[]} */
const COLUMNS = [
	{ key: "name", label: "Function", up: true },
	{ label: "Where", class: "where" },
	{ key: "coverage", label: "Coverage", class: "cv" },
	LEFT,
	{ key: "ways", label: "Ways left", class: "num wide" },
	{ key: "lines", label: "Lines", class: "num wide" },
];
const WAYS = "lines that were reached, but one of their ways was never taken";

/** @typedef {ReturnType<FunctionsView["makeRow"]>} Row */

export class FunctionsView {
	/** @param {import("./search.js").Go} go */
	constructor(go) {
		this.go = go;
		this.target = "";
		this.selected = -1;
		this.shown = new Uint32Array(0);
		/** @type {FunctionTable | null} */
		this.functions = null;
		this.arranged = "";
		/** @type {import("./dom.js").Column} */
		this.column = LEFT;
		this.down = true;
		/** @type {State} */
		this.state = "all";
		this.filter = "";
		this.heads = h("div", { class: "thead", role: "row" });
		this.body = h("div", { role: "rowgroup" });
		this.table = h(
			"div",
			{ class: "table functions", role: "table", "aria-label": "Functions" },
			h("div", { class: "heads", role: "rowgroup" }, this.heads),
			this.body,
		);
		this.note = h("div", { class: "nothing dim" });
		this.input = h("input", {
			type: "search",
			class: "filter",
			placeholder: "Filter by name",
			"aria-label": "Filter functions by name",
			spellcheck: "false",
			autocomplete: "off",
		});
		this.input.addEventListener("input", () => this.setQuery({ filter: this.input.value }));
		this.buttons = STATES.map(({ key, label, query }) => {
			const button = h("button", { type: "button", onclick: () => this.setQuery({ state: query }) }, label);
			return { key, label, button };
		});
		const buttons = this.buttons.map(({ button }) => button);
		const choice = h("div", { class: "seg", role: "group", "aria-label": "Which functions" }, buttons);
		this.tools = h("div", { class: "tools" }, this.input, choice);
		this.element = h("div", {}, this.table, this.note);
		/** @type {VirtualList<Row>} */
		this.list = new VirtualList({
			element: this.body,
			height: () => (window.innerWidth < 720 ? 52 : 34),
			make: (index) => this.makeRow(this.shown[index], index),
			update: (row) => this.updateRow(row),
		});
	}

	/** @param {import("./place.js").Address} place */
	enter(place) {
		this.target = place.target ?? "";
		const { query } = place;
		const sort = query.get("sort") ?? "-left";
		this.down = sort.startsWith("-");
		this.column = COLUMNS.find(({ key }) => key && key === sort.replace(/^-/, "")) ?? LEFT;
		this.state = STATES.find((state) => state.query && state.query === query.get("state"))?.key ?? "all";
		this.filter = query.get("filter") ?? "";
		if (this.input.value !== this.filter) this.input.value = this.filter;
		this.arranged = "";
		this.heads.replaceChildren(...sortHeads(COLUMNS, this.column, this.down, (change) => this.setQuery(change)));
	}

	leave() {
		this.list.end();
	}

	/** @param {Record<string, string | null>} change */
	setQuery(change) {
		this.go(queryUrl(location, change), true);
	}

	/**
	 * @param {import("./link.js").Target} target
	 * @param {import("./session.js").Session | null} session
	 */
	update(target, session) {
		const model = session?.model;
		const functions = session && model ? session.functionTable(target) : null;
		this.table.hidden = this.tools.hidden = !functions;
		this.note.hidden = Boolean(functions) && this.shown.length > 0;
		if (!session || !model || !functions) {
			this.functions = null;
			setText(this.note, this.explain(target, session));
			return;
		}
		const news = functions.count(model);
		// The order follows a wish and not the numbers, so that nothing jumps.
		const key = `${session.key} ${session.covered} ${functions.groups !== null}`;
		if (this.functions !== functions || this.arranged !== key) {
			this.functions = functions;
			this.arranged = key;
			this.arrange(functions);
		}
		if (news) this.drawCounts(functions);
		this.note.hidden = this.shown.length > 0;
		const named = this.filter ? `with “${this.filter}” in its name ` : "";
		setText(this.note, `No function ${named}is ${this.state === "all" ? "here" : MARKS[this.state].none}.`);
		this.list.request();
	}

	/**
	 * @param {import("./link.js").Target} target
	 * @param {import("./session.js").Session | null} session
	 */
	explain(target, session) {
		if (target.functions_reason) return `Functions are not known: ${target.functions_reason}`;
		if (session?.functions.failure) return `The functions could not be read. ${failureText(session.functions)}`;
		if (!target.table) return "Its functions appear here when its executable was read.";
		const far = session ? progress(session.functions) : "";
		return `Reading the functions … ${far}`;
	}

	/** @param {FunctionTable} functions */
	drawCounts(functions) {
		const counts = { all: functions.includedLength, miss: 0, part: 0, hit: 0 };
		for (let i = 0; i < functions.length; i++) if (!functions.excluded[i]) counts[functions.state(i)]++;
		for (const { key, label, button } of this.buttons) {
			setText(button, `${label} ${exact(counts[key])}`);
			button.setAttribute("aria-pressed", String(key === this.state));
		}
	}

	/** Which rows, in which order. @param {FunctionTable} functions */
	arrange(functions) {
		const wanted = this.filter.toLowerCase();
		/** @type {number[]} */
		const rows = [];
		for (let i = 0; i < functions.length; i++) {
			if (functions.excluded[i] || (this.state !== "all" && functions.state(i) !== this.state)) continue;
			if (!wanted || functions.name(i).toLowerCase().includes(wanted)) rows.push(i);
		}
		/** @param {number} i */
		const total = (i) => functions.total(i);
		/** @type {Record<string, (i: number) => number>} */
		const values = {
			left: (i) => total(i) - functions.reached(i),
			ways: (i) => functions.partly[i],
			lines: total,
			coverage: (i) => functions.reached(i) / total(i),
		};
		const value = values[this.column.key ?? ""],
			turn = this.down ? -1 : 1;
		/** @param {number} a @param {number} b */
		const byName = (a, b) => {
			const x = functions.name(a),
				y = functions.name(b);
			return x < y ? -1 : x > y ? 1 : 0;
		};
		if (value) rows.sort((a, b) => turn * (value(a) - value(b)) || total(b) - total(a) || a - b);
		else rows.sort((a, b) => turn * byName(a, b) || a - b);
		this.shown = Uint32Array.from(rows);
		this.drawCounts(functions);
		this.table.setAttribute("aria-rowcount", String(this.shown.length + 1));
		this.list.clear();
		this.list.setCount(this.shown.length);
	}

	/** Where it begins: file, line; "" where nobody knows. @param {FunctionTable} functions @param {number} index */
	whereOf(functions, index) {
		const model = currentSession()?.model,
			place = model ? functions.place(index, model) : null;
		if (!model || !place || place.file === NONE) return { file: "", line: 0 };
		return { file: model.fileName(place.file), line: place.line };
	}

	/** @param {number} index @param {number} at */
	makeRow(index, at) {
		const functions = /** @type {FunctionTable} */ (this.functions);
		const mark = h("span", { class: "mark", role: "img" });
		const cells = { mark, bar: coverageBar(), left: h("span"), ways: h("span"), total: h("span") };
		const { file, line } = this.whereOf(functions, index);
		const where = file ? pathText(`${file}:${line}`) : "no source location";
		/** @param {string} name @param {...import("./dom.js").Child} content */
		const cell = (name, ...content) => h("span", { role: "cell", class: name }, content);
		const title = functions.name(index);
		const name = cell("name mono", cells.mark, h("span", { class: "label" }, symbolText(title)));
		const parts = [
			name,
			cell("where mono dim", where),
			cell("cv", cells.bar),
			cell("num left", cells.left),
			cell("num wide ways", cells.ways),
			cell("num dim wide", cells.total),
		];
		const props = { class: "trow", role: "row", "aria-rowindex": String(at + 2) };
		const href = file ? fileUrl(targetUrl(this.target), file, line) : "";
		/** @type {HTMLElement} */
		const element = file ? h("a", { ...props, href }, parts) : h("span", props, parts);
		setTitle(name, title);
		setTitle(element, `${title}\n${file ? `${file}:${line}, ` : ""}${functions.address(index)}`);
		return Object.assign(element, { cells, function: index, index: at });
	}

	/** @param {Row} row */
	updateRow(row) {
		const { functions } = this,
			{ mark, bar, left, ways, total } = row.cells;
		if (!functions) return;
		const all = functions.total(row.function),
			open = all - functions.reached(row.function),
			partly = functions.partly[row.function],
			state = functions.state(row.function);
		const byLines = functions.lines[row.function] > 0,
			pcs = `${exact(functions.covered[row.function])} of ${exact(functions.pcs(row.function))} PCs`;
		const { glyph, meaning } = MARKS[state];
		setClass(mark, `mark ${state}`);
		setText(mark, glyph);
		setTitle(mark, meaning);
		if (mark.getAttribute("aria-label") !== meaning) mark.setAttribute("aria-label", meaning);
		const note = partly
			? `; ${exact(partly)} of them ${partly === 1 ? "has a way that was" : "have ways that were"} never taken`
			: "";
		bar.set(all - open, all, byLines ? "lines" : "PCs", byLines ? `${note}; ${pcs}` : "");
		setText(left, open ? exact(open) : "–");
		setClass(left, open ? "" : "dim");
		setText(ways, partly ? exact(partly) : byLines ? "–" : "?");
		setClass(ways, partly ? "" : "dim");
		setTitle(ways, partly ? `${exact(partly)} ${WAYS}` : byLines ? "" : "lines are not known here");
		setText(total, byLines ? exact(all) : `${exact(all)} PCs`);
		row.classList.toggle("selected", row.index === this.selected);
	}

	/** @param {KeyboardEvent} event */
	key(event) {
		const step = event.key === "j" ? 1 : event.key === "k" ? -1 : 0;
		if (!step || !this.shown.length) return false;
		this.selected = Math.max(0, Math.min(this.shown.length - 1, this.selected + step));
		this.list.reveal(this.selected);
		this.list.rows.get(this.selected)?.focus({ preventScroll: true });
		return true;
	}
}
