// SPDX-License-Identifier: MIT
// One source file: what is not reached, and what is new? Runs in the browser.

import { h, setText, setTitle, setClass, coverageBar, exact, pathText, span, moment, codeBlock } from "./dom.js";
import { languageOf, Highlighter, LineStates } from "./highlight.js";
import { renderLine } from "./line.js";
import { LinePanel } from "./line_panel.js";
import { byName, currentSession, serverNow, store, targetUrl } from "./link.js";
import { VirtualList } from "./list.js";
import { failureText, LOAD, progress } from "./loading.js";
import { markOf } from "./marks.js";
import { Minimap } from "./minimap.js";
import { NONE } from "./model.js";
import { fileUrl, matchFiles } from "./place.js";
import { explain } from "./target.js";

const ROW = 20;
const LINES_MAX = 1500000; // beyond it the browser's largest element is exceeded
const WIDEST = 2000; // characters
const RECENT = 60000;
const NEWEST_SHOWN = 12;
const FLASH = 1500;
const CHOICES_SHOWN = 50;

/**
 * What is shown: nothing yet, since the service or the index is not there; the files to choose from; one file, whose
 * source is fetched, could not be fetched, or is there.
 * @enum {string}
 */
export const PHASE = Object.freeze({
	WAITING: "waiting",
	CHOOSING: "choosing",
	LOADING: "loading",
	FAILED: "failed",
	SHOWN: "shown",
});

/**
 * @typedef {import("./model.js").Model} Model
 * @typedef {import("./model.js").Line} Line
 * @typedef {import("./session.js").Session} Session
 * @typedef {import("./loading.js").Loading<import("./session.js").Source>} LoadingSource
 * @typedef {import("./place.js").Address & { target: string, file: string }} Place
 * @typedef {ReturnType<SourceView["makeRow"]>} Row
 */

export class SourceView {
	/** @param {import("./search.js").Go} go */
	constructor(go) {
		this.go = go;
		/** @type {PHASE} */
		this.phase = PHASE.WAITING;
		/** @type {Place} */
		this.place = { root: "", target: "", debug: false, file: "", line: 0, query: new URLSearchParams() };
		/** @type {Model | null} */
		this.openModel = null; // that has the file open
		this.file = -1;
		this.path = "";
		/** @type {string[]} */
		this.lines = [];
		this.changed = false; // the source, since the build
		/** @type {LoadingSource | null} */
		this.source = null;
		/** @type {LineStates | null} */
		this.states = null;
		this.highlighter = new Highlighter(null);
		/** @type {Line[]} */
		this.recent = [];
		this.beyond = 0;
		this.seen = 0; // the update whose changes flashed
		this.hasLines = false;
		/** @type {Map<number, number>} */
		this.flashes = new Map();
		/** @type {{ of: object | null, file: number, lines: number[] }} */
		this.functionLines = { of: null, file: -1, lines: [] };
		this.wholeFile = false; // is selected
		/** @type {number | null} */
		this.keptTop = null; // where the source was scrolled to when it was left
		this.ended = false;

		this.pathShown = pathText("");
		this.title = h("h1", { class: "mono" }, this.pathShown);
		this.bar = coverageBar();
		this.counts = h("span", { class: "dim small" });
		this.news = h("span", { class: "dim small" });
		this.hitPill = h("span", { class: "pill hit" });
		this.partPill = h("span", { class: "pill hit" });
		this.missPill = h("span", { class: "pill miss" });
		this.rows = h("div", { class: "rows" });
		this.scroller = h("div", { class: "code", tabindex: "0", role: "region", "aria-label": "Source" }, this.rows);
		this.message = h("div", { class: "teach" });
		this.panel = new LinePanel();
		this.minimap = new Minimap(this.scroller, ROW);
		this.box = h("div", { class: "src" }, this.scroller, this.minimap.element);
		this.home = h("a", {}, "Targets");
		this.crumb = h("a");
		this.element = this.frame();
		/** @type {VirtualList<Row>} */
		this.list = new VirtualList({
			element: this.rows,
			scroller: this.scroller,
			height: () => ROW,
			make: (index) => this.makeRow(index),
			update: (row, index) => this.updateRow(row, index),
		});
		this.listenToKeys();
	}

	frame() {
		/** @param {string} key @param {string} label @param {() => void} onclick */
		const hint = (key, label, onclick) =>
			h("button", { class: "hint", type: "button", onclick }, label, " ", h("kbd", {}, key));
		const grow = () => h("span", { class: "grow" });
		const head = h("div", { class: "head" }, this.news, grow(), this.hitPill, this.partPill, this.missPill);
		return h(
			"div",
			{ class: "view source" },
			h("nav", { class: "crumbs", "aria-label": "You are here" }, this.home, " / ", this.crumb),
			h(
				"div",
				{ class: "titlebar" },
				this.title,
				this.bar,
				this.counts,
				grow(),
				hint("n", "next uncovered", () => this.nextMissed()),
				hint("h", "newest", () => this.goNewest()),
			),
			h(
				"div",
				{ class: "cols" },
				h("section", { class: "panel filebox" }, head, this.box, this.message),
				this.panel.element,
			),
		);
	}

	listenToKeys() {
		this.scroller.addEventListener("click", (event) => this.clicked(event));
		this.scroller.addEventListener("copy", (event) => this.copied(event));
		this.scroller.addEventListener("pointerdown", () => (this.wholeFile = false));
		this.scroller.addEventListener("keydown", (event) => {
			if (event.key === "a" && (event.ctrlKey || event.metaKey)) this.selectAll(event);
			else if (!event.ctrlKey && !event.metaKey) this.wholeFile = false;
		});
	}

	get model() {
		return currentSession()?.model ?? null;
	}

	/** What the parts beside the source need to know. @returns {import("./line_panel.js").Shown} */
	get shown() {
		const lines = this.phase === PHASE.SHOWN ? this.lines : null;
		const { target } = this.place;
		return { target, path: this.path, file: this.file, lines };
	}

	/** @param {import("./place.js").Address} place @param {ReturnType<SourceView["state"]> | null} [kept] of its last time */
	enter(place, kept) {
		const same = this.place.target === place.target && this.place.file === place.file && this.phase === PHASE.SHOWN;
		this.place = /** @type {Place} */ (place);
		this.home.href = place.root;
		this.crumb.href = targetUrl(this.place.target);
		setText(this.crumb, this.place.target);
		this.keptTop = kept?.top ?? null;
		if (same) {
			this.goThere();
			return;
		}
		this.openModel = null;
		this.update(new Set(["targets", "coverage", "stats"]));
	}

	// What the history keeps of it.
	state() {
		return { top: this.phase === PHASE.SHOWN ? this.scroller.scrollTop : null };
	}

	leave() {
		this.ended = true;
		this.list.end();
		this.minimap.end();
		this.panel.end();
		this.states?.end();
		this.model?.close();
	}

	/** @param {Set<string>} what */
	update(what) {
		const session = currentSession(),
			model = this.model;
		if (!session || !model) {
			// What is shown stays while another index is read.
			if (this.phase !== PHASE.SHOWN || !byName(this.place.target)) this.wait(session);
			return;
		}
		if (model !== this.openModel) {
			this.openModel = model;
			this.find(session, model);
		}
		if (this.file < 0) return;
		session.wantLines(byName(this.place.target));
		if (model.summary.hasLines !== this.hasLines) this.reopen(model);
		if (this.phase !== PHASE.SHOWN) this.drawLoading(session, model);
		if (what.has("coverage") || what.has("fresh")) this.recount(model);
		this.updateNews(model);
		if (this.phase === PHASE.SHOWN) this.list.draw();
	}

	/** @param {Session | null} session */
	wait(session) {
		const { target: name } = this.place,
			target = byName(name);
		const gone = `There is no target "${name}". It may have been renamed or taken out of fuzz.conf.`;
		this.openModel = null;
		this.noFile(
			PHASE.WAITING,
			target ? explain(target, session) : store.listed ? gone : "Waiting for the service …",
		);
		// What will come has its place already.
		if (target || !store.listed) this.element.classList.replace("nofile", "soon");
	}

	/** There is nothing to count: only @content is shown. @param {PHASE} phase @param {...(Node | string)} content */
	noFile(phase, ...content) {
		const { file, target } = this.place;
		this.phase = phase;
		this.file = -1;
		this.element.classList.remove("soon");
		this.element.classList.add("nofile");
		this.pathShown.set(file);
		setTitle(this.title, file);
		document.title = `${file.slice(file.lastIndexOf("/") + 1)} · ${target}`;
		this.show(...content);
	}

	/** @param {...(Node | string)} content */
	show(...content) {
		this.box.hidden = true;
		this.message.hidden = false;
		this.message.replaceChildren(...content);
	}

	/** The file that the address means; several: all of them to choose from. @param {Session} session @param {Model} model */
	find(session, model) {
		const names = model.fileNames(),
			{ target, line } = this.place;
		const found = matchFiles(names, this.place.file);
		if (found.length !== 1) {
			const links = found.slice(0, CHOICES_SHOWN).map((file) => {
				const href = fileUrl(targetUrl(target), names[file], line);
				return h("li", {}, h("a", { class: "mono", href }, names[file]));
			});
			const none = model.summary.files
				? "No file of this build has this name."
				: explain(session.target, session);
			const why = found.length ? "Several files have this name:" : none;
			this.noFile(PHASE.CHOOSING, h("p", {}, why), h("ul", {}, links));
			return;
		}
		this.element.classList.remove("nofile", "soon");
		// Another build, the same file: it stays where it is.
		if (this.phase === PHASE.SHOWN && names[found[0]] === this.path) this.keptTop = this.scroller.scrollTop;
		this.phase = PHASE.LOADING;
		this.recent = [];
		this.file = found[0];
		this.path = names[this.file];
		this.pathShown.set(this.path);
		setTitle(this.title, this.path);
		document.title = `${this.path.slice(this.path.lastIndexOf("/") + 1)} · ${target}`;
		this.reopen(model);
		// Names that begin with a slash lie outside of the source roots.
		this.source = this.path.startsWith("/") ? null : session.source(this.path);
		this.drawLoading(session, model);
		this.recount(model);
	}

	/** Also when what became of lines is known: there are more of them than of PCs. @param {Model} model */
	reopen(model) {
		model.open(this.file);
		const s = model.summary;
		this.seen = s.update;
		this.hasLines = s.hasLines;
		this.element.classList.toggle("haslines", s.hasLines);
	}

	/** Until the source is there. @param {Session} session @param {Model} model */
	drawLoading({ target }, model) {
		const { source } = this;
		if (!source) {
			if (this.phase !== PHASE.FAILED) this.noSource("It lies outside of the source roots.", target, true);
		} else if (source.state === LOAD.SHOWN && source.value) {
			this.changed = source.value.changed;
			this.showText(source.value.text, model);
		} else if (source.failure?.final) {
			if (this.phase !== PHASE.FAILED) this.noSource(failureText(source), target, source.failure.status < 500);
		} else if (source.failure) {
			this.phase = PHASE.LOADING;
			const busy = source.state === LOAD.LOADING;
			const again = h("button", { class: "btn", type: "button", onclick: () => source.again() }, "Try again now");
			const words = busy ? `Trying again … ${progress(source)}` : failureText(source);
			if (busy) again.disabled = true;
			this.showLoading(h("h2", {}, "The source is not there yet"), h("p", {}, words), h("p", {}, again));
		} else {
			this.phase = PHASE.LOADING;
			this.showLoading(h("p", { class: "dim" }, `Reading the source … ${progress(source)}`));
		}
	}

	/** Without taking the focus from a button that stays what it was. @param {...Node} content */
	showLoading(...content) {
		const text = content.map((node) => node.textContent).join("\n");
		if (this.message.dataset.text === text && !this.message.hidden) return;
		this.message.dataset.text = text;
		const focused = this.message.contains(document.activeElement);
		this.show(...content);
		if (focused) this.message.querySelector("button")?.focus();
	}

	/**
	 * roots: it is the configuration that does not allow it, or names another folder.
	 * @param {string} why @param {import("./link.js").Target} target @param {boolean} roots
	 */
	noSource(why, target, roots) {
		this.phase = PHASE.FAILED;
		const folder = this.path.startsWith("/") ? this.path.slice(0, this.path.lastIndexOf("/")) || "/" : "";
		const wanted = [...(target.roots ?? []), ...(folder ? [folder] : [])].map((root) => `"${root}"`).join(", ");
		const allow = `This line in target "${target.name}" of fuzz.conf would allow it:`;
		this.show(
			h("h2", {}, "No source to show"),
			h("p", {}, why),
			h("p", { class: "dim" }, "Looked for:"),
			codeBlock(this.path),
		);
		if (!roots) return;
		const advice = h("p", { class: "dim" }, folder ? allow : "It is looked for below:");
		this.message.append(advice, codeBlock(`source-roots = { ${wanted} }`));
	}

	/** @param {string} text @param {Model} model */
	showText(text, model) {
		let lines = text.split("\n");
		if (lines.at(-1) === "") lines.pop();
		if (lines.length > LINES_MAX) lines = lines.slice(0, LINES_MAX);
		this.phase = PHASE.SHOWN;
		this.lines = lines;
		this.highlighter = new Highlighter(languageOf(this.path));
		this.states?.end();
		this.states = new LineStates(lines, this.highlighter, () => this.ended || this.list.draw());
		this.message.hidden = true;
		this.box.hidden = false;
		const longest = lines.reduce((most, line) => Math.max(most, line.length), 0);
		this.rows.style.minWidth = `calc(${Math.min(longest, WIDEST) + 4}ch + 150px)`;
		this.list.clear();
		this.list.setCount(lines.length);
		this.recount(model);
		this.updateNews(model);
		this.goThere();
		// So that keys scroll it.
		if (document.activeElement === document.body) this.scroller.focus({ preventScroll: true });
		performance.mark("source-shown");
	}

	/** After new coverage: which lines flash, what the head says, the strip at the right. @param {Model} model */
	recount(model) {
		const s = model.summary,
			source = this.phase === PHASE.SHOWN ? this.lines.length : 0;
		const { counts, beyond, changed, newest } = model.survey(this.seen, source, NEWEST_SHOWN);
		const until = performance.now() + FLASH;
		for (const line of changed) this.flashes.set(line, until);
		this.beyond = beyond;
		this.seen = s.update;
		this.recent = newest;
		this.drawCounts(model, counts, s.noLine);
		if (source) this.minimap.draw(model, source);
		this.panel.drawLine(model, this.shown, this.place.line);
	}

	/** @param {Model} model @param {Record<import("./model.js").LineState, number>} counts @param {number} noLine */
	drawCounts(model, counts, noLine) {
		const file = model.file(this.file);
		const nowhere = noLine ? `; ${exact(noLine)} of them have no line` : "";
		const pcs = `${exact(file.pcsReached)} of ${exact(file.pcs)} PCs${nowhere}`;
		const ofLines = file.unit === "lines";
		this.bar.set(file.covered, file.total, file.unit, ofLines ? `; ${pcs}` : "");
		setText(this.counts, ofLines ? `${exact(file.covered)} of ${exact(file.total)} lines` : pcs);
		setTitle(this.counts, ofLines ? pcs : "");
		setText(this.hitPill, `● reached ${exact(counts.hit + counts.part)}`);
		setText(this.partPill, `◐ partly ${exact(counts.part)}`);
		setText(this.missPill, `○ not reached ${exact(counts.miss + counts.idle)}`);
		setTitle(this.hitPill, "lines that ran");
		setTitle(this.partPill, "of them: lines of which one way out was never taken");
		const unknown = counts.unknown ? `; of ${exact(counts.unknown)} more nobody can tell` : "";
		setTitle(this.missPill, `lines that did not run${unknown}`);
	}

	/** @param {Model} model */
	updateNews(model) {
		const now = serverNow();
		const fresh = this.recent.filter((line) => now - (model.baseMs + line.newest * 10) < RECENT).length;
		setText(this.news, this.newsText(fresh));
		this.news.classList.toggle("warn", this.beyond > 0 || this.changed);
		const rebuild = "This source is newer than the executable: rebuild it, and the marks are right again.";
		setTitle(this.news, this.changed ? rebuild : "");
		this.panel.drawNewest(model, this.shown, this.recent);
	}

	/** @param {number} fresh */
	newsText(fresh) {
		if (this.changed) return "changed after the build: marks may stand at other lines";
		if (this.beyond)
			return `${exact(this.beyond)} marked lines are beyond the end: this source is not the one that was built`;
		if (!fresh) return "nothing new in the last minute";
		const many = fresh === NEWEST_SHOWN ? `${fresh} or more` : String(fresh);
		return `${many} ${fresh === 1 ? "line" : "lines"} in the last minute`;
	}

	// ---- rows ----

	/** @param {number} index */
	makeRow(index) {
		const cells = {
			mark: h("span", { class: "mark" }),
			number: h("a", { class: "no", tabindex: "-1" }),
			time: h("span", { class: "time" }),
			text: h("span", { class: "text" }),
		};
		const element = h("div", { class: "row" }, cells.mark, cells.number, cells.time, cells.text);
		cells.number.textContent = String(index + 1);
		cells.number.href = fileUrl(targetUrl(this.place.target), this.path, index + 1);
		element.dataset.line = String(index + 1);
		return Object.assign(element, { cells, drawn: "" });
	}

	/** @param {Row} row @param {number} index */
	updateRow(row, index) {
		const { model } = this;
		if (!model || this.file < 0) return;
		const { mark, time, text } = row.cells,
			number = index + 1;
		const line = model.lineAt(number);
		const state = line?.state ?? "";
		setClass(row, `row ${state}${this.looksOf(number, line, model)}`);
		setMark(mark, state);
		drawTime(time, model, line?.reached ? line.first : NONE);
		// A line is plain as long as it may be in the middle of a comment.
		const start = this.states?.at(index) ?? null;
		const key = `${line?.reached ?? ""} ${state} ${start === null ? "plain" : ""}`;
		if (row.drawn === key) return;
		row.drawn = key;
		const all = line && state === "part" ? model.places(line) : [];
		const missed = all.filter((place) => !place.reached);
		renderLine(text, this.lines[index] ?? "", start === null ? null : this.highlighter, start ?? 0, missed, all);
	}

	/** What a row shows besides its state. @param {number} number @param {Line | null} line @param {Model} model */
	looksOf(number, line, model) {
		const first = line?.reached ? line.newest : 0;
		const fresh = first > 0 && serverNow() - (model.baseMs + first * 10) < RECENT;
		const flash = (this.flashes.get(number) ?? 0) > performance.now();
		if (!flash) this.flashes.delete(number);
		return `${fresh ? " new" : ""}${flash ? " flash" : ""}${number === this.place.line ? " at" : ""}`;
	}

	// ---- going about ----

	// To the line that the address names, or where it was left.
	goThere() {
		const { keptTop } = this,
			{ line } = this.place;
		this.keptTop = null;
		if (this.phase === PHASE.SHOWN) {
			if (keptTop !== null) this.scroller.scrollTop = keptTop;
			else if (line) this.list.reveal(Math.min(line, this.lines.length) - 1, true);
			this.list.draw();
		}
		if (this.model && this.file >= 0) this.panel.drawLine(this.model, this.shown, line);
	}

	/** @param {number | undefined} line */
	jump(line) {
		if (line) this.go(fileUrl(targetUrl(this.place.target), this.path, line), true);
	}

	nextMissed() {
		if (this.model && this.phase === PHASE.SHOWN) this.jump(this.model.nextMissed(this.place.line));
	}

	/** The next function above (-1) or below (1) in this file; the first use fetches them. @param {1 | -1} step */
	async goFunction(step) {
		const session = currentSession(),
			model = session?.model,
			target = byName(this.place.target);
		if (!session || !model || this.phase !== PHASE.SHOWN || !target) return;
		const functions = session.functionTable(target) ?? (await session.functions.done());
		if (!functions || currentSession() !== session || !this.element.isConnected) return;
		if (this.functionLines.of !== functions || this.functionLines.file !== this.file)
			this.functionLines = { of: functions, file: this.file, lines: functions.linesOf(this.file, model) };
		const { lines } = this.functionLines,
			here = this.place.line;
		this.jump(step > 0 ? lines.find((line) => line > here) : lines.findLast((line) => line < here));
	}

	goNewest() {
		if (this.recent.length) this.jump(this.recent[0].line);
	}

	/** @param {MouseEvent} event */
	clicked(event) {
		if (!(event.target instanceof Element)) return;
		const row = event.target.closest(".row");
		if (!(row instanceof HTMLElement) || event.target.closest("a") || String(getSelection()) !== "") return;
		this.panel.open(true);
		this.jump(Number(row.dataset.line));
	}

	/** What is drawn is marked, and all is copied. @param {Event} event */
	selectAll(event) {
		event.preventDefault();
		getSelection()?.selectAllChildren(this.rows);
		this.wholeFile = true;
	}

	/** The source itself, also of lines that are not drawn. @param {ClipboardEvent} event */
	copied(event) {
		const text = this.phase === PHASE.SHOWN ? this.selectedText() : null;
		if (text === null) return;
		event.clipboardData?.setData("text/plain", text);
		event.preventDefault();
	}

	// null: it is for the browser to say.
	selectedText() {
		if (this.wholeFile) return this.lines.join("\n");
		const selection = getSelection();
		if (!selection || selection.isCollapsed) return null;
		const one = this.textPosition(selection.anchorNode, selection.anchorOffset),
			other = this.textPosition(selection.focusNode, selection.focusOffset);
		if (!one || !other || one.line === other.line) return null;
		const [from, to] = one.line < other.line ? [one, other] : [other, one];
		const lines = this.lines.slice(from.line - 1, to.line);
		lines[lines.length - 1] = lines[lines.length - 1].slice(0, to.column);
		lines[0] = lines[0].slice(from.column);
		return lines.join("\n");
	}

	/**
	 * Line and column (from 0) of a place in the drawn source; null: it is in none of its rows.
	 * @param {Node | null} node @param {number} offset
	 */
	textPosition(node, offset) {
		const element = node instanceof Element ? node : node?.parentElement;
		const row = element?.closest(".row");
		if (!node || !(row instanceof HTMLElement) || !this.rows.contains(row)) return null;
		const text = row.querySelector(".text"),
			line = Number(row.dataset.line),
			range = document.createRange();
		if (!text?.contains(node)) return { line, column: 0 };
		range.selectNodeContents(text);
		range.setEnd(node, offset);
		return { line, column: range.toString().length };
	}

	/** @param {KeyboardEvent} event */
	key({ key }) {
		if (key === "n") this.nextMissed();
		else if (key === "h") this.goNewest();
		else if (key === "[" || key === "]") this.goFunction(key === "[" ? -1 : 1);
		else if (key === "j" || key === "k") {
			const line = this.place.line + (key === "j" ? 1 : -1);
			this.jump(Math.max(1, Math.min(this.lines.length || 1, line)));
		} else return false;
		return true;
	}
}

/** @param {HTMLElement} mark @param {import("./model.js").LineState} state */
function setMark(mark, state) {
	const shown = markOf(state);
	setText(mark, shown?.glyph ?? "");
	setTitle(mark, shown?.meaning ?? "");
	if (shown) {
		mark.setAttribute("role", "img");
		mark.setAttribute("aria-label", shown.meaning);
	} else {
		mark.removeAttribute("role");
		mark.removeAttribute("aria-label");
	}
}

/** When it was first reached. @param {HTMLElement} element @param {Model} model @param {number} first NONE: never */
function drawTime(element, model, first) {
	const at = model.baseMs + first * 10;
	if (first === NONE) {
		setText(element, "");
		setTitle(element, "");
	} else if (first === 0) {
		setText(element, "earlier");
		setTitle(element, "reached before the service first looked");
	} else {
		setText(element, span(serverNow() - at));
		setTitle(element, `first reached ${moment(at)}`);
	}
}
