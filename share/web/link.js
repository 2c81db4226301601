// SPDX-License-Identifier: MIT
// The one WebSocket to the service, and what it says about all targets; runs in the browser.

import { ALIVE, HEADER, HELLO, STATS, SUBPROTOCOL, TAG } from "./layout.js";
import { Session } from "./session.js";

/** @enum {string} */
export const LINK = Object.freeze({
	CONNECTING: "connecting",
	LIVE: "live",
	SILENT: "silent", // connected, but nothing came
	RECONNECTING: "reconnecting",
	AWAY: "away",
});

/** @type {Record<number, string>} */
const READERS = {
	[TAG.COVERAGE_FULL]: "client_full",
	[TAG.COVERAGE_DELTA]: "client_delta",
	[TAG.HIT_TIMES]: "client_hit_times",
	[TAG.ENTRIES]: "client_entries",
};
const STATS_HEAD = 16; // bytes before the first of them
const LOOK_EVERY = 500; // ms
const SILENT_AFTER = 2500; // ms without any frame; the service says once a second that it lives
const DEAD_AFTER = 60000; // likewise, until the connection is made anew: a slow one may carry one long frame
const AWAY_AFTER = 10000; // ms without a connection until the server counts as away
const SAMPLES = 60;
const SAMPLE_EVERY = 2000; // ms

/**
 * As wire.h describes it, with its numbers. samples: speeds, one each two seconds, the newest last; null where
 * nobody looked.
 * @typedef {{ id: number, name: string, state: string, reason?: string, build_id?: string, pcs?: number,
 *   table?: number, files?: number, functions?: number | null, functions_reason?: string, lines?: number | null,
 *   lines_reached?: number, lines_reason?: string, dropped?: number, sources_changed?: number,
 *   sources_missing?: number, roots?: string[], exclude?: string[],
 *   covered: number, runs: number, unique: number, lastFind: number, lastRun: number, perSecond: number,
 *   samples: (number | null)[], counted: boolean }} Target
 */

// Everything that the views read.
export const store = {
	/** @type {LINK} */
	link: LINK.CONNECTING,
	since: Date.now(), // the link is, or is no longer, live
	heard: 0,
	/** @type {bigint | null} */
	instance: null,
	skew: 0,
	listed: false,
	/** @type {Map<number, Target>} */
	targets: new Map(),
	version: 0,
	error: "",
};

/** @typedef {(what: string) => void} Listener */
/** @type {Set<Listener>} */
const listeners = new Set();
/** @type {WebSocket | null} */
let socket = null;
/** @type {Session | null} */
let session = null;
let delay = 0,
	retry = 0,
	base = "/",
	wasmUrl = "main.wasm",
	sampled = 0;

/** @param {Listener} listener */
export function listen(listener) {
	listeners.add(listener);
}

/** @param {string} what */
function tell(what) {
	for (const listener of listeners) listener(what);
}

// The service's clock: hit times are its, not the browser's.
export function serverNow() {
	return Date.now() + store.skew;
}

/** @param {string | null} name */
export function byName(name) {
	for (const target of store.targets.values()) if (target.name === name) return target;
	return null;
}

/** @param {string} name */
export function targetUrl(name) {
	return `${base}t/${encodeURIComponent(name)}/`;
}

/** @param {string} path below /api/v1/ */
export function apiUrl(path) {
	return `${base}api/v1/${path}`;
}

/** Whether what is shown is what is. @param {LINK} link */
export function isFresh(link) {
	return link === LINK.LIVE || link === LINK.CONNECTING;
}

/** @param {LINK} link */
function setLink(link) {
	if (store.link === link) return;
	if (link === LINK.LIVE || store.link === LINK.LIVE) store.since = link === LINK.SILENT ? store.heard : Date.now();
	store.link = link;
	tell("link");
}

/** Before anything else: where the service lives, and which main.wasm to take. @param {string} root @param {string} wasm */
export function configure(root, wasm) {
	base = root;
	wasmUrl = wasm;
}

export function connect() {
	addEventListener("online", reconnectNow);
	document.addEventListener("visibilitychange", () => {
		if (document.hidden) return;
		reconnectNow();
		look();
	});
	setInterval(look, LOOK_EVERY);
	open();
}

// A tab that was not shown has slow timers: what arrives is looked at, too.
function look() {
	const now = Date.now();
	if (store.link === LINK.RECONNECTING || store.link === LINK.CONNECTING) {
		if (now - store.since > AWAY_AFTER) setLink(LINK.AWAY);
	} else if (store.link === LINK.LIVE && now - store.heard > SILENT_AFTER) {
		setLink(LINK.SILENT);
	} else if (store.link === LINK.SILENT && now - store.heard > DEAD_AFTER) {
		dropConnection();
	}
	sample(now);
}

// It may be a connection of which the other end is gone: its close event would come in minutes.
function dropConnection() {
	if (!socket) return;
	socket.onclose = socket.onmessage = null;
	socket.close();
	closed();
}

function reconnectNow() {
	if (socket || !retry) return;
	clearTimeout(retry);
	open();
}

function open() {
	retry = 0;
	const url = new URL(base, location.href);
	url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
	socket = new WebSocket(url, SUBPROTOCOL);
	socket.binaryType = "arraybuffer";
	socket.onmessage = (event) => receive(event.data);
	socket.onclose = closed;
}

function closed() {
	socket = null;
	delay = Math.min(4000, delay ? delay * 1.7 : 250);
	retry = setTimeout(open, delay * (0.75 + Math.random() / 2));
	session?.connectionLost();
	if (store.link === LINK.LIVE || store.link === LINK.SILENT) setLink(LINK.RECONNECTING);
}

/** @param {string | ArrayBuffer} data */
function receive(data) {
	store.heard = Date.now();
	if (store.link === LINK.SILENT) setLink(LINK.LIVE);
	sample(store.heard);
	if (typeof data === "string") return receiveText(data);
	if (data.byteLength < HEADER.size) return undefined;
	const view = new DataView(data);
	const tag = view.getUint8(HEADER.tag);
	if (tag === TAG.HELLO) hello(view);
	else if (tag === TAG.STATS) stats(view);
	else if (tag === TAG.ALIVE) alive(view);
	else if (READERS[tag] && session && view.getUint32(HEADER.target, true) === session.target.id)
		session.frame(tag, READERS[tag], data);
	return undefined;
}

/** @param {DataView} view */
function hello(view) {
	if (view.byteLength < HELLO.size) return;
	const instance = view.getBigUint64(HELLO.instance, true);
	store.skew = Number(view.getBigInt64(HELLO.now_ms, true)) - Date.now();
	delay = 0;
	if (store.instance !== null && store.instance !== instance) store.listed = false; // ids begin anew with the next list
	store.instance = instance;
	setLink(LINK.LIVE);
}

/** @param {DataView} view */
function alive(view) {
	if (view.byteLength < ALIVE.size) return;
	// What comes late tells of a clock that is behind: the earliest is the truest.
	const skew = Number(view.getBigInt64(ALIVE.now_ms, true)) - Date.now();
	if (skew > store.skew || store.skew - skew > 1000) store.skew = skew;
	tell("alive");
}

/** @param {DataView} view */
function stats(view) {
	const count = view.getUint32(HEADER.size, true);
	for (let i = 0, at = STATS_HEAD; i < count && at + STATS.size <= view.byteLength; i++, at += STATS.size) {
		const target = store.targets.get(view.getUint32(at + STATS.target, true));
		if (!target) continue;
		target.covered = view.getUint32(at + STATS.covered, true);
		target.runs = Number(view.getBigUint64(at + STATS.n_runs, true));
		target.unique = Number(view.getBigUint64(at + STATS.unique_runs, true));
		target.lastFind = Number(view.getBigInt64(at + STATS.last_find_ms, true));
		target.lastRun = Number(view.getBigInt64(at + STATS.last_run_ms, true));
		target.perSecond = view.getFloat32(at + STATS.runs_per_second, true);
		target.counted = true;
	}
	tell("stats");
}

/** What runs now: a target that is not live runs nothing, whatever it ran last. @param {Target} target */
export function perSecond(target) {
	return target.state === "live" ? target.perSecond : 0;
}

/** @param {number} now */
function sample(now) {
	if (!sampled) sampled = now - SAMPLE_EVERY;
	const steps = Math.min(SAMPLES, Math.floor((now - sampled) / SAMPLE_EVERY));
	if (steps < 1) return;
	sampled = steps === SAMPLES ? now : sampled + steps * SAMPLE_EVERY;
	for (const target of store.targets.values())
		addSamples(target.samples, steps, isFresh(store.link) ? perSecond(target) : null);
	tell("samples");
}

/**
 * @value for the newest of @steps times; nobody looked at those between.
 * @param {(number | null)[]} samples @param {number} steps @param {number | null} value
 */
export function addSamples(samples, steps, value) {
	for (let i = 1; i < steps; i++) samples.push(null);
	samples.push(value);
	samples.splice(0, samples.length - SAMPLES);
}

/** @param {string} text */
function receiveText(text) {
	let message;
	try {
		message = JSON.parse(text);
	} catch {
		return;
	}
	if (message.type === "targets") targets(message);
	else if (message.type === "error") {
		store.error = String(message.message);
		tell("error");
	}
}

/**
 * The targets behind @message, of which those that were known keep their numbers.
 * @param {Map<number, Target>} old @param {{ full?: boolean, targets?: Partial<Target>[], removed?: number[] }} message
 */
export function mergeTargets(old, message) {
	const merged = new Map(message.full ? [] : old);
	for (const id of message.removed ?? []) merged.delete(id);
	for (const item of Array.isArray(message.targets) ? message.targets : []) {
		const id = Number(item.id),
			before = old.get(id);
		const known = before && before.name === item.name ? before : fresh();
		merged.set(id, Object.assign(known, item, { id }));
	}
	return merged;
}

/** @returns {Target} */
function fresh() {
	const numbers = { covered: 0, runs: 0, unique: 0, lastFind: 0, lastRun: 0, perSecond: 0, counted: false };
	return { id: 0, name: "", state: "waiting", samples: [], ...numbers };
}

/** @param {object} message */
function targets(message) {
	store.targets = mergeTargets(store.targets, message);
	store.listed = true;
	store.version++;
	settle();
	tell("targets");
}

// ---- the target that is shown ----

/** @type {string | null} */
let wanted = null;

export function currentSession() {
	return session;
}

/** Makes @name the one target whose coverage is followed; null: none. @param {string | null} name */
export function follow(name) {
	wanted = name;
	settle();
}

// A session ends when its target, its table or the service's life is another one.
function settle() {
	const target = wanted === null ? null : byName(wanted);
	if (session && (!target || session.key !== keyOf(target))) {
		send({ unsubscribe: session.target.id });
		session.end();
		session = null;
	}
	if (!target || !store.listed) return;
	session ??= new Session(target, keyOf(target), targetUrl(target.name), wasmUrl, tell, renew);
	if (!session.subscribed && socket?.readyState === WebSocket.OPEN) {
		session.subscribed = true;
		send({ subscribe: target.id });
	}
}

function renew() {
	if (!session) return;
	send({ unsubscribe: session.target.id });
	session.subscribed = false;
	settle();
}

/** @param {Target} target */
function keyOf(target) {
	return `${store.instance} ${target.id} ${target.table}`;
}

/** @param {{ subscribe: number } | { unsubscribe: number }} message */
function send(message) {
	if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
}
