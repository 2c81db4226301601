// SPDX-License-Identifier: MIT
// Looks at the jobs of a target in the page, and presses their buttons; says in TAP what it saw.
//
// usage: node jobs.mjs BASE-URL TARGET CALM-TARGET [--screens FOLDER]
//
// The jobs are those of t/0800-page.t; CALM-TARGET has none.

import { parseArgs } from "node:util";

import { WAIT, check, done, expectConsole, live, open, screen, takePictures, test } from "./harness.mjs";

const { values: options, positionals } = parseArgs({
	allowPositionals: true,
	options: { screens: { type: "string" } },
});
const [base, target, calm] = positionals;
takePictures(options.screens);

const targetUrl = new URL(`t/${encodeURIComponent(target)}/`, base).href;
const page = await open();
const row = (name, on = page) =>
	on.locator(".jobs .trow", { has: on.locator(".jobname", { hasText: new RegExp(`^${name}$`) }) });
const cell = (name, look, on = page) => row(name, on).locator(look).innerText();
const jobs = async () =>
	Object.fromEntries(
		(await (await page.request.get(`${base}api/v1/jobs?target=${target}`)).json()).jobs.map((job) => [
			job.name,
			job,
		]),
	);

async function until(condition, what) {
	for (const end = Date.now() + WAIT; Date.now() < end; await page.waitForTimeout(50)) if (await condition()) return;
	throw new Error(`waited for: ${what}`);
}

const isShown = (name, state) => until(async () => (await cell(name, ".state")) === state, `${name} shown as ${state}`);
const press = (name, what) =>
	row(name)
		.getByRole("button", { name: `${what} ${name}`, exact: true })
		.click();

await test("the panel lists the jobs with states and reasons", async () => {
	await page.goto(targetUrl);
	await live(page);
	await row("main").waitFor({ timeout: WAIT });
	const states = {
		main: "running",
		broken: "failed",
		"by-hand": "stopped",
		nightly: "queued",
		absent: "waiting",
		once: "done",
	};
	for (const [name, state] of Object.entries(states)) await isShown(name, state);
	const said = await jobs();
	for (const [name, state] of Object.entries(states)) {
		const reason = state === "queued" ? "others have their turn" : said[name].reason.replace(/^waiting /, "");
		check((await cell(name, ".reason")) === reason, `${name}: ${await cell(name, ".reason")}, expected ${reason}`);
	}
	check(/7/.test(await cell("broken", ".reason")), `broken does not say why: ${await cell("broken", ".reason")}`);
	check(
		(await page.locator(".jobs").locator("xpath=..").locator(".head").innerText()).includes("1 of 6 running"),
		"the head counts them",
	);
});

await test("what its engine says of a job is shown, and grows", async () => {
	const executions = async () =>
		Number(
			(await row("main").locator(".num.wide > span").first().getAttribute("title"))
				?.match(/^[\d,]+/)?.[0]
				.replace(/,/g, "") ?? 0,
		);
	await until(async () => (await executions()) > 0, "executions");
	const before = await executions();
	await until(async () => (await executions()) > before, "more executions");
	await until(async () => /\d/.test(await cell("main", ".rate")), "a rate");
	check((await cell("broken", ".rate")) === "–", "a job that does not run has a rate");
	check((await cell("main", ".name")).includes("2/2"), `instances: ${await cell("main", ".name")}`);
	await screen(page, "jobs-light");
});

await test("the newest lines of a file that was just opened show their text", async () => {
	const other = await open();
	await other.goto(`${targetUrl}#json_parse.c`);
	const texts = await other.waitForFunction(
		() =>
			document.querySelector(".row .text") &&
			document.querySelector(".newest a") &&
			[...document.querySelectorAll(".newest a > .mono")].map((text) => text.textContent),
		null,
		{ timeout: WAIT },
	);
	check((await texts.jsonValue()).every(Boolean), "a line without text");
	await other.context().close();
});

await test("a log opens, of any instance, and closes", async () => {
	await row("broken").locator(".jobname").click();
	const log = page.locator(".joblog pre");
	await until(async () => (await log.innerText()).includes("cannot find its dictionary"), "the log of broken");
	check(await page.locator(".joblog label").isHidden(), "one instance needs no choice");
	check(
		(await row("broken").locator(".jobname").getAttribute("aria-expanded")) === "true",
		"it is not said to be open",
	);
	await row("once").locator(".jobname").click();
	await until(async () => (await log.innerText()).includes("instance 0 starts"), "the log of instance 0");
	await page.getByLabel("Instance").selectOption("1");
	await until(async () => (await log.innerText()).includes("instance 1 starts"), "the log of instance 1");
	check(!(await log.innerText()).includes("instance 0 starts"), "both logs at once");
	await page.waitForResponse((answer) => answer.url().endsWith("/once/log?instance=1"), { timeout: WAIT });
	check((await page.getByLabel("Instance").inputValue()) === "1", "the choice is lost");
	await page.locator(".joblog").scrollIntoViewIfNeeded();
	await screen(page, "joblog-light");
	await page.getByRole("button", { name: "Close the log" }).click();
	check(await page.locator(".joblog").isHidden(), "the log stays");
});

await test("start, restart and stop do what they say", async () => {
	await press("by-hand", "Start");
	await isShown("by-hand", "queued");
	await press("by-hand", "Stop");
	await isShown("by-hand", "stopped");
	const before = (await jobs()).main.starts;
	await press("main", "Restart");
	await until(async () => (await jobs()).main.starts >= before + 2, "two more starts");
	await isShown("main", "running");
	await press("main", "Stop");
	await isShown("main", "stopped");
	check((await jobs()).main.running === 0, "something of it still runs");
	await isShown("nightly", "running");
	check(
		await row("main").getByRole("button", { name: "Restart main" }).isDisabled(),
		"what is stopped cannot be restarted",
	);
	await press("nightly", "Stop");
	await isShown("nightly", "stopped");
	await press("main", "Start");
	await isShown("main", "running");
});

await test("by keyboard alone", async () => {
	await press("main", "Stop");
	await isShown("main", "stopped");
	await row("once").locator(".jobname").focus();
	await page.keyboard.press("Enter");
	await until(async () => (await page.locator(".joblog pre").innerText()).includes("done"), "the log");
	await page.keyboard.press("Escape");
	check(await page.locator(".joblog").isHidden(), "Escape does not close the log");
	check(
		await row("once")
			.locator(".jobname")
			.evaluate((button) => button === document.activeElement),
		"the focus is lost",
	);
	await page.keyboard.press("Tab");
	check(
		(await page.evaluate(() => document.activeElement.getAttribute("aria-label"))) === "Start once",
		"Tab does not lead to its buttons",
	);
	const before = (await jobs()).once.starts;
	await page.keyboard.press("Space");
	await until(async () => (await jobs()).once.starts > before, "another start");
	await isShown("once", "done");
	await press("main", "Start");
	await isShown("main", "running");
	await row("once").locator(".acts .btn").first().focus();
	check(
		(await page.evaluate(() => document.activeElement.getAttribute("aria-label"))) === "Start once",
		"the focus is lost when the state changes",
	);
});

await test("a page from elsewhere cannot stop a job, and a refusal is shown", async () => {
	const url = `${targetUrl.replace(/t\/.*/, "")}api/v1/jobs/${target}/main/stop`;
	for (const origin of ["http://evil.example", "null", undefined]) {
		const answer = await page.request.post(url, { headers: origin ? { origin } : {} });
		check(answer.status() === 403, `${origin}: ${answer.status()}`);
	}
	check((await jobs()).main.state === "running", "it was stopped");
	expectConsole((text) => /403/.test(text));
	await page.route("**/main/stop", async (route) =>
		route.fulfill({ response: await page.request.post(url, { headers: { origin: "http://evil.example" } }) }),
	);
	await press("main", "Stop");
	await until(
		async () =>
			/could not be asked to stop: origin/.test(await page.locator('.jobspanel [role="status"]').innerText()),
		"the reason",
	);
	await page.unroute("**/main/stop");
	expectConsole(null);
	check((await jobs()).main.state === "running", "it was stopped");
});

// As the service would say it after some minutes, which nobody waits for. Not full minutes: the service's clock as the
// page knows it is behind by the time that its message took.
async function pretend(on, changes) {
	await on.route("**/api/v1/jobs?*", async (route) => {
		const response = await route.fetch(),
			json = await response.json();
		for (const job of json.jobs ?? []) Object.assign(job, changes(job, Date.now()));
		for (const sum of json.targets ?? []) Object.assign(sum, changes(sum, Date.now()));
		await route.fulfill({ response, json });
	});
}

await test("old numbers and standing still are said", async () => {
	const other = await open();
	await pretend(
		other,
		(job, now) =>
			({
				main: { health: "stale", health_since_ms: now - 312000 },
				once: { state: "running", reason: "", health: "stuck", health_since_ms: now - 730000 },
			})[job.name],
	);
	await other.goto(targetUrl);
	await row("main", other).waitFor({ timeout: WAIT });
	check((await cell("main", ".reason", other)) === "stats are 5 min old", await cell("main", ".reason", other));
	await pretend(
		other,
		(job, now) => ({ main: { health: "stale", health_since_ms: now - 690000, heard: false } })[job.name],
	);
	await until(
		async () => (await cell("main", ".reason", other)) === "nothing heard from it since its start 11 min ago",
		"a job that never spoke",
	);
	await pretend(
		other,
		(job, now) =>
			({ once: { state: "running", reason: "", health: "stuck", health_since_ms: now - 730000 } })[job.name],
	);
	await until(async () => (await cell("once", ".reason", other)) === "no progress for 12 min", "its trouble");
	check(/since /.test(await row("once", other).locator(".reason").getAttribute("title")), "no exact time");
	await other.locator(".jobs").scrollIntoViewIfNeeded();
	await screen(other, "jobs-stale-light");
	await other.context().close();
});

const sums = (on, name) =>
	on.locator(".targets .trow", { has: on.locator("b", { hasText: new RegExp(`^${name}$`) }) }).locator(".jobsum");

await test("the overview sums the jobs of each target up", async () => {
	await page.goto(base);
	await live(page);
	await until(
		async () =>
			(await sums(page, target).innerText()).replace(/ at [\d.]+( ?[kM])?\/s/, "") ===
			"1 failed · 1 running · 1 waiting · 2 stopped · 1 done",
		"the sum",
	);
	check((await sums(page, calm).innerText()) === "–", "a target without jobs");
	const title = await sums(page, target).getAttribute("title");
	check(/broken: .*7/.test(title) && /executions\/s/.test(title), `the title says ${title}`);
	await screen(page, "overview-jobs-light");
	await page.locator(".seg button", { hasText: "Failing 1" }).click();
	await page.waitForURL(/state=failing/);
	await until(async () => (await page.locator(".targets .trow").count()) === 1, "one row");
	await page.goto(`${base}?sort=-jobs`);
	await until(
		async () => (await page.locator(".targets .trow b").first().innerText()) === target,
		"failing jobs first",
	);
});

await test("a banner names what does not work, and is gone when all is well", async () => {
	const problem = (kind, subject, text, ago) => ({
		check: kind,
		subject,
		text,
		since_ms: ago ? Date.now() - ago : null,
	});
	const many = [
		problem("worker", "collector", "collector does not stay alive (signal 11, Segmentation fault); see the log", 0),
		...Array.from({ length: 7 }, (_, i) =>
			problem(
				"job-failed",
				`${target}/j${i}`,
				`job ${target}/j${i} failed: exit status 77, and ${"a long reason ".repeat(12)}`,
				190000,
			),
		),
	];
	const other = await open(390, 780);
	const banner = other.locator(".health");
	let answer = null;
	await other.route("**/api/v1/health", async (route) =>
		answer ? route.fulfill({ json: answer }) : route.continue(),
	);
	await other.goto(base);
	await live(other);
	await banner.waitFor({ timeout: WAIT });
	check((await banner.locator("h2").innerText()) === "1 problem", await banner.innerText());
	check(
		/^job \S+\/broken failed: .*7/.test(await banner.locator("li > span").first().innerText()),
		await banner.innerText(),
	);
	check(
		(await banner.locator("a").getAttribute("href")) === new URL(targetUrl).pathname,
		`it leads to ${await banner.locator("a").getAttribute("href")}`,
	);
	answer = { well: false, count: 12, problems: many };
	await until(async () => (await banner.locator("h2").innerText()) === "12 problems", "more problems");
	check(
		(await banner.locator("li:visible").count()) === 4 &&
			(await banner.locator("summary").innerText()) === "8 more",
		"the rest is folded",
	);
	check(
		/^for 3 min$/.test(await banner.locator("li .since").nth(1).innerText()),
		await banner.locator("li .since").nth(1).innerText(),
	);
	await banner.locator("summary").click();
	check(
		(await banner.locator("li:visible").count()) === 9 && /and 4 more/.test(await banner.innerText()),
		"unfolded",
	);
	check((await other.evaluate(() => document.documentElement.scrollWidth)) <= 390, "it is too wide");
	await screen(other, "health-390");
	await other.emulateMedia({ colorScheme: "dark" });
	await screen(other, "health-dark-390");
	answer = { well: true, count: 0, problems: [] };
	await banner.waitFor({ state: "hidden", timeout: WAIT });
	await other.context().close();
});

await test("the overview shows where nothing moves", async () => {
	const other = await open();
	await pretend(other, (sum, now) => ({
		states: { running: 3, queued: 1 },
		troubled: 1,
		worst: { name: "main", reason: "", health: "stuck", health_since_ms: now - 190000 },
	}));
	await other.goto(base);
	await other.waitForSelector(".jobsum .warn", { timeout: WAIT });
	check(
		/^1 stuck · 2 running( at \S+( M)?\/s)? · 1 queued$/.test(await sums(other, target).innerText()),
		await sums(other, target).innerText(),
	);
	check(
		(await sums(other, target).getAttribute("title")).includes("main: no progress for 3 min"),
		"the title does not say which",
	);
	check(await other.locator(".seg button", { hasText: "Failing 1" }).isVisible(), "no filter for it");
	await other.context().close();
});

const looks = [
	["dark", 1280, 860],
	["light", 390, 780],
	["dark", 390, 780],
];

await test("dark, and at 390 pixels", async () => {
	for (const [scheme, width, height] of looks) {
		const other = await open(width, height, scheme);
		for (const [name, url, shown] of [
			["overview-jobs", base, ".jobsum .bad"],
			["jobs", targetUrl, ".jobs .trow"],
		]) {
			await other.goto(url);
			await live(other);
			await other.waitForSelector(shown, { timeout: WAIT });
			if (name === "jobs") {
				await row("main", other).locator(".jobname").click();
				await until(async () => (await other.locator(".joblog pre").innerText()).includes("exec/s"), "the log");
				await other.locator(".jobs").evaluate((table) => table.scrollIntoView());
				for (const button of await row("main", other).getByRole("button").all())
					check(await button.isVisible(), "a button cannot be pressed");
			}
			await screen(other, `${name}-${scheme}-${width}`);
			const needed = await other.evaluate(() => document.documentElement.scrollWidth);
			check(needed <= width, `${name} is ${needed} wide`);
		}
		await other.context().close();
	}
});

await done();
