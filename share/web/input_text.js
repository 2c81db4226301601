// SPDX-License-Identifier: MIT
// Bytes of an input for people: as hex, and as text; runs in the browser.

export const VIEWED = 4096; // bytes
const ROW = 8; // bytes: as many as the panel beside the source has room for

/** @param {number} byte */
const printable = (byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : "·");

/** Offset, bytes, and what of them is ASCII. @param {Uint8Array} bytes */
export function hexDump(bytes) {
	const lines = [];
	for (let at = 0; at < bytes.length; at += ROW) {
		const row = [...bytes.subarray(at, at + ROW)];
		const hex = row.map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
		lines.push(`${at.toString(16).padStart(4, "0")}  ${hex.padEnd(ROW * 3 - 1)}  ${row.map(printable).join("")}`);
	}
	return lines.join("\n");
}

/** As UTF-8, where what cannot be seen is a sign; lines stay lines. @param {Uint8Array} bytes */
export function readableText(bytes) {
	const text = new TextDecoder().decode(bytes);
	// U+2400 and following are pictures of U+0000 and following; U+2421 is that of DEL.
	return [...text]
		.map((character) => {
			const code = character.codePointAt(0) ?? 0;
			if (code === 0x0a || code === 0x09) return character;
			if (code < 0x20) return String.fromCodePoint(0x2400 + code);
			return code === 0x7f ? "\u2421" : character;
		})
		.join("");
}
