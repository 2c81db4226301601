// SPDX-License-Identifier: MIT
// Wraps main.wasm: the coverage of one target, counted in client.c; runs in the browser.

import { CLIENT_ERROR, FILE, LINE, LINE_STATE, LINE_SUMS, LOCATION, NODE, NONE, PLACE, SUMMARY } from "./layout.js";

export { NONE };

/** @type {Record<number, string>} */
const ERRORS = {
	[CLIENT_ERROR.SHORT]: "a message ended early",
	[CLIENT_ERROR.RANGE]: "a message points outside of its tables",
	[CLIENT_ERROR.MEMORY]: "not enough memory for the source index",
	[CLIENT_ERROR.NO_INDEX]: "coverage came before the source index",
	[CLIENT_ERROR.MISMATCH]: "coverage of another build",
	[CLIENT_ERROR.STALE]: "coverage of another version",
	[CLIENT_ERROR.MALFORMED]: "a message contradicts itself",
};

/**
 * What became of a line. "idle" is not reached, nor anything else of its function; "" has no code.
 * @typedef {"" | "idle" | "miss" | "unknown" | "part" | "hit"} LineState
 */

/** @type {Record<number, LineState>} */
const STATES = {
	[LINE_STATE.NONE]: "",
	[LINE_STATE.IDLE]: "idle",
	[LINE_STATE.MISSED]: "miss",
	[LINE_STATE.UNKNOWN]: "unknown",
	[LINE_STATE.PARTLY]: "part",
	[LINE_STATE.REACHED]: "hit",
};

/**
 * Of lines where they are known, else of PCs.
 * @typedef {{ total: number, covered: number, unit: "lines" | "PCs", pcs: number, pcsReached: number }} Counted
 * @typedef {Counted & { newest: number, node: number, excluded: boolean, partly: number, unknown: number }} File
 * @typedef {Counted & {
 *   id: number, parent: number, firstChild: number, nextSibling: number, nameAt: number, nameLength: number,
 *   file: number, newest: number, excluded: boolean, excludedTotal: number }} TreeNode
 * @typedef {{ file: number, line: number, column: number }} Location
 * @typedef {{ line: number, place: number, places: number, reached: number, first: number, newest: number,
 *   changed: number, state: LineState }} Line
 * @typedef {{ column: number, pcs: number, reached: number, time: number }} Place
 */

/** @type {Promise<WebAssembly.Module> | null} */
let compiled = null;

/**
 * The module is compiled once a page and then made anew for every table.
 * @param {string} url
 */
function compile(url) {
	compiled ??= fetch(url).then(async (response) => {
		if (!response.ok) throw new Error(`${url}: ${response.status} ${await response.text()}`);
		return WebAssembly.compile(await response.arrayBuffer());
	});
	compiled.catch(() => (compiled = null));
	return compiled;
}

/** Fetches the module before it is needed. @param {string} url */
export function prepare(url) {
	compile(url).catch(() => {}); // whoever needs it is told
}

export class Model {
	/** @param {Record<string, any>} wasm the module's exports */
	constructor(wasm) {
		this.wasm = wasm;
		this.decoder = new TextDecoder();
		/** @type {string[] | null} */
		this.names = null;
		/** @type {Uint32Array | null} */
		this.view = null;
		wasm.client_reset();
	}

	/** @param {string} url of main.wasm */
	static async create(url) {
		return new Model((await WebAssembly.instantiate(await compile(url), {})).exports);
	}

	/**
	 * Hands bytes to one of client.c's readers; returns 0 or a negative number, see errorText.
	 * @param {string} reader @param {ArrayBufferLike} bytes @returns {number}
	 */
	feed(reader, bytes) {
		const at = this.wasm.client_input(bytes.byteLength) >>> 0;
		if (!at) return CLIENT_ERROR.MEMORY;
		new Uint8Array(this.wasm.memory.buffer, at, bytes.byteLength).set(new Uint8Array(bytes));
		return this.wasm[reader](bytes.byteLength);
	}

	/** @param {number} error */
	static errorText(error) {
		return ERRORS[error] ?? `error ${error}`;
	}

	// Memory may have moved; views are made anew where it did.
	get words() {
		if (this.view?.buffer !== this.wasm.memory.buffer) this.view = new Uint32Array(this.wasm.memory.buffer);
		return /** @type {Uint32Array} */ (this.view);
	}

	get summary() {
		const at = (this.wasm.client_summary() >>> 0) / 4;
		const w = this.words;
		return {
			pcs: w[at + SUMMARY.pcs_len],
			files: w[at + SUMMARY.files_len],
			nodes: w[at + SUMMARY.nodes_len],
			covered: w[at + SUMMARY.covered],
			nodesAt: w[at + SUMMARY.nodes] / 4,
			filesAt: w[at + SUMMARY.files] / 4,
			linesAt: w[at + SUMMARY.lines] / 4,
			placesAt: w[at + SUMMARY.places] / 4,
			lines: w[at + SUMMARY.lines_len],
			openFile: w[at + SUMMARY.open_file],
			update: w[at + SUMMARY.update],
			noLine: w[at + SUMMARY.no_line],
			entriesAt: w[at + SUMMARY.entries] / 4,
			entries: w[at + SUMMARY.entries_len],
			dirty: w[at + SUMMARY.dirty],
			growthAt: w[at + SUMMARY.growth] / 4,
			hasLines: w[at + SUMMARY.has_lines] === 1,
			sumsAt: w[at + SUMMARY.sums] / 4,
			lineCounts: w[at + SUMMARY.line_counts],
		};
	}

	/** @param {number} at @param {number} [length] else up to a zero @returns {string} */
	text(at, length) {
		const bytes = new Uint8Array(this.wasm.memory.buffer, at >>> 0);
		return this.decoder.decode(bytes.subarray(0, length ?? bytes.indexOf(0)));
	}

	/** @returns {number} */
	get baseMs() {
		return this.wasm.client_base_ms();
	}

	// The reached PCs, 32 a word; valid until the next message.
	get bits() {
		const words = 2 * Math.ceil(this.summary.pcs / 64);
		return new Uint32Array(this.wasm.memory.buffer, this.wasm.client_bits() >>> 0, words);
	}

	/**
	 * Source location of a PC; null: no such PC. Its file is NONE where it is unknown.
	 * @param {number} pc @returns {Location | null}
	 */
	location(pc) {
		const at = (this.wasm.client_location(pc) >>> 0) / 4;
		const w = this.words;
		if (!at) return null;
		return { file: w[at + LOCATION.file], line: w[at + LOCATION.line], column: w[at + LOCATION.column] };
	}

	/** @param {number} file */
	fileName(file) {
		const at = this.wasm.client_file_name(file);
		return at ? this.text(at) : "";
	}

	// All names, made at the first call.
	fileNames() {
		this.names ??= Array.from({ length: this.summary.files }, (_, i) => this.fileName(i));
		return this.names;
	}

	/** @param {number} index @returns {File} */
	file(index) {
		const w = this.words,
			at = this.summary.filesAt + index * FILE.size;
		return {
			...counted(w[at + FILE.lines], w[at + FILE.lines_reached], w[at + FILE.total], w[at + FILE.covered]),
			newest: w[at + FILE.newest],
			node: w[at + FILE.node],
			excluded: w[at + FILE.excluded] !== 0,
			partly: w[at + FILE.lines_partly],
			unknown: w[at + FILE.lines_unknown],
		};
	}

	/**
	 * Does some of the work on lines; true if there is more. files: count them, too.
	 * @param {number} cost @param {boolean} files
	 */
	workOnLines(cost, files) {
		return this.wasm.client_lines_step(cost, files ? 1 : 0) !== 0;
	}

	/**
	 * Where the lines of the function whose lowest PC is the one at @first, in order of address, are counted; NONE: nowhere.
	 * @param {number} first @returns {number}
	 */
	functionGroup(first) {
		return this.wasm.client_function_group(first) >>> 0;
	}

	/**
	 * Hands out, of one function after the other: lines of a known state, those reached, of them those with a way that was
	 * never taken, and whether it was entered.
	 * @param {Uint32Array} groups as functionGroup() tells
	 * @param {(index: number, lines: number, reached: number, partly: number, entered: number) => void} take
	 */
	functionLines(groups, take) {
		const { sumsAt } = this.summary,
			w = this.words;
		for (let i = 0; i < groups.length; i++) {
			if (groups[i] === NONE) continue;
			const at = sumsAt + groups[i] * LINE_SUMS.size;
			take(
				i,
				w[at + LINE_SUMS.lines],
				w[at + LINE_SUMS.reached],
				w[at + LINE_SUMS.partly],
				w[at + LINE_SUMS.entered],
			);
		}
	}

	/** @param {number} id @param {number} [nodesAt] @returns {TreeNode} */
	node(id, nodesAt = this.summary.nodesAt) {
		const w = this.words,
			at = nodesAt + id * NODE.size;
		const included =
			w[at + NODE.total] + w[at + NODE.lines] > 0 ||
			w[at + NODE.excluded_total] + w[at + NODE.excluded_lines] === 0;
		const numbers = included
			? counted(w[at + NODE.lines], w[at + NODE.lines_reached], w[at + NODE.total], w[at + NODE.covered])
			: counted(
					w[at + NODE.excluded_lines],
					w[at + NODE.excluded_lines_reached],
					w[at + NODE.excluded_total],
					w[at + NODE.excluded_covered],
				);
		return {
			...numbers,
			id,
			parent: w[at + NODE.parent],
			firstChild: w[at + NODE.first_child],
			nextSibling: w[at + NODE.next_sibling],
			nameAt: w[at + NODE.name],
			nameLength: w[at + NODE.name_len],
			file: w[at + NODE.file],
			newest: w[at + NODE.newest],
			excluded: !included,
			excludedTotal: w[at + NODE.excluded_total],
		};
	}

	/** @param {TreeNode} node */
	nodeName(node) {
		return node.nameLength ? this.text(this.wasm.client_string(node.nameAt), node.nameLength) : "";
	}

	/** @param {number} id */
	children(id) {
		const { nodesAt } = this.summary,
			list = [];
		for (let at = this.node(id, nodesAt).firstChild; at !== NONE; ) {
			const child = this.node(at, nodesAt);
			list.push(child);
			at = child.nextSibling;
		}
		return list;
	}

	/** @param {number[]} files */
	exclude(files) {
		for (const file of files) this.wasm.client_exclude(file);
		if (files.length) this.wasm.client_recount();
	}

	/** @param {number} file @returns {number} 0 or an error */
	open(file) {
		return this.wasm.client_open(file);
	}

	close() {
		this.wasm.client_close();
	}

	/** Of the open file. @param {number} index @param {number} [linesAt] @returns {Line} */
	line(index, linesAt = this.summary.linesAt) {
		const w = this.words,
			at = linesAt + index * LINE.size;
		return {
			line: w[at + LINE.line],
			place: w[at + LINE.place],
			places: w[at + LINE.places],
			reached: w[at + LINE.reached],
			first: w[at + LINE.first_time],
			newest: w[at + LINE.newest_time],
			changed: w[at + LINE.changed],
			state: STATES[w[at + LINE.state]],
		};
	}

	/**
	 * All lines of the open file at a glance, of which there may be many: how many of each state, how many stand behind line
	 * @last, which have changed since update @seen, and the @most that were reached last, the newest first.
	 * @param {number} seen @param {number} last 0: it is not known @param {number} most
	 */
	survey(seen, last, most) {
		const s = this.summary,
			w = this.words;
		const counts = { "": 0, hit: 0, part: 0, miss: 0, idle: 0, unknown: 0 };
		/** @type {number[]} */
		const changed = [];
		/** @type {Line[]} */
		const newest = [];
		let beyond = 0;
		for (let i = 0, at = s.linesAt; i < s.lines; i++, at += LINE.size) {
			counts[STATES[w[at + LINE.state]]]++;
			if (last && w[at + LINE.line] > last) beyond++;
			if (w[at + LINE.changed] > seen) changed.push(w[at + LINE.line]);
			const time = w[at + LINE.newest_time];
			if (!time || time === NONE || !w[at + LINE.reached]) continue;
			if (newest.length === most && newest[most - 1].newest >= time) continue;
			const place = newest.findIndex((line) => line.newest < time);
			newest.splice(place < 0 ? newest.length : place, 0, this.line(i, s.linesAt));
			newest.length = Math.min(newest.length, most);
		}
		return { counts, beyond, changed, newest };
	}

	/** Hands out number and state of each line of the open file. @param {(line: number, state: LineState) => void} take */
	eachLine(take) {
		const s = this.summary,
			w = this.words;
		for (let i = 0, at = s.linesAt; i < s.lines; i++, at += LINE.size)
			take(w[at + LINE.line], STATES[w[at + LINE.state]]);
	}

	/** The record of a source line, or null where no code is. @param {number} number */
	lineAt(number) {
		const s = this.summary,
			index = this.wasm.client_line_at(number) >>> 0;
		if (index >= s.lines) return null;
		const line = this.line(index, s.linesAt);
		return line.line === number ? line : null;
	}

	/** @param {Line} line */
	places(line) {
		const w = this.words,
			{ placesAt } = this.summary,
			/** @type {Place[]} */ list = [];
		for (let i = 0; i < line.places; i++) {
			const at = placesAt + (line.place + i) * PLACE.size;
			list.push({
				column: w[at + PLACE.column],
				pcs: w[at + PLACE.pcs],
				reached: w[at + PLACE.reached],
				time: w[at + PLACE.time],
			});
		}
		return list;
	}

	/** Numbers of the lines to which no run went on from line @number, in order. @param {number} number */
	untakenWays(number) {
		const found = this.wasm.client_ways(this.wasm.client_line_at(number) >>> 0);
		const at = (this.wasm.client_ways_lines() >>> 0) / 4;
		return Array.from(this.words.subarray(at, at + found)).sort((a, b) => a - b);
	}

	/** @param {number} line */
	nextMissed(line) {
		return this.wasm.client_next_missed(line) >>> 0;
	}

	entries() {
		const s = this.summary,
			list = [];
		for (let i = 0; i < s.entries; i++) {
			const place = this.location(this.words[s.entriesAt + i]);
			if (place) list.push(place);
		}
		return list;
	}

	/**
	 * How many PCs had been reached at each of @steps times; null: too many steps.
	 * @param {number} from @param {number} to in 1/100 s since baseMs @param {number} steps
	 */
	growth(from, to, steps) {
		if (this.wasm.client_growth(from, to, steps)) return null;
		const s = this.summary;
		return this.words.subarray(s.growthAt, s.growthAt + steps);
	}
}

/** @param {number} lines @param {number} linesReached @param {number} pcs @param {number} pcsReached @returns {Counted} */
function counted(lines, linesReached, pcs, pcsReached) {
	if (!lines) return { total: pcs, covered: pcsReached, unit: "PCs", pcs, pcsReached };
	return { total: lines, covered: linesReached, unit: "lines", pcs, pcsReached };
}
