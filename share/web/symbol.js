// SPDX-License-Identifier: MIT
// Names of functions as they are shown: what tells them apart is at their end, behind scopes and templates; runs in the browser.

const ANONYMOUS = "(anonymous namespace)";
const OPERATOR = /^operator(\(\)|\[\]|->\*?|[-+*/%^&|~!=<>,]{1,3})/;
const CLOSING = new Map([
	["<", ">"],
	["(", ")"],
	["[", "]"],
	["{", "}"],
]);

// Behind the bracket that closes the one at @at; the end, if none does. The ">" of "->" closes nothing.
/** @param {string} name @param {number} at */
function behindBracket(name, at) {
	const open = [];
	for (let i = at; i < name.length; i++) {
		const closing = CLOSING.get(name[i]);
		if (closing) open.push(closing);
		else if (name[i] === open.at(-1) && !(name[i] === ">" && name[i - 1] === "-")) open.pop();
		if (!open.length) return i + 1;
	}
	return name.length;
}

/**
 * The scope and what is in it, with what stands in brackets left out: ["ns::table<…>::", "insert(…)"].
 * What begins with a bracket (Rust's "<A as B>::c") keeps it.
 * @param {string} name @returns {[string, string]}
 */
export function splitSymbol(name) {
	let text = "",
		last = 0; // where in the text the last part begins
	for (let i = 0; i < name.length; ) {
		const operator = text.length === last && name[i] === "o" ? OPERATOR.exec(name.slice(i, i + 16)) : null;
		let end = i + 1;
		if (operator) {
			end = i + operator[0].length;
			text += operator[0];
		} else if (name.startsWith("::", i)) {
			text += "::";
			last = text.length;
			end = i + 2;
		} else if ((name[i] === "<" && !text) || name.startsWith(ANONYMOUS, i)) {
			end = behindBracket(name, i);
			text += name.slice(i, end);
		} else if (name[i] === "<" || name[i] === "(") {
			end = behindBracket(name, i);
			text += `${name[i]}${name[i + 1] === CLOSING.get(name[i]) ? "" : "…"}${CLOSING.get(name[i])}`;
		} else {
			text += name[i];
		}
		i = end;
	}
	return [text.slice(0, last), text.slice(last)];
}
