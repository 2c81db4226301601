// SPDX-License-Identifier: MIT
// Wraps main.wasm: the coverage of one target, counted in client.c; runs in the browser.

export const NONE = 0xffffffff;

const ERRORS = {
	"-1": "a message ended early",
	"-2": "a message points outside of its tables",
	"-3": "not enough memory for the source index",
	"-4": "coverage came before the source index",
	"-5": "coverage of another build",
	"-6": "coverage of another version",
	"-7": "a message contradicts itself",
};

const NODE = 16,
	FILE = 10,
	PLACE = 4,
	LINE = 10; // u32 words of client.c's structs

// enum line_state, as the page names them: "idle" is not reached, nor anything else of its function.
const STATES = ["", "idle", "miss", "unknown", "part", "hit"];

let compiled = null;

// The module is compiled once a page and then made anew for every table.
function compile(url) {
	compiled ??= fetch(url).then(async (response) => {
		if (!response.ok) throw new Error(`${url}: ${response.status} ${await response.text()}`);
		return WebAssembly.compile(await response.arrayBuffer());
	});
	compiled.catch(() => (compiled = null));
	return compiled;
}

export class Model {
	static async create(url) {
		const model = new Model();
		model.wasm = (await WebAssembly.instantiate(await compile(url), {})).exports;
		model.wasm.client_reset();
		model.decoder = new TextDecoder();
		model.names = null;
		return model;
	}

	// Hands bytes to one of client.c's readers; returns 0 or a negative number, see errorText.
	feed(reader, bytes) {
		const at = this.wasm.client_input(bytes.byteLength) >>> 0;
		if (!at) return -3;
		new Uint8Array(this.wasm.memory.buffer, at, bytes.byteLength).set(new Uint8Array(bytes));
		const result = this.wasm[reader](bytes.byteLength);
		this.cached = null;
		return result;
	}

	static errorText(error) {
		return ERRORS[error] ?? `error ${error}`;
	}

	// Memory may have moved; views are made anew where it did.
	get words() {
		if (this.view?.buffer !== this.wasm.memory.buffer) this.view = new Uint32Array(this.wasm.memory.buffer);
		return this.view;
	}

	get summary() {
		const at = (this.wasm.client_summary() >>> 0) / 4;
		const w = this.words;
		return {
			pcs: w[at],
			files: w[at + 1],
			nodes: w[at + 2],
			covered: w[at + 3],
			nodesAt: w[at + 4] / 4,
			filesAt: w[at + 5] / 4,
			linesAt: w[at + 6] / 4,
			placesAt: w[at + 7] / 4,
			lines: w[at + 8],
			openFile: w[at + 9],
			update: w[at + 10],
			noLine: w[at + 11],
			entriesAt: w[at + 12] / 4,
			entries: w[at + 13],
			dirty: w[at + 14],
			growthAt: w[at + 15] / 4,
			hasLines: w[at + 16] === 1,
		};
	}

	text(at, length) {
		const bytes = new Uint8Array(this.wasm.memory.buffer, at >>> 0);
		if (length === undefined) length = bytes.indexOf(0);
		return this.decoder.decode(bytes.subarray(0, length));
	}

	get baseMs() {
		return this.wasm.client_base_ms();
	}

	// The reached PCs, 32 a word; valid until the next message.
	get bits() {
		return new Uint32Array(
			this.wasm.memory.buffer,
			this.wasm.client_bits() >>> 0,
			2 * Math.ceil(this.summary.pcs / 64),
		);
	}

	// Source location of a PC; null: no such PC. Its file is NONE where it is unknown.
	location(pc) {
		const at = (this.wasm.client_location(pc) >>> 0) / 4;
		const w = this.words;
		return at ? { file: w[at], line: w[at + 1], column: w[at + 2] } : null;
	}

	fileName(file) {
		const at = this.wasm.client_file_name(file);
		return at ? this.text(at) : "";
	}

	// All names, made at the first call.
	fileNames() {
		if (!this.names) {
			const { files } = this.summary;
			this.names = new Array(files);
			for (let i = 0; i < files; i++) this.names[i] = this.fileName(i);
		}
		return this.names;
	}

	file(index) {
		const s = this.summary,
			w = this.words,
			at = s.filesAt + index * FILE;
		return {
			...counted(w[at + 6], w[at + 7], w[at], w[at + 1]),
			newest: w[at + 2],
			node: w[at + 3],
			excluded: w[at + 5] !== 0,
			partly: w[at + 8],
			unknown: w[at + 9],
		};
	}

	// Does some of the work on lines; true if there is more. files: count them, too.
	workOnLines(cost, files) {
		const more = this.wasm.client_lines_step(cost, files ? 1 : 0) !== 0;
		this.cached = null;
		return more;
	}

	node(id, s = this.summary) {
		const w = this.words,
			at = s.nodesAt + id * NODE;
		const included = w[at + 6] > 0 || w[at + 8] === 0;
		return {
			id,
			parent: w[at],
			firstChild: w[at + 1],
			nextSibling: w[at + 2],
			nameAt: w[at + 3],
			nameLength: w[at + 4],
			file: w[at + 5],
			...(included
				? counted(w[at + 11], w[at + 12], w[at + 6], w[at + 7])
				: counted(w[at + 13], w[at + 14], w[at + 8], w[at + 9])),
			newest: w[at + 10],
			excluded: !included,
			excludedTotal: w[at + 8],
		};
	}

	nodeName(node) {
		return node.nameLength ? this.text(this.wasm.client_string(node.nameAt), node.nameLength) : "";
	}

	children(id) {
		const s = this.summary,
			list = [];
		for (let at = this.node(id, s).firstChild; at !== NONE; ) {
			const child = this.node(at, s);
			list.push(child);
			at = child.nextSibling;
		}
		return list;
	}

	exclude(files) {
		for (const file of files) this.wasm.client_exclude(file);
		if (files.length) this.wasm.client_recount();
	}

	open(file) {
		return this.wasm.client_open(file);
	}

	close() {
		this.wasm.client_close();
	}

	line(index, s = this.summary) {
		const w = this.words,
			at = s.linesAt + index * LINE;
		return {
			line: w[at],
			place: w[at + 1],
			places: w[at + 2],
			reached: w[at + 3],
			first: w[at + 4],
			newest: w[at + 5],
			changed: w[at + 6],
			state: STATES[w[at + 8]],
		};
	}

	// The record of a source line, or null where no code is.
	lineAt(number, s = this.summary) {
		const index = this.wasm.client_line_at(number) >>> 0;
		if (index >= s.lines) return null;
		const line = this.line(index, s);
		return line.line === number ? line : null;
	}

	places(line, s = this.summary) {
		const w = this.words,
			list = [];
		for (let i = 0; i < line.places; i++) {
			const at = s.placesAt + (line.place + i) * PLACE;
			list.push({ column: w[at], pcs: w[at + 1], reached: w[at + 2], time: w[at + 3] });
		}
		return list;
	}

	// Numbers of the lines to which no run went on from line @number, in order.
	untakenWays(number) {
		const found = this.wasm.client_ways(this.wasm.client_line_at(number) >>> 0);
		const at = (this.wasm.client_ways_lines() >>> 0) / 4;
		return Array.from(this.words.subarray(at, at + found)).sort((a, b) => a - b);
	}

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

	growth(from, to, steps) {
		if (this.wasm.client_growth(from, to, steps)) return null;
		const s = this.summary;
		return this.words.subarray(s.growthAt, s.growthAt + steps);
	}
}

// Lines where they are known, else PCs.
function counted(lines, linesReached, pcs, pcsReached) {
	return lines
		? { total: lines, covered: linesReached, unit: "lines", pcs, pcsReached }
		: { total: pcs, covered: pcsReached, unit: "PCs", pcs, pcsReached };
}
