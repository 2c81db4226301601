// SPDX-License-Identifier: MIT
// Looks at the page while things go wrong, or slowly: a service that hangs, sources that do not come, a tab that is
// hidden; says in TAP what it saw.
//
// usage: node trouble.mjs BASE-URL TARGET FILE LONG-TARGET LONG-FILE COMMENT-LINES FRONT-END-PID [--screens FOLDER]
//
// The first COMMENT-LINES lines of LONG-FILE are one comment that is full of code.

import { parseArgs } from "node:util";

import { WAIT, anchorOf, check, done, expectConsole, live, open, screen, takePictures, test } from "./harness.mjs";

const { values: options, positionals } = parseArgs({
	allowPositionals: true,
	options: { screens: { type: "string" } },
});
const [base, target, file, longTarget, longFile, commentLines, frontEnd] = positionals;
takePictures(options.screens);

const targetUrl = new URL(`t/${target}/`, base).href;
const longUrl = new URL(`t/${longTarget}/`, base).href;
const SLACK = 500 * (WAIT / 60000); // ms, more on a machine that is busy

// In the page: when and how often its connection said something.
function listening() {
	window.heard = 0;
	window.WebSocket = class extends window.WebSocket {
		constructor(...given) {
			super(...given);
			this.addEventListener("message", () => {
				window.heard++;
				window.heardAt = performance.now();
			});
		}
	};
}

await test("a service that says nothing is not called live, within three seconds, and what is old looks old", async () => {
	const page = await open();
	await page.addInitScript(listening);
	await page.goto(targetUrl);
	await live(page);
	await page.waitForSelector(".tree .trow", { timeout: WAIT });
	const opacity = () =>
		page.evaluate(() =>
			[".titlebar .statebox", ".stats", ".tree", ".growth", "header dl"].map(
				(selector) => getComputedStyle(document.querySelector(selector)).opacity,
			),
		);
	check(
		(await opacity()).every((value) => value === "1"),
		`what is new looks old: ${await opacity()}`,
	);
	process.kill(Number(frontEnd), "SIGSTOP");
	try {
		const silent = () => !document.querySelector("#link.live") && performance.now() - window.heardAt;
		const took = await (await page.waitForFunction(silent, null, { timeout: WAIT, polling: "raf" })).jsonValue();
		check(took < 3000 + SLACK, `it was said after ${took} ms`);
		const said = await page.locator("#link").innerText();
		check(/^no word for \d+ s, numbers of \d\d:\d\d:\d\d$/.test(said), `it says ${said}`);
		check(
			(await opacity()).every((value) => Number(value) < 1),
			`what is old looks new: ${await opacity()}`,
		);
		await screen(page, "silent-light");
	} finally {
		process.kill(Number(frontEnd), "SIGCONT");
	}
	await live(page);
	check(
		(await opacity()).every((value) => value === "1"),
		"it goes on looking old",
	);
	await page.context().close();
});

await test("a quiet service stays live", async () => {
	const page = await open();
	await page.addInitScript(listening);
	await page.goto(longUrl);
	await live(page);
	// Nothing runs: what comes is that it is alive.
	await page.evaluate(() => {
		const link = document.getElementById("link");
		window.states = new Set([link.className]);
		new MutationObserver(() => window.states.add(link.className)).observe(link, { attributes: true });
		window.heard = 0;
	});
	await page.waitForFunction(() => window.heard >= 5, null, { timeout: WAIT });
	const states = await page.evaluate(() => [...window.states]);
	check(states.join() === "link live", `it was ${states}`);
	await page.context().close();
});

const source = (page) => page.waitForSelector(".row .text", { timeout: WAIT });

await test("a source that does not come is tried again by itself, with the right words", async () => {
	const page = await open();
	expectConsole((text) => /Failed to load resource|503/.test(text));
	let count = 0;
	await page.route("**/src/**", async (route) => {
		count++;
		if (count === 1) await route.abort("connectionreset");
		else if (count === 2) await route.fulfill({ status: 503, body: "too many requests are under way\n" });
		else await route.continue();
	});
	await page.goto(anchorOf(targetUrl, file));
	const words = async (pattern) => {
		await page.waitForFunction(
			(text) => new RegExp(text).test(document.querySelector(".teach")?.innerText),
			pattern,
			{
				timeout: WAIT,
			},
		);
		const said = await page.locator(".teach").innerText();
		check(!/source-roots|No source/.test(said), `wrong advice: ${said}`);
	};
	await words("cannot be reached .*Trying again");
	await screen(page, "source-again-light");
	await words("answered 503: too many requests are under way\\. Trying again in \\d+ s");
	await source(page);
	check(count === 3, `${count} requests`);
	expectConsole(null);
	await page.context().close();
});

await test("who does not wait presses a button", async () => {
	const page = await open();
	expectConsole((text) => /Failed to load resource|503/.test(text));
	let broken = true;
	await page.route("**/src/**", (route) =>
		broken ? route.fulfill({ status: 503, body: "busy" }) : route.continue(),
	);
	await page.goto(anchorOf(targetUrl, file));
	const again = page.getByRole("button", { name: "Try again now" });
	await again.waitFor({ timeout: WAIT });
	await again.focus();
	broken = false;
	await page.keyboard.press("Enter");
	await source(page);
	expectConsole(null);
	await page.context().close();
});

await test("a source that the service does not serve says so, and what would allow it", async () => {
	const page = await open();
	expectConsole((text) => /Failed to load resource|404/.test(text));
	await page.route("**/src/**", (route) => route.fulfill({ status: 404, body: "not found\n" }));
	await page.goto(anchorOf(targetUrl, file));
	await page.getByText("The service answered 404: not found.").waitFor({ timeout: WAIT });
	check(/source-roots = /.test(await page.locator(".teach").innerText()), "no advice");
	check(!(await page.getByRole("button", { name: "Try again now" }).count()), "it is tried again");
	expectConsole(null);
	await page.context().close();
});

// What the page shows of a file whose comment is full of code, collected from its first row on.
async function colours(page) {
	await page.addInitScript((lines) => {
		window.wrong = [];
		const look = () => {
			for (const piece of document.querySelectorAll(".row .k, .row .s, .row .n, .row .f, .row .p")) {
				const row = piece.closest(".row");
				if (Number(row.dataset.line) <= lines)
					window.wrong.push(`${row.dataset.line}: ${piece.className} ${piece.textContent}`);
			}
		};
		document.addEventListener("DOMContentLoaded", () =>
			new MutationObserver(look).observe(document, { subtree: true, childList: true }),
		);
	}, Number(commentLines));
}

await test("a large source on a slow line shows how far it is, and comes", async () => {
	const page = await open();
	await colours(page);
	await page.goto(longUrl);
	await live(page);
	const row = page.locator(".tree a.trow", { hasText: longFile.split("/").at(-1) });
	await row.waitFor({ timeout: WAIT });
	const network = await page.context().newCDPSession(page);
	const slow = { offline: false, latency: 0, downloadThroughput: 100000, uploadThroughput: -1 };
	await network.send("Network.enable");
	await network.send("Network.emulateNetworkConditions", slow);
	await row.click();
	await page.getByText(/^Reading the source … \d+(\.\d)? [kM]?B (so far|of )/).waitFor({ timeout: WAIT });
	await screen(page, "source-slow-light");
	await network.send("Network.emulateNetworkConditions", { ...slow, downloadThroughput: -1 });
	await source(page);
	await page.context().close();
});

await test("a comment is never coloured as code", async () => {
	const page = await open();
	await colours(page);
	await page.goto(anchorOf(longUrl, longFile, Number(commentLines) - 10));
	await page.waitForSelector(`.row[data-line="${Number(commentLines) - 10}"] .c`, { timeout: WAIT });
	await page.waitForSelector(`.row[data-line="${Number(commentLines) + 2}"] .k`, { timeout: WAIT });
	const wrong = await page.evaluate(() => window.wrong);
	check(!wrong.length, `${wrong.length} pieces of the comment were shown as code: ${wrong.slice(0, 5)}`);
	await page.context().close();
});

await test("a tab that is hidden goes on, and is right when it is shown", async () => {
	const page = await open();
	await page.goto(targetUrl);
	await live(page);
	await page.waitForSelector(".tree .trow", { timeout: WAIT });
	const runs = () => document.querySelectorAll(".stats dd")[1].title;
	// As in a tab that is not shown: no frames, and no timers.
	await page.evaluate(() => {
		window.frames_ = window.requestAnimationFrame;
		window.requestAnimationFrame = () => 0;
		for (let id = setInterval(() => {}, 1e6); id > 0; id--) clearInterval(id);
		Object.defineProperty(document, "hidden", { configurable: true, get: () => window.shown !== true });
		document.dispatchEvent(new Event("visibilitychange"));
	});
	const before = await page.evaluate(runs);
	await page.waitForFunction((old) => document.querySelectorAll(".stats dd")[1].title !== old, before, {
		timeout: WAIT,
		polling: 100,
	});
	// Shown again: what it has heard is there at once, before any frame.
	const [old, now] = await page.evaluate(() => {
		const tile = document.querySelectorAll(".stats dd")[1],
			hidden = tile.title;
		tile.title = "old";
		window.shown = true;
		document.dispatchEvent(new Event("visibilitychange"));
		return [hidden, tile.title];
	});
	check(/executions/.test(now) && /executions/.test(old), `shown again it says ${now}`);
	await page.context().close();
});

await done();
