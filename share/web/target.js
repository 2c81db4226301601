// SPDX-License-Identifier: MIT
// One target: is it still worth it? Numbers, growth, entry points, tree of files; runs in the browser.

import { h, svg, setText, setTitle, setClass, coverageBar, exact, percent, short, rate, span, moment } from "./dom.js";
import { NONE } from "./model.js";
import { VirtualList } from "./list.js";
import { store, byName, currentSession, serverNow, targetUrl, perSecond } from "./link.js";
import { FunctionsView } from "./functions.js";
import { JobsPanel } from "./jobs.js";
import { stateBadge } from "./overview.js";
import { fileUrl } from "./place.js";

const RANGES = [
	["5m", "5 min", 5 * 60],
	["1h", "1 h", 3600],
	["24h", "24 h", 86400],
	["all", "all", 0],
];
const STEPS = 240;
const RECENT = 60000;

export class TargetView {
	constructor(go) {
		this.go = go;
		this.turned = new Set();
		this.selected = -1;
		this.rows = [];
		this.title = h("h1");
		this.badge = stateBadge();
		this.build = h("span", { class: "pill mono" });
		this.tiles = {
			covered: tile("Covered"),
			runs: tile("Runs"),
			rate: tile("Runs per second"),
			unique: tile("Unique runs"),
			find: tile("Last find"),
		};
		this.entries = h("div", { class: "entries" });
		this.growth = new Growth();
		this.body = h("div", { role: "rowgroup" });
		this.tree = h("div", { class: "table tree", role: "treegrid", "aria-label": "Files" }, this.body);
		this.note = h("div", { class: "nothing dim" });
		this.order = h("div", { class: "seg", role: "group", "aria-label": "Order of files" });
		this.orderButtons = [
			["uncovered", "Most uncovered"],
			["name", "Name"],
		].map(([key, label]) => {
			const button = h("button", { type: "button", onclick: () => this.setOrder(key) }, label);
			return { key, button };
		});
		this.order.append(...this.orderButtons.map(({ button }) => button));
		this.functions = new FunctionsView(go);
		this.jobs = new JobsPanel();
		this.tabs = { files: h("a"), functions: h("a") };
		this.files = h("div", {}, this.tree, this.note);
		this.element = h(
			"div",
			{ class: "view" },
			h(
				"nav",
				{ class: "crumbs", "aria-label": "You are here" },
				(this.home = h("a", {}, "Targets")),
				" / ",
				(this.crumb = h("span")),
			),
			h("div", { class: "titlebar" }, this.title, this.badge, this.build),
			(this.stats = h(
				"dl",
				{ class: "stats" },
				Object.values(this.tiles).map((one) => one.element),
			)),
			this.entries,
			this.growth.element,
			this.jobs.element,
			h(
				"section",
				{ class: "panel" },
				h(
					"div",
					{ class: "head" },
					h("nav", { class: "tabs", "aria-label": "What is listed" }, this.tabs.files, this.tabs.functions),
					h("span", { class: "grow" }),
					this.order,
					this.functions.tools,
				),
				this.files,
				this.functions.element,
			),
		);
		this.list = new VirtualList({
			element: this.body,
			height: () => (window.innerWidth < 720 ? 40 : 34),
			make: (index) => this.makeRow(index),
			update: (row, index) => this.updateRow(row, this.rows[index]),
		});
	}

	enter(place) {
		this.name = place.target;
		this.home.href = place.root;
		this.by = place.query.get("sort") === "name" ? "name" : "uncovered";
		this.enterTab(place);
		this.jobs.enter(place);
		setText(this.crumb, this.name);
		setText(this.title, this.name);
		this.shown = null;
		this.update(new Set(["targets", "coverage", "stats"]));
	}

	leave() {
		this.list.end();
		this.functions.leave();
		this.jobs.leave();
	}

	// Files or functions: whichever the address names.
	enterTab(place) {
		this.tab = place.query.get("view") === "functions" ? "functions" : "files";
		for (const [key, link] of Object.entries(this.tabs)) {
			link.href = location.pathname + (key === "files" ? "" : "?view=functions");
			key === this.tab ? link.setAttribute("aria-current", "true") : link.removeAttribute("aria-current");
		}
		if (this.tab === "functions") this.functions.enter(place);
	}

	drawTabs(target, session) {
		const listed = target ? this.tab : "files"; // whose note says that there is no target
		this.files.hidden = this.order.hidden = listed !== "files";
		this.functions.element.hidden = listed !== "functions";
		if (listed !== "functions") this.functions.tools.hidden = true;
		const { files, functions } = this.tabs;
		setText(files, session?.model ? `Files ${exact(session.model.summary.files)}` : "Files");
		setText(functions, target?.functions ? `Functions ${exact(target.functions)}` : "Functions");
	}

	setOrder(key) {
		this.go(location.pathname + (key === "name" ? "?sort=name" : ""), true);
	}

	update(what) {
		const target = byName(this.name);
		if (!target) {
			this.missing();
			return;
		}
		this.badge.hidden = this.stats.hidden = false;
		this.badge.set(target);
		this.build.hidden = !target.build_id;
		setText(this.build, `build ${(target.build_id ?? "").slice(0, 8)}`);
		setTitle(this.build, target.build_id ?? "");
		this.updateTiles(target);
		const session = currentSession();
		session?.wantLines(target);
		this.updateCovered(target, session);
		this.drawTabs(target, session);
		if (this.tab === "functions") this.functions.update(target, session);
		const key = session?.model
			? `${session.key}${this.by}${session.covered}${session.model.summary.hasLines}`
			: null;
		if (key !== this.shown) {
			this.shown = key;
			this.arrange();
		}
		if (what.has("coverage") || what.has("targets")) this.updateEntries(session);
		if (session?.model) this.growth.update(session);
		this.growth.element.hidden = !session?.covered;
		for (const { key: order, button } of this.orderButtons)
			button.setAttribute("aria-pressed", String(order === this.by));
		this.note.hidden = this.rows.length > 0;
		if (!this.note.hidden) setText(this.note, explain(target, session));
		this.list.request();
	}

	missing() {
		setText(
			this.note,
			store.listed
				? `There is no target "${this.name}". It may have been renamed or taken out of fuzz.conf.`
				: "Waiting for the service …",
		);
		this.note.hidden = false;
		this.rows = [];
		this.list.clear();
		this.list.setCount(0);
		this.badge.hidden =
			this.stats.hidden =
			this.entries.hidden =
			this.growth.element.hidden =
			this.build.hidden =
				true;
		this.shown = this.entriesKey = null;
		this.drawTabs(null, null);
		document.title = `${this.name} · fuzzsupd`;
	}

	updateTiles(target) {
		const { runs, rate: speed, unique, find } = this.tiles;
		const now = perSecond(target);
		runs.set(short(target.runs), "", `${exact(target.runs)} executions`);
		speed.set(
			now > 0 ? rate(now) : "–",
			now > 0 ? "" : target.lastRun ? `none for ${span(serverNow() - target.lastRun)}` : "none seen",
			target.lastRun ? `last seen to grow ${moment(target.lastRun)}` : "",
		);
		unique.set(short(target.unique), "", `${exact(target.unique)} runs were worth keeping`);
		find.set(
			target.lastFind ? span(serverNow() - target.lastFind) : "–",
			target.lastFind ? "ago" : target.covered ? "earlier" : "nothing yet",
			target.lastFind ? moment(target.lastFind) : target.covered ? "before the service first looked" : "",
		);
	}

	// Lines, where they are known: what users compare with other tools.
	updateCovered(target, session) {
		const root = session?.model?.summary.hasLines ? session.model.node(0) : null;
		const dropped = target.dropped ? `; ${exact(target.dropped)} more are not counted, since the linker dropped their code` : "";
		const pcs = target.pcs ? `${exact(target.covered)} of ${exact(target.pcs)} PCs` : "no PCs yet";
		const share = root?.unit === "lines" ? percent(root.covered, root.total) : percent(target.covered, target.pcs);
		this.tiles.covered.set(
			share,
			root?.unit === "lines" ? `${exact(root.covered)} of ${exact(root.total)} lines` : pcs,
			root?.unit === "lines" ? `${pcs} (${percent(target.covered, target.pcs)})${dropped}` : (target.lines_reason ?? "") + dropped,
		);
		document.title = `${share === "–" ? "" : `${share} `}${target.name} · fuzzsupd`;
	}

	updateEntries(session) {
		const entries = session?.model?.entries() ?? [];
		const key = `${session?.key} ${entries.map((entry) => `${entry.file}:${entry.line}`)}`;
		if (key === this.entriesKey) return;
		this.entriesKey = key;
		const links = entries.slice(0, 12).map((entry) => {
			const name = entry.file === NONE ? "" : session.model.fileName(entry.file);
			if (!name) return h("span", { class: "pill mono" }, "no source location");
			const text = `${name.slice(name.lastIndexOf("/") + 1)}:${entry.line}`;
			return h(
				"a",
				{
					class: "pill mono",
					href: fileUrl(targetUrl(this.name), name, entry.line),
					title: `${name}:${entry.line}:${entry.column}`,
				},
				text,
			);
		});
		const more = entries.length > 12 ? h("span", { class: "dim small" }, `and ${entries.length - 12} more`) : null;
		this.entries.replaceChildren(
			h("span", { class: "dim small" }, entries.length === 1 ? "Entry point" : "Entry points"),
			...links,
		);
		if (more) this.entries.append(more);
		this.entries.hidden = entries.length === 0;
	}

	// The rows in sight of the open folders, in the chosen order.
	arrange() {
		const session = currentSession(),
			model = session?.model,
			before = this.rows;
		this.rows = [];
		if (model) {
			this.flatten(model, 0, 0);
		}
		const at = (index) => (before[index] ? this.rows.findIndex((node) => node.key === before[index].key) : -1);
		this.selected = at(this.selected);
		this.list.renew(this.rows.length, at(this.list.focused()));
		this.tree.setAttribute("aria-rowcount", String(this.rows.length));
	}

	flatten(model, parent, depth) {
		const children = model
			.children(parent)
			.map((child) => compact(model, child))
			.filter((child) => child.total > 0 || child.file === NONE);
		const left = (node) => node.total - node.covered;
		// Names that begin with a slash lie outside of the source roots: not the user's own code.
		const outside = (node) => node.label.startsWith("/");
		children.sort(
			(a, b) =>
				a.excluded - b.excluded ||
				outside(a) - outside(b) ||
				(this.by === "name"
					? (a.file !== NONE) - (b.file !== NONE) || a.label.localeCompare(b.label)
					: left(b) - left(a) || a.label.localeCompare(b.label)),
		);
		for (const child of children) {
			child.depth = depth;
			child.key = `${parent}/${child.label}`;
			child.open = child.file === NONE && this.isOpen(child);
			if (child.file === NONE && !child.total) continue;
			this.rows.push(child);
			if (child.open) this.flatten(model, child.id, depth + 1);
		}
	}

	// Excluded and foreign folders begin closed.
	isOpen(node) {
		const closed = node.excluded || node.label.startsWith("/");
		return closed === this.turned.has(node.key);
	}

	toggle(node) {
		this.turned.has(node.key) ? this.turned.delete(node.key) : this.turned.add(node.key);
		this.arrange();
	}

	makeRow(index) {
		const node = this.rows[index],
			model = currentSession().model;
		const folder = node.file === NONE;
		const known = !folder && node.file < model.summary.files;
		const bar = coverageBar(),
			left = h("span"),
			total = h("span"),
			news = h("i", { class: "news", title: "something new was reached in the last minute" });
		const twist = h("span", { class: "twist", "aria-hidden": "true" }, folder ? (node.open ? "▾" : "▸") : "");
		const props = {
			class: `trow${node.excluded ? " excluded" : ""}`,
			role: "row",
			"aria-level": String(node.depth + 1),
		};
		if (folder) props["aria-expanded"] = String(node.open);
		const label = h(
			"span",
			{ class: "name mono", role: "gridcell" },
			twist,
			h("span", { class: "label" }, node.label),
			node.excluded && node.depth === 0 ? h("span", { class: "pill" }, "excluded") : null,
			news,
		);
		label.style.paddingLeft = `${Math.min(node.depth, 24) * (window.innerWidth < 720 ? 12 : 20)}px`;
		label.title = node.label;
		const row = h(
			known ? "a" : folder ? "button" : "span",
			props,
			label,
			h("span", { role: "gridcell", class: "cv" }, bar),
			h("span", { role: "gridcell", class: "num left" }, left),
			h("span", { role: "gridcell", class: "num dim wide" }, total),
		);
		if (known) row.href = fileUrl(targetUrl(this.name), model.fileName(node.file));
		if (folder) row.addEventListener("click", () => this.toggle(node));
		row.cells = { bar, left, total, news };
		row.index = index;
		return row;
	}

	updateRow(row, kept) {
		const model = currentSession()?.model;
		if (!model || !kept) return;
		const node = model.node(kept.id),
			{ bar, left, total, news } = row.cells;
		bar.set(
			node.covered,
			node.total,
			node.unit,
			node.unit === "lines" ? `; ${exact(node.pcsReached)} of ${exact(node.pcs)} PCs` : "",
		);
		setText(left, node.total > node.covered ? `${exact(node.total - node.covered)} left` : "all");
		left.classList.toggle("dim", node.total === node.covered);
		setText(total, `${exact(node.total)} ${node.unit}`);
		news.hidden = !node.newest || serverNow() - (model.baseMs + node.newest * 10) > RECENT;
		row.classList.toggle("selected", row.index === this.selected);
	}

	key(event) {
		if (this.tab === "functions") return this.functions.key(event);
		const step = { j: 1, k: -1 }[event.key];
		if (step && this.rows.length) {
			this.selected = Math.max(0, Math.min(this.rows.length - 1, this.selected + step));
			this.list.reveal(this.selected);
			this.list.rows.get(this.selected)?.focus({ preventScroll: true });
			return true;
		}
		const node = this.rows[this.selected];
		if (
			node?.file === NONE &&
			((event.key === "ArrowLeft" && node.open) || (event.key === "ArrowRight" && !node.open))
		) {
			this.toggle(node);
			this.list.rows.get(this.selected)?.focus({ preventScroll: true });
			return true;
		}
		return false;
	}
}

// A folder whose only child is a folder shares a row with it.
function compact(model, node) {
	let label = node.file === NONE ? "" : model.nodeName(node) || "no source location";
	for (let at = node; at.file === NONE; ) {
		const name = model.nodeName(at);
		label += name.endsWith("/") ? name : `${name}/`;
		const only = at.firstChild;
		const child = only === NONE ? null : model.node(only);
		node = at;
		if (!child || child.nextSibling !== NONE || child.file !== NONE) break;
		at = child;
	}
	node.label = label;
	return node;
}

export function explain(target, session) {
	if (session?.error) return `The source index could not be read (${session.error}). Trying again.`;
	if (target.state === "failed") return `This target failed: ${target.reason || "no reason was given"}`;
	if (target.state === "symbolizing")
		return "Its PCs are being resolved to source lines. The files appear here by themselves.";
	if (!target.table)
		return `Waiting: ${target.reason || "the executable or its first coverage file is not there yet"}. The files appear here by themselves.`;
	return session?.model ? "Its tables name no file: was the target built with -g?" : "Reading the source index …";
}

function tile(label) {
	const value = h("b"),
		small = h("small");
	const data = h("dd", {}, value, " ", small);
	const element = h("div", {}, h("dt", {}, label), data);
	return {
		element,
		set(text, note, title = "") {
			setText(value, text);
			setText(small, note);
			setTitle(data, title);
		},
	};
}

// PCs reached over time, from the times of their first hits.
class Growth {
	constructor() {
		this.range = "all";
		this.area = svg("path", { class: "a" });
		this.line = svg("path", { class: "l" });
		this.top = h("span", { class: "top" });
		this.low = h("span", { class: "low" });
		this.from = h("span");
		this.buttons = RANGES.map(([key, label]) => ({
			key,
			button: h("button", { type: "button", onclick: () => this.setRange(key) }, label),
		}));
		this.image = svg(
			"svg",
			{
				class: "big",
				viewBox: `0 0 ${STEPS} 100`,
				preserveAspectRatio: "none",
				role: "img",
				"aria-label": "PCs reached over time",
			},
			this.area,
			this.line,
		);
		this.element = h(
			"section",
			{ class: "panel growth" },
			h(
				"div",
				{ class: "head" },
				h("h2", {}, "Coverage"),
				h("span", { class: "dim small" }, "PCs reached over time"),
				h("span", { class: "grow" }),
				h(
					"div",
					{ class: "seg", role: "group", "aria-label": "Range" },
					this.buttons.map(({ button }) => button),
				),
			),
			h("div", { class: "plot" }, this.image, this.top, this.low),
			h("div", { class: "axis dim small" }, this.from, h("span", {}, "now")),
		);
	}

	setRange(key) {
		this.range = key;
		this.drawn = 0;
		if (this.session) this.update(this.session);
	}

	update(session) {
		this.session = session;
		if (performance.now() - (this.drawn || -1e9) < 1000) return;
		this.drawn = performance.now();
		for (const { key, button } of this.buttons) button.setAttribute("aria-pressed", String(key === this.range));
		const model = session.model;
		const seconds = RANGES.find(([key]) => key === this.range)[2];
		const to = Math.max(100, Math.round((serverNow() - model.baseMs) / 10));
		const from = seconds ? Math.max(0, to - seconds * 100) : 0;
		const values = model.growth(from, to, STEPS);
		if (!values) return;
		this.draw(values);
		setText(this.from, moment(model.baseMs + from * 10));
	}

	draw(values) {
		const high = values[STEPS - 1],
			low = values[0];
		const bottom = high > low ? low : 0; // what did not grow is at its height: nothing lies at the bottom
		const y = (value) => (95 - (90 * (value - bottom)) / Math.max(1, high - bottom)).toFixed(2);
		let path = "";
		for (let i = 0; i < STEPS; i++)
			path += `${i ? "L" : "M"}${((i * STEPS) / (STEPS - 1)).toFixed(1)} ${y(values[i])}`;
		this.line.setAttribute("d", path);
		this.area.setAttribute("d", `${path}L${STEPS} 100L0 100Z`);
		setText(this.top, high ? exact(high) : "");
		setText(this.low, exact(bottom));
	}
}
