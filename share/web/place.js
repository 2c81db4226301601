// SPDX-License-Identifier: MIT
// Addresses: what a URL shows, and the URL of what is shown; runs in the browser.

// Where the service lives: everything before t/NAME/, so that it works behind a prefix.
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

function decode(text) {
	try {
		return decodeURIComponent(text);
	} catch {
		return text;
	}
}

export function fileUrl(targetUrl, name, line) {
	const path = name.split("/").map(encodeURIComponent).join("/");
	return `${targetUrl}#${path}${line ? `:${line}` : ""}`;
}

// Files that a path may mean: the one of that name, else all that end with it.
export function matchFiles(names, path) {
	const exactly = names.indexOf(path);
	if (exactly >= 0) return [exactly];
	const suffix = `/${path.replace(/^\/+/, "")}`;
	const found = [];
	for (let i = 0; i < names.length; i++) if (names[i].endsWith(suffix)) found.push(i);
	return found;
}
