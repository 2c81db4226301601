// SPDX-License-Identifier: MIT
// One source file: what is not reached, and what is new? Runs in the browser.

import { h, setText, setTitle, setClass, coverageBar, exact, percent, span, moment, codeBlock } from "./dom.js";
import { NONE } from "./model.js";
import { VirtualList } from "./list.js";
import { byName, currentSession, serverNow, store, targetUrl } from "./link.js";
import { languageOf, Highlighter, scanStates } from "./highlight.js";
import { renderLine } from "./line.js";
import { Minimap } from "./minimap.js";
import { fileUrl, matchFiles } from "./place.js";
import { explain } from "./target.js";

const ROW = 20;
const LINES_MAX = 1500000; // beyond it the browser's largest element is exceeded
const RECENT = 60000;
export const MARKS = {
	hit: ["●", "reached"],
	miss: ["○", "not reached"],
	part: ["◐", "reached, but one of its ways was never taken"],
	idle: ["○", "not reached; its function was never entered"],
	unknown: ["?", "not known: the compiler left no trace that tells"],
};

const PILLS = {
	hit: "reached",
	part: "partly reached",
	miss: "not reached",
	idle: "never entered",
	unknown: "not known",
};

export class SourceView {
	constructor(go) {
		this.go = go;
		this.flashes = new Map();
		this.title = h("h1", { class: "mono" });
		this.bar = coverageBar();
		this.counts = h("span", { class: "dim small" });
		this.news = h("span", { class: "dim small" });
		this.hitPill = h("span", { class: "pill hit" });
		this.partPill = h("span", { class: "pill hit" });
		this.missPill = h("span", { class: "pill miss" });
		this.rows = h("div", { class: "rows" });
		this.scroller = h("div", { class: "code", tabindex: "0", role: "region", "aria-label": "Source" }, this.rows);
		this.message = h("div", { class: "teach" });
		this.lineHead = h("h2");
		this.linePill = h("span", { class: "pill" });
		this.lineBody = h("div", { class: "facts" });
		this.newest = h("div", { class: "newest" });
		this.minimap = new Minimap(this.scroller, ROW);
		this.box = h("div", { class: "src" }, this.scroller, this.minimap.element);
		const hint = (key, label, action) =>
			h("button", { class: "hint", type: "button", onclick: action }, label, " ", h("kbd", {}, key));
		this.element = h(
			"div",
			{ class: "view source" },
			h(
				"nav",
				{ class: "crumbs", "aria-label": "You are here" },
				(this.home = h("a", {}, "Targets")),
				" / ",
				(this.crumb = h("a")),
				" / ",
				(this.crumbFile = h("span")),
			),
			h(
				"div",
				{ class: "titlebar" },
				this.title,
				this.bar,
				this.counts,
				h("span", { class: "grow" }),
				hint("n", "next uncovered", () => this.nextMissed()),
				hint("h", "newest", () => this.goNewest()),
			),
			h(
				"div",
				{ class: "cols" },
				h(
					"section",
					{ class: "panel filebox" },
					h(
						"div",
						{ class: "head" },
						this.news,
						h("span", { class: "grow" }),
						this.hitPill,
						this.partPill,
						this.missPill,
					),
					this.box,
					this.message,
				),
				h(
					"aside",
					{},
					h(
						"section",
						{ class: "panel" },
						h("div", { class: "head" }, this.lineHead, this.linePill),
						this.lineBody,
					),
					h(
						"section",
						{ class: "panel" },
						h("div", { class: "head" }, h("h2", {}, "Newest in this file")),
						this.newest,
					),
				),
			),
		);
		this.list = new VirtualList({
			element: this.rows,
			scroller: this.scroller,
			height: () => ROW,
			make: (index) => this.makeRow(index),
			update: (row, index) => this.updateRow(row, index),
		});
		this.scroller.addEventListener("click", (event) => this.clicked(event));
		this.scroller.addEventListener("copy", (event) => this.copied(event));
		this.scroller.addEventListener("pointerdown", () => (this.wholeFile = false));
		this.scroller.addEventListener("keydown", (event) => {
			if (event.key === "a" && (event.ctrlKey || event.metaKey)) this.selectAll(event);
			else if (!event.ctrlKey && !event.metaKey) this.wholeFile = false;
		});
	}

	enter(place) {
		const same = this.place?.target === place.target && this.place?.file === place.file && this.lines;
		this.place = place;
		this.home.href = place.root;
		this.crumb.href = targetUrl(place.target);
		setText(this.crumb, place.target);
		if (same) {
			this.goLine(place.line);
			return;
		}
		this.openKey = null;
		this.update(new Set(["targets", "coverage", "stats"]));
	}

	leave() {
		this.list.end();
		this.minimap.end();
		this.stopScan?.();
		currentSession()?.model?.close();
	}

	update(what) {
		const session = currentSession();
		if (session?.model && session.key !== this.openKey) {
			this.openKey = session.key;
			this.find(session);
		}
		if (!session?.model) return this.lines && byName(this.place.target) ? undefined : this.wait(session);
		if (this.file === undefined) return undefined;
		session.wantLines(byName(this.place.target));
		if (session.model.summary.hasLines !== this.hasLines) this.reopen(session.model);
		if (what.has("coverage") || what.has("fresh")) this.recount(session.model);
		if (this.recent) this.updateNews(session.model);
		if (this.lines) this.list.draw();
		return undefined;
	}

	wait(session) {
		const target = byName(this.place.target);
		this.openKey = null;
		this.noFile(
			target
				? explain(target, session)
				: store.listed
					? `There is no target "${this.place.target}". It may have been renamed or taken out of fuzz.conf.`
					: "Waiting for the service …",
		);
	}

	// There is nothing to count: only @content is shown.
	noFile(...content) {
		const { file, target } = this.place;
		this.lines = this.recent = null;
		this.file = undefined;
		this.element.classList.add("nofile");
		setText(this.title, file);
		setText(this.crumbFile, file);
		document.title = `${file.slice(file.lastIndexOf("/") + 1)} · ${target}`;
		this.show(...content);
	}

	show(...content) {
		this.box.hidden = true;
		this.message.hidden = false;
		this.message.replaceChildren(...content);
	}

	// The file that the address means; several: all of them to choose from.
	find(session) {
		const names = session.model.fileNames();
		const found = matchFiles(names, this.place.file);
		if (found.length !== 1) {
			const links = found.slice(0, 50).map((file) =>
				h(
					"li",
					{},
					h(
						"a",
						{
							class: "mono",
							href: fileUrl(targetUrl(this.place.target), names[file], this.place.line),
						},
						names[file],
					),
				),
			);
			const why = found.length
				? "Several files have this name:"
				: session.model.summary.files
					? "No file of this build has this name."
					: explain(session.target, session);
			this.noFile(h("p", {}, why), h("ul", {}, links));
			return;
		}
		this.element.classList.remove("nofile");
		this.lines = this.recent = null;
		this.file = found[0];
		this.path = names[this.file];
		setText(this.title, this.path);
		setTitle(this.title, this.path);
		setText(this.crumbFile, this.path);
		document.title = `${this.path.slice(this.path.lastIndexOf("/") + 1)} · ${this.place.target}`;
		this.reopen(session.model);
		this.load(session);
	}

	// Also when what became of lines is known: there are more of them than of PCs.
	reopen(model) {
		model.open(this.file);
		const s = model.summary;
		this.seen = s.update;
		this.hasLines = s.hasLines;
		this.element.classList.toggle("haslines", s.hasLines);
	}

	async load(session) {
		if (this.path.startsWith("/")) return this.noSource("It lies outside of the source roots.", session.target);
		const answer = await session.source(this.path);
		if (currentSession() !== session || !this.element.isConnected) return undefined;
		if (answer.text === undefined) {
			const why = answer.status
				? `The service answered ${answer.status}${answer.message ? `: ${answer.message}` : ""}.`
				: `It could not be fetched: ${answer.message}.`;
			return this.noSource(why, session.target);
		}
		this.changed = answer.changed;
		this.showText(answer.text, session.model);
		return undefined;
	}

	noSource(why, target) {
		const folder = this.path.startsWith("/") ? this.path.slice(0, this.path.lastIndexOf("/")) || "/" : "";
		const roots = [...(target.roots ?? []), ...(folder ? [folder] : [])].map((root) => `"${root}"`).join(", ");
		this.show(
			h("h2", {}, "No source to show"),
			h("p", {}, why),
			h("p", { class: "dim" }, "Looked for:"),
			codeBlock(this.path),
			h(
				"p",
				{ class: "dim" },
				folder
					? `This line in target "${target.name}" of fuzz.conf would allow it:`
					: "It is looked for below:",
			),
			codeBlock(`source-roots = { ${roots} }`),
		);
		this.recount(currentSession().model);
		this.updateNews(currentSession().model);
	}

	showText(text, model) {
		let lines = text.split("\n");
		if (lines.at(-1) === "") lines.pop();
		if (lines.length > LINES_MAX) lines = lines.slice(0, LINES_MAX);
		this.lines = lines;
		this.highlighter = new Highlighter(languageOf(this.path));
		this.states = null;
		this.stopScan?.();
		this.stopScan = scanStates(lines, this.highlighter, (states) => {
			this.states = states;
			this.list.clear();
			this.list.draw();
		});
		this.message.hidden = true;
		this.box.hidden = false;
		const longest = lines.reduce((most, line) => Math.max(most, line.length), 0);
		this.rows.style.minWidth = `calc(${Math.min(longest, 2000) + 4}ch + 150px)`;
		this.list.clear();
		this.list.setCount(lines.length);
		this.recount(model);
		this.updateNews(model);
		this.goLine(this.place.line);
		// So that keys scroll it.
		if (document.activeElement === document.body) this.scroller.focus({ preventScroll: true });
		performance.mark("source-shown");
	}

	// After new coverage: which lines flash, what the head says, the strip at the right.
	recount(model) {
		const s = model.summary;
		const counts = { "": 0, hit: 0, part: 0, miss: 0, idle: 0, unknown: 0 };
		let beyond = 0;
		const recent = [];
		for (let i = 0; i < s.lines; i++) {
			const line = model.line(i, s);
			counts[line.state]++;
			if (this.lines && line.line > this.lines.length) beyond++;
			if (line.changed > this.seen) this.flashes.set(line.line, performance.now() + 1500);
			if (line.newest && line.newest !== NONE && line.reached) recent.push(line);
		}
		this.seen = s.update;
		recent.sort((a, b) => b.newest - a.newest || a.line - b.line);
		this.recent = recent.slice(0, 12);
		const file = model.file(this.file);
		const pcs = `${exact(file.pcsReached)} of ${exact(file.pcs)} PCs${s.noLine ? `, ${exact(s.noLine)} of them without a line` : ""}`;
		this.bar.set(file.covered, file.total, file.unit, file.unit === "lines" ? `; ${pcs}` : "");
		setText(this.counts, file.unit === "lines" ? `${exact(file.covered)} of ${exact(file.total)} lines` : pcs);
		setTitle(this.counts, file.unit === "lines" ? pcs : "");
		setText(this.hitPill, `● reached ${exact(counts.hit + counts.part)}`);
		setText(this.partPill, `◐ partly ${exact(counts.part)}`);
		setText(this.missPill, `○ not reached ${exact(counts.miss + counts.idle)}`);
		setTitle(this.hitPill, "lines that ran");
		setTitle(this.partPill, "of them: lines of which one way out was never taken");
		setTitle(
			this.missPill,
			`lines that did not run${counts.unknown ? `; of ${exact(counts.unknown)} more nobody can tell` : ""}`,
		);
		this.beyond = beyond;
		if (this.lines) this.minimap.draw(model, s, this.lines.length);
		this.updateLine(model);
	}

	updateNews(model) {
		const now = serverNow();
		const fresh = this.recent.filter((line) => now - (model.baseMs + line.newest * 10) < RECENT).length;
		const text = this.changed
			? "changed after the build: marks may stand at other lines"
			: this.beyond
				? `${exact(this.beyond)} marked lines are beyond the end: this source is not the one that was built`
				: fresh
					? `${fresh === 12 ? "12 or more" : fresh} ${fresh === 1 ? "line" : "lines"} in the last minute`
					: "nothing new in the last minute";
		setText(this.news, text);
		this.news.classList.toggle("warn", this.beyond > 0 || Boolean(this.changed));
		setTitle(
			this.news,
			this.changed ? "This source is newer than the executable: rebuild it, and the marks are right again." : "",
		);
		const rows = this.recent.map((line) => `${line.line} ${span(now - (model.baseMs + line.newest * 10))}`);
		const key = `${Boolean(this.lines)} ${rows.join()}`; // the source comes after the coverage
		if (key === this.newestKey) return;
		this.newestKey = key;
		const age = (line) => now - (model.baseMs + line.newest * 10);
		if (!rows.length)
			this.newest.replaceChildren(
				h("p", { class: "nothing dim small" }, "Nothing was first reached since the service looks."),
			);
		else
			this.newest.replaceChildren(
				...this.recent.map((line) =>
					h(
						"a",
						{ href: fileUrl(targetUrl(this.place.target), this.path, line.line) },
						h("span", { class: "num dim" }, String(line.line)),
						h("span", { class: "mono" }, (this.lines?.[line.line - 1] ?? "").trim().slice(0, 80)),
						h(
							"span",
							{ class: "num dim", title: moment(model.baseMs + line.newest * 10) },
							span(age(line)),
						),
					),
				),
			);
	}

	// ---- rows ----

	makeRow(index) {
		const cells = {
			mark: h("span", { class: "mark" }),
			number: h("a", { class: "no", tabindex: "-1" }),
			time: h("span", { class: "time" }),
			text: h("span", { class: "text" }),
		};
		const row = h("div", { class: "row" }, cells.mark, cells.number, cells.time, cells.text);
		cells.number.textContent = String(index + 1);
		cells.number.href = fileUrl(targetUrl(this.place.target), this.path, index + 1);
		row.dataset.line = String(index + 1);
		row.cells = cells;
		return row;
	}

	updateRow(row, index) {
		const model = currentSession()?.model;
		if (!model || this.file === undefined) return;
		const { mark, time, text } = row.cells,
			number = index + 1;
		const line = model.lineAt(number);
		const state = line?.state ?? "";
		const at = line?.reached ? model.baseMs + line.newest * 10 : 0;
		const fresh = line?.reached && line.newest > 0 && serverNow() - at < RECENT;
		const flash = (this.flashes.get(number) ?? 0) > performance.now();
		if (!flash) this.flashes.delete(number);
		setClass(
			row,
			`row ${state}${fresh ? " new" : ""}${flash ? " flash" : ""}${number === this.place.line ? " at" : ""}`,
		);
		this.setMark(mark, state);
		const first = line?.reached ? line.first : NONE;
		setText(time, first === NONE ? "" : first === 0 ? "earlier" : span(serverNow() - (model.baseMs + first * 10)));
		setTitle(
			time,
			first === NONE
				? ""
				: first === 0
					? "reached before the service first looked"
					: `first reached ${moment(model.baseMs + first * 10)}`,
		);
		const key = `${line?.reached ?? ""} ${state} ${this.states ? 1 : 0}`;
		if (row.drawn === key) return;
		row.drawn = key;
		const all = state === "part" ? model.places(line) : [];
		const missed = all.filter((place) => !place.reached);
		renderLine(text, this.lines[index] ?? "", this.highlighter, this.states?.[index] ?? 0, missed, all);
	}

	setMark(mark, state) {
		const [glyph, meaning] = MARKS[state] ?? ["", ""];
		setText(mark, glyph);
		setTitle(mark, meaning);
		if (meaning) {
			mark.setAttribute("role", "img");
			mark.setAttribute("aria-label", meaning);
		} else {
			mark.removeAttribute("role");
			mark.removeAttribute("aria-label");
		}
	}

	// ---- going about ----

	goLine(line) {
		const model = currentSession()?.model;
		this.place = { ...this.place, line };
		if (this.lines && line) this.list.reveal(Math.min(line, this.lines.length) - 1, true);
		else if (this.lines) this.list.draw();
		if (model && this.file !== undefined) this.updateLine(model);
	}

	jump(line) {
		if (line) this.go(fileUrl(targetUrl(this.place.target), this.path, line), true);
	}

	nextMissed() {
		const model = currentSession()?.model;
		if (model && this.lines) this.jump(model.nextMissed(this.place.line));
	}

	// The next function above (-1) or below (1) in this file; the first use fetches them.
	async goFunction(step) {
		const session = currentSession(),
			target = byName(this.place.target);
		if (!session?.model || this.file === undefined || !this.lines || !target) return;
		let functions = session.functionTable(target);
		if (!functions) {
			await session.functionsAsked;
			functions = session.functions;
		}
		if (!functions || currentSession() !== session || !this.element.isConnected) return;
		if (this.functionLines?.of !== functions || this.functionLines.file !== this.file)
			this.functionLines = { of: functions, file: this.file, lines: functions.linesOf(this.file, session.model) };
		const { lines } = this.functionLines,
			here = this.place.line;
		this.jump(step > 0 ? lines.find((line) => line > here) : lines.findLast((line) => line < here));
	}

	goNewest() {
		if (this.recent?.length) this.jump(this.recent[0].line);
	}

	clicked(event) {
		const row = event.target.closest(".row");
		if (row && !event.target.closest("a") && String(getSelection()) === "") this.jump(Number(row.dataset.line));
	}

	// What is drawn is marked, and all is copied.
	selectAll(event) {
		event.preventDefault();
		getSelection().selectAllChildren(this.rows);
		this.wholeFile = true;
	}

	// The source itself, also of lines that are not drawn.
	copied(event) {
		if (this.wholeFile && this.lines) {
			event.clipboardData.setData("text/plain", this.lines.join("\n"));
			event.preventDefault();
			return;
		}
		const selection = getSelection();
		const ends = [
			[selection.anchorNode, selection.anchorOffset],
			[selection.focusNode, selection.focusOffset],
		].map(([node, offset]) => this.textPosition(node, offset));
		if (!this.lines || selection.isCollapsed || ends.includes(null) || ends[0].line === ends[1].line) return;
		const [from, to] = ends.sort((a, b) => a.line - b.line);
		const lines = this.lines.slice(from.line - 1, to.line);
		lines[lines.length - 1] = lines.at(-1).slice(0, to.column);
		lines[0] = lines[0].slice(from.column);
		event.clipboardData.setData("text/plain", lines.join("\n"));
		event.preventDefault();
	}

	// Line and column (from 0) of a place in the drawn source; null: it is in none of its rows.
	textPosition(node, offset) {
		const row = (node?.nodeType === Node.TEXT_NODE ? node.parentElement : node)?.closest?.(".row");
		if (!row || !this.rows.contains(row)) return null;
		const text = row.cells.text,
			range = document.createRange();
		range.selectNodeContents(text);
		if (!text.contains(node)) return { line: Number(row.dataset.line), column: 0 };
		range.setEnd(node, offset);
		return { line: Number(row.dataset.line), column: range.toString().length };
	}

	updateLine(model) {
		const number = this.place.line;
		const line = number ? model.lineAt(number) : null;
		const state = line?.state ?? "";
		setText(this.lineHead, number ? `Line ${exact(number)}` : "No line chosen");
		setClass(this.linePill, `pill ${state === "part" || state === "idle" ? "miss" : state}`);
		setText(this.linePill, state ? `${MARKS[state][0]} ${PILLS[state]}` : "no code");
		this.linePill.hidden = !number;
		if (!line) {
			this.lineBody.replaceChildren(
				h(
					"p",
					{ class: "dim small" },
					number
						? "Nothing is counted on this line: the compiler made no code of it, or counts it " +
								"where that was inlined from (-fno-inline tells more)."
						: "Click a line, or press n for the next one that is not reached.",
				),
			);
			return;
		}
		const places = model.places(line).map((place) => {
			const when = place.reached
				? place.time === 0
					? "earlier"
					: `${span(serverNow() - (model.baseMs + place.time * 10))} ago`
				: "not reached";
			return h(
				"li",
				{ class: place.reached ? "hit" : "miss" },
				h("span", { class: "mono" }, `column ${place.column}`),
				h("span", {}, `${place.reached ? "●" : "○"} ${when}`),
				h("span", { class: "dim num" }, `${percentOf(place)}`),
			);
		});
		const ways = state === "part" ? this.untakenWays(model, number) : [];
		const more = !line.places ? "No PC stands in this line: its state follows from the code around it." : "";
		this.lineBody.replaceChildren(
			h("p", { class: "small" }, MARKS[state] ? `${sentence(MARKS[state][1])}${ways.length ? ":" : "."}` : ""),
			h("div", { class: "newest ways" }, ways),
			h("ul", { class: "places" }, places.slice(0, 40)),
			h("p", { class: "dim small" }, more),
		);
	}

	// Where no run went on to from this line, as links.
	untakenWays(model, number) {
		const { update } = model.summary;
		if (this.ways?.number !== number || this.ways.update !== update || this.ways.file !== this.file)
			this.ways = { number, update, file: this.file, lines: model.untakenWays(number) };
		return this.ways.lines
			.slice(0, 12)
			.map((to) =>
				h(
					"a",
					{ href: fileUrl(targetUrl(this.place.target), this.path, to) },
					h("span", { class: "num dim" }, String(to)),
					h("span", { class: "mono" }, (this.lines?.[to - 1] ?? "").trim().slice(0, 80)),
					h("span", { class: "dim small" }, "never"),
				),
			);
	}

	key(event) {
		if (event.key === "n") this.nextMissed();
		else if (event.key === "h") this.goNewest();
		else if (event.key === "[" || event.key === "]") this.goFunction(event.key === "[" ? -1 : 1);
		else if (event.key === "j" || event.key === "k")
			this.jump(Math.max(1, Math.min(this.lines?.length ?? 1, this.place.line + (event.key === "j" ? 1 : -1))));
		else return false;
		return true;
	}
}

function sentence(words) {
	return words[0].toUpperCase() + words.slice(1);
}

function percentOf(place) {
	return place.pcs === 1
		? "1 PC"
		: `${exact(place.reached)} of ${exact(place.pcs)} PCs, ${percent(place.reached, place.pcs)}`;
}
