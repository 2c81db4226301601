// SPDX-License-Identifier: MIT
// Where the fields of C structs lie, in words of 32 bits (client.h's and what is
// read as an array) or bytes. Printed by t/lib/print_layouts: not to be changed by hand.

export const SUMMARY = {
	size: 20,
	pcs_len: 0,
	files_len: 1,
	nodes_len: 2,
	covered: 3,
	nodes: 4,
	files: 5,
	lines: 6,
	places: 7,
	lines_len: 8,
	open_file: 9,
	update: 10,
	no_line: 11,
	entries: 12,
	entries_len: 13,
	dirty: 14,
	growth: 15,
	has_lines: 16,
	sums: 17,
	line_counts: 18,
};

export const NODE = {
	size: 16,
	parent: 0,
	first_child: 1,
	next_sibling: 2,
	name: 3,
	name_len: 4,
	file: 5,
	total: 6,
	covered: 7,
	excluded_total: 8,
	excluded_covered: 9,
	newest: 10,
	lines: 11,
	lines_reached: 12,
	excluded_lines: 13,
	excluded_lines_reached: 14,
};

export const FILE = {
	size: 10,
	total: 0,
	covered: 1,
	newest: 2,
	node: 3,
	excluded: 5,
	lines: 6,
	lines_reached: 7,
	lines_partly: 8,
	lines_unknown: 9,
};

export const PLACE = {
	size: 4,
	column: 0,
	pcs: 1,
	reached: 2,
	time: 3,
};

export const LINE = {
	size: 10,
	line: 0,
	place: 1,
	places: 2,
	reached: 3,
	first_time: 4,
	newest_time: 5,
	changed: 6,
	state: 8,
};

export const LOCATION = {
	size: 3,
	file: 0,
	line: 1,
	column: 2,
};

export const LINE_SUMS = {
	size: 6,
	lines: 0,
	reached: 1,
	partly: 2,
	entered: 4,
};

export const FUNCTION = {
	size: 10,
	start: 0,
	name: 4,
	first: 6,
	pcs_len: 7,
	pc: 8,
};

// In bytes.

export const HEADER = {
	size: 8,
	tag: 0,
	target: 4,
};

export const HELLO = {
	size: 24,
	instance: 8,
	now_ms: 16,
};

export const ALIVE = {
	size: 16,
	now_ms: 8,
};

export const STATS = {
	size: 48,
	target: 0,
	covered: 4,
	n_runs: 8,
	unique_runs: 16,
	last_find_ms: 24,
	last_run_ms: 32,
	runs_per_second: 40,
};

export const FUNCTIONS = {
	size: 56,
	magic: 0,
	version: 4,
	pcs_len: 16,
	functions_len: 20,
	string_bytes_len: 24,
	functions: 32,
	owners: 40,
	strings: 48,
};

export const TAG = {
	HELLO: 16,
	STATS: 17,
	COVERAGE_FULL: 18,
	COVERAGE_DELTA: 19,
	HIT_TIMES: 20,
	ENTRIES: 21,
	ALIVE: 22,
};

export const LINE_STATE = {
	NONE: 0,
	IDLE: 1,
	MISSED: 2,
	UNKNOWN: 3,
	PARTLY: 4,
	REACHED: 5,
};

export const CLIENT_ERROR = {
	SHORT: -1,
	RANGE: -2,
	MEMORY: -3,
	NO_INDEX: -4,
	MISMATCH: -5,
	STALE: -6,
	MALFORMED: -7,
};

export const NONE = 0xffffffff;
export const SUBPROTOCOL = "fuzzsup.v1";
export const FUNCTIONS_MAGIC = 0x4e465a46;
export const FUNCTIONS_VERSION = 1;
