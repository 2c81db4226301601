// SPDX-License-Identifier: MIT
// The tree of a target's files, as rows of the folders that are open; runs in the browser.

import { NONE } from "./model.js";

/**
 * @typedef {import("./model.js").Model} Model
 * @typedef {import("./model.js").TreeNode} TreeNode
 * @typedef {TreeNode & { label: string }} Labelled
 * @typedef {Labelled & { depth: number, key: string, open: boolean }} TreeRow
 */

/** A folder whose only child is a folder shares a row with it. @param {Model} model @param {TreeNode} node @returns {Labelled} */
export function compact(model, node) {
	if (node.file !== NONE) return { ...node, label: model.nodeName(node) || "no source location" };
	let label = "",
		last = node;
	for (let at = node; ; ) {
		const name = model.nodeName(at);
		label += name.endsWith("/") ? name : `${name}/`;
		last = at;
		const child = at.firstChild === NONE ? null : model.node(at.firstChild);
		if (!child || child.nextSibling !== NONE || child.file !== NONE) break;
		at = child;
	}
	return { ...last, label };
}

/** Names that begin with a slash lie outside of the source roots: not the user's own code. @param {Labelled} node */
const isOutside = (node) => node.label.startsWith("/");

/** @param {TreeNode} node */
const left = (node) => node.total - node.covered;

/** @param {"name" | "uncovered"} by @returns {(a: Labelled, b: Labelled) => number} */
function compare(by) {
	return (a, b) => {
		const rough = Number(a.excluded) - Number(b.excluded) || Number(isOutside(a)) - Number(isOutside(b));
		const first = by === "name" ? Number(a.file !== NONE) - Number(b.file !== NONE) : left(b) - left(a);
		return rough || first || a.label.localeCompare(b.label);
	};
}

/**
 * The rows in their order. turned: keys of the folders that are not as they begin: excluded and foreign ones closed,
 * the others open.
 * @param {Model} model @param {"name" | "uncovered"} by @param {Set<string>} turned @returns {TreeRow[]}
 */
export function treeRows(model, by, turned) {
	/** @type {TreeRow[]} */
	const rows = [];
	/** @param {number} parent @param {number} depth @param {string} path of it */
	const flatten = (parent, depth, path) => {
		const children = model
			.children(parent)
			.map((child) => compact(model, child))
			.filter((child) => child.total > 0);
		for (const child of children.sort(compare(by))) {
			const key = `${path}${child.label}`,
				closed = child.excluded || isOutside(child);
			const open = child.file === NONE && closed === turned.has(key);
			rows.push({ ...child, depth, key, open });
			if (open) flatten(child.id, depth + 1, key);
		}
	};
	flatten(0, 0, "");
	return rows;
}
