// SPDX-License-Identifier: MIT
// How a line was reached first: when, by which job, with which input, and how to run that; runs in the browser.

import { codeBlock, exact, h, many, moment, setText, setTitle, span } from "./dom.js";
import { hexDump, readableText, VIEWED } from "./input_text.js";
import { apiUrl, serverNow } from "./link.js";
import { failureText, LOAD, Loading, progress } from "./loading.js";

const AGAIN_AFTER = 2500; // ms: what was reached just now the archive knows by then
const UNKNOWN_JOB =
	"With which input is not known: it was reached outside of a job, or before this build's first run was recorded, or the " +
	"target is linked with an older runtime.";
const NOT_KEPT = "The input was not kept: it is too large, or it was gone before it could be read.";

/**
 * Of /api/v1/targets/NAME/first; time 0: before anybody looked.
 * @typedef {{ pc: number, time: number, job?: string | null, instance?: number, command?: string,
 *   input?: { sha1: string, size: number, kept: boolean } }} First
 * @typedef {{ target: string, path: string, line: number }} Asked which line
 */

export class Provenance {
	constructor() {
		this.key = this.drawn = "";
		/** @type {{ href: string, size: number } | null} */
		this.wanted = null; // the input that may be shown
		this.timer = 0; // until it is looked for once more; -1: it was
		/** @type {Loading<First> | null} */
		this.first = null;
		/** @type {Loading<Uint8Array<ArrayBuffer>> | null} */
		this.input = null;
		/** @type {"hex" | "text"} */
		this.as = "hex";
		this.when = h("p", { class: "small", role: "status" });
		this.again = h("button", { type: "button", class: "btn", onclick: () => this.first?.again() }, "Look again");
		this.found = h("div", { class: "found-input" });
		this.bytes = h("pre", { tabindex: "0", "aria-label": "Input" });
		this.note = h("p", { class: "dim small" });
		this.views = /** @type {const} */ (["hex", "text"]).map((as) => {
			const onclick = () => this.show(as);
			return { as, button: h("button", { type: "button", onclick }, as === "hex" ? "Hex" : "Text") };
		});
		this.opener = h("button", { type: "button", class: "btn", onclick: () => this.toggle() }, "Show it");
		this.choice = h(
			"div",
			{ class: "seg", role: "group", "aria-label": "The input as" },
			this.views.map(({ button }) => button),
		);
		this.element = h(
			"div",
			{ class: "provenance" },
			h("h3", {}, "First reached"),
			this.when,
			this.again,
			this.found,
		);
		this.element.hidden = true;
	}

	end() {
		clearTimeout(this.timer);
		this.timer = 0;
		this.first?.end();
		this.input?.end();
	}

	/** null: no line, or one that was not reached. @param {Asked | null} asked */
	ask(asked) {
		const key = asked ? `${asked.target}\n${asked.path}\n${asked.line}` : "";
		if (key === this.key) return;
		this.end();
		this.key = key;
		this.first = this.input = null;
		this.drawn = "";
		this.element.hidden = !asked;
		this.found.replaceChildren();
		if (!asked) return;
		const { target, path, line } = asked;
		const query = new URLSearchParams({ file: path, line: String(line) });
		this.first = new Loading(
			apiUrl(`targets/${encodeURIComponent(target)}/first?${query}`),
			(bytes) => JSON.parse(new TextDecoder().decode(bytes)),
			() => this.draw(),
			{ refusals: true },
		);
		this.first.want();
	}

	draw() {
		const { first } = this;
		if (!first) return;
		const { value, failure } = first;
		const unknown = failure?.status === 404;
		if (unknown && !this.timer) this.timer = setTimeout(() => ((this.timer = -1), first.again()), AGAIN_AFTER);
		const busy = unknown ? this.timer > 0 || first.state === LOAD.LOADING : !failure;
		this.again.hidden = busy || !failure || first.state === LOAD.LOADING;
		if (busy && !value) setText(this.when, `Looking it up … ${progress(first)}`);
		else if (failure?.final)
			setText(this.when, `Not known: ${failure.message || `the service answered ${failure.status}`}.`);
		else if (failure) setText(this.when, failureText(first));
		else if (value) this.drawFirst(value);
	}

	/** @param {First} first */
	drawFirst(first) {
		const { time, job, input } = first;
		const by = job ? `, by job ${job}${first.instance ? `, instance ${first.instance}` : ""}` : "";
		setText(this.when, `${time ? moment(time) : "Before the service first looked"}${by}`);
		setTitle(this.when, time ? `${span(serverNow() - time)} ago` : "");
		const key = JSON.stringify(first);
		if (key === this.drawn) return;
		this.drawn = key;
		if (!input) this.found.replaceChildren(h("p", { class: "dim small" }, UNKNOWN_JOB));
		else this.drawInput(input, first.command ?? "");
	}

	/** @param {{ sha1: string, size: number, kept: boolean }} input @param {string} command */
	drawInput({ sha1, size, kept }, command) {
		const name = h("span", { class: "mono", title: sha1 }, sha1.slice(0, 12));
		const head = h("p", { class: "small" }, "Input ", name, h("span", { class: "dim" }, ` ${many(size, "bytes")}`));
		if (!kept) {
			this.found.replaceChildren(head, h("p", { class: "dim small" }, NOT_KEPT));
			return;
		}
		const href = apiUrl(`inputs/${sha1}`);
		// Before the next line: its state is of the input that was looked at.
		this.input?.end();
		this.input = null;
		this.showBytes(false);
		this.found.replaceChildren(
			head,
			h(
				"div",
				{ class: "acts" },
				this.opener,
				h("a", { class: "btn", href, download: sha1, onclick: keepAway }, "Download"),
				this.choice,
			),
			this.bytes,
			this.note,
		);
		if (command)
			this.found.append(h("p", { class: "dim small" }, "Save it, then run:"), codeBlock(runs(command, sha1)));
		this.wanted = { href, size };
	}

	toggle() {
		this.showBytes(this.opener.getAttribute("aria-expanded") !== "true");
	}

	/** @param {boolean} open */
	showBytes(open) {
		this.opener.setAttribute("aria-expanded", String(open));
		setText(this.opener, open ? "Hide it" : "Show it");
		this.bytes.hidden = this.choice.hidden = this.note.hidden = !open;
		if (open) this.wantInput();
	}

	wantInput() {
		if (!this.wanted) return;
		const { href } = this.wanted;
		this.input ??= new Loading(
			href,
			(bytes) => new Uint8Array(bytes, 0, Math.min(bytes.byteLength, VIEWED)),
			() => this.drawBytes(),
			{ refusals: true },
		);
		this.input.want();
		this.drawBytes();
	}

	/** @param {"hex" | "text"} as */
	show(as) {
		this.as = as;
		this.drawBytes();
	}

	drawBytes() {
		const { input } = this;
		if (!input) return;
		for (const { as, button } of this.views) button.setAttribute("aria-pressed", String(as === this.as));
		const { value, failure } = input;
		this.bytes.hidden = !value;
		this.bytes.className = this.as;
		if (value) setText(this.bytes, this.as === "hex" ? hexDump(value) : readableText(value));
		const size = this.wanted?.size ?? 0;
		if (failure) setText(this.note, failureText(input));
		else if (!value) setText(this.note, `Reading it … ${progress(input)}`);
		else setText(this.note, size > VIEWED ? `The first ${exact(VIEWED)} of ${many(size, "bytes")}.` : "");
	}
}

/** The page's own links are addresses of views; this one is a file. @param {Event} event */
function keepAway(event) {
	event.stopPropagation();
}

/** @param {string} command @param {string} name of the file that was saved */
export function runs(command, name) {
	return command.replace(/(^|\s)INPUT(?=\s|$)/, (_, before) => before + name);
}
