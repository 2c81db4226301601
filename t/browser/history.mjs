// SPDX-License-Identifier: MIT
// Looks at the history of a target in the page, and at how a line was reached first; says in TAP what it saw.
//
// usage: node history.mjs BASE-URL TARGET JOB FILE --stop COMMAND --start COMMAND --rebuild COMMAND [--screens FOLDER]
//
// JOB fuzzes TARGET, of which FILE is a source. The commands stop the service, start it, and build TARGET anew.

import { execSync } from "node:child_process";
import { parseArgs } from "node:util";

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

const command = { type: "string" };
const { values: options, positionals } = parseArgs({
	allowPositionals: true,
	options: { stop: command, start: command, rebuild: command, screens: command },
});
const [base, target, job, file] = positionals;
takePictures(options.screens);

const targetUrl = new URL(`t/${encodeURIComponent(target)}/`, base).href;
const historyUrl = `${targetUrl}?view=history&range=5m`;
const api = `${base}api/v1/targets/${encodeURIComponent(target)}`;
const page = await open(1280, 1300);
const SHOWN = ".plotrow .u-over";
const radio = (name, on = page) => on.getByRole("radio", { name, exact: true });
const value = (column, on = page) => on.locator(`.plotrow[data-column="${column}"] b`).innerText();
const queryOf = (on = page) => new URL(on.url()).searchParams;
const history = async () => (await page.request.get(`${api}/history`)).json();

async function until(condition, what) {
	for (const end = Date.now() + WAIT; Date.now() < end; await page.waitForTimeout(50)) if (await condition()) return;
	throw new Error(`waited for: ${what}`);
}

const drawn = (on = page) =>
	on.waitForFunction(
		(selector) => document.querySelector(selector) && !document.querySelector(".stage.covered"),
		SHOWN,
		{ timeout: WAIT },
	);
const isHistory = (request) => request.url().startsWith(`${api}/history`);

await test("a tab shows plots of what the archive has", async () => {
	await until(async () => (await history()).covered.at(-1) > 0, "samples");
	await page.goto(targetUrl);
	await live(page);
	check((await page.locator(".u-over").count()) === 0, "plots before anybody wants them");
	await page.locator(".tabs a", { hasText: "History" }).click();
	await drawn();
	check(queryOf().get("view") === "history", page.url());
	const columns = await page.locator(".plotrow").evaluateAll((rows) => rows.map((row) => row.dataset.column));
	check(
		columns.join() === "covered,executions_per_second,corpus,memory",
		`plots of ${columns.join()}, and none of crashes`,
	);
	await until(
		async () => (await value("covered")) === String((await history()).covered.at(-1)),
		"the newest coverage",
	);
	check(/^\d+ MiB$/.test(await value("memory")), await value("memory"));
	const said = await page.getByRole("img", { name: /^Coverage: \d+ to \d+ PCs$/ }).count();
	check(said === 1, "nobody hears what the plot shows");
});

await test("it goes on by small questions, while it is looked at", async () => {
	const answer = await page.waitForResponse((one) => isHistory(one.request()), { timeout: WAIT });
	const next = await page.waitForResponse((one) => isHistory(one.request()) && one !== answer, { timeout: WAIT });
	const { t } = await next.json();
	check(t.length < 30, `it asked for ${t.length} samples once more`);
	let asked = 0;
	page.on("request", (request) => isHistory(request) && asked++);
	// Each of these is a time at which it would ask if the tab were shown.
	const hide = (hidden) =>
		page.evaluate((isHidden) => {
			Object.defineProperty(document, "hidden", { configurable: true, get: () => isHidden });
			document.dispatchEvent(new Event("visibilitychange"));
		}, hidden);
	await hide(true);
	await page.evaluate(() => performance.now());
	asked = 0;
	for (let i = 0; i < 5; i++) await hide(true);
	check(asked === 0, "a hidden tab asks");
	await hide(false);
	await until(() => asked > 0, "it asks again");
});

await test("ranges are chosen by keyboard, and stand in the address", async () => {
	await radio("1 h").focus();
	await page.keyboard.press("ArrowRight");
	await until(() => queryOf().get("range") === "1d", "the day");
	const chosen = () => page.evaluate(() => document.activeElement.textContent);
	check((await chosen()) === "1 day", "the focus is lost");
	check((await radio("1 day").getAttribute("aria-checked")) === "true", "it is not said to be chosen");
	await page.keyboard.press("ArrowLeft");
	await page.keyboard.press("ArrowLeft");
	await until(() => queryOf().get("range") === "5m", "five minutes");
	check((await page.locator('[role="radio"][tabindex="0"]').count()) === 1, "more than one stop for Tab");
	await page.goto(historyUrl);
	await drawn();
	check((await radio("5 min").getAttribute("aria-checked")) === "true", "the address is not followed");
});

// Where in the plot of a column, as a share of its width.
async function placeIn(column, share) {
	const box = await page.locator(`.plotrow[data-column="${column}"] .u-over`).boundingBox();
	return [box.x + box.width * share, box.y + box.height / 2];
}

await test("the cursor of one plot is that of all, and values are those under it", async () => {
	await page.mouse.move(...(await placeIn("corpus", 0.98)));
	const cursors = () =>
		page
			.locator(".u-cursor-x")
			.evaluateAll((all) => all.map((one) => one.style.transform + one.classList.contains("u-off")));
	await until(async () => new Set(await cursors()).size === 1, "one place for all");
	check(!(await cursors())[0].includes("true"), "no cursor");
	await page.locator(".when:not(.dim)").waitFor({ timeout: WAIT });
	await page.mouse.move(5, 5);
	await page.locator(".when.dim").waitFor({ timeout: WAIT });
});

await test("dragging zooms, Back and a double click end it", async () => {
	check(await page.getByRole("button", { name: "Reset zoom" }).isHidden(), "there is a zoom to reset");
	const drag = async () => {
		await page.mouse.move(...(await placeIn("covered", 0.5)));
		await page.mouse.down();
		await page.mouse.move(...(await placeIn("covered", 0.75)), { steps: 4 });
		await page.mouse.up();
		await until(() => queryOf().get("from"), "a zoom");
	};
	await drag();
	const seconds = (Number(queryOf().get("to")) - Number(queryOf().get("from"))) / 1000;
	check(seconds > 70 && seconds < 80, `a quarter of five minutes are ${seconds} s`);
	await page.goBack();
	await until(() => !queryOf().get("from"), "Back");
	await drawn();
	await drag();
	await page.getByRole("button", { name: "Reset zoom" }).waitFor({ timeout: WAIT });
	// Where nobody looked nothing is drawn, and it can be left from there, too.
	await page.locator(".stage").evaluate((stage) => stage.scrollIntoView());
	if (await page.locator(".stage.covered").count()) await page.getByRole("button", { name: "Reset zoom" }).click();
	else await page.mouse.dblclick(...(await placeIn("memory", 0.5)));
	await until(() => !queryOf().get("from"), "the whole range");
	check(queryOf().get("range") === "5m", "another range");
	await drawn();
});

await test("by keyboard alone: cursor, zoom, the whole range", async () => {
	await page.locator(".plotrows").focus();
	await page.keyboard.press("ArrowLeft");
	const said = page.locator(".plots [role='status']");
	await until(async () => /: Coverage \d+, Executions/.test(await said.innerText()), "the values under the cursor");
	await page.keyboard.press("+");
	await until(() => queryOf().get("from"), "a zoom");
	await page.locator(".plotrows").focus();
	await page.keyboard.press("Escape");
	await until(() => !queryOf().get("from"), "the whole range");
	await drawn();
});

await test("a job has a history of its own, without coverage", async () => {
	await page.getByLabel("Whose history").selectOption(job);
	await until(() => queryOf().get("job") === job, "its address");
	await until(async () => (await page.locator(".plotrow").count()) === 3, "its plots");
	await until(async () => /\d/.test(await value("executions_per_second")), "its speed");
	await page.getByLabel("Whose history").selectOption("");
	await until(async () => (await page.locator(".plotrow").count()) === 4, "those of the target");
});

const row = (kind, on = page) => on.locator(".events .trow", { has: on.locator(".what", { hasText: kind }) });

await test("events are listed, the newest first", async () => {
	await row("job started").first().waitFor({ timeout: WAIT });
	check((await row("job started").first().locator(".job").innerText()) === job, "not its job");
	check(/ ago$/.test(await row("service").first().locator("time").getAttribute("title")), "no relative time");
	const times = await page.locator(".events time").evaluateAll((all) => all.map((one) => one.dateTime));
	check(times.join() === times.toSorted().reverse().join(), `their order: ${times.join()}`);
	await screen(page, "history-light");
});

await test("a new build and a restart of the service appear while one looks", async () => {
	const builds = await row("build").count(),
		starts = await row("service").count();
	execSync(options.rebuild);
	await until(async () => (await row("build").count()) > builds, "another build");
	const running = async () => (await (await page.request.get(`${base}api/v1/jobs?target=${target}`)).json()).jobs[0];
	await until(async () => (await running()).state === "running", "its job");
	// What is not there cannot answer.
	expectConsole(() => true);
	execSync(options.stop);
	execSync(options.start);
	await live(page);
	await until(async () => (await row("service").count()) > starts, "its start");
	expectConsole(null);
	await drawn();
	const { t } = await history();
	await until(async () => (await history()).t.at(-1) > t.at(-1), "another sample");
	await screen(page, "history-marks-light");
});

await test("an archive that was begun anew is read anew", async () => {
	const other = await open(1280, 1300);
	await other.goto(historyUrl);
	await row("service", other).first().waitFor({ timeout: WAIT });
	// Its first event has a number that the page has seen.
	const event = { id: 1, time: Date.now(), kind: "service", target: "", job: "", text: "of a new archive" };
	await other.route("**/api/v1/events?**", (route) => {
		const after = new URL(route.request().url()).searchParams.get("after") ?? 0;
		return route.fulfill({ json: { events: after < event.id ? [event] : [], newest: event.id } });
	});
	const texts = other.locator(".events .trow .text");
	await until(async () => (await texts.allInnerTexts()).join() === event.text, "that event alone");
	await other.context().close();
});

await test("what is not known, and why, is said", async () => {
	const other = await open(1280, 1300);
	const says = (words) => other.locator(".stage .message", { hasText: words }).waitFor({ timeout: WAIT });
	await other.goto(`${targetUrl}?view=history&from=1000000000000&to=1000000300000`);
	await says("Nothing is known of that time: the service did not run");
	await screen(other, "history-empty");
	await other.route(`${api}/history**`, async (route) => {
		const response = await route.fetch(),
			columns = await response.json();
		for (const name of Object.keys(columns)) columns[name] = [];
		await route.fulfill({ response, json: columns });
	});
	await other.goto("about:blank");
	await other.goto(historyUrl);
	await says("Nothing is known of that time yet");
	await other.unroute(`${api}/history**`);
	await drawn(other);
	expectConsole((text) => /503|404/.test(text));
	const why = "the archive does not answer; try again";
	await other.route(`${api}/history**`, (route) => route.fulfill({ status: 503, body: `${why}\n` }));
	await other.goto("about:blank");
	await other.goto(historyUrl);
	await says(`503: ${why}. Trying again in`);
	await screen(other, "history-503");
	await other.unroute(`${api}/history**`);
	const again = () => other.getByRole("button", { name: "Try again now" }).click();
	await again();
	await drawn(other);
	expectConsole((text) => /ERR_FAILED/.test(text));
	await other.route("**/uPlot.esm.js", (route) => route.abort());
	await other.goto("about:blank");
	await other.goto(historyUrl);
	await says("The plots could not be loaded");
	await other.unroute("**/uPlot.esm.js");
	await again();
	await drawn(other);
	expectConsole(null);
	await other.context().close();
});

/** The first line of the file whose input was kept, and what the service says of it. */
async function keptLine() {
	for (let line = 1; line < 400; line++) {
		const answer = await page.request.get(`${api}/first?file=${encodeURIComponent(file)}&line=${line}`);
		const first = answer.ok() ? await answer.json() : {};
		if (first.input?.kept && first.input.size > 0) return { line, first };
	}
	throw new Error(`no line of ${file} has an input`);
}

const provenance = (on) => on.locator(".provenance");

await test("a line tells how it was reached first, with its input", async () => {
	const { line, first } = await keptLine();
	await page.goto(anchorOf(targetUrl, file, line));
	await until(async () => (await provenance(page).innerText()).includes(`by job ${job}`), "its job");
	check(await provenance(page).locator("pre[aria-label='Input']").isHidden(), "the input is fetched unasked");
	await page.getByRole("button", { name: "Show it" }).click();
	const shown = page.locator("pre[aria-label='Input']");
	await shown.waitFor({ timeout: WAIT });
	const bytes = await (await page.request.get(`${base}api/v1/inputs/${first.input.sha1}`)).body();
	check(bytes.length === first.input.size, `${bytes.length} bytes`);
	const hex = [...bytes.subarray(0, 8)].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
	await until(async () => (await shown.innerText()).startsWith(`0000  ${hex}`), "its bytes");
	await screen(page, "provenance-light");
	await page.getByRole("button", { name: "Text", exact: true }).click();
	await until(async () => !(await shown.innerText()).startsWith("0000  "), "its text");
	const saved = page.waitForEvent("download", { timeout: WAIT });
	await page.getByRole("link", { name: "Download" }).click();
	check((await saved).suggestedFilename() === first.input.sha1, (await saved).suggestedFilename());
	check(page.url().includes("#"), "the page went away");
	const run = await provenance(page).locator(".cmd pre").innerText();
	check(run === first.command.replace("INPUT", first.input.sha1), run);
	check(await provenance(page).getByRole("button", { name: "Copy" }).isVisible(), "it cannot be copied");
});

// What the service would say of another line.
async function pretend(on, answer) {
	await on.route(`${api}/first**`, (route) => route.fulfill(answer));
	await on.goto("about:blank");
	await on.goto(anchorOf(targetUrl, file, (await keptLine()).line));
	await provenance(on).waitFor({ timeout: WAIT });
	await until(async () => !(await provenance(on).innerText()).includes("Looking it up"), "an answer");
	const text = await provenance(on).innerText();
	await on.unroute(`${api}/first**`);
	return text;
}

await test("a line whose first input is not known says why", async () => {
	const other = await open(1280, 1300);
	const input = { sha1: "0".repeat(40), size: 2000000, kept: false };
	const cases = [
		[{ json: { pc: 1, time: 0 } }, /Before the service first looked[^]*With which input is not known/],
		[{ json: { pc: 1, time: 1e12, job, input } }, /2001[^]*by job[^]*2,000,000 bytes[^]*was not kept/],
		[{ status: 404, body: "that line was not reached\n" }, /Not known: that line was not reached\.[^]*Look again/],
		[{ status: 503, body: "the archive does not answer\n" }, /503: the archive does not answer\. Trying again/],
	];
	expectConsole((text) => /503|404/.test(text));
	for (const [answer, wanted] of cases) {
		const text = await pretend(other, answer);
		check(wanted.test(text), text);
	}
	expectConsole(null);
	await other.context().close();
});

await test("narrow, dark, and for all: axe has nothing to say", async () => {
	const axe = packageText("axe-core/axe.min.js"),
		found = [];
	const line = anchorOf(targetUrl, file, (await keptLine()).line);
	for (const [width, scheme] of [
		[1280, "light"],
		[1280, "dark"],
		[390, "light"],
		[390, "dark"],
	]) {
		const other = await open(width, 860, scheme);
		await other.goto(historyUrl);
		await drawn(other);
		await row("service", other).first().waitFor({ timeout: WAIT });
		await screen(other, `history-${scheme}-${width}`);
		for (const name of ["history", "line"]) {
			if (name === "line") {
				await other.goto(line);
				if (width < 1100) await other.getByRole("button", { name: "Details" }).click();
				await other.getByRole("button", { name: "Show it" }).click();
				await other.locator("pre[aria-label='Input']").waitFor({ timeout: WAIT });
				await screen(other, `provenance-${scheme}-${width}`);
			}
			await other.evaluate(axe);
			const { violations } = await other.evaluate(() =>
				window.axe.run({ rules: { "aria-allowed-role": { enabled: false } } }),
			);
			for (const { id, nodes } of violations)
				found.push(
					`${width} ${scheme} ${name}: ${id}: ${nodes[0].target.join(" ")}: ${nodes[0].failureSummary}`,
				);
			const needed = await other.evaluate(() => document.documentElement.scrollWidth);
			check(needed <= width, `${name} is ${needed} wide at ${width}`);
		}
		await other.context().close();
	}
	check(!found.length, found.join("; "));
});

await done();
