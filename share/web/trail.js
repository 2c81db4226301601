// SPDX-License-Identifier: MIT
// Keeps in the history how each address was left, so that Back shows it as it was; runs in the browser.

const SAVE_AFTER = 200; // ms of rest
const TRY_FOR = 10000; // ms, until a page that is not as long as it was is left where it is

/** top: where the window was scrolled to; view: what the view has to say. @typedef {{ top: number, view: unknown }} Kept */

export class Trail {
	/** @param {() => unknown} state of what is shown */
	constructor(state) {
		this.state = state;
		this.timer = 0;
		this.wanted = -1; // where to scroll to, once the page is as long as that; -1: nowhere
		this.until = 0;
		history.scrollRestoration = "manual";
		const later = () => this.later();
		for (const name of ["scroll", "click", "keyup"])
			document.addEventListener(name, later, { capture: true, passive: true });
		for (const name of ["wheel", "touchmove", "keydown", "pointerdown"])
			addEventListener(name, () => (this.wanted = -1), { capture: true, passive: true });
		addEventListener("pagehide", () => this.save());
		new ResizeObserver(() => this.draw()).observe(document.body);
	}

	/** Of the address with which the page was loaded: again, or by Back. @returns {Kept | null} */
	first() {
		return history.state;
	}

	later() {
		clearTimeout(this.timer);
		this.timer = setTimeout(() => this.save(), SAVE_AFTER);
	}

	// It is another address by now.
	forget() {
		clearTimeout(this.timer);
	}

	save() {
		clearTimeout(this.timer);
		/** @type {Kept} */
		const kept = { top: this.wanted < 0 ? window.scrollY : this.wanted, view: this.state() };
		history.replaceState(kept, "");
	}

	/** @param {number} top */
	scrollTo(top) {
		this.wanted = top;
		this.until = performance.now() + TRY_FOR;
		this.draw();
	}

	// Whenever the page may have become longer.
	draw() {
		if (this.wanted < 0) return;
		window.scrollTo(0, this.wanted);
		if (Math.abs(window.scrollY - this.wanted) < 2 || performance.now() > this.until) this.wanted = -1;
	}
}
