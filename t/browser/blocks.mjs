// SPDX-License-Identifier: MIT
// Looks at the page of a target whose block table comes late, or never; says in TAP what it saw.
//
// usage: node blocks.mjs BASE-URL TARGET FILE COMMAND [EDIT] [--screens FOLDER]
//
// FILE: one that inlined code alone names, as the index will name it. COMMAND: a shell command that lets the block
// table come; "": it never will. EDIT: one that changes that file.

import { execSync } from "node:child_process";
import { parseArgs } from "node:util";

import { WAIT, check, done, open, screen, takePictures, test } from "./harness.mjs";

const { values: options, positionals } = parseArgs({
	allowPositionals: true,
	options: { screens: { type: "string" } },
});
const [base, target, file, command, edit] = positionals;
const targetUrl = new URL(`t/${target}/`, base).href;
const word = command ? "late" : "never";
takePictures(options.screens);

const page = await open();
const unit = (on) => on.locator(".unit").innerText();
const tile = (on) => on.locator(".stats small").first().innerText();

await test(`${word}: without lines PCs are counted, which is said`, async () => {
	await page.goto(targetUrl);
	await page.waitForSelector(".tree .trow", { timeout: WAIT });
	const why = command ? /^counted in PCs until/ : /^counted in PCs, since lines are not known: .*died 3 times/;
	await page.waitForFunction(() => document.querySelector(".unit").textContent, null, { timeout: WAIT });
	check(why.test(await unit(page)), `it says ${await unit(page)}`);
	check(/ PCs$/.test(await tile(page)), `the tile says ${await tile(page)}`);
	const total = page.locator(".tree .trow .wide").first();
	check(/ PCs$/.test(await total.innerText()), `the tree says ${await total.innerText()}`);
	await screen(page, `blocks-${word}-light`);
	await page.setViewportSize({ width: 390, height: 780 });
	await screen(page, `blocks-${word}-390`);
	const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
	check(wide <= 0, `it is ${wide} pixels wider than a phone`);
	await page.setViewportSize({ width: 1280, height: 860 });
});

await test(`${word}: so are functions`, async () => {
	await page.goto(`${targetUrl}?view=functions`);
	await page.waitForSelector(".functions .trow", { timeout: WAIT });
	const row = page.locator(".functions .trow").first();
	check(/^\d+ of \d+ PCs reached$/.test(await row.locator(".cov").getAttribute("title")), await row.innerText());
	check(/ PCs$/.test(await row.locator("[role=cell]").last().innerText()), await row.innerText());
	await screen(page, `blocks-${word}-functions-light`);
	await page.goto(targetUrl);
	await page.waitForSelector(".tree .trow", { timeout: WAIT });
});

// In the page: what its tile said, all the time.
function watchTile() {
	window.said = [];
	const small = document.querySelector(".stats dd");
	new MutationObserver(() => window.said.push(small.textContent)).observe(small, {
		subtree: true,
		childList: true,
		characterData: true,
	});
}

if (command)
	await test("late: when they come lines are counted, files are added, and what is shown is never empty", async () => {
		const functions = await open(),
			source = await open();
		await functions.goto(`${targetUrl}?view=functions`);
		await functions.waitForSelector(".functions .trow", { timeout: WAIT });
		await source.goto(`${targetUrl}#${file.replace(/[^/]*$/, "user.c")}:7`);
		await source.waitForSelector(".row .text", { timeout: WAIT });
		const names = () => page.locator(".tree a.trow .label").allInnerTexts(),
			before = await names();
		await page.evaluate(watchTile);
		execSync(command);
		await page.waitForFunction(() => / lines$/.test(document.querySelector(".stats small").textContent), null, {
			timeout: WAIT,
		});
		const header = page.locator(".tree a.trow", { hasText: file.split("/").at(-1) });
		await header.waitFor({ timeout: WAIT });
		check((await names()).length === before.length + 1, `before ${before}, now ${await names()}`);
		check((await unit(page)) === "", `it still says ${await unit(page)}`);
		const said = await page.evaluate(() => window.said);
		check(!said.some((text) => /^(0\.0%|–)/.test(text)), `the tile said ${said.join(" | ")}`);
		await functions.waitForFunction(
			() => /lines reached/.test(document.querySelector(".functions .trow .cov")?.title ?? ""),
			null,
			{ timeout: WAIT },
		);
		await source.waitForSelector(".view.source.haslines .row.hit", { timeout: WAIT });
		check((await source.locator(".row.at").getAttribute("data-line")) === "7", "the source is not where it was");
		await header.click();
		await page.waitForSelector(".row .text", { timeout: WAIT });
		await page.waitForSelector(".row.hit, .row.part", { timeout: WAIT });
		check((await page.locator(".row.hit, .row.part").count()) > 0, "the header has no marks");
		await page.goBack();
		await screen(page, "blocks-come-light");
	});

if (edit)
	await test("late: a source that is edited under the fuzzer is told", async () => {
		const told = page.locator(".titlebar .pill.miss");
		check((await told.innerText()) === "", `it says ${await told.innerText()} before`);
		execSync(edit);
		// It is looked for once a minute, and before each export.
		await page.evaluate((url) => fetch(url).then((answer) => answer.text()), `${targetUrl}coverage.lcov`);
		await page.waitForFunction(
			() => document.querySelector(".titlebar .pill.miss").textContent === "1 source changed since the build",
			null,
			{ timeout: WAIT },
		);
		await screen(page, "blocks-edited-light");
		await page.setViewportSize({ width: 390, height: 780 });
		await screen(page, "blocks-edited-390");
		const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
		check(wide <= 0, `it is ${wide} pixels wider than a phone`);
	});

await done();
