// SPDX-License-Identifier: MIT
// The page's start: addresses to views, keys, header, one redraw per frame; runs in the browser.

import { h, setText, setTitle, exact, many, rate, span, clock } from "./dom.js";
import { health, watchHealth } from "./health.js";
import { Trail } from "./trail.js";
import { store, configure, connect, listen, follow, isFresh, LINK, perSecond, targetUrl } from "./link.js";
import { Overview } from "./overview.js";
import { parse } from "./place.js";
import { openSearch, openHelp } from "./search.js";
import { SourceView } from "./source.js";
import { TargetView } from "./target.js";

/**
 * state() is what the history keeps of a view, for the next enter() of that address; key() says whether a key was its.
 * @typedef {{ element: HTMLElement, enter: (place: import("./place.js").Address, kept?: any) => void, leave: () => void,
 *   state?: () => unknown, update: (what: Set<string>) => void, key: (event: KeyboardEvent) => boolean }} View
 */

/** Of index.html. @param {string} id */
const byId = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

const start = parse(location);
const main = byId("main");
const linkState = byId("link");
const problems = /** @type {HTMLAnchorElement} */ (byId("problems"));
const totals = { targets: h("dd"), rate: h("dd") };

// ---- theme: system, light, dark ----

/** @param {string} theme */
function setTheme(theme) {
	if (theme) document.documentElement.dataset.theme = theme;
	else delete document.documentElement.dataset.theme;
	try {
		if (theme) localStorage.setItem("theme", theme);
		else localStorage.removeItem("theme");
	} catch {
		// storage may be forbidden: the theme lasts as long as the page
	}
	setTitle(byId("theme"), `Theme: ${theme || "as the system"} (t)`);
	dispatchEvent(new Event("themechange"));
}

function nextTheme() {
	const system = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
	const other = system === "dark" ? "light" : "dark";
	setTheme(document.documentElement.dataset.theme === other ? "" : other);
}

function keptTheme() {
	try {
		const theme = localStorage.getItem("theme");
		return theme === "light" || theme === "dark" ? theme : "";
	} catch {
		return "";
	}
}

// ---- addresses ----

const VIEWS = { overview: Overview, target: TargetView, source: SourceView };

let place = start;
/** @type {View} */
let view = new VIEWS[kindOf(start)](go);
const trail = new Trail(() => view.state?.());

/** @param {import("./place.js").Address} address @returns {keyof typeof VIEWS} */
function kindOf({ target, file }) {
	if (target === null) return "overview";
	return file ? "source" : "target";
}

/** @param {import("./trail.js").Kept | null} kept what the history has of this address; null: it is new */
function route(kept) {
	const next = parse(location),
		kind = kindOf(next);
	const same = view instanceof VIEWS[kind] && place.target === next.target;
	const moved = !same || (kind === "source" && place.file !== next.file);
	place = next;
	follow(next.target);
	if (moved) {
		view.leave();
		view = new VIEWS[kind](go);
		show(kind);
	}
	view.enter(next, kept?.view);
	if (kept) trail.scrollTo(kept.top);
	else if (moved) window.scrollTo(0, 0);
}

/** @param {string} kind */
function show(kind) {
	document.body.dataset.view = kind;
	main.replaceChildren(view.element);
}

/**
 * Shows another address; @replace keeps the history short where one only moves about.
 * @param {string} url @param {boolean} [replace]
 */
function go(url, replace) {
	if (!replace) trail.save();
	if (replace) history.replaceState(null, "", url);
	else history.pushState(null, "", url);
	route(null);
}

addEventListener("popstate", (event) => {
	trail.forget();
	route(event.state);
});
document.addEventListener("click", (event) => {
	const link = event.target instanceof Element ? event.target.closest("a[href]") : null;
	const special = event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey;
	if (!(link instanceof HTMLAnchorElement) || event.defaultPrevented || special) return;
	const url = new URL(link.href);
	if (url.origin !== location.origin || !url.pathname.startsWith(start.root) || link.classList.contains("skip"))
		return;
	event.preventDefault();
	go(url.href, link.classList.contains("no"));
});

// ---- keys ----

let pending = "";

function up() {
	if (place.target === null) return;
	go(place.file ? targetUrl(place.target) : start.root);
}

/** @param {KeyboardEvent} event */
function key(event) {
	if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
	if (event.target instanceof Element && event.target.closest("input, textarea, select")) return;
	const before = pending;
	pending = "";
	if (before === "g" && event.key === "o") go(start.root);
	else if (event.key === "g") pending = "g";
	else if (event.key === "/") openSearch(go);
	else if (event.key === "?") openHelp();
	else if (event.key === "t") nextTheme();
	else if (event.key === "u") up();
	else if (!view.key(event)) return;
	event.preventDefault();
}

// ---- header, and one redraw per frame ----

function linkText() {
	const since = span(Date.now() - store.since);
	const dated = store.heard ? `, numbers of ${clock(store.heard)}` : "";
	if (store.link === LINK.SILENT) return `no word for ${since}${dated}`;
	if (store.link === LINK.RECONNECTING) return `reconnecting since ${since}${dated}`;
	if (store.link === LINK.AWAY) return `server away since ${clock(store.since)}${dated}`;
	return store.link;
}

function drawHeader() {
	const targets = [...store.targets.values()];
	const live = targets.filter((target) => target.state === "live");
	const speed = live.reduce((sum, target) => sum + perSecond(target), 0);
	setText(totals.targets, `${exact(live.length)} of ${exact(targets.length)} live`);
	setText(totals.rate, speed > 0 ? rate(speed) : "–");
	setTitle(totals.rate, `${exact(Math.round(speed))} executions per second, all targets`);
	const count = health.answer?.count ?? 0;
	problems.hidden = count === 0;
	setText(problems, many(count, "problems"));
	setTitle(
		problems,
		(health.answer?.problems ?? [])
			.map(({ text }) => text)
			.slice(0, 10)
			.join("\n"),
	);
	setText(linkState, linkText());
	linkState.className = `link ${store.link}`;
	document.body.classList.toggle("away", !isFresh(store.link));
}

/** @type {Set<string>} */
const changed = new Set();
let frame = 0;

function draw() {
	cancelAnimationFrame(frame);
	frame = 0;
	const all = new Set(changed);
	changed.clear();
	drawHeader();
	view.update(all);
}

// A tab that is not shown has no frames, but a title.
const HIDDEN_EVERY = 1000; // ms
let drawnHidden = 0;

/** @param {string} what */
function redraw(what) {
	changed.add(what);
	if (!document.hidden) frame ||= requestAnimationFrame(draw);
	else if (performance.now() - drawnHidden > HIDDEN_EVERY) {
		drawnHidden = performance.now();
		draw();
	}
}

setTheme(keptTheme());
byId("totals").append(
	h("div", {}, h("dt", {}, "targets"), totals.targets),
	h("div", {}, h("dt", {}, "exec/s"), totals.rate),
);
/** @type {HTMLAnchorElement} */ (byId("brand")).href = problems.href = start.root;
byId("search").addEventListener("click", () => openSearch(go));
byId("theme").addEventListener("click", nextTheme);
byId("help").addEventListener("click", openHelp);
document.addEventListener("keydown", key);
document.addEventListener("visibilitychange", () => document.hidden || draw());
listen(redraw);
const base = start.target === null ? "" : `t/${encodeURIComponent(start.target)}/`;
configure(start.root, `${start.root}${base}${start.debug ? "debug/" : ""}main.wasm`);
show(kindOf(start));
route(trail.first());
connect();
watchHealth(() => redraw("health"));
setInterval(() => redraw("time"), 1000);
