// SPDX-License-Identifier: MIT
// The functions of one target: which were never entered, which only in part? Runs in the browser.

import { h, setText, setTitle, setClass, coverageBar, exact, sortHeads } from "./dom.js";
import { NONE } from "./model.js";
import { VirtualList } from "./list.js";
import { currentSession, targetUrl } from "./link.js";
import { fileUrl } from "./place.js";

const HEAD = 56,
	ENTRY = 40; // bytes of wire.h's structs
const MAGIC = 0x4e465a46;
const COUNT_EVERY = 250; // ms

// functions.bin as wire.h describes it. Its offsets were checked by the service.
export class FunctionTable {
	constructor(buffer) {
		const head = new DataView(buffer);
		if (buffer.byteLength < HEAD || head.getUint32(0, true) !== MAGIC || head.getUint32(4, true) !== 1)
			throw new Error("functions.bin has another format");
		const offset = (at) => Number(head.getBigUint64(at, true));
		this.length = head.getUint32(20, true);
		this.words = new Uint32Array(buffer, offset(32), (this.length * ENTRY) / 4);
		this.owners = new Uint32Array(buffer, offset(40), head.getUint32(16, true));
		this.strings = new Uint8Array(buffer, offset(48), head.getUint32(24, true));
		this.names = new Array(this.length);
		this.covered = new Uint32Array(this.length);
		this.decoder = new TextDecoder();
		this.counted = null;
	}

	word(index, at) {
		return this.words[index * (ENTRY / 4) + at];
	}

	// Names are many: each is read when it is first wanted.
	name(index) {
		if (this.names[index] === undefined) {
			const start = this.word(index, 4);
			this.names[index] =
				this.decoder.decode(this.strings.subarray(start, this.strings.indexOf(0, start))) ||
				this.address(index);
		}
		return this.names[index];
	}

	address(index) {
		return `0x${(BigInt(this.word(index, 1)) * 0x100000000n + BigInt(this.word(index, 0))).toString(16)}`;
	}

	pcs(index) {
		return this.word(index, 7);
	}

	// Where it is in the source, by the PC that stands for it.
	place(index, model) {
		return model.location(this.word(index, 8));
	}

	state(index) {
		const covered = this.covered[index];
		return covered === 0 ? "miss" : covered < this.pcs(index) ? "part" : "hit";
	}

	// Counts anew where bits have changed; returns whether they had.
	count(model) {
		const { update } = model.summary;
		if (this.counted === update || performance.now() - (this.countedAt ?? -1e9) < COUNT_EVERY) return false;
		this.counted = update;
		this.countedAt = performance.now();
		const { covered, owners } = this,
			bits = model.bits;
		covered.fill(0);
		for (let word = 0; word < bits.length; word++)
			for (let left = bits[word]; left; left &= left - 1) {
				const owner = owners[word * 32 + 31 - Math.clz32(left & -left)];
				if (owner !== NONE) covered[owner]++;
			}
		return true;
	}

	// The lines of @file in which functions begin, ascending, each once.
	linesOf(file, model) {
		const lines = new Set();
		for (let i = 0; i < this.length; i++) {
			const place = this.place(i, model);
			if (place?.file === file && place.line) lines.add(place.line);
		}
		return [...lines].sort((a, b) => a - b);
	}
}

const STATES = [
	["all", "All"],
	["miss", "Never entered"],
	["part", "In part"],
	["hit", "Whole"],
];
const QUERY = { miss: "uncovered", part: "partial", hit: "covered" }; // as in functions.json
const MARKS = { hit: ["●", "all of it was reached"], part: ["◐", "reached in part"], miss: ["○", "never entered"] };
const COLUMNS = [
	{ key: "name", label: "Function", up: true },
	{ label: "Where", class: "where" },
	{ key: "coverage", label: "Coverage", class: "cv" },
	{ key: "left", label: "Not reached", class: "num left" },
	{ key: "pcs", label: "PCs", class: "num wide" },
];

export class FunctionsView {
	constructor(go) {
		this.go = go;
		this.selected = -1;
		this.shown = new Uint32Array(0);
		this.heads = h("div", { class: "thead", role: "row" });
		this.body = h("div", { role: "rowgroup" });
		this.table = h(
			"div",
			{ class: "table functions", role: "table", "aria-label": "Functions" },
			this.heads,
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
		this.buttons = STATES.map(([key, label]) => ({
			key,
			label,
			button: h("button", { type: "button", onclick: () => this.setQuery({ state: QUERY[key] }) }, label),
		}));
		this.tools = h(
			"div",
			{ class: "tools" },
			this.input,
			h(
				"div",
				{ class: "seg", role: "group", "aria-label": "Which functions" },
				this.buttons.map(({ button }) => button),
			),
		);
		this.element = h("div", {}, this.table, this.note);
		this.list = new VirtualList({
			element: this.body,
			height: () => (window.innerWidth < 720 ? 52 : 34),
			make: (index) => this.makeRow(this.shown[index], index),
			update: (row) => this.updateRow(row),
		});
	}

	enter(place) {
		this.target = place.target;
		const { query } = place;
		const sort = query.get("sort") ?? "-left";
		this.down = sort.startsWith("-");
		this.column = COLUMNS.find(({ key }) => key && key === sort.replace(/^-/, "")) ?? COLUMNS[3];
		this.state = STATES.find(([key]) => QUERY[key] === query.get("state"))?.[0] ?? "all";
		this.filter = query.get("filter") ?? "";
		if (this.input.value !== this.filter) this.input.value = this.filter;
		this.arranged = null;
		this.drawHeads();
	}

	leave() {
		this.list.end();
	}

	setQuery(change) {
		const query = new URLSearchParams(location.search);
		for (const [key, value] of Object.entries(change)) value ? query.set(key, value) : query.delete(key);
		this.go(`${location.pathname}?${query}`, true);
	}

	drawHeads() {
		this.heads.replaceChildren(...sortHeads(COLUMNS, this.column, this.down, (change) => this.setQuery(change)));
	}

	update(target, session) {
		const functions = session?.model ? session.functionTable(target) : null;
		const model = session?.model;
		this.table.hidden = this.tools.hidden = !functions;
		this.note.hidden = Boolean(functions) && this.shown.length > 0;
		if (!functions) {
			this.functions = null;
			setText(this.note, this.explain(target, session));
			return;
		}
		const news = functions.count(model);
		// The order follows a wish and not the numbers, so that nothing jumps.
		const key = `${session.key} ${session.covered}`;
		if (this.functions !== functions || this.arranged !== key) {
			this.functions = functions;
			this.arranged = key;
			this.arrange(model);
		}
		if (news) this.drawCounts();
		this.note.hidden = this.shown.length > 0;
		setText(
			this.note,
			`No function ${this.filter ? `with “${this.filter}” in its name ` : ""}is ` +
				`${this.state === "all" ? "here" : MARKS[this.state][1].replace("was ", "")}.`,
		);
		this.list.request();
	}

	explain(target, session) {
		if (target.functions_reason) return `Functions are not known: ${target.functions_reason}`;
		if (session?.functionsError)
			return `The functions could not be read (${session.functionsError}). Trying again.`;
		return target.table ? "Reading the functions …" : "Its functions appear here when its executable was read.";
	}

	drawCounts() {
		const counts = { all: this.functions.length, miss: 0, part: 0, hit: 0 };
		for (let i = 0; i < this.functions.length; i++) counts[this.functions.state(i)]++;
		for (const { key, label, button } of this.buttons) {
			setText(button, `${label} ${exact(counts[key])}`);
			button.setAttribute("aria-pressed", String(key === this.state));
		}
	}

	// Which rows, in which order.
	arrange(model) {
		const { functions } = this,
			wanted = this.filter.toLowerCase();
		const rows = [];
		for (let i = 0; i < functions.length; i++)
			if (
				(this.state === "all" || functions.state(i) === this.state) &&
				(!wanted || functions.name(i).toLowerCase().includes(wanted))
			)
				rows.push(i);
		const pcs = (i) => functions.pcs(i),
			left = (i) => pcs(i) - functions.covered[i];
		const value = { left, pcs, coverage: (i) => functions.covered[i] / pcs(i) }[this.column.key];
		const turn = this.down ? -1 : 1;
		if (value) rows.sort((a, b) => turn * (value(a) - value(b)) || pcs(b) - pcs(a) || a - b);
		else
			rows.sort(
				(a, b) =>
					turn *
						(functions.name(a) < functions.name(b) ? -1 : functions.name(a) > functions.name(b) ? 1 : 0) ||
					a - b,
			);
		this.shown = Uint32Array.from(rows);
		this.drawCounts();
		this.table.setAttribute("aria-rowcount", String(this.shown.length + 1));
		this.list.clear();
		this.list.setCount(this.shown.length);
	}

	makeRow(index, at) {
		const { functions } = this,
			{ model } = currentSession();
		const cells = { mark: h("span", { class: "mark", role: "img" }), bar: coverageBar(), left: h("span") };
		const place = functions.place(index, model);
		const file = place && place.file !== NONE ? model.fileName(place.file) : "";
		const where = file ? `${file.slice(file.lastIndexOf("/") + 1)}:${place.line}` : "no source location";
		const cell = (name, ...content) => h("span", { role: "cell", class: name }, content);
		const name = cell("name mono", cells.mark, h("span", { class: "label" }, functions.name(index)));
		const row = h(
			file ? "a" : "span",
			{ class: "trow", role: "row", "aria-rowindex": String(at + 2) },
			name,
			cell("where mono dim", where),
			cell("cv", cells.bar),
			cell("num left", cells.left),
			cell("num dim wide", exact(functions.pcs(index))),
		);
		if (file) row.href = fileUrl(targetUrl(this.target), file, place.line);
		setTitle(name, functions.name(index));
		setTitle(row, `${functions.name(index)}\n${file ? `${file}:${place.line}, ` : ""}${functions.address(index)}`);
		row.cells = cells;
		row.function = index;
		row.index = at;
		return row;
	}

	updateRow(row) {
		const { functions } = this,
			{ mark, bar, left } = row.cells;
		if (!functions) return;
		const covered = functions.covered[row.function],
			pcs = functions.pcs(row.function),
			state = functions.state(row.function);
		setClass(mark, `mark ${state}`);
		setText(mark, MARKS[state][0]);
		setTitle(mark, MARKS[state][1]);
		if (mark.getAttribute("aria-label") !== MARKS[state][1]) mark.setAttribute("aria-label", MARKS[state][1]);
		bar.set(covered, pcs);
		setText(left, covered < pcs ? exact(pcs - covered) : "–");
		setClass(left, covered < pcs ? "" : "dim");
		row.classList.toggle("selected", row.index === this.selected);
	}

	key(event) {
		const step = { j: 1, k: -1 }[event.key];
		if (!step || !this.shown.length) return false;
		this.selected = Math.max(0, Math.min(this.shown.length - 1, this.selected + step));
		this.list.reveal(this.selected);
		this.list.rows.get(this.selected)?.focus({ preventScroll: true });
		return true;
	}
}
