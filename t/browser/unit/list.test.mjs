// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { test } from "node:test";

import { VirtualList } from "../../../share/web/list.js";

// As much of a document as a list needs.
class Fake {
	children = [];
	style = {};
	classList = { add: () => {} };
	isConnected = true;
	scrollTop = 0;
	clientHeight = 100;
	addEventListener() {}
	removeEventListener() {}
	contains(other) {
		return other === this;
	}
	insertBefore(row, behind) {
		row.parent = this;
		this.children.splice(behind ? this.children.indexOf(behind) : this.children.length, 0, row);
	}
	remove() {
		this.parent.children.splice(this.parent.children.indexOf(this), 1);
	}
	scrollTo({ top }) {
		this.scrollTop = top;
	}
}

globalThis.ResizeObserver = class {
	observe() {}
	disconnect() {}
};
globalThis.document = { activeElement: null };
let selection = { isCollapsed: true, anchorNode: null, focusNode: null };
globalThis.getSelection = () => selection;

function listOf(count) {
	const element = new Fake(),
		scroller = new Fake();
	const make = (index) => Object.assign(new Fake(), { index });
	const list = new VirtualList({ element, scroller, height: () => 10, make, update: () => {} });
	list.setCount(count);
	return { list, scroller, shown: () => element.children.map(({ index }) => index), element };
}

test("list: only rows in sight are made, in their order", () => {
	const { scroller, list, shown, element } = listOf(1000000);
	assert.equal(element.style.height, "10000000px");
	assert.deepEqual(
		shown(),
		Array.from({ length: 18 }, (_, i) => i),
	);
	scroller.scrollTop = 5000;
	list.draw();
	assert.deepEqual(
		shown(),
		Array.from({ length: 26 }, (_, i) => 492 + i),
	);
	scroller.scrollTop = 4900;
	list.draw();
	assert.deepEqual(
		shown(),
		Array.from({ length: 26 }, (_, i) => 482 + i),
		"rows that come before others stand before them",
	);
});

test("list: a row in which a selection begins stays, in its place", () => {
	const { scroller, list, shown, element } = listOf(1000);
	selection = { isCollapsed: false, anchorNode: element.children[3], focusNode: element.children[3] };
	scroller.scrollTop = 5000;
	list.draw();
	assert.equal(shown()[0], 3);
	assert.equal(shown()[1], 492);
	selection = { isCollapsed: true, anchorNode: null, focusNode: null };
	list.draw();
	assert.equal(shown()[0], 492);
});

test("list: a row is brought into sight by as little as needed", () => {
	const { scroller, list } = listOf(1000);
	list.reveal(5);
	assert.equal(scroller.scrollTop, 0);
	list.reveal(10);
	assert.equal(scroller.scrollTop, 10);
	list.reveal(500, true);
	assert.equal(scroller.scrollTop, 4955);
});
