// SPDX-License-Identifier: MIT
// The functions of a target, as functions.bin has them, with what was reached of each; runs in the browser.

import { FUNCTION, FUNCTIONS, FUNCTIONS_MAGIC, FUNCTIONS_VERSION, NONE } from "./layout.js";

const COUNT_EVERY = 250; // ms

/** @typedef {import("./model.js").Model} Model */

// Its offsets were checked by the service.
export class FunctionTable {
	/** @param {ArrayBuffer} buffer */
	constructor(buffer) {
		const head = new DataView(buffer);
		const known =
			buffer.byteLength >= FUNCTIONS.size &&
			head.getUint32(FUNCTIONS.magic, true) === FUNCTIONS_MAGIC &&
			head.getUint32(FUNCTIONS.version, true) === FUNCTIONS_VERSION;
		if (!known) throw new Error("functions.bin has another format");
		/** @param {number} at */
		const offset = (at) => Number(head.getBigUint64(at, true));
		/** @param {number} at */
		const length = (at) => head.getUint32(at, true);
		this.length = length(FUNCTIONS.functions_len);
		this.words = new Uint32Array(buffer, offset(FUNCTIONS.functions), this.length * FUNCTION.size);
		this.owners = new Uint32Array(buffer, offset(FUNCTIONS.owners), length(FUNCTIONS.pcs_len));
		this.strings = new Uint8Array(buffer, offset(FUNCTIONS.strings), length(FUNCTIONS.string_bytes_len));
		/** @type {string[]} */
		this.names = new Array(this.length);
		this.excluded = new Uint8Array(this.length); // by source-exclude: counted apart, as its file is
		this.includedLength = this.length;
		this.covered = new Uint32Array(this.length); // PCs
		// Of a known state; where there are none, a function is told by its PCs.
		this.lines = new Uint32Array(this.length);
		this.linesReached = new Uint32Array(this.length);
		this.entered = new Uint8Array(this.length); // as its lines tell
		this.partly = new Uint32Array(this.length); // lines of which a way was never taken
		/** @type {Uint32Array | null} */
		this.groups = null; // of lines, by function
		this.decoder = new TextDecoder();
		/** @type {Model | null} */
		this.model = null; // whose numbers these are
		this.counted = -1; // number of the update
		this.linesCounted = -1; // likewise
		this.countedAt = -Infinity;
	}

	/** @param {number} index @param {number} at */
	word(index, at) {
		return this.words[index * FUNCTION.size + at];
	}

	/** Names are many: each is read when it is first wanted. @param {number} index */
	name(index) {
		if (this.names[index] === undefined) {
			const start = this.word(index, FUNCTION.name);
			const bytes = this.strings.subarray(start, this.strings.indexOf(0, start));
			this.names[index] = this.decoder.decode(bytes) || this.address(index);
		}
		return this.names[index];
	}

	/** @param {number} index */
	address(index) {
		const low = BigInt(this.word(index, FUNCTION.start)),
			high = BigInt(this.word(index, FUNCTION.start + 1));
		return `0x${(high * 0x100000000n + low).toString(16)}`;
	}

	/** @param {number} index */
	pcs(index) {
		return this.word(index, FUNCTION.pcs_len);
	}

	/** Where it is in the source, by the PC that stands for it. @param {number} index @param {Model} model */
	place(index, model) {
		return model.location(this.word(index, FUNCTION.pc));
	}

	/** By lines, or where none are known by PCs; as functions.json. @param {number} index @returns {"miss" | "part" | "hit"} */
	state(index) {
		const lines = this.lines[index],
			reached = this.linesReached[index],
			covered = this.covered[index];
		if (covered === 0 && !this.entered[index]) return "miss";
		const whole = lines ? reached === lines && !this.partly[index] : covered === this.pcs(index);
		return whole ? "hit" : "part";
	}

	/** Lines, where they are known, else PCs. @param {number} index */
	total(index) {
		return this.lines[index] || this.pcs(index);
	}

	/** Likewise. @param {number} index */
	reached(index) {
		return this.lines[index] ? this.linesReached[index] : this.covered[index];
	}

	/** Counts anew where bits, or lines, have changed; returns whether they had. @param {Model} model */
	count(model) {
		const { update, lineCounts, hasLines } = model.summary;
		const same = this.model === model && this.counted === update && this.linesCounted === lineCounts;
		if (same || (this.model === model && performance.now() - this.countedAt < COUNT_EVERY)) return false;
		if (this.model !== model) {
			this.groups = null;
			this.findExcluded(model);
		}
		this.model = model;
		this.counted = update;
		this.linesCounted = lineCounts;
		this.countedAt = performance.now();
		this.countPcs(model);
		if (hasLines) this.countLines(model);
		return true;
	}

	/** @param {Model} model */
	findExcluded(model) {
		const files = Uint8Array.from({ length: model.summary.files }, (_, i) => Number(model.file(i).excluded));
		this.excluded.fill(0);
		if (files.includes(1))
			for (let i = 0; i < this.length; i++) this.excluded[i] = files[this.place(i, model)?.file ?? NONE] ?? 0;
		this.includedLength = this.excluded.reduce((left, is) => left - is, this.length);
	}

	/** @param {Model} model */
	countLines(model) {
		this.groups ??= Uint32Array.from({ length: this.length }, (_, i) =>
			model.functionGroup(this.word(i, FUNCTION.first)),
		);
		model.functionLines(this.groups, (index, lines, reached, partly, entered) => {
			this.lines[index] = lines;
			this.linesReached[index] = reached;
			this.partly[index] = partly;
			this.entered[index] = entered;
		});
	}

	/** @param {Model} model */
	countPcs(model) {
		const { covered, owners } = this,
			bits = model.bits;
		covered.fill(0);
		for (let word = 0; word < bits.length; word++)
			for (let left = bits[word]; left; left &= left - 1) {
				const owner = owners[word * 32 + 31 - Math.clz32(left & -left)];
				if (owner !== NONE) covered[owner]++;
			}
	}

	/** The lines of @file in which functions begin, ascending, each once. @param {number} file @param {Model} model */
	linesOf(file, model) {
		/** @type {Set<number>} */
		const lines = new Set();
		for (let i = 0; i < this.length; i++) {
			const place = this.place(i, model);
			if (place?.file === file && place.line) lines.add(place.line);
		}
		return [...lines].sort((a, b) => a - b);
	}
}
