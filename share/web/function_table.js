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
		this.covered = new Uint32Array(this.length);
		this.decoder = new TextDecoder();
		this.counted = -1; // number of the update
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

	/** @param {number} index @returns {"miss" | "part" | "hit"} */
	state(index) {
		const covered = this.covered[index];
		if (covered === 0) return "miss";
		return covered < this.pcs(index) ? "part" : "hit";
	}

	/** Counts anew where bits have changed; returns whether they had. @param {Model} model */
	count(model) {
		const { update } = model.summary;
		if (this.counted === update || performance.now() - this.countedAt < COUNT_EVERY) return false;
		this.counted = update;
		this.countedAt = performance.now();
		const { covered, owners } = this,
			bits = model.bits;
		covered.fill(0);
		for (let word = 0; word < bits.length; word++)
			for (let left = bits[word]; left; left &= left - 1) {
				const owner = owners[word * 32 + 31 - Math.clz32(left & -left)];
				if (owner !== NONE) covered[owner]++;
			}
		return true;
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
