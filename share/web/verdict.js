// SPDX-License-Identifier: MIT
// How a target is, from its own state and its jobs', in one word, the worst first; runs in the browser.

import { behindWord, exact, h, setClass, setText, setTitle } from "./dom.js";
import { healthText } from "./jobs.js";

/**
 * Of /api/v1/jobs?by=target. worst: the first that failed, else that is in trouble, else that restarts.
 * @typedef {{ name: string, reason: string, health: string | null, health_since_ms: number }} Worst
 * @typedef {{ target: string, jobs: number, states: Record<string, number>, troubled: number, crashes: number,
 *   executions_per_second: number, worst: Worst | null }} JobSum
 * @typedef {"failing" | "silent" | "waiting" | "live"} Group
 * @typedef {{ word: string, look: string, group: Group, rank: number, meaning: string, reason: string }} Verdict
 */

/** @type {JobSum} */
export const NO_JOBS = {
	target: "",
	jobs: 0,
	states: {},
	troubled: 0,
	crashes: 0,
	executions_per_second: 0,
	worst: null,
};

/** rank: the lower, the more it needs somebody. @type {Record<string, Omit<Verdict, "reason">>} */
const VERDICTS = {
	failed: { word: "failed", look: "bad", group: "failing", rank: 0, meaning: "see the reason" },
	failing: { word: "failing", look: "bad", group: "failing", rank: 1, meaning: "a job of it failed" },
	troubled: { word: "troubled", look: "warn", group: "failing", rank: 2, meaning: "a job of it does not get on" },
	restarting: {
		word: "restarting",
		look: "quiet",
		group: "failing",
		rank: 3,
		meaning: "its job ended and is started again",
	},
	silent: {
		word: "silent",
		look: "quiet",
		group: "silent",
		rank: 4,
		meaning: "coverage is there, executions stand still",
	},
	waiting: {
		word: "waiting",
		look: "idle",
		group: "waiting",
		rank: 5,
		meaning: "for the executable, or for a first list of PCs",
	},
	job: { word: "waiting", look: "idle", group: "waiting", rank: 5, meaning: "its jobs wait for their program" },
	symbolizing: {
		word: "symbolizing",
		look: "busy",
		group: "waiting",
		rank: 6,
		meaning: "its PCs are being resolved to source lines",
	},
	queued: { word: "queued", look: "idle", group: "waiting", rank: 7, meaning: "other jobs have their turn" },
	ready: { word: "ready", look: "idle", group: "silent", rank: 8, meaning: "resolved; no fuzzer has been seen yet" },
	stopped: { word: "stopped", look: "idle", group: "silent", rank: 9, meaning: "its jobs were stopped, or are done" },
	live: { word: "live", look: "", group: "live", rank: 10, meaning: "its executions grow" },
};

/** Which word. @param {string} state of the target @param {JobSum} sum */
function kindOf(state, sum) {
	const { states } = sum;
	if (state === "failed") return "failed";
	if (states.failed) return "failing";
	if (sum.troubled) return "troubled";
	if (states.restarting && !states.running) return "restarting";
	if (state === "live" || state === "waiting" || state === "symbolizing") return state;
	if (states.running || states.starting) return state === "ready" ? "ready" : "silent";
	if (states.queued) return "queued";
	if (states.waiting) return "job";
	if (sum.jobs) return "stopped";
	return state === "ready" ? "ready" : "silent";
}

/** @param {{ state: string, reason?: string }} target @param {JobSum} [sum] @returns {Verdict} */
export function verdict(target, sum = NO_JOBS) {
	const kind = kindOf(target.state, sum),
		{ worst } = sum;
	const own = behindWord(target.state, target.reason ?? "");
	const ofJob = worst ? `${worst.name}: ${worst.reason || healthText(worst)}` : "";
	const jobs = kind === "failing" || kind === "troubled" || kind === "restarting";
	const reason = jobs ? ofJob : kind === "queued" ? VERDICTS.queued.meaning : own;
	return { ...VERDICTS[kind], reason };
}

// Dot, word and reason; set() changes it.
export function stateBadge() {
	const word = h("span", { class: "state" });
	const reason = h("span", { class: "reason" });
	const element = h("span", { class: "statebox" }, word, reason);
	/** @param {{ state: string, reason?: string }} target @param {JobSum} [sum] */
	const set = (target, sum) => {
		const { look, word: text, meaning, reason: why } = verdict(target, sum);
		setClass(word, `state ${look}`);
		setText(word, text);
		setTitle(word, meaning);
		setText(reason, why);
		setTitle(reason, why);
	};
	return Object.assign(element, { set });
}

// Worst first: what needs somebody is what is seen when there is no room for more.
const JOB_WORDS = [
	{ key: "failed", word: "failed", look: "bad" },
	{ key: "troubled", word: "stuck", look: "warn" },
	{ key: "running", word: "running", look: "" },
	{ key: "restarting", word: "restarting", look: "" },
	{ key: "queued", word: "queued", look: "" },
	{ key: "waiting", word: "waiting", look: "" },
	{ key: "stopping", word: "stopping", look: "" },
	{ key: "starting", word: "starting", look: "" },
	{ key: "stopped", word: "stopped", look: "" },
	{ key: "done", word: "done", look: "" },
];

// "1 failed · 3 running": what the jobs of a target are; set() changes it.
export function jobsSummary() {
	const element = h("span", { class: "jobsum" });
	/** @param {JobSum} sum */
	const set = (sum) => {
		/** @type {Record<string, number>} */
		const counts = { ...sum.states, troubled: sum.troubled };
		if (counts.running) counts.running -= sum.troubled;
		const parts = JOB_WORDS.filter(({ key }) => counts[key] > 0).map(({ key, word, look }) => ({
			text: `${exact(counts[key])} ${word}`,
			look,
		}));
		const text = parts.map((part) => part.text).join(" · ");
		const { worst } = sum;
		if (element.textContent !== (text || "–")) {
			element.replaceChildren(
				...parts.flatMap((part, i) => [i ? " · " : "", h("span", { class: part.look }, part.text)]),
			);
			if (!parts.length) element.append("–");
		}
		setClass(element, parts.length ? "jobsum" : "jobsum none");
		const lines = [
			sum.jobs ? text : "no jobs",
			worst ? `${worst.name}: ${worst.reason || healthText(worst)}` : "",
			sum.jobs ? `${exact(sum.executions_per_second)} executions/s, as the engines say` : "",
		];
		setTitle(element, lines.filter(Boolean).join("\n"));
	};
	return Object.assign(element, { set });
}
