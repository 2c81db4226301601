// SPDX-License-Identifier: MIT
// One target: is it still worth it? Numbers, growth, entry points, tree of files; runs in the browser.

import { h, setText, setTitle, coverageBar, exact, many, pathText, percent, short, rate, span, moment } from "./dom.js";
import { FunctionsView } from "./functions.js";
import { Growth } from "./growth.js";
import { HistoryView } from "./history.js";
import { JobsPanel } from "./jobs.js";
import { store, byName, currentSession, serverNow, targetUrl, perSecond } from "./link.js";
import { VirtualList } from "./list.js";
import { failureText, progress } from "./loading.js";
import { NONE } from "./model.js";
import { fileUrl } from "./place.js";
import { treeRows } from "./tree.js";
import { stateBadge } from "./verdict.js";

const RECENT = 60000;
const ENTRIES_SHOWN = 12;
const SETTLED_AFTER = 2000; // ms, at the latest

/**
 * @typedef {import("./link.js").Target} Target
 * @typedef {import("./session.js").Session} Session
 * @typedef {import("./tree.js").TreeRow} TreeRow
 * @typedef {"files" | "functions" | "history"} Tab
 * @typedef {ReturnType<TargetView["makeRow"]>} Row
 */

/** What became of sources since the executable was built. @param {Target} target */
function sourcesText(target) {
	const { sources_changed: changed = 0, sources_missing: missing = 0 } = target;
	const edited = changed ? `${many(changed, "sources")} changed since the build` : "";
	if (!missing) return edited;
	return edited ? `${edited}, ${exact(missing)} missing` : `${many(missing, "sources")} missing`;
}

function makeTiles() {
	return {
		coverage: tile("Coverage"),
		executions: tile("Executions"),
		rate: tile("exec/s"),
		kept: tile("Inputs kept"),
		find: tile("Last find"),
	};
}

export class TargetView {
	/** @param {import("./search.js").Go} go */
	constructor(go) {
		this.go = go;
		this.name = "";
		/** @type {Set<string>} */
		this.turned = new Set();
		this.selected = -1;
		/** @type {TreeRow[]} */
		this.rows = [];
		/** @type {"name" | "uncovered"} */
		this.by = "uncovered";
		/** @type {Tab} */
		this.tab = "files";
		/** Where each tab was scrolled to. @type {Partial<Record<Tab, number>>} */
		this.scrolls = {};
		this.arranged = "";
		this.entriesKey = "";
		this.entered = 0;
		this.title = h("h1");
		this.badge = stateBadge();
		this.build = h("span", { class: "pill mono" });
		this.sources = h("span", { class: "pill miss", role: "status" });
		this.tiles = makeTiles();
		this.stats = h(
			"dl",
			{ class: "stats" },
			Object.values(this.tiles).map((one) => one.element),
		);
		this.entries = h("div", { class: "entries" });
		this.growth = new Growth();
		this.jobs = new JobsPanel(() => this.update(new Set()));
		this.functions = new FunctionsView(go);
		this.history = new HistoryView(go);
		this.body = h("div", { role: "rowgroup" });
		this.tree = h("div", { class: "table tree", role: "treegrid", "aria-label": "Files" }, this.body);
		this.note = h("div", { class: "nothing dim" });
		this.orderButtons = [this.orderButton("uncovered", "Most uncovered"), this.orderButton("name", "Name")];
		const orders = this.orderButtons.map(({ button }) => button);
		this.order = h("div", { class: "seg", role: "group", "aria-label": "Order of files" }, orders);
		/** @type {Record<Tab, HTMLAnchorElement>} */
		this.tabs = { files: h("a"), functions: h("a"), history: h("a", {}, "History") };
		this.files = h("div", {}, this.tree, this.note);
		this.unit = h("span", { class: "grow dim small unit" });
		this.home = h("a", {}, "Targets");
		this.crumb = h("span");
		this.listed = h(
			"section",
			{ class: "panel listed" },
			h(
				"div",
				{ class: "head" },
				h("nav", { class: "tabs", "aria-label": "What is listed" }, Object.values(this.tabs)),
				this.unit,
				this.order,
				this.functions.tools,
				this.history.tools,
			),
			this.files,
			this.functions.element,
			this.history.element,
		);
		this.element = h(
			"div",
			{ class: "view settling" },
			h("nav", { class: "crumbs", "aria-label": "You are here" }, this.home, " / ", this.crumb),
			h("div", { class: "titlebar" }, this.title, this.badge, this.build, this.sources),
			this.stats,
			this.entries,
			this.growth.element,
			this.jobs.element,
			this.listed,
		);
		/** @type {VirtualList<Row>} */
		this.list = new VirtualList({
			element: this.body,
			height: () => (window.innerWidth < 720 ? 40 : 34),
			make: (index) => this.makeRow(index),
			update: (row, index) => this.updateRow(row, this.rows[index]),
		});
	}

	/** @param {"name" | "uncovered"} key @param {string} label */
	orderButton(key, label) {
		const onclick = () => this.go(location.pathname + (key === "name" ? "?sort=name" : ""), true);
		return { key, button: h("button", { type: "button", onclick }, label) };
	}

	/** @param {import("./place.js").Address} place @param {ReturnType<TargetView["state"]> | null} [kept] of its last time */
	enter(place, kept) {
		this.name = place.target ?? "";
		this.entered ||= performance.now();
		this.home.href = place.root;
		this.by = place.query.get("sort") === "name" ? "name" : "uncovered";
		if (kept) {
			this.turned = new Set(kept.turned);
			this.scrolls = kept.scrolls;
		}
		const before = this.tab,
			top = window.scrollY;
		this.enterTab(place);
		this.jobs.enter(place);
		setText(this.crumb, this.name);
		setText(this.title, this.name);
		this.arranged = "";
		this.update(new Set(["targets", "coverage", "stats"]));
		if (before !== this.tab && !kept) this.scrollTab(before, top);
	}

	// What the history keeps of it.
	state() {
		return { turned: [...this.turned], scrolls: { ...this.scrolls, [this.tab]: window.scrollY } };
	}

	/** Each tab is where it was left; one that was not shown yet begins at its head. @param {Tab} before @param {number} top */
	scrollTab(before, top) {
		this.scrolls[before] = top;
		const head = this.listed.getBoundingClientRect().top + window.scrollY - 56; // below the page's header
		window.scrollTo(0, this.scrolls[this.tab] ?? Math.min(top, Math.max(0, head)));
	}

	leave() {
		this.list.end();
		this.functions.leave();
		this.growth.end();
		this.history.leave();
		this.jobs.leave();
	}

	/** Files, functions or history: whichever the address names. @param {import("./place.js").Address} place */
	enterTab(place) {
		const named = place.query.get("view");
		this.tab = named === "functions" || named === "history" ? named : "files";
		for (const [key, link] of Object.entries(this.tabs)) {
			link.href = location.pathname + (key === "files" ? "" : `?view=${key}`);
			if (key === this.tab) link.setAttribute("aria-current", "true");
			else link.removeAttribute("aria-current");
		}
		if (this.tab === "functions") this.functions.enter(place);
		if (this.tab === "history") this.history.enter(place);
		else this.history.leave();
	}

	/** @param {Target | null} target @param {Session | null} session */
	drawTabs(target, session) {
		const listed = target ? this.tab : "files"; // whose note says that there is no target
		this.files.hidden = this.order.hidden = listed !== "files";
		this.functions.element.hidden = listed !== "functions";
		this.history.element.hidden = this.history.tools.hidden = listed !== "history";
		if (listed !== "functions") this.functions.tools.hidden = true;
		const { files, functions } = this.tabs;
		setText(files, session?.model ? `Files ${exact(session.model.summary.files)}` : "Files");
		const known = session?.functions.value?.includedLength ?? target?.functions;
		setText(functions, known ? `Functions ${exact(known)}` : "Functions");
	}

	/** @param {Set<string>} what */
	update(what) {
		const target = byName(this.name);
		this.settle(target);
		if (!target) {
			this.missing();
			return;
		}
		const session = currentSession(),
			model = session?.model ?? null;
		this.badge.hidden = this.stats.hidden = false;
		this.badge.set(target);
		this.build.hidden = !target.build_id;
		setText(this.build, `build ${(target.build_id ?? "").slice(0, 8)}`);
		setTitle(this.build, target.build_id ?? "");
		setText(this.sources, sourcesText(target));
		setTitle(
			this.sources,
			"Marks are of the lines that the executable was built from: rebuild it, and they are of today's.",
		);
		this.updateTiles(target);
		session?.wantLines(target);
		this.updateCovered(target, session);
		this.drawTabs(target, session);
		setText(this.unit, this.tab === "history" ? "" : unitText(target, session));
		if (this.tab === "functions") this.functions.update(target, session);
		if (this.tab === "history") this.history.update(this.jobs.rows.keys());
		const key =
			session && model
				? `${session.key} ${this.by} ${session.covered} ${model.summary.hasLines} ${model.summary.files}`
				: "none";
		if (key !== this.arranged) {
			this.arranged = key;
			this.arrange();
		}
		if (what.has("coverage") || what.has("targets")) this.updateEntries(session);
		if (session) this.growth.update(session);
		this.growth.element.hidden = this.entries.hidden = !target.table; // their place is kept while they are read
		for (const { key: order, button } of this.orderButtons)
			button.setAttribute("aria-pressed", String(order === this.by));
		this.note.hidden = this.rows.length > 0;
		if (!this.note.hidden) setText(this.note, explain(target, session));
		this.list.request();
	}

	/** All is shown at once, so that nothing moves: when it is known which parts there are. @param {Target | null} target */
	settle(target) {
		const waited = performance.now() - this.entered > SETTLED_AFTER;
		if (waited || (store.listed && (!target || this.jobs.known))) this.element.classList.remove("settling");
	}

	missing() {
		const gone = `There is no target "${this.name}". It may have been renamed or taken out of fuzz.conf.`;
		setText(this.note, store.listed ? gone : "Waiting for the service …");
		this.note.hidden = false;
		this.rows = [];
		this.list.clear();
		this.list.setCount(0);
		this.badge.hidden = this.stats.hidden = this.entries.hidden = true;
		this.growth.element.hidden = this.build.hidden = true;
		setText(this.sources, "");
		this.arranged = this.entriesKey = "";
		this.drawTabs(null, null);
		document.title = `${this.name} · fuzzsupd`;
	}

	/** @param {Target} target */
	updateTiles(target) {
		const { executions, rate: speed, kept, find } = this.tiles;
		const now = perSecond(target),
			{ lastRun, lastFind } = target;
		executions.set(short(target.runs), "", `${exact(target.runs)} executions`);
		const still = lastRun ? `none for ${span(serverNow() - lastRun)}` : "none seen";
		const grown = lastRun ? `last seen to grow ${moment(lastRun)}` : "";
		speed.set(now > 0 ? rate(now) : "–", now > 0 ? "" : still, grown);
		kept.set(short(target.unique), "", `${exact(target.unique)} executions reached something new`);
		if (lastFind) find.set(span(serverNow() - lastFind), "ago", moment(lastFind));
		else if (target.covered) find.set("–", "earlier", "before the service first looked");
		else find.set("–", "nothing yet");
	}

	/** Lines, where they are known: what users compare with other tools. @param {Target} target @param {Session | null} session */
	updateCovered(target, session) {
		const model = session?.model,
			root = model?.summary.hasLines ? model.node(0) : null;
		const pcs = target.pcs ? `${exact(target.covered)} of ${exact(target.pcs)} PCs` : "no PCs yet";
		const dropped = target.dropped
			? `; ${exact(target.dropped)} more are not counted, since the linker dropped their code`
			: "";
		const ofPcs = percent(target.covered, target.pcs ?? 0);
		const ofLines = root?.unit === "lines" ? percent(root.covered, root.total) : null;
		const share = ofLines ?? ofPcs;
		if (root && ofLines !== null) {
			const lines = `${exact(root.covered)} of ${exact(root.total)} lines`;
			this.tiles.coverage.set(ofLines, lines, `${lines}; ${pcs} (${ofPcs})${dropped}`);
		} else this.tiles.coverage.set(ofPcs, pcs, (target.lines_reason ?? "") + dropped);
		document.title = `${share === "–" ? "" : `${share} `}${target.name} · fuzzsupd`;
	}

	/** @param {Session | null} session */
	updateEntries(session) {
		const model = session?.model,
			entries = model?.entries() ?? [];
		const key = `${session?.key} ${Boolean(model)} ${entries.map((entry) => `${entry.file}:${entry.line}`)}`;
		if (!model || key === this.entriesKey) return;
		this.entriesKey = key;
		const links = entries.slice(0, ENTRIES_SHOWN).map((entry) => {
			const name = entry.file === NONE ? "" : model.fileName(entry.file);
			if (!name) return h("span", { class: "pill mono" }, "no source location");
			const text = `${name.slice(name.lastIndexOf("/") + 1)}:${entry.line}`;
			const href = fileUrl(targetUrl(this.name), name, entry.line);
			return h("a", { class: "pill mono", href, title: `${name}:${entry.line}:${entry.column}` }, text);
		});
		const label = entries.length === 1 ? "Entry point" : "Entry points";
		const more = entries.length > ENTRIES_SHOWN ? `and ${entries.length - ENTRIES_SHOWN} more` : "";
		this.entries.replaceChildren(
			h("span", { class: "dim small" }, entries.length ? label : `${label}: none is known`),
			...links,
		);
		if (more) this.entries.append(h("span", { class: "dim small" }, more));
	}

	// The rows in sight of the open folders, in the chosen order.
	arrange() {
		const model = currentSession()?.model,
			before = this.rows;
		this.rows = model ? treeRows(model, this.by, this.turned) : [];
		/** @param {number} index */
		const at = (index) => (before[index] ? this.rows.findIndex((node) => node.key === before[index].key) : -1);
		this.selected = at(this.selected);
		this.list.renew(this.rows.length, at(this.list.focused()));
		this.tree.setAttribute("aria-rowcount", String(this.rows.length));
	}

	/** @param {TreeRow} node */
	toggle(node) {
		if (!this.turned.delete(node.key)) this.turned.add(node.key);
		this.arrange();
	}

	/** @param {number} index */
	makeRow(index) {
		const node = this.rows[index],
			model = currentSession()?.model;
		const folder = node.file === NONE;
		const known = model && !folder && node.file < model.summary.files;
		const cells = {
			bar: coverageBar(),
			left: h("span"),
			total: h("span"),
			news: h("i", { class: "news", title: "something new was reached in the last minute" }),
		};
		const twist = h("span", { class: "twist", "aria-hidden": "true" }, folder ? (node.open ? "▾" : "▸") : "");
		const excluded = node.excluded && node.depth === 0 ? h("span", { class: "pill" }, "excluded") : null;
		const label = h("span", { class: "label" }, folder ? pathText(node.label) : node.label);
		const name = h("span", { class: "name mono", role: "gridcell" }, twist, label, excluded, cells.news);
		name.style.paddingLeft = `${Math.min(node.depth, 24) * (window.innerWidth < 720 ? 12 : 20)}px`;
		name.title = node.label;
		/** @param {Node} content @param {string} look */
		const cell = (content, look) => h("span", { role: "gridcell", class: look }, content);
		const parts = [name, cell(cells.bar, "cv"), cell(cells.left, "num left"), cell(cells.total, "num dim wide")];
		const props = {
			class: `trow${node.excluded ? " excluded" : ""}`,
			role: "row",
			"aria-level": String(node.depth + 1),
			"aria-expanded": folder ? String(node.open) : null,
		};
		return Object.assign(this.rowElement(node, known ? model.fileName(node.file) : "", props, parts), {
			cells,
			index,
		});
	}

	/**
	 * A link for a file whose name is known, a button for a folder.
	 * @param {TreeRow} node @param {string} file @param {Record<string, any>} props @param {Node[]} parts
	 * @returns {HTMLElement}
	 */
	rowElement(node, file, props, parts) {
		if (file) return h("a", { ...props, href: fileUrl(targetUrl(this.name), file) }, parts);
		if (node.file === NONE) return h("button", { ...props, onclick: () => this.toggle(node) }, parts);
		return h("span", props, parts);
	}

	/** @param {Row} row @param {TreeRow | undefined} kept */
	updateRow(row, kept) {
		const model = currentSession()?.model;
		if (!model || !kept) return;
		const node = model.node(kept.id),
			{ bar, left, total, news } = row.cells;
		const pcs = `; ${exact(node.pcsReached)} of ${exact(node.pcs)} PCs`;
		bar.set(node.covered, node.total, node.unit, node.unit === "lines" ? pcs : "");
		setText(left, node.total > node.covered ? `${exact(node.total - node.covered)} left` : "all");
		left.classList.toggle("dim", node.total === node.covered);
		setText(total, many(node.total, node.unit));
		news.hidden = !node.newest || serverNow() - (model.baseMs + node.newest * 10) > RECENT;
		row.classList.toggle("selected", row.index === this.selected);
	}

	/** @param {KeyboardEvent} event */
	key(event) {
		if (this.tab === "functions") return this.functions.key(event);
		if (this.tab === "history") return false;
		const step = event.key === "j" ? 1 : event.key === "k" ? -1 : 0;
		if (step && this.rows.length) {
			this.selected = Math.max(0, Math.min(this.rows.length - 1, this.selected + step));
			this.list.reveal(this.selected);
			this.list.rows.get(this.selected)?.focus({ preventScroll: true });
			return true;
		}
		const node = this.rows[this.selected];
		const turns = event.key === "ArrowLeft" ? node?.open : event.key === "ArrowRight" ? !node?.open : false;
		if (!turns || node?.file !== NONE) return false;
		this.toggle(node);
		this.list.rows.get(this.selected)?.focus({ preventScroll: true });
		return true;
	}
}

/**
 * What is counted where it is not lines, and why; "" where nothing is listed yet.
 * @param {Target} target @param {Session | null} session
 */
function unitText(target, session) {
	if (!session?.model || session.model.summary.hasLines) return "";
	if (target.lines_reason) return `counted in PCs, since lines are not known: ${target.lines_reason}`;
	const failed = [session.blocks, session.shapes].find(({ failure }) => failure);
	if (failed) return `counted in PCs: what became of lines could not be read. ${failureText(failed)}`;
	const far = progress(session.blocks.value ? session.shapes : session.blocks);
	if (typeof target.lines === "number") return `counted in PCs until its lines are here${far ? `: ${far}` : ""}`;
	return "counted in PCs until it is known which lines its machine code belongs to";
}

/** Why nothing is listed. @param {Target} target @param {Session | null} session */
export function explain(target, session) {
	const index = session?.index;
	if (index?.failure) return `The source index could not be read. ${failureText(index)}`;
	if (target.state === "failed") return `This target failed: ${target.reason || "no reason was given"}`;
	if (target.state === "symbolizing")
		return "Its PCs are being resolved to source lines. The files appear here by themselves.";
	if (!target.table) {
		const reason = target.reason || "the executable or its first coverage file is not there yet";
		return `Waiting: ${reason}. The files appear here by themselves.`;
	}
	if (session?.model) return "Its tables name no file: was the target built with -g?";
	const far = index ? progress(index) : "";
	return `Reading the source index … ${far}`;
}

/** @param {string} label */
function tile(label) {
	const value = h("b"),
		small = h("small");
	const data = h("dd", {}, value, " ", small);
	const element = h("div", {}, h("dt", {}, label), data);
	/** @param {string} text @param {string} note @param {string} [title] */
	const set = (text, note, title = "") => {
		setText(value, text);
		setText(small, note);
		setTitle(data, title);
	};
	return { element, set };
}
