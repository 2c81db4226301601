// SPDX-License-Identifier: MIT
// One target's coverage from one source table: fetches the index, feeds the frames to the
// model in their order; runs in the browser.

import { FunctionTable } from "./functions.js";
import { Model } from "./model.js";

const FULL = 18,
	ENTRIES = 21;
const LINES_COST = 100000; // bytes of blocks a step: some milliseconds

export class Session {
	// renew: called when frames were dropped and the target must be subscribed to again.
	constructor(target, key, url, wasmUrl, tell, renew) {
		this.target = target;
		this.key = key;
		this.url = url;
		this.tell = tell;
		this.renew = renew;
		this.model = null;
		this.error = "";
		this.covered = false; // a full frame has come
		this.subscribed = false;
		this.waiting = [];
		this.sources = new Map();
		this.functions = null;
		this.functionsError = "";
		this.functionsAsked = null;
		this.linesAsked = null;
		this.linesTimer = 0;
		this.abort = new AbortController();
		if (target.table) this.load(wasmUrl);
	}

	end() {
		this.abort.abort();
		clearTimeout(this.linesTimer);
		this.waiting = [];
	}

	connectionLost() {
		this.subscribed = false;
		if (!this.model) this.waiting = [];
	}

	async load(wasmUrl) {
		try {
			const started = performance.now();
			const [model, response] = await Promise.all([
				Model.create(wasmUrl),
				fetch(`${this.url}index.bin?table=${this.target.table}`, { signal: this.abort.signal }),
			]);
			if (!response.ok)
				throw new Error(`source index: ${response.status} ${(await response.text()).slice(0, 200)}`);
			const bytes = await response.arrayBuffer();
			if (this.abort.signal.aborted) return;
			const error = model.feed("client_load_index", bytes);
			if (error) throw new Error(`source index: ${Model.errorText(error)}`);
			model.exclude(excludedFiles(model, this.target));
			this.model = model;
			for (const frame of this.waiting) this.apply(...frame);
			this.waiting = [];
			performance.measure("index", { start: started, end: performance.now() });
		} catch (error) {
			if (this.abort.signal.aborted) return;
			this.error = error.message;
			this.waiting = [];
			setTimeout(() => this.abort.signal.aborted || this.again(wasmUrl), 3000);
		}
		this.tell("coverage");
	}

	again(wasmUrl) {
		this.error = "";
		this.renew();
		this.load(wasmUrl);
	}

	// Until the index is there the newest full frame and all behind it are kept; a full frame makes
	// what came before it worthless, but for the entries.
	frame(tag, reader, data) {
		if (this.model) {
			this.apply(tag, reader, data);
			this.tell("coverage");
			return;
		}
		if (this.error) return;
		if (tag === FULL) this.waiting = this.waiting.filter((frame) => frame[0] === ENTRIES);
		this.waiting.push([tag, reader, data]);
	}

	apply(tag, reader, data) {
		const error = this.model.feed(reader, data);
		if (tag === FULL && !error) this.covered = true;
		if (this.linesAsked) this.workOnLines();
	}

	// What became of lines, which takes more than PCs: asked for when the rest is shown.
	wantLines(target) {
		if (this.model && this.covered && typeof target?.lines === "number") this.linesAsked ??= this.loadLines();
	}

	async loadLines() {
		try {
			for (const name of ["blocks", "shapes"]) {
				const response = await fetch(`${this.url}${name}.bin?table=${this.target.table}`, {
					signal: this.abort.signal,
				});
				if (!response.ok) throw new Error(`${response.status} ${(await response.text()).slice(0, 200)}`);
				const bytes = await response.arrayBuffer();
				if (this.abort.signal.aborted) return;
				const error = this.model.feed(`client_load_${name}`, bytes);
				if (error) throw new Error(`${name}.bin: ${Model.errorText(error)}`);
			}
			this.workOnLines();
		} catch (error) {
			if (!this.abort.signal.aborted) setTimeout(() => (this.linesAsked = null), 3000);
		}
	}

	// A few milliseconds at a time. Files are counted anew twice a second, and at first as soon as they can be.
	workOnLines() {
		if (this.linesTimer) return;
		const work = () => {
			this.linesTimer = 0;
			const first = !this.model.summary.hasLines,
				due = first || performance.now() - (this.linesCounted ?? 0) > 500;
			const before = this.model.summary.update;
			const more = this.model.workOnLines(LINES_COST, due);
			if (due && !more) this.linesCounted = performance.now();
			if (more || !due) this.linesTimer = setTimeout(work, more ? 0 : 250);
			if ((due && !more) || this.model.summary.update !== before) this.tell("coverage");
		};
		this.linesTimer = setTimeout(work, 0);
	}

	// The functions of its table; null: not there (yet). Fetched when they are first wanted.
	functionTable(target) {
		if (target.functions !== null && target.functions !== undefined) this.functionsAsked ??= this.loadFunctions();
		return this.functions;
	}

	async loadFunctions() {
		try {
			const response = await fetch(`${this.url}functions.bin?table=${this.target.table}`, {
				signal: this.abort.signal,
			});
			if (!response.ok) throw new Error(`${response.status} ${(await response.text()).slice(0, 200)}`);
			this.functions = new FunctionTable(await response.arrayBuffer());
			this.functionsError = "";
		} catch (error) {
			if (this.abort.signal.aborted) return;
			this.functionsError = error.message;
			setTimeout(() => (this.functionsAsked = null), 3000);
		}
		this.tell("functions");
	}

	// Text of a source file: { text } or { status, message }. The last few are kept.
	async source(name) {
		const kept = this.sources.get(name);
		if (kept) return kept;
		let answer;
		try {
			const path = name.split("/").map(encodeURIComponent).join("/");
			const response = await fetch(`${this.url}src/${path}`, { signal: this.abort.signal });
			const text = await response.text();
			answer = response.ok
				? { text, changed: response.headers.get("x-fuzzsup-changed") !== null }
				: { status: response.status, message: text.slice(0, 500).trim() };
		} catch (error) {
			return { status: 0, message: error.message };
		}
		if (answer.text !== undefined) this.sources.set(name, answer);
		if (this.sources.size > 6) this.sources.delete(this.sources.keys().next().value);
		return answer;
	}
}

// source-exclude holds prefixes of paths below a source root; a name's first part is its root's label.
function excludedFiles(model, target) {
	const prefixes = (target.exclude ?? []).filter((prefix) => prefix !== "");
	if (!prefixes.length) return [];
	const excluded = [];
	model.fileNames().forEach((name, file) => {
		const below = name.slice(name.indexOf("/") + 1);
		if (!name.startsWith("/") && prefixes.some((prefix) => below.startsWith(prefix))) excluded.push(file);
	});
	return excluded;
}
