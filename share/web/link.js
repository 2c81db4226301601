// SPDX-License-Identifier: MIT
// The one WebSocket to the service, and what it says about all targets; runs in the browser.

import { Session } from "./session.js";

const TAG = { HELLO: 16, STATS: 17, FULL: 18, DELTA: 19, HIT_TIMES: 20, ENTRIES: 21 };
const READERS = { 18: "client_full", 19: "client_delta", 20: "client_hit_times", 21: "client_entries" };
const AWAY_AFTER = 10000; // ms without a connection until the server counts as away
const SAMPLES = 60;

// Everything that the views read. link: connecting | live | reconnecting | away.
export const store = {
	link: "connecting",
	since: Date.now(),
	heard: 0,
	instance: null,
	skew: 0,
	listed: false,
	targets: new Map(),
	version: 0,
	error: "",
};

const listeners = new Set();
let socket = null,
	delay = 0,
	retry = 0,
	session = null,
	base = "/",
	wasmUrl = "main.wasm";

export function listen(listener) {
	listeners.add(listener);
}

function tell(what) {
	for (const listener of listeners) listener(what);
}

// The service's clock: hit times are its, not the browser's.
export function serverNow() {
	return Date.now() + store.skew;
}

export function byName(name) {
	for (const target of store.targets.values()) if (target.name === name) return target;
	return null;
}

export function targetUrl(name) {
	return `${base}t/${encodeURIComponent(name)}/`;
}

function setLink(link) {
	if (store.link === link) return;
	if (link === "live" || store.link === "live") store.since = Date.now();
	store.link = link;
	tell("link");
}

// Before anything else: where the service lives, and which main.wasm to take.
export function configure(root, wasm) {
	base = root;
	wasmUrl = wasm;
}

export function connect() {
	addEventListener("online", reconnectNow);
	document.addEventListener("visibilitychange", () => !document.hidden && reconnectNow());
	setInterval(() => {
		if (store.link === "reconnecting" && Date.now() - store.since > AWAY_AFTER) setLink("away");
		if (store.link === "connecting" && Date.now() - store.since > AWAY_AFTER) setLink("away");
	}, 1000);
	setInterval(sample, 2000);
	open();
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
	socket = new WebSocket(url, "fuzzsup.v1");
	socket.binaryType = "arraybuffer";
	socket.onmessage = (event) => receive(event.data);
	socket.onclose = closed;
}

function closed() {
	socket = null;
	delay = Math.min(4000, delay ? delay * 1.7 : 250);
	retry = setTimeout(open, delay * (0.75 + Math.random() / 2));
	session?.connectionLost();
	if (store.link === "live") setLink("reconnecting");
}

function receive(data) {
	store.heard = Date.now();
	if (typeof data === "string") return receiveText(data);
	if (data.byteLength < 8) return;
	const view = new DataView(data);
	const tag = view.getUint8(0);
	if (tag === TAG.HELLO) hello(view);
	else if (tag === TAG.STATS) stats(view);
	else if (READERS[tag] && session && view.getUint32(4, true) === session.target.id)
		session.frame(tag, READERS[tag], data);
}

function hello(view) {
	if (view.byteLength < 24) return;
	const instance = view.getBigUint64(8, true);
	store.skew = Number(view.getBigInt64(16, true)) - Date.now();
	delay = 0;
	if (store.instance !== null && store.instance !== instance) store.listed = false; // ids begin anew with the next list
	store.instance = instance;
	setLink("live");
}

function stats(view) {
	const count = view.getUint32(8, true);
	for (let i = 0, at = 16; i < count && at + 48 <= view.byteLength; i++, at += 48) {
		const target = store.targets.get(view.getUint32(at, true));
		if (!target) continue;
		target.covered = view.getUint32(at + 4, true);
		target.runs = Number(view.getBigUint64(at + 8, true));
		target.unique = Number(view.getBigUint64(at + 16, true));
		target.lastFind = Number(view.getBigInt64(at + 24, true));
		target.lastRun = Number(view.getBigInt64(at + 32, true));
		target.perSecond = view.getFloat32(at + 40, true);
		target.counted = true;
	}
	tell("stats");
}

// What runs now: a target that is not live runs nothing, whatever it ran last.
export function perSecond(target) {
	return target.state === "live" ? target.perSecond : 0;
}

function sample() {
	if (store.link !== "live") return;
	for (const target of store.targets.values()) {
		target.samples.push(perSecond(target));
		if (target.samples.length > SAMPLES) target.samples.shift();
	}
	tell("samples");
}

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

function targets(message) {
	const list = Array.isArray(message.targets) ? message.targets : [];
	const old = store.targets;
	if (message.full) store.targets = new Map();
	for (const id of message.removed ?? []) store.targets.delete(id);
	for (const item of list) {
		const before = old.get(item.id);
		const known =
			before?.name === item.name
				? before
				: {
						covered: 0,
						runs: 0,
						unique: 0,
						lastFind: 0,
						lastRun: 0,
						perSecond: 0,
						samples: [],
						counted: false,
					};
		store.targets.set(item.id, Object.assign(known, item));
	}
	store.listed = true;
	store.version++;
	settle();
	tell("targets");
}

// ---- the target that is shown ----

let wanted = null;

export function currentSession() {
	return session;
}

// Makes @name the one target whose coverage is followed; null: none.
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
	send({ unsubscribe: session.target.id });
	session.subscribed = false;
	settle();
}

function keyOf(target) {
	return `${store.instance} ${target.id} ${target.table}`;
}

function send(message) {
	if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
}
