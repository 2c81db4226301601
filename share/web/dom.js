// SPDX-License-Identifier: MIT
// Makes elements and words for numbers and times; runs in the browser.

import { splitSymbol } from "./symbol.js";

/** @typedef {Node | string | null | undefined} Child */

/**
 * An element; props: class, on* handlers, anything else an attribute.
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag @param {Record<string, any> | null} [props] @param {...(Child | Child[])} children
 */
export function h(tag, props, ...children) {
	const element = document.createElement(tag);
	for (const [key, value] of Object.entries(props ?? {})) {
		if (value === undefined || value === null || value === false) continue;
		if (key === "class") element.className = value;
		else if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
		else element.setAttribute(key, value === true ? "" : value);
	}
	for (const child of children.flat()) if (child !== null && child !== undefined) element.append(child);
	return element;
}

/**
 * @template {keyof SVGElementTagNameMap} T @param {T} tag @param {Record<string, string>} attributes
 * @param {...Node} children
 */
export function svg(tag, attributes, ...children) {
	const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
	for (const [key, value] of Object.entries(attributes ?? {})) element.setAttribute(key, value);
	element.append(...children);
	return element;
}

// Writes only what differs: an unchanged number costs no layout.
/** @param {Element} element @param {string} text */
export function setText(element, text) {
	if (element.textContent !== text) element.textContent = text;
}

/** @param {HTMLElement} element @param {string} text */
export function setTitle(element, text) {
	if (element.title !== text) element.title = text;
}

/** @param {Element} element @param {string} text */
export function setClass(element, text) {
	if (element.className !== text) element.className = text;
}

// @reason as it reads behind @word, a state: "waiting" and "for its program".
/** @param {string} word @param {string} reason */
export function behindWord(word, reason) {
	return reason.startsWith(`${word} `) ? reason.slice(word.length + 1) : reason;
}

// A bar with its number; set() changes it.
export function coverageBar() {
	const fill = h("i");
	const number = h("span", { class: "num" });
	const element = h("div", { class: "cov" }, h("div", { class: "bar", "aria-hidden": "true" }, fill), number);
	/** @param {number} covered @param {number} total @param {string} [unit] @param {string} [note] behind the title */
	const set = (covered, total, unit = "PCs", note = "") => {
		const share = total ? (100 * covered) / total : 0;
		const width = `${share.toFixed(2)}%`;
		if (fill.style.width !== width) fill.style.width = width;
		setText(number, total ? percent(covered, total) : "–");
		setTitle(element, total ? `${exact(covered)} of ${exact(total)} ${unit} reached${note}` : "no PCs known yet");
	};
	return Object.assign(element, { set });
}

const grouped = new Intl.NumberFormat("en-US");

/** @param {number} number */
export function exact(number) {
	return grouped.format(number);
}

// "1 line", "2 lines". units: their plural.
/** @param {number} number @param {string} units */
export function many(number, units) {
	return `${exact(number)} ${number === 1 ? units.replace(/s$/, "") : units}`;
}

// Never rounded up: 100.0% means all of them.
/** @param {number} covered @param {number} total */
export function percent(covered, total) {
	if (!total) return "–";
	return `${(Math.floor((1000 * covered) / total) / 10).toFixed(1)}%`;
}

/** @type {[number, string][]} */
const UNITS = [
	[1e12, " T"],
	[1e9, " G"],
	[1e6, " M"],
	[1e3, "k"],
];

// Three digits, never rounded up: 999,999 is 999k and not 1000k.
/** @param {number} number @param {[number, string]} unit */
function scaled(number, unit) {
	const digits = number >= 100 * unit[0] ? 0 : number >= 10 * unit[0] ? 1 : 2;
	return (Math.floor((number * 10 ** digits) / unit[0]) / 10 ** digits).toFixed(digits) + unit[1];
}

// 9,999 · 12.3k · 1.93 G
/** @param {number} number */
export function short(number) {
	if (number < 10000) return exact(Math.round(number));
	for (const unit of UNITS) if (number >= unit[0]) return scaled(number, unit);
	return "";
}

/** @param {number} number */
export function rate(number) {
	if (!(number > 0)) return "0";
	if (number < 0.1) return "<0.1";
	if (number < 10) return number.toFixed(1);
	return number < 1000 ? number.toFixed(0) : short(Math.max(number, 10000) === number ? number : Math.round(number));
}

// 0 · 1 MiB · 512 MiB · 1.5 GiB: of memory
/** @param {number} number */
export function bytes(number) {
	const mib = number / (1 << 20);
	if (mib >= 1024) return `${(mib / 1024).toFixed(1)} GiB`;
	return number ? `${Math.max(1, Math.round(mib))} MiB` : "0";
}

// 8 s · 2 min · 9 h · 3 d
/** @param {number} ms */
export function span(ms) {
	const seconds = Math.max(0, Math.floor(ms / 1000));
	if (seconds < 60) return `${seconds} s`;
	if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
	if (seconds < 48 * 3600) return `${Math.floor(seconds / 3600)} h`;
	return `${Math.floor(seconds / 86400)} d`;
}

/** @param {number} ms */
export function clock(ms) {
	return new Date(ms).toLocaleTimeString("en-GB");
}

/** @param {number} ms */
export function moment(ms) {
	return new Date(ms).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "medium" });
}

/**
 * What loses the end of its beginning where there is no room, and never its last part.
 * @param {(text: string) => [string, string]} split @param {string} text
 */
function twoParts(split, text) {
	const folder = h("span", { class: "dir" }),
		file = h("span", { class: "file" });
	const element = h("span", { class: "path" }, folder, file);
	/** @param {string} whole */
	const set = (whole) => {
		const [first, last] = split(whole);
		setText(folder, first);
		setText(file, last);
		setTitle(element, whole);
	};
	set(text);
	return Object.assign(element, { set });
}

/**
 * A path; what stays is the file's name.
 * @param {string} path
 */
export const pathText = (path) =>
	twoParts((text) => {
		const slash = text.replace(/\/+$/, "").lastIndexOf("/") + 1;
		return [text.slice(0, slash), text.slice(slash)];
	}, path);

/**
 * A function's name, without its scope where there is no room.
 * @param {string} name
 */
export const symbolText = (name) => twoParts(splitSymbol, name);

/**
 * up: its first order is the ascending one. A column without key has no order.
 * @typedef {{ key?: string, label: string, class?: string, up?: boolean }} Column
 */

/**
 * The head of a table whose order stands in the address; ask({ sort }) changes it.
 * @param {Column[]} columns @param {Column} current @param {boolean} down
 * @param {(change: { sort: string }) => void} ask
 */
export function sortHeads(columns, current, down, ask) {
	return columns.map((column) => {
		const chosen = column === current;
		/** @type {Record<string, string>} */
		const props = { role: "columnheader", class: column.class ?? "" };
		if (chosen) props["aria-sort"] = down ? "descending" : "ascending";
		if (!column.key) return h("span", props, column.label);
		const turn = () => ask({ sort: ((chosen ? !down : !column.up) ? "-" : "") + column.key });
		return h(
			"span",
			props,
			h(
				"button",
				{ type: "button", onclick: turn },
				column.label,
				h("i", { "aria-hidden": "true" }, chosen ? (down ? " ↓" : " ↑") : ""),
			),
		);
	});
}

/** @param {string} text */
export function copyButton(text) {
	const button = h("button", { class: "btn", type: "button" }, "Copy");
	button.addEventListener("click", async () => {
		let copied = true;
		try {
			await navigator.clipboard.writeText(text);
		} catch {
			copied = false; // no permission, or no secure context
		}
		button.textContent = copied ? "Copied" : "Select it by hand";
		setTimeout(() => (button.textContent = "Copy"), 1600);
	});
	return button;
}

/** @param {string} text */
export function codeBlock(text) {
	return h("div", { class: "cmd" }, h("pre", { tabindex: "0" }, text), copyButton(text));
}
