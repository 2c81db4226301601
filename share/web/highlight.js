// SPDX-License-Identifier: MIT
// A small tokenizer for C, C++, Rust and Zig that works line by line; runs in the browser.
//
// What one line leaves open for the next (a comment, a string) is its state, a small integer:
// so the whole file is scanned once for the states alone, and a line is coloured when it is drawn.

/** @param {string} text */
const WORDS = (text) => new Set(text.trim().split(/\s+/));

const C = `
	auto break case char const continue default do double else enum extern float for goto if inline int long register
	restrict return short signed sizeof static struct switch typedef union unsigned void volatile while _Alignas
	_Alignof _Atomic _Bool _Generic _Noreturn _Static_assert _Thread_local bool true false NULL size_t ssize_t
	ptrdiff_t int8_t int16_t int32_t int64_t uint8_t uint16_t uint32_t uint64_t uintptr_t intptr_t`;
const CPP = `
	${C} alignas alignof and catch class co_await co_return co_yield concept consteval constexpr constinit const_cast
	decltype delete dynamic_cast explicit export final friend import module mutable namespace new noexcept not nullptr
	operator or override private protected public reinterpret_cast requires static_assert static_cast template this
	thread_local throw try typeid typename using virtual wchar_t char8_t char16_t char32_t`;
const RUST = `
	as async await break const continue crate dyn else enum extern false fn for if impl in let loop match mod move mut
	pub ref return self Self static struct super trait true type union unsafe use where while bool char f32 f64 i8 i16
	i32 i64 i128 isize str u8 u16 u32 u64 u128 usize`;
const ZIG = `
	addrspace align allowzero and anyframe anytype asm async await break callconv catch comptime const continue defer
	else enum errdefer error export extern false fn for if inline linksection noalias noinline nosuspend null opaque
	or orelse packed pub resume return struct suspend switch test threadlocal true try undefined union unreachable
	usingnamespace var volatile while bool void type usize isize u8 i8 u16 i16 u32 i32 u64 i64 f32 f64 noreturn
	anyerror`;

/**
 * @typedef {{ words: Set<string>, directives?: boolean, rawStrings?: boolean, nested?: boolean, lifetimes?: boolean,
 *   stringsSpan?: boolean, hashStrings?: boolean, noBlocks?: boolean, lineStrings?: boolean,
 *   builtins?: boolean }} Language
 * @typedef {(end: number, kind: string) => void} Emit
 */

/** @type {Record<string, Language | null>} */
const LANGUAGES = {
	c: { words: WORDS(C), directives: true },
	cpp: { words: WORDS(CPP), directives: true, rawStrings: true },
	rust: { words: WORDS(RUST), nested: true, lifetimes: true, stringsSpan: true, hashStrings: true },
	zig: { words: WORDS(ZIG), noBlocks: true, lineStrings: true, builtins: true },
	none: null,
};

/** @type {Record<string, string>} */
const EXTENSIONS = {
	c: "c",
	h: "cpp",
	cc: "cpp",
	cpp: "cpp",
	cxx: "cpp",
	hh: "cpp",
	hpp: "cpp",
	hxx: "cpp",
	inc: "cpp",
	ipp: "cpp",
	tcc: "cpp",
	inl: "cpp",
	m: "c",
	mm: "cpp",
	y: "c",
	l: "c",
	rs: "rust",
	zig: "zig",
};

/** @param {string} name */
export function languageOf(name) {
	const basename = name.slice(name.lastIndexOf("/") + 1);
	const dot = basename.lastIndexOf(".");
	if (dot < 0) return name.includes("c++") ? LANGUAGES.cpp : LANGUAGES.none; // <vector>
	return LANGUAGES[EXTENSIONS[basename.slice(dot + 1).toLowerCase()]] ?? LANGUAGES.none;
}

// Low 3 bits: what is open; above: how deep a comment is, or which raw string's end is awaited.
const OPEN = { NOTHING: 0, COMMENT: 1, STRING: 2, RAW: 3, DIRECTIVE: 4 };

export class Highlighter {
	/** @param {Language | null} language */
	constructor(language) {
		this.language = language;
		/** @type {string[]} */
		this.ends = []; // of raw strings, by number in the state
	}

	// Splits a line into [end, class] pairs; class "" is plain text. Returns the state behind it.
	/** @param {string} line @param {number} state @param {Emit | null} emit */
	lex(line, state, emit) {
		const { language } = this;
		if (!language) {
			emit?.(line.length, "");
			return 0;
		}
		let at = 0;
		const open = state & 7;
		if (open === OPEN.COMMENT) {
			[at, state] = this.comment(line, 0, state >> 3);
			emit?.(at, "c");
		} else if (open === OPEN.RAW) {
			const end = this.ends[state >> 3];
			const found = line.indexOf(end);
			if (found >= 0) state = 0;
			at = found < 0 ? line.length : found + end.length;
			emit?.(at, "s");
		} else if (open === OPEN.STRING) {
			[at, state] = this.string(line, 0);
			emit?.(at, "s");
		} else if (open === OPEN.DIRECTIVE) {
			return this.directive(line, 0, emit);
		}
		if (at >= line.length && state) return state;
		state = 0;
		const first = line.search(/\S/);
		if (language.directives && first >= at && line[first] === "#") return this.directive(line, first, emit);
		while (at < line.length) [at, state] = this.token(line, at, emit);
		return state;
	}

	/** @param {string} line @param {number} at @param {Emit | null} emit */
	directive(line, at, emit) {
		const comment = line.slice(at).search(/\/[/*]/);
		const end = comment < 0 ? line.length : at + comment;
		if (at) emit?.(at, "");
		emit?.(end, "p");
		let state = line.endsWith("\\") ? OPEN.DIRECTIVE : 0;
		for (let next = end; next < line.length; ) [next, state] = this.token(line, next, emit);
		return state;
	}

	/** @param {string} line @param {number} at @param {Emit | null} emit @returns {[number, number]} */
	token(line, at, emit) {
		TOKEN.lastIndex = at;
		const match = TOKEN.exec(line);
		if (!match) {
			emit?.(line.length, "");
			return [line.length, 0];
		}
		const word = match[0],
			from = match.index,
			language = /** @type {Language} */ (this.language);
		if (from > at) emit?.(from, "");
		let end = from + word.length,
			kind = "",
			state = 0;
		const character = word[0];
		if (word === "//") {
			[end, kind] = [line.length, "c"];
		} else if (word === "/*" && !language.noBlocks) {
			[end, state] = this.comment(line, end, 1);
			kind = "c";
		} else if (word === "\\\\" && language.lineStrings) {
			[end, kind] = [line.length, "s"];
		} else if (character === '"') {
			[end, state] = this.string(line, end);
			kind = "s";
		} else if (character === "'") {
			[end, kind] = this.quote(line, from);
		} else if (this.rawStart(word, line, end)) {
			[end, state] = this.raw(line, end);
			kind = "s";
		} else {
			kind = wordKind(language, word, line[end]);
		}
		emit?.(end, kind);
		return [end, state];
	}

	/** @param {string} line @param {number} at @param {number} depth @returns {[number, number]} */
	comment(line, at, depth) {
		const marks = this.language?.nested ? /\/\*|\*\//g : /\*\//g;
		marks.lastIndex = at;
		for (let match; (match = marks.exec(line)); ) {
			depth += match[0] === "*/" ? -1 : 1;
			if (depth === 0) return [marks.lastIndex, 0];
		}
		return [line.length, OPEN.COMMENT | (Math.min(depth, 1000) << 3)];
	}

	// From behind the opening quote.
	/** @param {string} line @param {number} at @returns {[number, number]} */
	string(line, at) {
		for (; at < line.length; at++) {
			if (line[at] === "\\") at++;
			else if (line[at] === '"') return [at + 1, 0];
		}
		const goesOn = this.language?.stringsSpan || line.endsWith("\\");
		return [line.length, goesOn ? OPEN.STRING : 0];
	}

	// A character, or in Rust a lifetime.
	/** @param {string} line @param {number} from @returns {[number, string]} */
	quote(line, from) {
		QUOTE.lastIndex = from;
		const match = QUOTE.exec(line);
		return match ? [from + match[0].length, "s"] : [from + 1, ""];
	}

	/** @param {string} word @param {string} line @param {number} end */
	rawStart(word, line, end) {
		if (this.language?.rawStrings) return /^(u8|u|U|L)?R$/.test(word) && line[end] === '"';
		return Boolean(this.language?.hashStrings) && /^(b|c)?r$/.test(word) && /^#*"/.test(line.slice(end, end + 20));
	}

	/** @param {string} line @param {number} at @returns {[number, number]} */
	raw(line, at) {
		const quote = line.indexOf('"', at);
		let closing;
		if (this.language?.rawStrings) {
			const paren = line.indexOf("(", quote);
			closing = `)${paren < 0 ? "" : line.slice(quote + 1, Math.min(paren, quote + 17))}"`;
		} else {
			closing = `"${"#".repeat(quote - at)}`;
		}
		const found = line.indexOf(closing, quote + 1);
		if (found >= 0) return [found + closing.length, 0];
		let number = this.ends.indexOf(closing);
		if (number < 0) number = this.ends.push(closing) - 1;
		return [line.length, OPEN.RAW | (number << 3)];
	}
}

/** Of what is a number or a name. @param {Language} language @param {string} word @param {string} next character */
function wordKind(language, word, next) {
	if (word[0] >= "0" && word[0] <= "9") return "n";
	if (language.words.has(word)) return "k";
	if (word[0] === "@") return language.builtins ? "k" : "";
	if (word[0] === "#") return "";
	return next === "(" || (next === "!" && language.lifetimes) ? "f" : "";
}

const TOKEN = /\/\/|\/\*|\\\\|"|'|@?[A-Za-z_]\w*|\d(?:[\w.']|[eEpP][+-])*|#/g;
const QUOTE = /'(?:\\(?:x[0-9a-fA-F]+|u\{?[0-9a-fA-F]+\}?|[0-7]{1,3}|.)|[^'\\])'/uy;

const SLICE = 8; // ms
const STEP = 128; // lines between two looks at the clock

// What each line's start finds open. Lines are looked at in their order, in slices so that no frame is late; one that
// was not looked at yet is not to be coloured: it may be in the middle of a comment.
export class LineStates {
	/** tell: called when more of them are known. @param {string[]} lines @param {Highlighter} highlighter @param {() => void} tell */
	constructor(lines, highlighter, tell) {
		this.lines = lines;
		this.highlighter = highlighter;
		this.tell = tell;
		this.states = new Uint32Array(lines.length + 1);
		this.known = 1; // so many of them
		this.timer = 0;
		this.slice();
	}

	end() {
		clearTimeout(this.timer);
	}

	/** State at the start of a line; null: not known yet. @param {number} index */
	at(index) {
		return index < this.known ? this.states[index] : null;
	}

	slice() {
		const { lines, states, highlighter } = this;
		for (const until = performance.now() + SLICE; this.known <= lines.length; ) {
			const index = this.known - 1;
			states[this.known++] = highlighter.lex(lines[index], states[index], null);
			if (index % STEP === 0 && performance.now() > until) break;
		}
		if (this.known <= lines.length)
			this.timer = setTimeout(() => {
				this.slice();
				this.tell();
			});
	}
}
