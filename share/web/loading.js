// SPDX-License-Identifier: MIT
// Something that is fetched once: how far it is, why it failed, when it is tried again; runs in the browser.

/** @enum {string} */
export const LOAD = Object.freeze({ IDLE: "idle", LOADING: "loading", FAILED: "failed", SHOWN: "shown" });

const AGAIN_FIRST = 1000; // ms, doubled up to
const AGAIN_MOST = 15000;
const TELL_EVERY = 250;
const SILENT_AFTER = 3000; // without a byte: said
const GIVEN_UP_AFTER = 60000; // likewise: begun anew

/**
 * Why it is not there. status: of HTTP, 0: no answer, or one that was cut off. final: it is not tried again by itself.
 * @typedef {{ status: number, message: string, final: boolean }} Failure
 */

/** @template T */
export class Loading {
	/**
	 * @param {string} url
	 * @param {(bytes: ArrayBuffer, response: Response) => T | Promise<T>} read makes the value; may throw
	 * @param {() => void} tell called whenever something changed
	 * @param {{ refusals?: boolean }} [options] refusals: what the service refuses (4xx) is final
	 */
	constructor(url, read, tell, { refusals = false } = {}) {
		this.url = url;
		this.read = read;
		this.tell = tell;
		this.refusals = refusals;
		/** @type {LOAD} */
		this.state = LOAD.IDLE;
		/** @type {T | null} */
		this.value = null;
		/** @type {Failure | null} */
		this.failure = null;
		this.received = 0; // bytes
		this.total = 0; // 0: unknown
		this.heard = 0; // when a byte last came
		this.retryAt = 0; // 0: it is not
		this.tries = 0;
		this.ended = false;
		this.timer = 0;
		/** @type {((value: T | null) => void)[]} */
		this.waiting = [];
		/** @type {AbortController | null} */
		this.abort = null;
	}

	/** Begins, unless it has begun. @returns {T | null} */
	want() {
		if (this.state === LOAD.IDLE) this.begin();
		return this.value;
	}

	/** Its value when this try is over; null: it failed. @returns {Promise<T | null>} */
	done() {
		if (this.state !== LOAD.LOADING) return Promise.resolve(this.value);
		return new Promise((resolve) => this.waiting.push(resolve));
	}

	// At once, where it failed.
	again() {
		if (this.state === LOAD.FAILED) this.begin();
	}

	end() {
		this.ended = true;
		clearTimeout(this.timer);
		this.abort?.abort();
	}

	async begin() {
		clearTimeout(this.timer);
		this.state = LOAD.LOADING;
		this.received = this.total = this.retryAt = 0;
		this.heard = Date.now();
		this.tries++;
		this.abort = new AbortController();
		this.tell();
		const watch = setInterval(() => this.watch(), TELL_EVERY);
		try {
			const response = await fetch(this.url, { signal: this.abort.signal });
			const bytes = await this.body(response);
			if (!response.ok) this.fail(response.status, new TextDecoder().decode(bytes).slice(0, 500).trim());
			else {
				const value = await this.read(bytes, response);
				if (!this.ended) this.show(value);
			}
		} catch (error) {
			this.fail(0, error instanceof Error ? error.message : String(error));
		} finally {
			clearInterval(watch);
		}
		for (const resolve of this.waiting.splice(0)) resolve(this.value);
		if (!this.ended) this.tell();
	}

	/** @param {Response} response @returns {Promise<ArrayBuffer>} */
	async body(response) {
		// Of what is packed the length is not that of the bytes that come: of those the service tells.
		const packed = response.headers.get("content-encoding");
		this.total = Number(response.headers.get(packed ? "x-fuzzsup-size" : "content-length") ?? 0);
		if (!response.body) return response.arrayBuffer();
		const parts = [];
		for (const reader = response.body.getReader(); ; ) {
			const { done, value } = await reader.read();
			if (done) break;
			this.heard = Date.now();
			this.received += value.byteLength;
			parts.push(value);
		}
		return new Blob(parts).arrayBuffer();
	}

	// While it loads.
	watch() {
		if (Date.now() - this.heard > GIVEN_UP_AFTER) this.abort?.abort(new Error("no byte came for a minute"));
		this.tell();
	}

	/** @param {T} value */
	show(value) {
		this.state = LOAD.SHOWN;
		this.value = value;
		this.failure = null;
		this.tries = 0;
	}

	/** @param {number} status @param {string} message */
	fail(status, message) {
		if (this.ended) return;
		const final = this.refusals && status >= 400 && status < 500 && ![408, 425, 429].includes(status);
		this.state = LOAD.FAILED;
		this.failure = { status, message, final };
		if (final) return;
		const pause = Math.min(AGAIN_MOST, AGAIN_FIRST * 2 ** (this.tries - 1));
		this.retryAt = Date.now() + pause;
		this.timer = setTimeout(() => this.begin(), pause);
	}
}

/** @param {number} bytes */
export function size(bytes) {
	if (bytes < 1000) return `${bytes} B`;
	return bytes < 1e6 ? `${Math.floor(bytes / 1000)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

/**
 * How far it is, in words: "1.2 MB of 9.1 MB", "1.2 MB so far; nothing came for 12 s", "" before the first byte.
 * @param {Loading<any>} loading
 */
export function progress({ received, total, heard }, now = Date.now()) {
	const silent = now - heard > SILENT_AFTER ? `nothing came for ${Math.floor((now - heard) / 1000)} s` : "";
	const far = !received ? "" : total > received ? `${size(received)} of ${size(total)}` : `${size(received)} so far`;
	return [far, silent].filter(Boolean).join("; ");
}

/**
 * Why it is not there, and what comes next: "The service does not answer (…). Trying again in 3 s."
 * @param {Loading<any>} loading
 */
export function failureText({ failure, retryAt, received }, now = Date.now()) {
	if (!failure) return "";
	const { status, message } = failure;
	const what = status
		? `The service answered ${status}${message ? `: ${message}` : ""}`
		: received
			? `It broke off after ${size(received)} (${message})`
			: `The service cannot be reached (${message})`;
	if (!retryAt) return `${what}.`;
	return `${what}. Trying again in ${Math.max(1, Math.ceil((retryAt - now) / 1000))} s.`;
}
