// SPDX-License-Identifier: MIT
// What marks on lines and functions look like and mean: shape, not colour alone; runs in the browser.

/** @typedef {Exclude<import("./model.js").LineState, "">} Marked */

/** @type {Record<Marked, { glyph: string, meaning: string, word: string }>} */
export const MARKS = {
	hit: { glyph: "●", word: "reached", meaning: "reached" },
	miss: { glyph: "○", word: "not reached", meaning: "not reached" },
	part: { glyph: "◐", word: "partly reached", meaning: "reached, but one of its ways was never taken" },
	idle: { glyph: "○", word: "never entered", meaning: "not reached; its function was never entered" },
	unknown: { glyph: "?", word: "not known", meaning: "not known: the compiler left no trace that tells" },
};

/** @param {string} state */
export const markOf = (state) => (state ? MARKS[/** @type {Marked} */ (state)] : null);
