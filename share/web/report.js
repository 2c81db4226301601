// SPDX-License-Identifier: MIT
// Where the report of a crash begins in a log; runs in the browser.

const HEADS = [
	/^(?:==\d+==\s*)?(?:ERROR|WARNING): (?:\w+Sanitizer|libFuzzer)\b/,
	/: runtime error: /,
	/panicked at /, // Rust
	/^(?:thread \d+ )?panic: /, // Zig, Go
	/Assertion .*failed/,
	/Check failed: /,
	/terminate called /,
	/PROGRAM ABORT : |SYSTEM ERROR : /, // AFL++
];
const START = /^fuzzsupd: instance \d+ starts\b/;
const NEARBY = 40; // lines: of two heads that stand so close the first tells of the cause
const NUMBERS = /^#\d+[\s:]/; // libFuzzer's: what comes behind is another run's

/**
 * Index of the line with which the report of the log's last run begins; -1: it has none.
 * @param {string[]} lines
 */
export function reportLine(lines) {
	let found = -1;
	for (let i = lines.length - 1; i >= 0; i--) {
		const line = lines[i];
		if (START.test(line) || (found >= 0 && (found - i > NEARBY || NUMBERS.test(line)))) break;
		if (HEADS.some((head) => head.test(line))) found = i;
	}
	return found;
}
