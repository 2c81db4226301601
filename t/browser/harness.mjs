// SPDX-License-Identifier: MIT
// What the programs that look at the page in a real Chromium share: TAP, a browser, pictures.
//
// CHROMIUM: the browser, if not /usr/bin/chromium. PATIENCE: milliseconds of each wait.
// FUZZSUPD_TOOLS: folder with node_modules, if not the one of this file.

import { createRequire } from "node:module";
import { mkdirSync, readFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { join } from "node:path";

const require = createRequire(process.env.FUZZSUPD_TOOLS ? `${process.env.FUZZSUPD_TOOLS}/` : import.meta.url);
const { chromium } = require("playwright-core");

// The text of a file of a package that tests need.
export const packageText = (name) => readFileSync(require.resolve(name), "utf8");

// Milliseconds until a wait is a failure: more on a machine that has more to do than it has cores.
export const WAIT = Number(process.env.PATIENCE) || 60000 * Math.max(1, (2 * loadavg()[0]) / cpus().length);

const complaints = []; // of all pages: what is wrong in their consoles
let count = 0,
	failed = 0,
	pictures = null,
	expected = () => false;

export async function test(name, body) {
	count++;
	try {
		const skip = await body();
		process.stdout.write(`ok ${count} - ${name}${typeof skip === "string" ? ` # SKIP ${skip}` : ""}\n`);
	} catch (error) {
		failed++;
		process.stdout.write(`not ok ${count} - ${name}\n`);
		for (const line of String(error.stack ?? error).split("\n")) process.stdout.write(`# ${line}\n`);
	}
}

export function check(condition, message) {
	if (!condition) throw new Error(message);
}

// Console messages that @matches are no complaint; null: none any more.
export function expectConsole(matches) {
	expected = matches ?? (() => false);
}

function listenTo(page) {
	page.on("pageerror", (error) => complaints.push(String(error.stack)));
	page.on("console", (message) => {
		if (["error", "warning"].includes(message.type()) && !expected(message.text()))
			complaints.push(`${message.text()} (${message.location().url})`);
	});
	return page;
}

// Where pictures go; null: there are none.
export function takePictures(folder) {
	pictures = folder ?? null;
}

export async function screen(page, name) {
	if (!pictures) return;
	mkdirSync(pictures, { recursive: true });
	await page.screenshot({ path: join(pictures, `${name}.png`) });
}

const browser = await chromium.launch({
	executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
	args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
});
export async function open(width = 1280, height = 860, colorScheme = "light") {
	const context = await browser.newContext({ viewport: { width, height }, colorScheme });
	context.setDefaultTimeout(WAIT);
	return listenTo(await context.newPage());
}
// The address of a file of a target, and of a line in it.
export const anchorOf = (targetUrl, name, line) =>
	`${targetUrl}#${name.split("/").map(encodeURIComponent).join("/")}${line ? `:${line}` : ""}`;
export const live = (page) => page.waitForSelector("#link.live", { timeout: WAIT });

export const close = () => browser.close();

// To be called last.
export async function done() {
	await test("nothing complained: no console error, no CSP violation", async () => {
		check(!complaints.length, complaints.slice(0, 10).join("\n"));
	});
	process.stdout.write(`1..${count}\n`);
	await close();
	process.exit(failed ? 1 : 0);
}
