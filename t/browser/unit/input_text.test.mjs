// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { test } from "node:test";

import { hexDump, readableText } from "../../../share/web/input_text.js";
import { runs } from "../../../share/web/provenance.js";

const bytes = (...values) => Uint8Array.from(values);

test("input: hex has an offset, the bytes and their ASCII, of eight a line", () => {
	assert.equal(
		hexDump(Uint8Array.from(new TextEncoder().encode('{"a":1}\n\xff'))),
		"0000  7b 22 61 22 3a 31 7d 0a  " + '{"a":1}·\n' + "0008  c3 bf                    ··",
	);
	assert.equal(hexDump(bytes()), "");
});

test("input: text shows what cannot be seen, and keeps lines", () => {
	assert.equal(readableText(bytes(0x61, 0x00, 0x0a, 0x09, 0x1b, 0x7f, 0xc3, 0xbc)), "a␀\n\t␛␡ü");
	assert.equal(readableText(bytes(0xff)), "�");
});

test("input: the command names the file that was saved", () => {
	assert.equal(runs("/srv/fuzz_json INPUT", "abc"), "/srv/fuzz_json abc");
	assert.equal(runs("MY_INPUT=1 /srv/INPUTS INPUT --x", "abc"), "MY_INPUT=1 /srv/INPUTS abc --x");
	assert.equal(runs("/srv/fuzz", "abc"), "/srv/fuzz");
});
