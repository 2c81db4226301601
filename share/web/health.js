// SPDX-License-Identifier: MIT
// What does not work, by name: asked for all the time, shown above the list of targets; runs in the browser.

import { h, setText, setTitle, exact, many, span, moment } from "./dom.js";
import { apiUrl, serverNow, targetUrl } from "./link.js";

const EVERY_MS = 3000;
const SHOWN = 4; // the rest unfolds

/**
 * @typedef {{ check: string, subject: string, text: string, since_ms: number | null }} Problem
 * @typedef {{ well: boolean, count: number, problems: Problem[] }} Answer
 */

// The newest answer; null: none yet.
export const health = {
	/** @type {Answer | null} */
	answer: null,
	asked: false, // once
};

/**
 * Asks again and again while the page is shown, and at once when it is shown again.
 * @param {() => void} tell called when another answer came
 */
export function watchHealth(tell) {
	let looking = false,
		last = "";
	const look = async () => {
		if (document.hidden || looking) return;
		looking = true;
		try {
			const response = await fetch(apiUrl("health"));
			const text = response.ok ? await response.text() : last;
			if (text !== last) {
				health.answer = JSON.parse(text);
				last = text;
				tell();
			}
		} catch {
			// The header says that the server is away.
		}
		looking = false;
		if (!health.asked) {
			health.asked = true;
			tell();
		}
	};
	setInterval(look, EVERY_MS);
	document.addEventListener("visibilitychange", look);
	look();
}

/** A target of its own, or of a job: "json" and "json/main". @param {Problem} problem */
export const targetOf = (problem) => (/^(target|job)-/.test(problem.check) ? problem.subject.split("/")[0] : null);

/** The sentence, its subject being a link where the page shows it. @param {Problem} problem */
function sentence(problem) {
	const target = targetOf(problem);
	const at = target === null ? -1 : problem.text.indexOf(problem.subject);
	if (target === null || at < 0) return [problem.text];
	const link = h("a", { href: targetUrl(target) }, problem.subject);
	return [problem.text.slice(0, at), link, problem.text.slice(at + problem.subject.length)];
}

/** @param {Problem} problem */
function line(problem) {
	const since = h("span", { class: "dim since" });
	const element = h("li", { title: problem.text }, h("span", {}, sentence(problem)), since);
	const tick = () => {
		setText(since, problem.since_ms ? `for ${span(Math.max(0, serverNow() - problem.since_ms))}` : "");
		if (problem.since_ms) setTitle(since, `since ${moment(problem.since_ms)}`);
	};
	return Object.assign(element, { tick });
}

// Is gone while all is well.
export class HealthBanner {
	constructor() {
		this.title = h("h2", {});
		this.first = h("ul", {});
		this.rest = h("ul", {});
		this.more = h("summary", {});
		this.fold = h("details", {}, this.more, this.rest);
		this.element = h(
			"section",
			{ class: "panel health", "aria-label": "What does not work", hidden: true },
			h("div", { role: "status" }, this.title),
			this.first,
			this.fold,
		);
		/** @type {Answer | null} */
		this.shown = null;
		/** @type {ReturnType<typeof line>[]} */
		this.lines = [];
	}

	// Made anew only when something changed: a link keeps the focus.
	draw() {
		if (health.answer && health.answer !== this.shown) this.renew(health.answer);
		for (const each of this.lines) each.tick();
	}

	/** @param {Answer} answer */
	renew(answer) {
		const { problems, count } = answer;
		this.shown = answer;
		this.lines = problems.map(line);
		const unlisted = `and ${exact(count - problems.length)} more; fuzzsupctl status lists targets and jobs`;
		this.first.replaceChildren(...this.lines.slice(0, SHOWN));
		this.rest.replaceChildren(...this.lines.slice(SHOWN));
		if (count > problems.length) this.rest.append(h("li", { class: "dim" }, unlisted));
		setText(this.title, many(count, "problems"));
		setText(this.more, `${exact(count - SHOWN)} more`);
		this.fold.hidden = this.rest.childElementCount === 0;
		this.element.hidden = count === 0;
	}
}
