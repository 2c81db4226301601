// SPDX-License-Identifier: MIT
// Opens Zig's own web page and reports what it shows, one JSON line whenever it changes;
// opens an entry point's source when told "source", ends at the end of standard input.
//   node zig.mjs URL
import { createRequire } from "node:module";
import readline from "node:readline";

const require = createRequire((process.env.FUZZSUPD_TOOLS ?? process.cwd()) + "/");
const { chromium } = require("playwright-core");
const browser = await chromium.launch({
	executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
	args: [
		"--no-sandbox",
		"--disable-gpu",
		"--no-first-run",
		"--disable-background-networking",
		"--disable-component-update",
		"--disable-sync",
	],
});
const page = await browser.newPage();
const errors = [];
page.on("pageerror", (error) => errors.push(String(error)));
await page.goto(process.argv[2]);

let last = "";
async function report() {
	const shown = await page.evaluate(() => ({
		runs: document.getElementById("statTotalRuns").innerText,
		unique: document.getElementById("statUniqueRuns").innerText,
		coverage: document.getElementById("statCoverage").innerText,
		entries: [...document.querySelectorAll("#entryPointsList li")].map((li) => li.innerText),
		source: document.querySelector("#sectSource h2").innerText,
		marked: document.querySelectorAll("#sourceText .c").length,
		places: document.querySelectorAll("#sourceText .l, #sourceText .c").length,
	}));
	const line = JSON.stringify({ ...shown, errors });
	if (line !== last) console.log((last = line));
}
const timer = setInterval(() => report().catch((error) => errors.push(String(error))), 50);
for await (const line of readline.createInterface({ input: process.stdin })) {
	if (line === "source") await page.evaluate(() => document.querySelector("#entryPointsList a").click());
}
clearInterval(timer);
await browser.close();
