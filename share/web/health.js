// SPDX-License-Identifier: MIT
// What does not work, by name, above the list of targets; runs in the browser.

import { h, setText, setTitle, exact, span, moment } from "./dom.js";
import { serverNow, targetUrl } from "./link.js";

const EVERY_MS = 3000;
const SHOWN = 4; // the rest unfolds

// A target of its own, or of a job: "json" and "json/main".
const targetOf = (problem) => (/^(target|job)-/.test(problem.check) ? problem.subject.split("/")[0] : null);

// The sentence, its subject being a link where the page shows it.
function sentence(problem) {
	const target = targetOf(problem);
	const at = target === null ? -1 : problem.text.indexOf(problem.subject);
	if (at < 0) return [problem.text];
	return [
		problem.text.slice(0, at),
		h("a", { href: targetUrl(target) }, problem.subject),
		problem.text.slice(at + problem.subject.length),
	];
}

function line(problem) {
	const since = h("span", { class: "dim since" });
	const element = h("li", { title: problem.text }, h("span", {}, ...sentence(problem)), since);
	element.tick = () => {
		setText(since, problem.since_ms ? `for ${span(Math.max(0, serverNow() - problem.since_ms))}` : "");
		if (problem.since_ms) setTitle(since, `since ${moment(problem.since_ms)}`);
	};
	return element;
}

// Looks again and again between enter() and leave(); is gone while all is well.
export class Health {
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
		this.shown = "";
		this.lines = [];
	}

	enter(root) {
		this.root = root;
		clearInterval(this.timer);
		this.timer = setInterval(() => this.look(), EVERY_MS);
		this.look();
	}

	leave() {
		clearInterval(this.timer);
	}

	async look() {
		if (document.hidden || this.looking) return;
		this.looking = true;
		try {
			const answer = await fetch(`${this.root}api/v1/health`);
			if (answer.ok) this.show(await answer.json());
		} catch {
			// The header says that the server is away.
		}
		this.looking = false;
	}

	// Made anew only when something changed: a link keeps the focus.
	show(health) {
		const key = JSON.stringify(health);
		if (key !== this.shown) {
			this.shown = key;
			const { problems, count } = health;
			this.lines = problems.map(line);
			this.first.replaceChildren(...this.lines.slice(0, SHOWN));
			this.rest.replaceChildren(
				...this.lines.slice(SHOWN),
				...(count > problems.length
					? [
							h(
								"li",
								{ class: "dim" },
								`and ${exact(count - problems.length)} more; fuzzsupctl status lists targets and jobs`,
							),
						]
					: []),
			);
			setText(this.title, count === 1 ? "1 problem" : `${exact(count)} problems`);
			setText(this.more, `${exact(count - SHOWN)} more`);
			this.fold.hidden = this.rest.childElementCount === 0;
			this.element.hidden = count === 0;
		}
		for (const each of this.lines) each.tick();
	}
}
