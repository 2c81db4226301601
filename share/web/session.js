// SPDX-License-Identifier: MIT
// One target's coverage from one source table: fetches the index, feeds the frames to the
// model in their order; runs in the browser.

import { FunctionTable } from "./function_table.js";
import { TAG } from "./layout.js";
import { LOAD, Loading } from "./loading.js";
import { Model, prepare } from "./model.js";

const LINES_COST = 100000; // bytes of blocks a step: some milliseconds
const SOURCES_KEPT = 6;

/**
 * @typedef {import("./link.js").Target} Target
 * @typedef {{ text: string, changed: boolean }} Source changed: it is newer than the executable
 * @typedef {[tag: number, reader: string, data: ArrayBuffer]} Frame
 */

export class Session {
	/**
	 * renew: called when frames were dropped and the target must be subscribed to again.
	 * @param {Target} target @param {string} key @param {string} url @param {string} wasmUrl
	 * @param {(what: string) => void} tell @param {() => void} renew
	 */
	constructor(target, key, url, wasmUrl, tell, renew) {
		this.target = target;
		this.key = key;
		this.url = url;
		this.tell = tell;
		this.renew = renew;
		this.covered = false; // a full frame has come
		this.subscribed = false;
		this.dropped = false; // frames, since the index failed
		/** @type {Frame[]} */
		this.waiting = [];
		/** @type {Map<string, Loading<Source>>} the newest last */
		this.sources = new Map();
		this.linesTimer = 0;
		this.linesCounted = 0;
		this.index = this.table("index", (bytes) => this.readIndex(bytes, wasmUrl), "coverage");
		this.blocks = this.linesTable("blocks");
		this.shapes = this.linesTable("shapes");
		this.functions = this.table("functions", (bytes) => new FunctionTable(bytes), "functions");
		/** @type {Loading<Model> | null} */
		this.larger = null; // an index of more files, until it takes the place of the other
		this.wasmUrl = wasmUrl;
		this.began = performance.now();
		if (!target.table) return;
		prepare(wasmUrl);
		this.index.want();
	}

	/**
	 * @template T
	 * @param {string} name @param {(bytes: ArrayBuffer) => T | Promise<T>} read @param {string} what is told
	 */
	table(name, read, what) {
		const url = `${this.url}${name}.bin?table=${this.target.table}`;
		/** @type {Loading<T>} */
		const loading = new Loading(url, read, () => this.changed(what));
		return loading;
	}

	/** @param {string} name */
	linesTable(name) {
		return this.table(name, (bytes) => this.readLines(name, bytes), "lines");
	}

	get model() {
		return this.index.value;
	}

	end() {
		const tables = [this.index, this.blocks, this.shapes, this.functions, ...this.sources.values()];
		for (const loading of tables) loading.end();
		this.larger?.end();
		clearTimeout(this.linesTimer);
		this.waiting = [];
	}

	connectionLost() {
		this.subscribed = false;
		if (!this.model) this.waiting = [];
	}

	/** @param {string} what */
	changed(what) {
		if (what === "files") this.largerChanged();
		else if (what === "coverage") this.indexChanged();
		else if (what === "lines" && this.blocks.state === LOAD.SHOWN) this.shapes.want();
		this.tell(what);
	}

	indexChanged() {
		const { state } = this.index;
		if (state === LOAD.FAILED) {
			this.waiting = [];
			this.dropped = true;
		} else if (state === LOAD.LOADING && this.dropped) {
			this.dropped = false;
			this.renew();
		} else if (state === LOAD.SHOWN) {
			for (const frame of this.waiting) this.apply(...frame);
			this.waiting = [];
		}
	}

	/**
	 * Files that inlined code alone names come with the block table: the index is read anew where it was there before. What is shown
	 * stays until that one has its coverage. True: all files are there.
	 * @param {Target} target
	 */
	wantFiles(target) {
		if (!this.model || (target.files ?? 0) <= this.model.summary.files) return true;
		this.larger ??= this.table("index", (bytes) => this.readIndex(bytes, this.wasmUrl), "files");
		this.larger.want();
		return false;
	}

	// A full frame comes next, see frame().
	largerChanged() {
		if (this.larger?.state === LOAD.SHOWN) this.renew();
	}

	takeLarger() {
		if (!this.larger?.value) return;
		for (const loading of [this.index, this.blocks, this.shapes]) loading.end();
		clearTimeout(this.linesTimer);
		this.linesTimer = 0;
		this.index = this.larger;
		this.larger = null;
		this.blocks = this.linesTable("blocks");
		this.shapes = this.linesTable("shapes");
	}

	/** @param {ArrayBuffer} bytes @param {string} wasmUrl */
	async readIndex(bytes, wasmUrl) {
		const model = await Model.create(wasmUrl);
		const error = model.feed("client_load_index", bytes);
		if (error) throw new Error(Model.errorText(error));
		model.exclude(excludedFiles(model.fileNames(), this.target.exclude ?? []));
		performance.measure("index", { start: this.began, end: performance.now() });
		return model;
	}

	/**
	 * Until the index is there the newest full frame and all behind it are kept; a full frame makes
	 * what came before it worthless, but for the entries.
	 * @param {number} tag @param {string} reader @param {ArrayBuffer} data
	 */
	frame(tag, reader, data) {
		if (tag === TAG.COVERAGE_FULL) this.takeLarger();
		if (this.model) {
			this.apply(tag, reader, data);
			this.tell("coverage");
			return;
		}
		if (this.dropped) return;
		if (tag === TAG.COVERAGE_FULL) this.waiting = this.waiting.filter((frame) => frame[0] === TAG.ENTRIES);
		this.waiting.push([tag, reader, data]);
	}

	/** @type {(...frame: Frame) => void} */
	apply(tag, reader, data) {
		const error = this.model?.feed(reader, data);
		if (tag === TAG.COVERAGE_FULL && !error) this.covered = true;
		if (this.shapes.state === LOAD.SHOWN) this.workOnLines();
	}

	/**
	 * What became of lines, which takes more than PCs: asked for when the rest is shown.
	 * @param {Target | null} target
	 */
	wantLines(target) {
		if (target && this.wantFiles(target) && this.model && this.covered && typeof target.lines === "number")
			this.blocks.want();
	}

	/** @param {string} name @param {ArrayBuffer} bytes */
	readLines(name, bytes) {
		const error = this.model?.feed(`client_load_${name}`, bytes);
		if (error) throw new Error(`${name}.bin: ${Model.errorText(error)}`);
		if (name === "shapes") this.workOnLines();
		return true;
	}

	// A few milliseconds at a time. Files are counted anew twice a second, and at first as soon as they can be.
	workOnLines() {
		const { model } = this;
		if (this.linesTimer || !model) return;
		const work = () => {
			this.linesTimer = 0;
			const first = !model.summary.hasLines,
				due = first || performance.now() - this.linesCounted > 500;
			const before = model.summary.update;
			const more = model.workOnLines(LINES_COST, due);
			if (due && !more) this.linesCounted = performance.now();
			if (more || !due) this.linesTimer = setTimeout(work, more ? 0 : 250);
			if ((due && !more) || model.summary.update !== before) this.tell("coverage");
		};
		this.linesTimer = setTimeout(work, 0);
	}

	/**
	 * The functions of its table; null: not there (yet). Fetched when they are first wanted.
	 * @param {Target} target
	 */
	functionTable(target) {
		if (target.functions !== null && target.functions !== undefined) this.functions.want();
		return this.functions.value;
	}

	/**
	 * A source file. The last few are kept, but for those that are not there.
	 * @param {string} name
	 */
	source(name) {
		const kept = this.sources.get(name);
		this.sources.delete(name);
		const source = kept && !kept.failure?.final ? kept : this.newSource(name);
		this.sources.set(name, source);
		for (const [oldest, loading] of this.sources) {
			if (this.sources.size <= SOURCES_KEPT) break;
			loading.end();
			this.sources.delete(oldest);
		}
		source.want();
		return source;
	}

	/** @param {string} name @returns {Loading<Source>} */
	newSource(name) {
		const url = `${this.url}src/${name.split("/").map(encodeURIComponent).join("/")}`;
		return new Loading(
			url,
			(bytes, response) => ({
				text: new TextDecoder().decode(bytes),
				changed: response.headers.get("x-fuzzsup-changed") !== null,
			}),
			() => this.tell("source"),
			{ refusals: true },
		);
	}
}

/**
 * source-exclude holds prefixes of paths below a source root; a name's first part is its root's label.
 * @param {string[]} names @param {string[]} exclude
 */
export function excludedFiles(names, exclude) {
	const prefixes = exclude.filter((prefix) => prefix !== "");
	/** @type {number[]} */
	const excluded = [];
	if (!prefixes.length) return excluded;
	names.forEach((name, file) => {
		const below = name.slice(name.indexOf("/") + 1);
		if (!name.startsWith("/") && prefixes.some((prefix) => below.startsWith(prefix))) excluded.push(file);
	});
	return excluded;
}
