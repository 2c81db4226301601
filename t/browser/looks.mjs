// SPDX-License-Identifier: MIT
// Looks at how the page is laid out, what it calls things, and whether it stays where it is; says in TAP what it saw.
//
// usage: node looks.mjs BASE-URL TARGET DEEP-TARGET DEEP-FILE [--screens FOLDER]
//
// TARGET has a job "broken" that failed; DEEP-FILE is DEEP-TARGET's only one, far down in folders with long names.

import { parseArgs } from "node:util";

import { WAIT, anchorOf, check, done, live, open, screen, takePictures, test } from "./harness.mjs";

const { values: options, positionals } = parseArgs({
	allowPositionals: true,
	options: { screens: { type: "string" } },
});
const [base, target, deep, deepFile] = positionals;
takePictures(options.screens);

const targetUrl = new URL(`t/${target}/`, base).href;
const deepUrl = new URL(`t/${deep}/`, base).href;
const file = "demo/json_parse.c";
const views = [
	["overview", base, ".targets .trow"],
	["target", targetUrl, ".tree .trow"],
	["functions", `${targetUrl}?view=functions`, ".functions .trow"],
	["history", `${targetUrl}?view=history`, ".plotrow .u-over"],
	["source", anchorOf(targetUrl, file, 100), ".row .text"],
];

async function until(page, condition, what) {
	for (const end = Date.now() + WAIT; Date.now() < end; await page.waitForTimeout(50)) if (await condition()) return;
	throw new Error(`waited for: ${what}`);
}

// Waits until something matches @selector and all that does has all of its text in sight: rows are drawn anew while one looks.
async function whole(page, selector, what) {
	const cut = () =>
		page.evaluate((matching) => {
			const all = [...document.querySelectorAll(matching)];
			const isCut = (one) => {
				const box = one.getBoundingClientRect();
				return one.scrollWidth > one.clientWidth + 1 || !box.width || box.right > innerWidth || box.left < 0;
			};
			return all.length ? all.filter(isCut).map((one) => one.innerText) : [`no ${matching}`];
		}, selector);
	await until(page, async () => !(await cut()).length, what).catch(async (error) => {
		throw new Error(`${error.message}; cut: ${(await cut()).slice(0, 5).join(", ")}`);
	});
}

await test("a long path loses its middle, and never the file's name", async () => {
	for (const width of [1280, 390]) {
		const page = await open(width, 860);
		await page.goto(anchorOf(deepUrl, deepFile));
		await page.waitForSelector(".row .text", { timeout: WAIT });
		await whole(page, "h1 .file", `${width}: the title's file`);
		check((await page.locator("h1 .path").getAttribute("title")) === deepFile, "the title says another path");
		await screen(page, `deep-source-${width}`);
		await page.goto(deepUrl);
		await page.waitForSelector(".tree .trow", { timeout: WAIT });
		await whole(page, ".tree .label .file, .tree a .label", `${width}: files and folders`);
		await screen(page, `deep-target-${width}`);
		await page.goto(`${deepUrl}?view=functions`);
		await page.waitForSelector(".functions .trow", { timeout: WAIT });
		await whole(page, ".functions .where .file, .functions .label .file", `${width}: functions and their files`);
		const wide = await page.evaluate(() => document.documentElement.scrollWidth);
		check(wide <= width, `it is ${wide} wide`);
		await page.keyboard.press("/");
		await page.locator(".palette input").fill(deepFile.split("/").at(-1).slice(0, 12));
		await whole(page, ".palette .file", `${width}: what is found`);
		await page.context().close();
	}
});

await test("what is known of a line is a sheet where there is no room beside the source", async () => {
	for (const width of [1000, 390]) {
		const page = await open(width, 860);
		await page.goto(anchorOf(targetUrl, file));
		await page.waitForSelector(".row.hit .text", { timeout: WAIT });
		check(await page.locator(".facts").isHidden(), `${width}: it is open at once`);
		const row = page.locator(".row.hit").first();
		const line = await row.getAttribute("data-line");
		await row.locator(".text").click({ position: { x: 40, y: 10 } });
		await page.locator(".facts").waitFor({ timeout: WAIT });
		check((await page.locator("aside h2").first().innerText()) === `Line ${line}`, "another line");
		check(/● reached/.test(await page.locator("aside").innerText()), "it says nothing of it");
		const { bottom, top } = await page.locator("aside").evaluate((aside) => aside.getBoundingClientRect());
		const code = await page.locator(".src").evaluate((box) => box.getBoundingClientRect());
		check(
			bottom <= 860 && code.bottom <= top,
			`${width}: it lies from ${top} to ${bottom}, the source to ${code.bottom}`,
		);
		check(code.height > 200, `${width}: ${code.height} pixels of source are left`);
		await screen(page, `sheet-${width}`);
		await page.getByRole("button", { name: "Close" }).click();
		check(await page.locator(".facts").isHidden(), "it does not close");
		await page.context().close();
	}
});

await test("nothing moves while a page comes", async () => {
	for (const width of [1280, 390])
		for (const [name, url, shown] of views) {
			const page = await open(width, 860);
			await page.addInitScript(() => {
				window.shifts = [];
				new PerformanceObserver((list) => {
					for (const entry of list.getEntries()) {
						const from = entry.sources.map(({ node }) => node?.className ?? node?.parentElement?.className);
						window.shifts.push({ value: entry.value, from });
					}
				}).observe({ type: "layout-shift", buffered: true });
			});
			await page.goto(url);
			await live(page);
			await page.waitForSelector(shown, { timeout: WAIT });
			if (name === "target") await page.waitForSelector(".jobs .trow", { timeout: WAIT });
			if (name === "overview") await page.waitForSelector(".jobsum .bad", { timeout: WAIT });
			await page.waitForFunction(
				() => window.drawn > 3 || ((window.drawn = (window.drawn ?? 0) + 1), false),
				null,
				{
					timeout: WAIT,
					polling: 500,
				},
			);
			const shifts = await page.evaluate(() => window.shifts);
			const sum = shifts.reduce((all, { value }) => all + value, 0);
			process.stdout.write(`# ${name} at ${width}: layout shift ${sum.toFixed(4)}\n`);
			check(sum < 0.05, `${name} at ${width}: ${sum.toFixed(3)}: ${JSON.stringify(shifts)}`);
			await page.context().close();
		}
});

// Without scrolling to it first.
const press = (element) => element.click();

await test("Back shows a target as it was left: folders, and where it was scrolled to", async () => {
	const page = await open(1280, 500);
	await page.goto(targetUrl);
	await page.waitForSelector(".jobs .trow", { timeout: WAIT });
	const scrolled = () => page.evaluate(() => scrollY);
	const scroll = async (to) => {
		await page.mouse.move(600, 300);
		// Again and again: the page grows while it comes.
		const reached = async () => {
			await page.evaluate((top) => scrollTo(0, top), to);
			return (await scrolled()) === to;
		};
		await until(page, reached, `scrolled to ${to}`);
	};
	await scroll(420);
	await page.waitForSelector(".tree a.trow", { timeout: WAIT });
	await page.locator(".tree a.trow").last().evaluate(press);
	await page.waitForSelector(".row .text", { timeout: WAIT });
	await page.goBack();
	await page.waitForSelector(".tree a.trow", { timeout: WAIT });
	await until(page, async () => (await scrolled()) === 420, "where it was scrolled to");
	// Each tab is where it was left.
	await page.locator(".tabs a", { hasText: "Functions" }).evaluate(press);
	await page.waitForSelector(".functions .trow", { timeout: WAIT });
	await scroll(450);
	await page.locator(".tabs a", { hasText: "Files" }).evaluate(press);
	await until(page, async () => (await scrolled()) === 420, "the files where they were");
	await page.locator(".tabs a", { hasText: "Functions" }).evaluate(press);
	await until(page, async () => (await scrolled()) === 450, "the functions where they were");
	await page.locator(".tabs a", { hasText: "Files" }).evaluate(press);
	await page.locator(".tree button.trow").first().evaluate(press);
	check((await page.locator(".tree a.trow").count()) === 0, "the folder does not close");
	await page.keyboard.press("g");
	await page.keyboard.press("o");
	await page.waitForSelector(".targets .trow", { timeout: WAIT });
	await page.goBack();
	await page.waitForSelector(".tree .trow", { timeout: WAIT });
	check((await page.locator(".tree a.trow").count()) === 0, "the folder is open again");
	await page.reload();
	await page.waitForSelector(".tree .trow", { timeout: WAIT });
	check((await page.locator(".tree a.trow").count()) === 0, "the folder is open after a reload");
	await page.context().close();
});

await test("Back shows a source where it was left", async () => {
	const page = await open();
	await page.goto(anchorOf(targetUrl, file));
	await page.waitForSelector(".row .text", { timeout: WAIT });
	const top = () => page.locator(".code").evaluate((code) => code.scrollTop);
	await page.locator(".code").evaluate((code) => code.scrollTo(0, 1234));
	await until(page, async () => (await page.evaluate(() => history.state?.view?.top)) === 1234, "it is kept");
	await page.keyboard.press("u");
	await page.waitForSelector(".tree .trow", { timeout: WAIT });
	await page.goBack();
	await page.waitForSelector(".row .text", { timeout: WAIT });
	await until(page, async () => (await top()) === 1234, "where it was");
	await page.context().close();
});

// What the service would say of other targets' jobs.
const JOBS = {
	failing: {
		states: { failed: 1, running: 3 },
		crashes: 7,
		worst: { name: "nightly", reason: "exit status 77: cannot open its dictionary" },
	},
	queued: { states: { queued: 2 }, crashes: 0, worst: null },
	live: { states: { running: 2 }, crashes: 12345, worst: null },
};

// An overview of ten targets more: their states, and their jobs.
async function farm(page) {
	const names = ["a-live", "b-failing", "c-silent", "d-queued", "e-waiting"];
	const states = ["live", "stale", "stale", "stale", "waiting"];
	await page.routeWebSocket(/./, (socket) => {
		const server = socket.connectToServer();
		server.onMessage((message) => {
			const list = typeof message === "string" && JSON.parse(message);
			if (list?.type !== "targets") return socket.send(message);
			const one = { pcs: 5000, table: 0, reason: "", lines: 1000, lines_reached: 300 };
			const more = names.map((name, i) => ({ ...one, id: 90000 + i, name, state: states[i] }));
			return socket.send(JSON.stringify({ ...list, targets: [...list.targets, ...more] }));
		});
	});
	await page.route("**/api/v1/jobs?by=target", async (route) => {
		const sum = (name, more) => ({ target: name, jobs: 4, troubled: 0, executions_per_second: 0, ...more });
		const targets = [sum(names[0], JOBS.live), sum(names[1], JOBS.failing), sum(names[3], JOBS.queued)];
		await route.fulfill({ json: { targets } });
	});
}

await test("the overview says in one look what needs somebody", async () => {
	for (const [width, scheme] of [
		[1280, "light"],
		[1280, "dark"],
		[390, "light"],
		[390, "dark"],
	]) {
		// prettier-ignore
		const page = await open(width, 860, scheme);
		await farm(page);
		await page.goto(base);
		await page.waitForSelector(".jobsum .bad", { timeout: WAIT });
		const row = (name) =>
			page.locator(".targets .trow", { has: page.locator("b", { hasText: new RegExp(`^${name}$`) }) });
		const says = async (name, state, reason) => {
			const [word, why] = [row(name).locator(".state"), row(name).locator(".reason")];
			await until(page, async () => (await word.innerText()) === state, `${name} is ${state}`);
			check((await why.innerText()) === reason, `${name}: ${await why.innerText()}`);
		};
		await says("b-failing", "failing", "nightly: exit status 77: cannot open its dictionary");
		await says("c-silent", "silent", "");
		await says("d-queued", "queued", "other jobs have their turn");
		await says("a-live", "live", "");
		check((await row("b-failing").locator(".state").getAttribute("class")) === "state bad", "it does not look bad");
		const order = await page.locator(".targets .trow b").allTextContents();
		check(order[0] === "b-failing" && order.at(-1) === "a-live", `in this order: ${order}`);
		const crashes = await row("b-failing").locator(".crashes").innerText();
		check(
			crashes.trim() === "7" && (await row("b-failing").locator(".crashes").isVisible()),
			`crashes: ${crashes}`,
		);
		check((await row("a-live").locator(".crashes").innerText()).trim() === "12.3k", "many crashes");
		check(!/\/s/.test(await row("a-live").innerText()), "two speeds in a row");
		await until(
			page,
			async () => /^\d+ problems?$/.test(await page.locator("#problems").innerText()),
			"the header says it",
		);
		check(await page.locator("#problems").isVisible(), "the header hides it");
		if (width === 1280) await whole(page, '.trow[href$="b-failing/"] .statebox', "its reason");
		const wide = await page.evaluate(() => document.documentElement.scrollWidth);
		check(wide <= width, `it is ${wide} wide`);
		await screen(page, `farm-${scheme}-${width}`);
		await page.context().close();
	}
});

await test("targets are filtered by name and by what is wrong, and the address says so", async () => {
	const page = await open();
	await farm(page);
	await page.goto(base);
	await page.waitForSelector(".jobsum .bad", { timeout: WAIT });
	const shown = () => page.locator(".targets .trow b").allTextContents();
	await page.locator(".filter").fill("LIVE");
	await until(page, async () => (await shown()).join() === "a-live", "the filter");
	check(new URL(page.url()).search === "?filter=LIVE", page.url());
	await page.locator(".filter").fill("nothing");
	await page.getByText("No target with “nothing” in its name is here now.").waitFor({ timeout: WAIT });
	await page.locator(".filter").fill("");
	await page.locator(".seg button", { hasText: "Failing 1" }).click();
	await until(page, async () => (await shown()).join() === "b-failing", "what fails");
	await page.goto(`${base}?state=failed`);
	await page.waitForSelector(".jobsum .bad", { timeout: WAIT });
	await until(page, async () => (await shown()).join() === "b-failing", "an address of former times");
	await page.context().close();
});

await test("the heads of long lists stay in sight", async () => {
	const page = await open(1280, 250);
	await farm(page);
	for (const [url, list] of [
		[base, ".targets"],
		[`${targetUrl}?view=functions`, ".functions"],
	]) {
		// prettier-ignore
		await page.goto(url);
		await page.waitForSelector(`${list} .thead`, { timeout: WAIT });
		await until(
			page,
			async () => {
				await page.evaluate(() => scrollTo(0, document.documentElement.scrollHeight));
				const { top } = await page.locator(`${list} .thead`).evaluate((head) => head.getBoundingClientRect());
				const first = await page
					.locator(`${list} [role="rowgroup"]`)
					.last()
					.evaluate((rows) => rows.getBoundingClientRect().top);
				return first < 60 && top >= 47 && top < 60;
			},
			`the head of ${list} in sight above rows that are not`,
		);
	}
	await page.context().close();
});

await test("crashes are seen on a small screen, too", async () => {
	const page = await open(390, 780);
	await page.route("**/api/v1/jobs?target=*", async (route) => {
		const response = await route.fetch(),
			json = await response.json();
		for (const job of json.jobs) Object.assign(job, { crashes: 3 });
		await route.fulfill({ response, json });
	});
	await page.goto(targetUrl);
	const crashes = page.locator(".jobs .crashes .found").first();
	await crashes.waitFor({ timeout: WAIT });
	const unit = await crashes.evaluate((one) => getComputedStyle(one, "::after").content);
	check((await crashes.innerText()) === "3" && unit === '" crashes"', `${await crashes.innerText()}${unit}`);
	await page.locator(".jobspanel").scrollIntoViewIfNeeded();
	await screen(page, "crashes-390");
	await page.context().close();
});

await test("each thing has one name", async () => {
	const page = await open();
	await page.goto(targetUrl);
	await page.waitForSelector(".jobs .trow", { timeout: WAIT });
	const tiles = await page.locator(".stats dt").allTextContents();
	check(tiles.join() === "Coverage,Executions,exec/s,Inputs kept,Last find", `tiles: ${tiles}`);
	const heads = await page.locator(".jobs .thead span").allTextContents();
	check(heads.includes("Executions") && heads.includes("exec/s"), `heads: ${heads}`);
	await page.goto(base);
	await page.waitForSelector(".targets .trow", { timeout: WAIT });
	const columns = (await page.locator(".targets .thead > span").allTextContents()).map((text) =>
		text.replace(/ [↑↓]$/, ""),
	);
	check(
		columns.join() === "Target,State,Jobs,exec/s,2 min,Executions,Coverage,Crashes,Last find",
		`columns: ${columns}`,
	);
	for (const [name, url, shown] of views) {
		await page.goto("about:blank");
		await page.goto(url);
		await page.waitForSelector(shown, { timeout: WAIT });
		const text = await page.evaluate(() => document.body.innerText);
		const other = text.match(/^Runs\b.*|.*Unique runs.*|.*without a line.*/m);
		check(!other, `${name} says ${other}`);
	}
	await page.context().close();
});

const REPORT = "==77==ERROR: AddressSanitizer: heap-buffer-overflow on address 0x502000000091";

await test("a log opens at the first line of the report, not at the end of its legend", async () => {
	const page = await open();
	const log = [
		"fuzzsupd: instance 0 starts: pid 77, time 1",
		...Array.from({ length: 300 }, (_, i) => `#${i}\tNEW    cov: ${i}`),
		`${"=".repeat(65)}`,
		REPORT,
		...Array.from({ length: 30 }, (_, i) => `    #${i} 0x55b1ea6f2a29 in f${i} /src/crash.c:8:20`),
		"SUMMARY: AddressSanitizer: heap-buffer-overflow",
		...Array.from({ length: 40 }, (_, i) => `  0x5020000000${i}: fa fa fd fa`),
	];
	await page.route("**/broken/log*", (route) => route.fulfill({ body: `${log.join("\n")}\n` }));
	await page.goto(targetUrl);
	await page.locator(".jobname", { hasText: "broken" }).click();
	const head = page.locator(".reportline");
	await head.waitFor({ timeout: WAIT });
	check((await head.innerText()) === REPORT, await head.innerText());
	const at = await head.evaluate(
		(one) => one.getBoundingClientRect().top - one.parentElement.getBoundingClientRect().top,
	);
	check(at >= 0 && at < 60, `it lies ${at} pixels below the top`);
	await page.locator(".joblog").scrollIntoViewIfNeeded();
	await screen(page, "report-light");
	await page.context().close();
});

await test("the growth has an axis, and no area on a base that is not zero", async () => {
	for (const [width, scheme] of [
		[1280, "light"],
		[390, "dark"],
	]) {
		// prettier-ignore
		const page = await open(width, 860, scheme);
		await page.goto(targetUrl);
		await page.waitForSelector(".ticks span", { timeout: WAIT });
		const ticks = (await page.locator(".ticks span").allTextContents()).map((text) =>
			Number(text.replace(/,/g, "")),
		);
		check(ticks.length >= 3 && ticks.every((tick, i) => !i || tick > ticks[i - 1]), `ticks: ${ticks}`);
		const fills = await page
			.locator(".plot path")
			.evaluateAll((all) => all.map((path) => getComputedStyle(path).fill));
		check(
			fills.every((fill) => fill === "none"),
			`an area is filled with ${fills}`,
		);
		const label = await page.locator("svg.big").getAttribute("aria-label");
		const [low, high] = label.match(/[\d,]+/g).map((text) => Number(text.replace(/,/g, "")));
		check(ticks[0] <= low && ticks.at(-1) >= high, `${ticks} do not hold ${low} to ${high}`);
		await screen(page, `growth-${scheme}-${width}`);
		await page.context().close();
	}
});

await test("colours that the system forces leave what tells: bars, marks, tabs, choices", async () => {
	const page = await open();
	await page.emulateMedia({ forcedColors: "active" });
	const read = (selector, property, pseudo) =>
		page
			.locator(selector)
			.first()
			.evaluate((one, [name, part]) => getComputedStyle(one, part)[name], [property, pseudo]);
	// What is just being drawn anew is in no page for a moment, and has no style.
	const style = async (selector, property, pseudo) => {
		let value = "";
		const isThere = async () => (value = await read(selector, property, pseudo)) !== "";
		await until(page, isThere, `${property} of ${selector}`);
		return value;
	};
	await page.goto(targetUrl);
	await page.waitForSelector(".tree .trow", { timeout: WAIT });
	const differ = async (what, one, other) => check((await one) !== (await other), `${what}: both are ${await one}`);
	await differ(
		"a bar and what of it is filled",
		style(".bar i", "backgroundColor"),
		style(".bar", "backgroundColor"),
	);
	check((await style(".bar", "borderTopWidth")) === "1px", "a bar has no outline");
	await differ(
		"tabs",
		style(".tabs a[aria-current]", "borderBottomColor"),
		style(".tabs a:not([aria-current])", "borderBottomColor"),
	);
	await differ(
		"choices",
		style('.seg [aria-pressed="true"]', "backgroundColor"),
		style('.seg [aria-pressed="false"]', "backgroundColor"),
	);
	await differ(
		"the dot of a state",
		style(".state", "backgroundColor", "::before"),
		style("body", "backgroundColor"),
	);
	await screen(page, "target-forced");
	await page.goto(anchorOf(targetUrl, file));
	await page.waitForSelector(".row.hit", { timeout: WAIT });
	await differ(
		"lines with and without code",
		style(".row.hit > .mark", "borderLeftColor"),
		style('.row[data-line="1"] > .mark', "borderLeftColor"),
	);
	await page.keyboard.press("n");
	await page.waitForSelector(".row.miss.at, .row.idle.at, .row.part.at", { timeout: WAIT });
	const here = style(".row.at > .mark", "borderLeftStyle");
	await differ("marks of lines that were reached and not", here, style(".row.hit > .mark", "borderLeftStyle"));
	const strip = await page.locator(".map canvas").evaluate((canvas) => {
		const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
		return new Set(Array.from({ length: data.length / 4 }, (_, i) => data.slice(4 * i, 4 * i + 3).join())).size;
	});
	check(strip > 1, "the strip has one colour");
	await screen(page, "source-forced");
	await page.context().close();
});

await done();
