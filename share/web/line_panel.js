// SPDX-License-Identifier: MIT
// Beside the source: what is known of the chosen line, and what is new in the file; runs in the browser.

import { exact, h, moment, percent, setClass, setText, span } from "./dom.js";
import { serverNow, targetUrl } from "./link.js";
import { markOf, MARKS } from "./marks.js";
import { fileUrl } from "./place.js";
import { Provenance } from "./provenance.js";

const PLACES_SHOWN = 40;
const WAYS_SHOWN = 12;
const TEXT_SHOWN = 80; // characters
const REACHED = new Set(["hit", "part"]);
const NO_CODE =
	"Nothing is counted on this line: the compiler made no code of it, or counts it " +
	"where that was inlined from (-fno-inline tells more).";

/**
 * @typedef {import("./model.js").Model} Model
 * @typedef {import("./model.js").Line} Line
 * @typedef {import("./model.js").Place} Place
 * @typedef {{ target: string, path: string, file: number, lines: string[] | null }} Shown which file
 */

export class LinePanel {
	constructor() {
		this.newestKey = "";
		/** Where no run went on to from a line. @type {{ key: string, lines: number[] }} */
		this.ways = { key: "", lines: [] };
		this.head = h("h2");
		this.pill = h("span", { class: "pill" });
		// Where the panel has no column of its own it is a sheet below the source.
		this.opener = h("button", { type: "button", class: "btn opener", onclick: () => this.open() }, "Details");
		this.facts = h("div", { class: "facts" });
		this.provenance = new Provenance();
		this.newest = h("div", { class: "newest" });
		const line = h("div", { class: "head" }, this.head, this.pill, h("span", { class: "grow" }), this.opener);
		this.element = h(
			"aside",
			{ "aria-label": "Line" },
			h("section", { class: "panel" }, line, this.facts, this.provenance.element),
			h(
				"section",
				{ class: "panel" },
				h("div", { class: "head" }, h("h2", {}, "Newest in this file")),
				this.newest,
			),
		);
		this.open(false);
	}

	end() {
		this.provenance.end();
	}

	/** The other way round, unless told. @param {boolean} [open] */
	open(open = !this.element.classList.contains("open")) {
		this.element.classList.toggle("open", open);
		this.opener.setAttribute("aria-expanded", String(open));
		setText(this.opener, open ? "Close" : "Details");
	}

	/** @param {Model} model @param {Shown} shown @param {number} number of the line; 0: none is chosen */
	drawLine(model, shown, number) {
		const line = number ? model.lineAt(number) : null,
			state = line?.state ?? "",
			mark = markOf(state);
		const { target, path } = shown;
		this.provenance.ask(line && REACHED.has(state) ? { target, path, line: number } : null);
		setText(this.head, number ? `Line ${exact(number)}` : "No line chosen");
		setClass(this.pill, `pill ${state === "part" || state === "idle" ? "miss" : state}`);
		setText(this.pill, mark ? `${mark.glyph} ${mark.word}` : "no code");
		this.pill.hidden = !number;
		if (!line) {
			const hint = "Click a line, or press n for the next one that is not reached.";
			this.facts.replaceChildren(h("p", { class: "dim small" }, number ? NO_CODE : hint));
			return;
		}
		const ways = state === "part" ? this.untakenWays(model, shown, number) : [];
		const meaning = mark ? `${sentence(mark.meaning)}${ways.length ? ":" : "."}` : "";
		const more = line.places ? "" : "No PC stands in this line: its state follows from the code around it.";
		const places = model.places(line).slice(0, PLACES_SHOWN);
		this.facts.replaceChildren(
			h("p", { class: "small" }, meaning),
			h("div", { class: "newest ways" }, ways),
			h(
				"ul",
				{ class: "places" },
				places.map((place) => placeItem(model, place)),
			),
			h("p", { class: "dim small" }, more),
		);
	}

	/** Where no run went on to from this line, as links. @param {Model} model @param {Shown} shown @param {number} number */
	untakenWays(model, shown, number) {
		// All functions are looked through: not more often than lines are counted anew.
		const key = `${number} ${shown.file} ${model.summary.lineCounts}`;
		if (this.ways.key !== key) this.ways = { key, lines: model.untakenWays(number) };
		return this.ways.lines
			.slice(0, WAYS_SHOWN)
			.map((to) => lineLink(shown, to, h("span", { class: "dim small" }, "never")));
	}

	/** @param {Model} model @param {Shown} shown @param {Line[]} recent */
	drawNewest(model, shown, recent) {
		const now = serverNow();
		/** @param {Line} line */
		const at = (line) => model.baseMs + line.newest * 10;
		const ages = recent.map((line) => `${line.line} ${span(now - at(line))}`);
		const key = `${shown.file} ${Boolean(shown.lines)} ${ages.join()}`; // the source comes after the coverage
		if (key === this.newestKey) return;
		this.newestKey = key;
		const nothing = h("p", { class: "nothing dim small" }, "Nothing was first reached since the service looks.");
		const links = recent.map((line) => {
			const age = h("span", { class: "num dim", title: moment(at(line)) }, span(now - at(line)));
			return lineLink(shown, line.line, age);
		});
		this.newest.replaceChildren(...(links.length ? links : [nothing]));
	}
}

/** @param {Shown} shown @param {number} line @param {Node} behind */
function lineLink({ target, path, lines }, line, behind) {
	const text = (lines?.[line - 1] ?? "").trim().slice(0, TEXT_SHOWN);
	return h(
		"a",
		{ href: fileUrl(targetUrl(target), path, line) },
		h("span", { class: "num dim" }, String(line)),
		h("span", { class: "mono" }, text),
		behind,
	);
}

/** @param {Model} model @param {Place} place */
function placeItem(model, place) {
	const ago = () => `${span(serverNow() - (model.baseMs + place.time * 10))} ago`;
	const when = !place.reached ? MARKS.miss.word : place.time === 0 ? "earlier" : ago();
	const share = percent(place.reached, place.pcs);
	const pcs = place.pcs === 1 ? "1 PC" : `${exact(place.reached)} of ${exact(place.pcs)} PCs, ${share}`;
	return h(
		"li",
		{ class: place.reached ? "hit" : "miss" },
		h("span", { class: "mono" }, `column ${place.column}`),
		h("span", {}, `${place.reached ? MARKS.hit.glyph : MARKS.miss.glyph} ${when}`),
		h("span", { class: "dim num" }, pcs),
	);
}

/** @param {string} words */
function sentence(words) {
	return words[0].toUpperCase() + words.slice(1);
}
