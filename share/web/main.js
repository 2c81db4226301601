// SPDX-License-Identifier: MIT
// The page's start: addresses to views, keys, header, one redraw per frame; runs in the browser.

import { h, setText, setTitle, exact, short, rate, span, clock } from "./dom.js";
import { store, configure, connect, listen, follow, perSecond, targetUrl } from "./link.js";
import { parse } from "./place.js";
import { Overview } from "./overview.js";
import { TargetView } from "./target.js";
import { SourceView } from "./source.js";
import { openSearch, openHelp } from "./search.js";

const start = parse(location);
const main = document.getElementById("main");
const linkState = document.getElementById("link");
const totals = { targets: h("dd"), rate: h("dd") };
let view = null,
	place = null;

// ---- theme: system, light, dark ----

function setTheme(theme) {
	if (theme) document.documentElement.dataset.theme = theme;
	else delete document.documentElement.dataset.theme;
	try {
		theme ? localStorage.setItem("theme", theme) : localStorage.removeItem("theme");
	} catch {
		// storage may be forbidden: the theme lasts as long as the page
	}
	setTitle(document.getElementById("theme"), `Theme: ${theme || "as the system"} (t)`);
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

function route() {
	const next = parse(location);
	const kind = next.target === null ? "overview" : next.file ? "source" : "target";
	const same = view && place && view instanceof VIEWS[kind] && place.target === next.target;
	const file = place?.file;
	place = next;
	follow(next.target);
	if (!same || (kind === "source" && file !== next.file)) {
		view?.leave();
		view = new VIEWS[kind](go);
		document.body.dataset.view = kind;
		main.replaceChildren(view.element);
		window.scrollTo(0, 0);
	}
	view.enter(next);
}

// Shows another address; @replace keeps the history short where one only moves about.
function go(url, replace) {
	history[replace ? "replaceState" : "pushState"](null, "", url);
	route();
}

addEventListener("popstate", route);
document.addEventListener("click", (event) => {
	const link = event.target.closest?.("a[href]");
	if (
		!link ||
		event.defaultPrevented ||
		event.button ||
		event.metaKey ||
		event.ctrlKey ||
		event.shiftKey ||
		event.altKey
	)
		return;
	const url = new URL(link.href);
	if (url.origin !== location.origin || !url.pathname.startsWith(start.root) || link.classList.contains("skip"))
		return;
	event.preventDefault();
	go(url.href, link.classList.contains("no"));
});

// ---- keys ----

let pending = "";

function up() {
	if (place.file) go(targetUrl(place.target));
	else if (place.target !== null) go(start.root);
}

function key(event) {
	if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
	if (event.target.closest?.("input, textarea, select")) return;
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
	const since = Date.now() - store.since;
	if (store.link === "live") return "live";
	if (store.link === "connecting") return "connecting";
	const dated = store.heard ? `, numbers of ${clock(store.heard)}` : "";
	return store.link === "reconnecting"
		? `reconnecting since ${span(since)}${dated}`
		: `server away since ${clock(store.since)}${dated}`;
}

function drawHeader() {
	const targets = [...store.targets.values()];
	const live = targets.filter((target) => target.state === "live");
	const speed = live.reduce((sum, target) => sum + perSecond(target), 0);
	setText(totals.targets, `${exact(live.length)} of ${short(targets.length)} live`);
	setText(totals.rate, speed > 0 ? rate(speed) : "–");
	setTitle(totals.rate, `${exact(Math.round(speed))} executions per second, all targets`);
	setText(linkState, linkText());
	linkState.className = `link ${store.link}`;
	document.body.classList.toggle("away", store.link === "reconnecting" || store.link === "away");
}

const changed = new Set();
let frame = 0;

function redraw(what) {
	changed.add(what);
	frame ||= requestAnimationFrame(() => {
		frame = 0;
		const all = new Set(changed);
		changed.clear();
		drawHeader();
		view.update(all);
	});
}

setTheme(keptTheme());
document
	.getElementById("totals")
	.append(h("div", {}, h("dt", {}, "targets"), totals.targets), h("div", {}, h("dt", {}, "exec/s"), totals.rate));
document.getElementById("brand").href = start.root;
document.getElementById("search").addEventListener("click", () => openSearch(go));
document.getElementById("theme").addEventListener("click", nextTheme);
document.getElementById("help").addEventListener("click", openHelp);
document.addEventListener("keydown", key);
listen(redraw);
configure(
	start.root,
	`${start.root}${start.target === null ? "" : `t/${encodeURIComponent(start.target)}/`}${start.debug ? "debug/" : ""}main.wasm`,
);
route();
connect();
setInterval(() => redraw("time"), 1000);
