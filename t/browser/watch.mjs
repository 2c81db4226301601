// SPDX-License-Identifier: MIT
// A browser that stays open and tells what a page says: for tests that do things to the service meanwhile.
//
// usage: node watch.mjs [--screens FOLDER]
//
// On standard input a line for each question, as JSON: {"url": …, "wants": a regular expression, "name": of a picture}. The page of that
// address is shown (not loaded again where it is already), and once its text matches the answer is a line: {"text": …}; if it never
// does: {"failed": …, "text": …}.

import { createInterface } from "node:readline";
import { parseArgs } from "node:util";

import { WAIT, close, open, screen, takePictures } from "./harness.mjs";

const { values: options } = parseArgs({ options: { screens: { type: "string" } } });
takePictures(options.screens);

const pages = new Map(); // by address

async function pageOf(url) {
	if (!pages.has(url)) {
		const page = await open();
		await page.goto(url);
		pages.set(url, page);
	}
	return pages.get(url);
}

async function answer({ url, wants, name }) {
	const page = await pageOf(url),
		text = () => page.evaluate(() => document.body.innerText);
	try {
		await page.waitForFunction((pattern) => new RegExp(pattern, "is").test(document.body.innerText), wants, {
			timeout: WAIT,
			polling: 100,
		});
		if (name) await screen(page, name);
		return { text: await text() };
	} catch (error) {
		return { failed: String(error.message), text: await text() };
	}
}

for await (const line of createInterface({ input: process.stdin }))
	process.stdout.write(`${JSON.stringify(await answer(JSON.parse(line)))}\n`);
await close();
