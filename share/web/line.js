// SPDX-License-Identifier: MIT
// Draws one line of source: coloured, with the places underlined that were not reached; runs in the browser.

import { h } from "./dom.js";

const DRAWN = 2000; // characters; a generated line of a megabyte must not stop the page

/**
 * @typedef {import("./model.js").Place} Place
 * @typedef {{ from: number, to: number, column: number }} Range
 */

/**
 * highlighter: null: plain, since it is not known yet what the lines before leave open. missed: places to underline;
 * all: every place of the line, since one ends where the next begins.
 * @param {Element} element @param {string} line @param {import("./highlight.js").Highlighter | null} highlighter
 * @param {number} state @param {Place[]} missed @param {Place[]} all
 */
export function renderLine(element, line, highlighter, state, missed, all) {
	const text = line.length > DRAWN ? line.slice(0, DRAWN) : line;
	const ranges = missed.map((place) => range(text, place, all));
	/** @type {(Node | string)[]} */
	const parts = [];
	let at = 0;
	/** @param {number} end @param {string} kind */
	const emit = (end, kind) => {
		while (at < end) {
			const inside = ranges.find((one) => one.from <= at && at < one.to);
			const next = Math.min(end, ...ranges.flatMap((one) => [one.from, one.to]).filter((edge) => edge > at));
			parts.push(piece(text.slice(at, next), kind, inside));
			at = next;
		}
	};
	if (highlighter) highlighter.lex(text, state, emit);
	else emit(text.length, "");
	if (line.length > DRAWN) parts.push(h("span", { class: "c" }, ` … ${line.length - DRAWN} more characters`));
	element.replaceChildren(...parts);
}

/** @param {string} text @param {string} kind @param {Range | undefined} missed */
function piece(text, kind, missed) {
	const inner = kind ? h("span", { class: kind }, text) : text;
	return missed ? h("mark", { title: `not reached: column ${missed.column}` }, inner) : inner;
}

// From the place's column to the end of what stands there: the next place, or where its brackets close.
/** @param {string} text @param {Place} place @param {Place[]} all @returns {Range} */
function range(text, place, all) {
	const from = Math.min(characters(text, place.column), Math.max(0, text.trimEnd().length - 1));
	let limit = text.trimEnd().length;
	for (const other of all)
		if (other.column > place.column) limit = Math.min(limit, Math.max(from + 1, characters(text, other.column)));
	let depth = 0,
		to = from;
	for (; to < limit; to++) {
		const character = text[to];
		if ("([{".includes(character)) depth++;
		else if (")]}".includes(character) && --depth < 0) break;
		else if (
			depth === 0 &&
			(character === ";" || ((character === "&" || character === "|") && text[to + 1] === character && to > from))
		)
			break;
	}
	while (to > from + 1 && " \t".includes(text[to - 1])) to--;
	return { from, to: Math.max(to, from + 1), column: place.column };
}

// Columns count bytes of UTF-8 from 1, a string counts units of UTF-16.
/** @param {string} text @param {number} column */
function characters(text, column) {
	let bytes = 1,
		at = 0;
	for (const character of text) {
		if (bytes >= column) break;
		const code = character.codePointAt(0) ?? 0;
		bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
		at += character.length;
	}
	return at;
}
