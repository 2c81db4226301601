// SPDX-License-Identifier: MIT
// Addresses: what a URL shows, and the URL of what is shown; runs in the browser.

/**
 * What the page shows. root: where the service lives, everything before t/NAME/, so that it works behind a prefix.
 * @typedef {{ root: string, target: string | null, debug: boolean, file: string | null, line: number, query: URLSearchParams }} Address
 */

/** @param {{ pathname: string, search: string, hash: string }} location @returns {Address} */
export function parse(location) {
	const match = /^(.*\/)t\/([^/]+)\/(debug\/?)?$/.exec(location.pathname);
	const query = new URLSearchParams(location.search);
	if (!match) {
		const root = location.pathname.replace(/debug\/?$/, "").replace(/[^/]*$/, "");
		return { root, target: null, debug: /\/debug\/?$/.test(location.pathname), file: null, line: 0, query };
	}
	let hash = decode(location.hash.slice(1));
	let line = 0;
	const suffix = /:(\d{1,9})(?::\d+)?$/.exec(hash);
	if (suffix) {
		line = Number(suffix[1]);
		hash = hash.slice(0, suffix.index);
	}
	if (hash === "main") hash = "";
	return { root: match[1], target: decode(match[2]), debug: Boolean(match[3]), file: hash || null, line, query };
}

/** @param {string} text */
function decode(text) {
	try {
		return decodeURIComponent(text);
	} catch {
		return text;
	}
}

/** @param {string} targetUrl @param {string} name @param {number} [line] */
export function fileUrl(targetUrl, name, line) {
	const path = name.split("/").map(encodeURIComponent).join("/");
	return `${targetUrl}#${path}${line ? `:${line}` : ""}`;
}

// Files that a path may mean: the one of that name, else all that end with it.
/** @param {string[]} names @param {string} path @returns {number[]} */
export function matchFiles(names, path) {
	const exactly = names.indexOf(path);
	if (exactly >= 0) return [exactly];
	const suffix = `/${path.replace(/^\/+/, "")}`;
	const found = [];
	for (let i = 0; i < names.length; i++) if (names[i].endsWith(suffix)) found.push(i);
	return found;
}

/**
 * The address that is shown, with other values in its query; null takes one out.
 * @param {{ pathname: string, search: string }} location @param {Record<string, string | null | undefined>} change
 */
export function queryUrl(location, change) {
	const query = new URLSearchParams(location.search);
	for (const [key, value] of Object.entries(change)) {
		if (value) query.set(key, value);
		else query.delete(key);
	}
	const text = query.toString();
	return location.pathname + (text ? `?${text}` : "");
}
