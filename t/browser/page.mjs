// SPDX-License-Identifier: MIT
// Looks at the page in a real Chromium and says in TAP what it saw.
//
// usage: node page.mjs BASE-URL TARGET [--screens FOLDER] [--expect FILE] [--stop COMMAND --start COMMAND] [--remove COMMAND --add COMMAND]
//        [--status COMMAND]
//
// --expect: JSON { "file name as in the source index": { "line": "hit" | "part" | "miss" | "idle" | "unknown", … }, … }, of coverage
// that stands still or only grows to it; lines not named must carry no mark. Without it the first file is opened.
// --stop, --start: shell commands that take the service away and bring it back at the same address.
// --status: a shell command that prints the targets as fuzzsupctl --json has them.
// --remove, --add: likewise for the target in its configuration.
// The browser: see harness.mjs.

import { execSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";

import { rate, short } from "../../share/web/dom.js";
import {
	WAIT,
	anchorOf,
	check,
	done,
	expectConsole,
	live,
	open,
	packageText,
	screen,
	takePictures,
	test,
} from "./harness.mjs";

const { values: options, positionals } = parseArgs({
	allowPositionals: true,
	options: Object.fromEntries(
		["screens", "expect", "stop", "start", "remove", "add", "status"].map((name) => [name, { type: "string" }]),
	),
});
const [base, target] = positionals;
if (!target) {
	process.stderr.write(
		"usage: page.mjs BASE-URL TARGET [--screens FOLDER] [--expect FILE] " +
			"[--stop COMMAND --start COMMAND] [--remove COMMAND --add COMMAND]\n",
	);
	process.exit(2);
}
const targetUrl = new URL(`t/${encodeURIComponent(target)}/`, base).href;
const expected = options.expect ? JSON.parse(readFileSync(options.expect, "utf8")) : null;
takePictures(options.screens);

const fileRows = (page) => page.waitForSelector(".tree .trow", { timeout: WAIT });
const page = await open();

await test("large and small numbers are short, and never rounded up to the next unit", async () => {
	const shown = [9999, 12345, 99999, 999999, 1930000, 2300000].map(short).join(" · ");
	check(shown === "9,999 · 12.3k · 99.9k · 999k · 1.93 M · 2.30 M", shown);
	check([0, 0.04, 0.4, 999].map(rate).join(" · ") === "0 · <0.1 · 0.4 · 999", String([0, 0.04, 0.4, 999].map(rate)));
});

await test("the overview shows the target", async () => {
	await page.goto(base);
	await live(page);
	const row = page.locator(".targets .trow", {
		has: page.locator("b", { hasText: new RegExp(`^${target.replace(/\W/g, "\\$&")}$`) }),
	});
	await row.waitFor({ timeout: WAIT });
	await screen(page, "overview-light");
	await row.click();
	check(page.url() === targetUrl, `a click leads to ${page.url()}`);
});

await test("the target's runs grow without a reload", async () => {
	await page.waitForSelector(".stats dd", { timeout: WAIT });
	const runs = () => page.locator(".stats dd").nth(1).getAttribute("title");
	const before = Number((await runs()).replace(/\D/g, ""));
	await page.waitForFunction(
		(old) => Number(document.querySelectorAll(".stats dd")[1].title.replace(/\D/g, "")) > old,
		before,
		{ timeout: WAIT },
	);
});

await test("the tree lists files with percentages", async () => {
	await fileRows(page);
	const text = await page.locator(".tree .trow").first().innerText();
	check(/\d+\.\d%/.test(text), `the first row says ${text}`);
	await screen(page, "target-light");
});

/** What functions.json counts, and what is of none of them. */
async function functionSums() {
	const { totals } = await (await page.request.get(`${targetUrl}functions.json`)).json();
	return `${totals.lines_reached + totals.lines_reached_elsewhere}/${totals.lines + totals.lines_elsewhere}`;
}

function statusSums(name) {
	if (!options.status) return [];
	const one = JSON.parse(execSync(options.status, { encoding: "utf8" })).targets.find((each) => each.name === name);
	return [`${one.lines_reached}/${one.lines}`];
}

await test("lines are counted alike by the page, its tree, the API, its functions, the export and fuzzsupctl", async () => {
	const origin = new URL(targetUrl).origin,
		name = new URL(targetUrl).pathname.split("/").at(-2);
	const numbers = (text) =>
		(text ?? "")
			.match(/[\d,]+ of [\d,]+ lines/)?.[0]
			.match(/[\d,]+/g)
			.map((one) => Number(one.replace(/,/g, "")))
			.join("/") ?? text;
	let all = [];
	for (const until = Date.now() + WAIT; Date.now() < until; ) {
		const lcov = (await (await page.request.get(`${targetUrl}coverage.lcov`)).text())
			.split("\n")
			.filter((line) => line.startsWith("DA:"));
		const entry = (await (await page.request.get(`${origin}/api/v1/targets`)).json()).targets.find(
			(one) => one.name === name,
		);
		const rows = await page.locator(".tree a.trow .cov").evaluateAll((bars) => bars.map((bar) => bar.title));
		const sums = rows
			.map((title) => numbers(title).split("/").map(Number))
			.reduce((sum, one) => [sum[0] + one[0], sum[1] + one[1]], [0, 0]);
		all = [
			`${lcov.filter((line) => line.endsWith(",1")).length}/${lcov.length}`,
			`${entry.lines_reached}/${entry.lines}`,
			await functionSums(),
			...statusSums(name),
			numbers(await page.locator(".stats small").first().textContent()),
			sums.join("/"),
		];
		if (new Set(all).size === 1) break;
	}
	check(
		new Set(all).size === 1 && /^[1-9]\d*\/[1-9]\d*$/.test(all[0]),
		`export, API, page and tree say ${all.join(", ")}`,
	);
});

const onRow = (on) => on.evaluate(() => document.activeElement.matches(".trow"));

await test("a folder closes and opens by keyboard, and keeps the focus", async () => {
	const rows = () => page.locator(".tree .trow").count();
	const before = await rows();
	await page.keyboard.press("j");
	for (const more of [false, true]) {
		await page.keyboard.press("Enter");
		check(((await rows()) === before) === more, `${await rows()} of ${before} rows are there`);
		check(await onRow(page), "the focus is lost");
	}
});

const functionsUrl = `${targetUrl}?view=functions`;
const functionRows = (on) => on.waitForSelector(".functions .trow", { timeout: WAIT });
const labels = (on) => on.locator(".functions .trow .label").allTextContents();
let functions = [];

await test("functions are listed with their coverage, least reached first", async () => {
	await page.locator(".tabs a", { hasText: "Functions" }).click();
	check(page.url() === functionsUrl, `the tab leads to ${page.url()}`);
	await functionRows(page);
	let wrong = "";
	for (const until = Date.now() + WAIT; Date.now() < until; ) {
		functions = (await (await page.request.get(`${targetUrl}functions.json`)).json()).functions;
		const total = (one) => one.lines || one.pcs,
			left = (one) => (one.lines ? one.lines - one.lines_reached : one.pcs - one.covered);
		const numbers = ({ lines, lines_reached, lines_partly, covered, pcs }) =>
			lines
				? `${lines_reached}/${lines} lines, ${lines_partly || "–"} partly, ${covered}/${pcs} PCs`
				: `${covered}/${pcs} PCs, ? partly`;
		const wanted = functions
			.map((one, i) => ({ ...one, i }))
			.sort((a, b) => left(b) - left(a) || total(b) - total(a) || a.i - b.i)
			.map((one) => `${one.name} ${numbers(one)} ${one.file?.split("/").at(-1)}:${one.line}`);
		const shown = await page.locator(".functions .trow").evaluateAll((rows) =>
			rows
				.sort((a, b) => parseFloat(a.style.top) - parseFloat(b.style.top))
				.map((row) => {
					const title = row.querySelector(".cov").title.replace(/,/g, "");
					const lines = title.match(/(\d+) of (\d+) lines/),
						pcs = title.match(/(\d+) of (\d+) PCs/);
					const partly = row.querySelector(".ways").textContent;
					const where = row.querySelector(".where .file") ?? row.querySelector(".where");
					const counts = lines
						? `${lines[1]}/${lines[2]} lines, ${partly} partly, ${pcs[1]}/${pcs[2]} PCs`
						: `${pcs[1]}/${pcs[2]} PCs, ${partly} partly`;
					return `${row.querySelector(".label").textContent} ${counts} ${where.textContent}`;
				}),
		);
		wrong =
			shown
				.map((text, i) => (text === wanted[i] ? "" : `row ${i} shows ${text}, expected ${wanted[i]}`))
				.find(Boolean) ?? (shown.length ? "" : "no rows");
		if (!wrong) break;
	}
	check(!wrong, wrong);
	check(
		functions.some(({ lines }) => lines > 0),
		"no function has lines",
	);
	await screen(page, "functions-light");
});

await test("functions are sorted and filtered, and the address says how", async () => {
	await page.locator(".functions .thead button", { hasText: "Function" }).click();
	await page.waitForURL(/sort=name/);
	const names = functions.map((one) => one.name).sort();
	await page.waitForFunction(
		(first) => document.querySelector('.functions .trow[style*="top: 0px"] .label')?.textContent === first,
		names[0],
		{ timeout: WAIT },
	);
	const wanted = names.find(
		(name) => names.filter((other) => other.toLowerCase().includes(name.toLowerCase())).length === 1,
	);
	await page.locator(".filter").fill(wanted.toUpperCase());
	await page.waitForFunction(() => document.querySelectorAll(".functions .trow").length === 1, null, {
		timeout: WAIT,
	});
	check(String(await labels(page)) === wanted, `the filter shows ${await labels(page)}`);
	check(await page.locator(".filter").evaluate((input) => input === document.activeElement), "typing lost the focus");
	await page.reload();
	await functionRows(page);
	check(String(await labels(page)) === wanted, "the address does not keep the filter");
	await page.locator(".filter").fill("");
	for (const [state, label] of [
		["uncovered", "Never entered"],
		["partial", "In part"],
		["covered", "Whole"],
	]) {
		const listed = (await (await page.request.get(`${targetUrl}functions.json?state=${state}`)).json()).functions;
		await page.locator(".tools button", { hasText: label }).click();
		await page.waitForURL(new RegExp(`state=${state}`));
		await page.waitForFunction(
			(count) => Number(document.querySelector(".functions").getAttribute("aria-rowcount")) === count + 1,
			listed.length,
			{ timeout: WAIT },
		);
		const shown = await labels(page);
		check(
			shown.every((name) => listed.some((one) => one.name === name)),
			`${state}: ${shown}`,
		);
	}
});

await test("a function opens at its line, and [ and ] go to its neighbours", async () => {
	const lines = (file) =>
		[...new Set(functions.filter((one) => one.file === file && one.line).map((one) => one.line))].sort(
			(a, b) => a - b,
		);
	const one = functions.find(({ file }) => file && !file.startsWith("/") && lines(file).length > 1);
	if (!one) return "no file with two functions";
	const all = lines(one.file),
		at = all.indexOf(one.line);
	await page.goto(`${functionsUrl}&filter=${encodeURIComponent(one.name)}`);
	await functionRows(page);
	await page
		.locator(".functions .trow")
		.filter({ has: page.getByText(one.name, { exact: true }) })
		.first()
		.click();
	const reached = async (line) => {
		await page.waitForSelector(`.row.at[data-line="${line}"]`, { timeout: WAIT });
		check(
			decodeURIComponent(new URL(page.url()).hash) === `#${one.file}:${line}`,
			`line ${line} is shown at ${page.url()}`,
		);
	};
	await reached(one.line);
	const [there, back] = at + 1 < all.length ? ["]", "["] : ["[", "]"];
	await page.keyboard.press(there);
	await reached(all[at + (there === "]" ? 1 : -1)]);
	await page.keyboard.press(back);
	await reached(one.line);
	await page.goto(targetUrl);
	await fileRows(page);
	return undefined;
});

// The file to look at: the first expected, else the first in the tree that can be fetched.
async function fileToOpen() {
	if (expected) return Object.keys(expected)[0];
	const hashes = await page
		.locator(".tree a.trow")
		.evaluateAll((rows) => rows.map((row) => new URL(row.href).hash.slice(1)));
	return decodeURIComponent(hashes.find((hash) => !hash.startsWith("/")) ?? "");
}

const anchor = (name, line) => anchorOf(targetUrl, name, line);
let file = "";

await test("a file opens with its source and marks", async () => {
	file = await fileToOpen();
	check(file, "no file below the source roots in the tree");
	await page.goto(anchor(file));
	await page.waitForSelector(".row .text", { timeout: WAIT });
	await page.waitForSelector(".row.hit, .row.miss, .row.part", { timeout: WAIT });
	await screen(page, "source-light");
});

// What all lines show, collected while scrolling through the file.
async function lineStates() {
	return page.evaluate(async () => {
		const code = document.querySelector(".code"),
			states = {};
		const frame = () => new Promise((next) => requestAnimationFrame(() => requestAnimationFrame(next)));
		for (let top = 0; ; top += code.clientHeight) {
			code.scrollTop = top;
			await frame();
			for (const row of code.querySelectorAll(".row")) {
				const state = ["hit", "miss", "part", "idle", "unknown"].find((name) => row.classList.contains(name));
				if (state) states[row.dataset.line] = state;
				else delete states[row.dataset.line];
			}
			if (top >= code.scrollHeight) return states;
		}
	});
}

await test("marks on lines are the expected ones", async () => {
	if (!expected) return "no --expect";
	for (const [name, wanted] of Object.entries(expected)) {
		await page.goto(anchor(name));
		await page.waitForFunction(
			(text) =>
				document.querySelector(".view.source.haslines h1")?.title === text &&
				document.querySelector(".row.hit, .row.miss, .row.part"),
			name,
			{ timeout: WAIT },
		);
		let wrong = [];
		for (const until = Date.now() + WAIT; Date.now() < until; ) {
			const seen = await lineStates();
			const lines = new Set([...Object.keys(seen), ...Object.keys(wanted)]);
			wrong = [...lines]
				.filter((line) => seen[line] !== wanted[line])
				.map((line) => `${name}:${line} shows ${seen[line]}, expected ${wanted[line]}`);
			if (!wrong.length) break;
		}
		check(!wrong.length, `${wrong.length} lines differ: ${wrong.slice(0, 10).join("; ")}`);
	}
	return undefined;
});

await test("source is copied as it is, in order, without marks", async () => {
	if (!expected) return "no --expect";
	const last = (lines) => Math.max(...Object.keys(lines).map(Number));
	const long = Object.entries(expected).reduce((a, b) => (last(a[1]) < last(b[1]) ? b : a))[0]; // the longest file
	await page.goto(anchor(long));
	await page.waitForFunction(
		(text) => document.querySelector(".view.source h1")?.title === text && document.querySelector(".row .text"),
		long,
		{ timeout: WAIT },
	);
	const source = (
		await (await page.request.get(`${targetUrl}src/${long.split("/").map(encodeURIComponent).join("/")}`)).text()
	).split("\n");
	const box = await page.locator(".code").boundingBox();
	const scrollTo = async (top) => {
		await page.locator(".code").evaluate((code, y) => code.scrollTo(0, y), top);
		await page.waitForFunction((y) => document.querySelector(`.row[data-line="${y / 20 + 3}"]`), top, {
			timeout: WAIT,
		});
	};
	await page.evaluate(() =>
		document.addEventListener("copy", (event) => (window.copied = event.clipboardData.getData("text/plain"))),
	);
	// Down and up again, so that the first rows were made last; then beyond what is drawn at once.
	for (const [end, then] of [
		[25, 0],
		[12, 1200],
	]) {
		await scrollTo(1400);
		await scrollTo(0);
		await page.mouse.move(box.x + 155, box.y + 2 * 20 + 10);
		await page.mouse.down();
		await page.mouse.move(box.x + 300, box.y + 4 * 20 + 10, { steps: 3 });
		if (then) await scrollTo(then);
		await page.mouse.move(box.x + box.width - 40, box.y + (end - 1) * 20 + 10, { steps: 5 });
		await page.mouse.up();
		await page.keyboard.press("Control+c");
		const until = end + then / 20,
			copied = (await page.evaluate(() => window.copied)) ?? "";
		check(
			copied === source.slice(2, until).join("\n"),
			`lines 3 to ${until} are copied as ${JSON.stringify(copied.slice(0, 200))} … of ${copied.split("\n").length} lines`,
		);
		await page.evaluate(() => getSelection().removeAllRanges());
	}
	await page.mouse.click(box.x + 300, box.y + 110);
	await page.keyboard.press("Control+a");
	await page.keyboard.press("Control+c");
	check(
		(await page.evaluate(() => window.copied)) === source.join("\n").replace(/\n$/, ""),
		"Ctrl-A does not copy the whole file",
	);
	return undefined;
});

await test("the source takes keys at once, and is one stop for Tab", async () => {
	const other = await open();
	await other.goto(anchor(file));
	await other.waitForSelector(".row .text", { timeout: WAIT });
	await other.keyboard.press("PageDown");
	await other.waitForFunction(() => document.querySelector(".code").scrollTop > 200, null, { timeout: WAIT });
	await other.keyboard.press("Tab");
	check(
		!(await other.evaluate(() => document.querySelector(".code").contains(document.activeElement))),
		"Tab goes on within the source",
	);
	await other.context().close();
});

await test("a deep link scrolls to its line, also by the end of a path", async () => {
	await page.goto(anchor(file));
	await page.waitForFunction(
		(text) => document.querySelector(".view.source h1")?.title === text && document.querySelector(".row .text"),
		file,
		{ timeout: WAIT },
	);
	const lines = await page.locator(".rows").evaluate((rows) => Math.round(rows.offsetHeight / 20));
	const line = Math.max(1, Math.floor(lines * 0.8));
	const other = await open();
	for (const name of [file, file.split("/").slice(-1)[0]]) {
		await other.goto("about:blank");
		await other.goto(anchor(name, line));
		await Promise.race([
			other.waitForSelector(`.row.at[data-line="${line}"]`, { timeout: WAIT }),
			other.waitForSelector(".teach li", { timeout: WAIT }),
		]);
		if (await other.locator(".teach li").count()) continue; // several files end so: the page lets choose
		check(
			await other.locator(`.row.at[data-line="${line}"]`).evaluate((row) => {
				const box = row.getBoundingClientRect();
				return box.top >= 0 && box.bottom <= innerHeight;
			}),
			`line ${line} is not in sight`,
		);
	}
	await other.context().close();
});

await test("the page comes back by itself when the service does", async () => {
	if (!options.stop || !options.start) return "no --stop and --start";
	expectConsole((text) => /WebSocket connection|ERR_CONNECTION_REFUSED|Failed to load resource/.test(text));
	await page.goto(targetUrl);
	await live(page);
	const list = await open();
	await list.goto(base);
	await list.waitForSelector(".targets .trow", { timeout: WAIT });
	await list.keyboard.press("j");
	execSync(options.stop, { stdio: "ignore" });
	await page.waitForSelector("#link.reconnecting, #link.away", { timeout: WAIT });
	check(await page.evaluate(() => document.body.classList.contains("away")), "the numbers are not dimmed");
	await screen(page, "away-light");
	execSync(options.start, { stdio: "ignore" });
	await live(page);
	expectConsole(null);
	const runs = await page.locator(".stats dd").nth(1).getAttribute("title");
	await page.waitForFunction((old) => document.querySelectorAll(".stats dd")[1].title !== old, runs, {
		timeout: 2 * WAIT,
	});
	await fileRows(page);
	await live(list);
	check(await onRow(list), "the list of targets lost the focus");
	await list.context().close();
	return undefined;
});

await test("a link to a target that is not there says so", async () => {
	const other = await open();
	for (const url of ["t/none/", "t/none/#main.c:3"]) {
		await other.goto(new URL(url, base).href);
		await other.getByText('There is no target "none".').waitFor({ timeout: WAIT });
		check(
			!(await other.locator(".stats, aside").evaluateAll((all) => all.some((one) => one.offsetHeight))),
			"it shows numbers",
		);
	}
	await other.context().close();
});

await test("a target that is taken out leaves none of its numbers", async () => {
	if (!options.remove || !options.add) return "no --remove and --add";
	const source = await open();
	await source.goto(anchor(file));
	await source.waitForSelector(".row .text", { timeout: WAIT });
	execSync(options.remove, { stdio: "ignore" });
	for (const on of [page, source]) await on.getByText(`There is no target "${target}".`).waitFor({ timeout: WAIT });
	check(
		!(await page
			.locator(".stats, .titlebar .state, .entries")
			.evaluateAll((all) => all.some((one) => one.offsetHeight))),
		"the target's view shows numbers",
	);
	check(
		!(await source
			.locator(".src, .titlebar .cov, aside")
			.evaluateAll((all) => all.some((one) => one.offsetHeight))),
		"the source's view shows numbers",
	);
	await screen(page, "removed-light");
	execSync(options.add, { stdio: "ignore" });
	await fileRows(page);
	await page.waitForFunction(() => document.querySelector(".stats").offsetHeight > 0, null, { timeout: WAIT });
	await source.waitForSelector(".row .text", { timeout: WAIT });
	await source.context().close();
	return undefined;
});

const shownBy = (name) => ({ source: ".row .text", functions: ".functions .trow" })[name] ?? ".trow";
const background = (on) => on.evaluate(() => getComputedStyle(document.body).backgroundColor);

await test("nothing keeps anybody from using a view, says axe", async () => {
	const axe = packageText("axe-core/axe.min.js");
	const found = [];
	for (const [width, scheme] of [
		[1280, "light"],
		[1280, "dark"],
		[390, "light"],
	]) {
		const other = await open(width, 860, scheme);
		for (const [name, url] of [
			["overview", base],
			["target", targetUrl],
			["functions", functionsUrl],
			["source", anchor(file)],
		]) {
			await other.goto("about:blank");
			await other.goto(url);
			await live(other);
			await other.waitForSelector(shownBy(name), { timeout: WAIT });
			await other.evaluate(axe);
			// A row that is a link as a whole is how rows are opened here.
			const { violations } = await other.evaluate(() =>
				window.axe.run({ rules: { "aria-allowed-role": { enabled: false } } }),
			);
			for (const { id, impact, nodes } of violations)
				found.push(
					`${width} ${scheme} ${name}: ${impact} ${id}: ${nodes.length} × ${nodes[0].target.join(" ")}: ` +
						nodes[0].failureSummary,
				);
		}
		await other.context().close();
	}
	check(!found.length, found.join("; "));
});

await test("dark by the system's wish, and by key", async () => {
	const dark = await open(1280, 860, "dark");
	for (const [name, url] of [
		["overview", base],
		["target", targetUrl],
		["functions", functionsUrl],
		["source", anchor(file)],
	]) {
		await dark.goto(url);
		await live(dark);
		await dark.waitForSelector(shownBy(name), { timeout: WAIT });
		await screen(dark, `${name}-dark`);
	}
	const before = await background(dark);
	await dark.keyboard.press("t");
	const after = await background(dark);
	check(before !== after, `the background stays ${before}`);
	await dark.reload();
	check((await background(dark)) === after, "the theme is not kept");
	await dark.context().close();
});

await test("390 pixels need no horizontal scrolling", async () => {
	const phone = await open(390, 780);
	for (const [name, url] of [
		["overview", base],
		["target", targetUrl],
		["functions", functionsUrl],
		["source", anchor(file)],
	]) {
		await phone.goto(url);
		await live(phone);
		await phone.waitForSelector(shownBy(name), { timeout: WAIT });
		if (name === "functions") await phone.locator(".functions").evaluate((table) => table.scrollIntoView());
		await screen(phone, `${name}-390`);
		const width = await phone.evaluate(() => document.documentElement.scrollWidth);
		check(width <= 390, `${name} is ${width} wide`);
	}
	await phone.context().close();
});

await test("figures", async () => {
	const fresh = await open();
	await fresh.goto(targetUrl);
	await fileRows(fresh);
	const shown = await fresh.evaluate(() => performance.now());
	const index = await fresh.evaluate(() => performance.getEntriesByName("index")[0]?.duration ?? 0);
	await fresh.goto(anchor(file));
	await fresh.waitForSelector(".row .text", { timeout: WAIT });
	const jumps = await fresh.evaluate(async () => {
		const code = document.querySelector(".code"),
			times = [];
		for (let i = 0; i < 20; i++) {
			const start = performance.now();
			code.scrollTop = (code.scrollHeight * ((i * 7) % 20)) / 20;
			await new Promise((next) => requestAnimationFrame(() => setTimeout(next)));
			times.push(performance.now() - start);
		}
		return times.sort((a, b) => a - b);
	});
	process.stdout.write(
		`# tree shown ${shown.toFixed(0)} ms after navigation (index fetched and parsed in ${index.toFixed(0)} ms); ` +
			`scroll jump median ${jumps[10].toFixed(1)} ms, slowest ${jumps[19].toFixed(1)} ms\n`,
	);
	await fresh.context().close();
});

await done();
