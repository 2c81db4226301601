// SPDX-License-Identifier: MIT
// What eslint says of the page's code and of its tests; t/0805-page-code.t runs it. FUZZSUPD_TOOLS: where node_modules lies.

import { createRequire } from "node:module";

const require = createRequire(process.env.FUZZSUPD_TOOLS ? `${process.env.FUZZSUPD_TOOLS}/` : import.meta.url);
const js = require("@eslint/js");

const names = (text) =>
	Object.fromEntries(
		text
			.trim()
			.split(/\s+/)
			.map((name) => [name, "readonly"]),
	);

const BROWSER = names(`
	AbortController addEventListener Blob cancelAnimationFrame clearInterval clearTimeout DataView dispatchEvent
	document Element Event fetch getComputedStyle getSelection history HTMLAnchorElement HTMLElement innerHeight innerWidth
	localStorage location matchMedia MutationObserver navigator Node performance PerformanceObserver
	queueMicrotask removeEventListener requestAnimationFrame ResizeObserver scrollTo scrollY setInterval setTimeout TextDecoder URL
	URLSearchParams WebAssembly WebSocket window`);
const NODE = names(
	"Buffer clearInterval console fetch performance process ReadableStream Response setInterval setTimeout TextEncoder URL",
);

export default [
	{ ignores: ["share/web/uPlot.esm.js"] }, // is not ours
	js.configs.recommended,
	{
		languageOptions: { ecmaVersion: 2023, sourceType: "module" },
		linterOptions: { reportUnusedDisableDirectives: "error" },
		rules: {
			"max-len": ["error", { code: 140, tabWidth: 4 }],
			"max-lines-per-function": ["error", { max: 80 }],
			complexity: ["error", 20],
			eqeqeq: "error",
			"no-var": "error",
			"prefer-const": "error",
			"no-shadow": "error",
			"no-unused-expressions": "error",
			"no-unused-vars": ["error", { argsIgnorePattern: "^_" }],
			"no-use-before-define": ["error", { functions: false, classes: false, variables: false }],
		},
	},
	{ files: ["share/web/*.js"], languageOptions: { globals: BROWSER } },
	// The tests run functions in the page, too.
	{
		files: ["t/browser/**/*.mjs"],
		languageOptions: { globals: { ...BROWSER, ...NODE } },
		rules: { "max-lines-per-function": "off" },
	},
];
