// SPDX-License-Identifier: MIT
// A list that makes elements only for the rows in sight; runs in the browser.

const OVERSCAN = 8;

/**
 * Rows stand in their order, and one in which a selection begins or ends stays.
 * @template {HTMLElement} Row
 */
export class VirtualList {
	/**
	 * element gets the rows; height: of a row, in px; scroller: undefined for the window.
	 * @param {{ element: HTMLElement, scroller?: HTMLElement, height: () => number, make: (index: number) => Row,
	 *   update: (row: Row, index: number) => void }} options
	 */
	constructor({ element, scroller, height, make, update }) {
		this.element = element;
		this.scroller = scroller;
		this.height = height;
		this.make = make;
		this.update = update;
		this.count = 0;
		/** @type {Map<number, Row>} */
		this.rows = new Map();
		this.wanted = false;
		this.onscroll = () => this.request();
		this.element.classList.add("virtual");
		(this.scroller ?? window).addEventListener("scroll", this.onscroll, { passive: true });
		this.observer = new ResizeObserver(() => this.request());
		this.observer.observe(this.scroller ?? document.documentElement);
	}

	end() {
		(this.scroller ?? window).removeEventListener("scroll", this.onscroll);
		this.observer.disconnect();
	}

	/** @param {number} count */
	setCount(count) {
		this.count = count;
		this.draw();
	}

	request() {
		if (this.wanted) return;
		this.wanted = true;
		requestAnimationFrame(() => {
			this.wanted = false;
			if (this.element.isConnected) this.draw();
		});
	}

	// First and last row in sight.
	/** @returns {[number, number]} */
	range() {
		const height = this.height();
		const top = this.scroller ? this.scroller.scrollTop : -this.element.getBoundingClientRect().top;
		const size = this.scroller ? this.scroller.clientHeight : window.innerHeight;
		const first = Math.floor(top / height) - OVERSCAN;
		const last = Math.ceil((top + size) / height) + OVERSCAN;
		return [Math.max(0, Math.min(first, this.count)), Math.max(0, Math.min(last, this.count))];
	}

	draw() {
		const height = this.height();
		const total = `${this.count * height}px`;
		if (this.element.style.height !== total) this.element.style.height = total;
		const [first, last] = this.range();
		const selection = getSelection();
		/** @param {Row} row */
		const stays = (row) =>
			selection !== null &&
			!selection.isCollapsed &&
			(row.contains(selection.anchorNode) || row.contains(selection.focusNode));
		for (const [index, row] of this.rows)
			if ((index < first || index >= last) && !stays(row)) {
				row.remove();
				this.rows.delete(index);
			}
		let behind = this.firstBehind(last);
		for (let index = last - 1; index >= first; index--) {
			let row = this.rows.get(index);
			if (!row) {
				row = this.make(index);
				this.rows.set(index, row);
				this.element.insertBefore(row, behind);
			}
			behind = row;
			const top = `${index * height}px`;
			if (row.style.top !== top) row.style.top = top;
			this.update(row, index);
		}
	}

	// The row that stands behind all of those below @last; null: none does.
	/** @param {number} last */
	firstBehind(last) {
		let behind = Infinity;
		for (const index of this.rows.keys()) if (index >= last) behind = Math.min(behind, index);
		return this.rows.get(behind) ?? null;
	}

	// What the rows show is another thing now: make them all anew.
	clear() {
		for (const row of this.rows.values()) row.remove();
		this.rows.clear();
	}

	// Index of the row that has the focus; -1: none.
	focused() {
		for (const [index, row] of this.rows) if (row.contains(document.activeElement)) return index;
		return -1;
	}

	// As clear() with @count rows, of which @focused (-1: none) gets the focus that it had in another place.
	/** @param {number} count @param {number} focused */
	renew(count, focused) {
		this.clear();
		this.setCount(count);
		this.rows.get(focused)?.focus({ preventScroll: true });
	}

	// Scrolls as little as needed to bring a row into sight; center: to the middle.
	/** @param {number} index @param {boolean} [center] */
	reveal(index, center) {
		const height = this.height();
		const size = this.scroller ? this.scroller.clientHeight : window.innerHeight;
		const offset = this.scroller ? 0 : this.element.getBoundingClientRect().top + window.scrollY;
		const margin = this.scroller ? 0 : 60; // the header covers the top of the window
		const now = this.scroller ? this.scroller.scrollTop : window.scrollY;
		const top = offset + index * height;
		let to = now;
		if (center) to = top - size / 2 + height / 2;
		else if (top < now + margin) to = top - margin;
		else if (top + height > now + size) to = top + height - size;
		if (to !== now) (this.scroller ?? window).scrollTo({ top: to, behavior: "instant" });
		this.draw();
	}
}
