// SPDX-License-Identifier: MIT
// Search over targets and the files of the target that is shown; and the list of keys. Runs in the browser.

import { h, pathText } from "./dom.js";
import { store, currentSession, targetUrl } from "./link.js";
import { MARKS } from "./marks.js";
import { fileUrl } from "./place.js";

const SHOWN = 50;

/**
 * @typedef {{ kind: "target" | "file", name: string, href: (line: number) => string }} Item
 * @typedef {(url: string, replace?: boolean) => void} Go
 */

// How well the letters of @query, in order, fit @text; 0: not at all. Runs and starts of words count more.
/** @param {string} query @param {string} text */
export function fuzzy(query, text) {
	let at = -1,
		score = 0,
		run = 0;
	for (const letter of query) {
		const found = text.indexOf(letter, at + 1);
		if (found < 0) return 0;
		run = found === at + 1 ? run + 1 : 0;
		score += 1 + run * 2 + (found === 0 || "/._- ".includes(text[found - 1]) ? 4 : 0);
		at = found;
	}
	return score + 20 / (20 + text.length);
}

/** @param {string} query @param {Item[]} items */
export function rank(query, items) {
	const wanted = query.toLowerCase().replace(/\s+/g, "");
	/** @type {{ item: Item, score: number }[]} */
	const found = [];
	for (const item of items) {
		const name = item.name.toLowerCase();
		const base = name.slice(name.lastIndexOf("/") + 1);
		const score = !wanted
			? 1
			: Math.max(fuzzy(wanted, name), 1.5 * fuzzy(wanted, base)) * (base.includes(wanted) ? 2 : 1);
		if (score) found.push({ item, score });
	}
	return found
		.sort((a, b) => b.score - a.score || a.item.name.length - b.item.name.length)
		.slice(0, SHOWN)
		.map(({ item }) => item);
}

function candidates() {
	/** @type {Item[]} */
	const items = [...store.targets.values()].map((target) => ({
		kind: "target",
		name: target.name,
		href: () => targetUrl(target.name),
	}));
	const session = currentSession();
	if (session?.model)
		for (const name of session.model.fileNames())
			items.push({ kind: "file", name, href: (line) => fileUrl(targetUrl(session.target.name), name, line) });
	return items;
}

/** @param {Go} go */
export function openSearch(go) {
	const input = h("input", {
		type: "search",
		placeholder: "Target or file, file:line",
		"aria-label": "Find target or file",
		role: "combobox",
		"aria-expanded": "true",
		"aria-controls": "found",
		spellcheck: "false",
		autocomplete: "off",
	});
	const results = h("div", { id: "found", role: "listbox", "aria-label": "Results" });
	const dialog = h("dialog", { class: "palette", "aria-label": "Search" }, input, results);
	const items = candidates();
	/** @type {Item[]} */
	let found = [];
	let at = 0;
	const mark = () => {
		[...results.children].forEach((child, i) => child.setAttribute("aria-selected", String(i === at)));
		results.children[at]?.scrollIntoView({ block: "nearest" });
		input.setAttribute("aria-activedescendant", found.length ? `found-${at}` : "");
	};
	const lineOf = () => Number(/:(\d{1,9})$/.exec(input.value)?.[1] ?? 0);
	const draw = () => {
		found = rank(input.value.replace(/:\d*$/, ""), items);
		at = 0;
		results.replaceChildren(
			...found.map((item, i) =>
				h(
					"a",
					{
						id: `found-${i}`,
						role: "option",
						href: item.href(lineOf()),
						tabindex: "-1",
						onclick: () => dialog.close(),
					},
					item.kind === "file" ? h("span", { class: "mono" }, pathText(item.name)) : h("span", {}, item.name),
					h("span", { class: "dim small" }, item.kind),
				),
			),
		);
		if (!found.length) results.append(h("p", { class: "nothing dim" }, "Nothing has this name."));
		mark();
	};
	input.addEventListener("input", draw);
	input.addEventListener("keydown", (event) => {
		const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
		if (step && found.length) {
			at = (at + step + found.length) % found.length;
			mark();
			event.preventDefault();
		} else if (event.key === "Enter" && found[at]) {
			event.preventDefault();
			dialog.close();
			go(found[at].href(lineOf()));
		}
	});
	show(dialog);
	draw();
	input.focus();
}

const KEYS = [
	["/", "search targets and files"],
	["j  k", "next, previous row or line"],
	["Enter", "open"],
	["← →", "close, open a folder; move the cursor of plots"],
	["+  -  Esc", "zoom plots in, out, to the whole range"],
	["u", "up: file, target, all targets"],
	["n", "next place that was not reached"],
	["h", "newest hit"],
	["[  ]", "previous, next function"],
	["g o", "overview"],
	["t", "theme: system, light, dark"],
	["?", "these keys"],
];

export function openHelp() {
	/** @param {[Node | Node[], string][]} entries */
	const list = (entries) => {
		const items = entries.map(([sign, what]) => h("div", {}, h("dt", {}, sign), h("dd", {}, what)));
		return h("dl", {}, items);
	};
	/** @type {[Node[], string][]} */
	const keys = KEYS.map(([names, what]) => [names.split("  ").map((key) => h("kbd", {}, key)), what]);
	/** @type {[Node, string][]} */
	const marks = Object.entries(MARKS).map(([state, { glyph, meaning }]) => [
		h("span", { class: `legend ${state}` }, glyph),
		meaning,
	]);
	const parts = [h("h2", {}, "Keys"), list(keys), h("h2", {}, "Marks on lines"), list(marks)];
	show(h("dialog", { class: "keys", "aria-label": "Keys and marks" }, parts));
}

/** @param {HTMLDialogElement} dialog */
function show(dialog) {
	document.querySelector("dialog")?.remove();
	dialog.addEventListener("close", () => dialog.remove());
	dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
	document.body.append(dialog);
	dialog.showModal();
}
