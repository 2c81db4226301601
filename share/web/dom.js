// SPDX-License-Identifier: MIT
// Makes elements and words for numbers and times; runs in the browser.

// An element; props: class, on* handlers, anything else an attribute. Children: nodes, strings, arrays.
export function h(tag, props, ...children) {
	const element = document.createElement(tag);
	for (const [key, value] of Object.entries(props ?? {})) {
		if (value === undefined || value === null || value === false) continue;
		if (key === "class") element.className = value;
		else if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
		else element.setAttribute(key, value === true ? "" : value);
	}
	element.append(...children.flat().filter((child) => child !== null && child !== undefined));
	return element;
}

export function svg(tag, attributes, ...children) {
	const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
	for (const [key, value] of Object.entries(attributes ?? {})) element.setAttribute(key, value);
	element.append(...children);
	return element;
}

// Writes only what differs: an unchanged number costs no layout.
export function setText(element, text) {
	if (element.textContent !== text) element.textContent = text;
}

export function setTitle(element, text) {
	if (element.title !== text) element.title = text;
}

export function setClass(element, text) {
	if (element.className !== text) element.className = text;
}

// @reason as it reads behind @word, a state: "waiting" and "for its program".
export function behindWord(word, reason) {
	return reason.startsWith(`${word} `) ? reason.slice(word.length + 1) : reason;
}

// A bar with its number; set(covered, total) changes it.
export function coverageBar() {
	const fill = h("i");
	const number = h("span", { class: "num" });
	const element = h("div", { class: "cov" }, h("div", { class: "bar", "aria-hidden": "true" }, fill), number);
	element.set = (covered, total, unit = "PCs", note = "") => {
		const share = total ? (100 * covered) / total : 0;
		const width = `${share.toFixed(2)}%`;
		if (fill.style.width !== width) fill.style.width = width;
		setText(number, total ? percent(covered, total) : "–");
		setTitle(element, total ? `${exact(covered)} of ${exact(total)} ${unit} reached${note}` : "no PCs known yet");
	};
	return element;
}

const grouped = new Intl.NumberFormat("en-US");

export function exact(number) {
	return grouped.format(number);
}

// Never rounded up: 100.0% means all of them.
export function percent(covered, total) {
	if (!total) return "–";
	return `${(Math.floor((1000 * covered) / total) / 10).toFixed(1)}%`;
}

const UNITS = [
	[1e12, " T"],
	[1e9, " G"],
	[1e6, " M"],
	[1e3, "k"],
];

// Three digits, never rounded up: 999,999 is 999k and not 1000k.
function scaled(number, unit) {
	const digits = number >= 100 * unit[0] ? 0 : number >= 10 * unit[0] ? 1 : 2;
	return (Math.floor((number * 10 ** digits) / unit[0]) / 10 ** digits).toFixed(digits) + unit[1];
}

// 9,999 · 12.3k · 1.93 G
export function short(number) {
	if (number < 10000) return exact(Math.round(number));
	for (const unit of UNITS) if (number >= unit[0]) return scaled(number, unit);
	return "";
}

export function rate(number) {
	if (!(number > 0)) return "0";
	if (number < 0.1) return "<0.1";
	if (number < 10) return number.toFixed(1);
	return number < 1000 ? number.toFixed(0) : short(Math.max(number, 10000) === number ? number : Math.round(number));
}

// 8 s · 2 min · 9 h · 3 d
export function span(ms) {
	const seconds = Math.max(0, Math.floor(ms / 1000));
	if (seconds < 60) return `${seconds} s`;
	if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
	if (seconds < 48 * 3600) return `${Math.floor(seconds / 3600)} h`;
	return `${Math.floor(seconds / 86400)} d`;
}

export function clock(ms) {
	return new Date(ms).toLocaleTimeString("en-GB");
}

export function moment(ms) {
	return new Date(ms).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "medium" });
}

// The head of a table whose order stands in the address; ask({ sort }) changes it. A column without key has no order.
export function sortHeads(columns, current, down, ask) {
	return columns.map((column) => {
		const chosen = column === current;
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

export function codeBlock(text) {
	return h("div", { class: "cmd" }, h("pre", { tabindex: "0" }, text), copyButton(text));
}
