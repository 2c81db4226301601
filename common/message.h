/* SPDX-License-Identifier: MIT
 * What the service's processes say to each other: one struct, and a table of who may say what
 * to whom; types alone.
 */
#ifndef FUZZSUP_MESSAGE_H
#define FUZZSUP_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

#define MESSAGE_TEXT_MAX 8160
#define MESSAGE_FDS_MAX 5

/* Who sends and receives: the service's processes, fuzzsupctl, and helpers of both: "mounts"
 * (daemon/detached.c), "frames" (worker/symbolizer/frames_mode.c). Bits. */
#define PARTIES(X) \
	X(SUPERVISOR, "supervisor") \
	X(SYMBOLIZER, "symbolizer") \
	X(COLLECTOR, "collector") \
	X(FRONTEND, "front-end") \
	X(RUNNER, "runner") \
	X(MOUNTS, "mounts") \
	X(FRAMES, "frames") \
	X(CTL, "fuzzsupctl")

enum party_place {
#define X(name, text) PARTY_PLACE_##name,
	PARTIES(X)
#undef X
	    PARTIES_LEN
};

enum party {
	PARTY_ANY, /* nothing is checked; for tests that play somebody else */
#define X(name, text) PARTY_##name = 1 << PARTY_PLACE_##name,
	PARTIES(X)
#undef X
};

/* type, its name in logs, from whom, to whom, at least and at most so many descriptors: what
 * no row allows is neither sent nor received (channel.h). In rows parties have short names. */
#define MESSAGE_TYPES(X) \
	/* supervisor → symbolizer: fds executable (O_RDONLY), by code's bits a sealed memfd of \
	   u64 PCs to take instead of the executable's own PC table and a file to keep the \
	   table in and its separate debug file and the finished table, whose functions or, with \
	   SYMBOLIZE_BLOCKS, blocks are wanted now, and the alternate debug file; target and generation come back in the answer; text: entry points \
	   wanted, one a line, a symbol or 0x… */ \
	X(SYMBOLIZE, "symbolize", SUPERVISOR, SYMBOLIZER, 1, MESSAGE_FDS_MAX) \
	/* symbolizer → supervisor: code enum table_status; text: why (not OK), for NO_PC_TABLE \
	   and a line feed and the build ID in hex; fd: table (OK) */ \
	X(TABLE, "table", SYMBOLIZER, SUPERVISOR, 0, 1) \
	/* frames → fuzzsupctl: code enum table_status, of what it wants to open; text: as TABLE \
	   has it. Answered by FILE */ \
	X(WISH, "wish", FRAMES, CTL, 0, 0) \
	/* fuzzsupctl → frames: fd: the file that was wanted; none: there is none such */ \
	X(FILE, "file", CTL, FRAMES, 0, 1) \
	/* symbolizer → supervisor, to SYMBOLIZE_TABLE: code TABLE_OK, fd: function table; \
	   or TABLE_FAILED, text: why there is none */ \
	X(FUNCTIONS, "functions", SYMBOLIZER, SUPERVISOR, 0, 1) \
	/* the same to SYMBOLIZE_BLOCKS; fd: block table */ \
	X(BLOCKS, "blocks", SYMBOLIZER, SUPERVISOR, 0, 1) \
\
	/* supervisor → collector: target, generation, text name, NUL, perhaps when its \
	   executable changed (Unix, in milliseconds, decimal), a space, its size, a space, \
	   its build ID (in hex, where it has no table), a space, its path (no link); code bit 0: fd table follows, \
	   bit 1: fd live segment of a dead collector follows, to start from, bit 2: owner_uid \
	   in value. Without a table: find a coverage file and send PCS. A second COLLECT of \
	   one target replaces the first. */ \
	X(COLLECT, "collect", SUPERVISOR, COLLECTOR, 0, 2) \
	/* supervisor → collector, after COLLECT: one more place to look in. fd directory; with \
	   code's bit 0 a second fd, its doorbell FIFO; bit 1: the configuration gives this \
	   place to this target alone. text: path of the directory for messages, \
	   NUL, name of the one file to look at, empty for all. value: uid that may own files \
	   besides root, the service's own and the directory's owner; UINT64_MAX: none */ \
	X(COVERAGE_DIR, "coverage-dir", SUPERVISOR, COLLECTOR, 1, 2) \
	/* supervisor → collector: link-time address of an entry point in value */ \
	X(ENTRY_POINT, "entry-point", SUPERVISOR, COLLECTOR, 0, 0) \
	/* collector → supervisor: generation of its COLLECT; fd: the live segment */ \
	X(LIVE, "live", COLLECTOR, SUPERVISOR, 1, 1) \
	/* collector → supervisor: code enum target_state (READY, LIVE, STALE), text: what a \
	   user should know (files left out and why, where nothing was found); on change only */ \
	X(ACTIVITY, "activity", COLLECTOR, SUPERVISOR, 0, 0) \
	/* collector → supervisor: fd sealed memfd with the u64 PCs of a coverage file */ \
	X(PCS, "pcs", COLLECTOR, SUPERVISOR, 1, 1) \
\
	/* supervisor → front-end, runner: fd directory with the page's files; text: its path; \
	   for the runner perhaps NUL and the compiler to use */ \
	X(SHARE, "share", SUPERVISOR, FRONTEND | RUNNER, 1, 1) \
	/* supervisor → front-end: fd listening socket; text: its address */ \
	X(LISTENER, "listener", SUPERVISOR, FRONTEND, 1, 1) \
	/* supervisor → front-end: text: names, one a line, that Host and Origin may have \
	   besides loopback's; value: random id of this life of the service */ \
	X(SERVICE, "service", SUPERVISOR, FRONTEND, 0, 0) \
	/* supervisor → front-end: target is served from now on, or its sources changed: \
	   forget its roots; text: name, then source-exclude prefixes, one a line */ \
	X(SERVE, "serve", SUPERVISOR, FRONTEND, 0, 0) \
	/* supervisor → front-end, after SERVE: fd directory (O_PATH); text: configured path, \
	   NUL, real path; value: its place among the target's roots, from 0 */ \
	X(SOURCE_ROOT, "source-root", SUPERVISOR, FRONTEND, 1, 1) \
	/* supervisor → front-end: generation; fd: table, sealed */ \
	X(SERVE_TABLE, "serve-table", SUPERVISOR, FRONTEND, 1, 1) \
	/* supervisor → front-end, after SERVE_TABLE: its generation; fd: function table, \
	   sealed; without one text: why there is none */ \
	X(SERVE_FUNCTIONS, "serve-functions", SUPERVISOR, FRONTEND, 0, 1) \
	/* the same; fd: block table; value: when the executable changed, Unix, ms */ \
	X(SERVE_BLOCKS, "serve-blocks", SUPERVISOR, FRONTEND, 0, 1) \
	/* supervisor → front-end: generation; fd: live segment */ \
	X(SERVE_LIVE, "serve-live", SUPERVISOR, FRONTEND, 1, 1) \
	/* supervisor → front-end: the directory has a new generation */ \
	X(DIRECTORY, "directory", SUPERVISOR, FRONTEND, 0, 0) \
\
	/* supervisor → collector, front-end: target is gone */ \
	X(FORGET, "forget", SUPERVISOR, COLLECTOR | FRONTEND, 0, 0) \
\
	/* supervisor → runner: how instances share the machine; code: as many at once, 0: \
	   all; value: milliseconds of a turn, where there are more. Before any RUN_JOB */ \
	X(TURNS, "turns", SUPERVISOR, RUNNER, 0, 0) \
	/* supervisor → runner: a job, new or with other settings; code enum job_wish; value: \
	   milliseconds that it has run already; generation: how often instances of it were \
	   started already; text: job spec (common/job_spec.h) */ \
	X(RUN_JOB, "run-job", SUPERVISOR, RUNNER, 0, 0) \
	/* supervisor → runner: code enum job_wish, for a job that it has */ \
	X(WISH_JOB, "wish-job", SUPERVISOR, RUNNER, 0, 0) \
	/* supervisor → runner, collector, front-end: job is gone; the runner ends it */ \
	X(FORGET_JOB, "forget-job", SUPERVISOR, RUNNER | COLLECTOR | FRONTEND, 0, 0) \
	/* runner → supervisor: text: struct job_report */ \
	X(JOB_STATE, "job-state", RUNNER, SUPERVISOR, 0, 0) \
	/* supervisor → front-end: the same */ \
	X(SERVE_JOB_STATE, "serve-job-state", SUPERVISOR, FRONTEND, 0, 0) \
	/* runner → supervisor: the job's target has an entry point at the link-time address \
	   value (Zig says so when it starts) */ \
	X(JOB_ENTRY, "job-entry", RUNNER, SUPERVISOR, 0, 0) \
	/* supervisor → collector: watch what a job's engine leaves behind; fd: the job's \
	   folder (see ARCHITECTURE.md); code enum job_engine; value: instances; \
	   generation: enum collect_job_bits; text: TARGET/JOB, perhaps line feed and \
	   instances that run another executable ("0-3,8"), or, attached, the file name of \
	   the target's executable, NUL, perhaps struct job_stats to go on from */ \
	X(COLLECT_JOB, "collect-job", SUPERVISOR, COLLECTOR, 1, 1) \
	/* collector → supervisor: the instances of an attached job; text: a struct job_fuzzer \
	   each */ \
	X(JOB_FUZZERS, "job-fuzzers", COLLECTOR, SUPERVISOR, 0, 0) \
	/* collector → supervisor: text: struct job_stats */ \
	X(JOB_STATS, "job-stats", COLLECTOR, SUPERVISOR, 0, 0) \
	/* supervisor → front-end: the same */ \
	X(SERVE_JOB_STATS, "serve-job-stats", SUPERVISOR, FRONTEND, 0, 0) \
	/* collector → supervisor: a run of an instance ended; code: instance; value: its \
	   pid; text: the line of what it said that tells most, empty: none does */ \
	X(JOB_END, "job-end", COLLECTOR, SUPERVISOR, 0, 0) \
	/* supervisor → front-end: a job that can be shown; fd: its folder, none where \
	   it could not be made; code enum job_engine; value: id of its target; text: its \
	   name, and if it is attached NUL and the path of the output folder */ \
	X(SERVE_JOB, "serve-job", SUPERVISOR, FRONTEND, 0, 1) \
	/* front-end → supervisor: code enum job_wish, as a user asked */ \
	X(ASK_JOB, "ask-job", FRONTEND, SUPERVISOR, 0, 0) \
	/* front-end → supervisor: generation of the target's table; value: its lines of a known \
	   state; code: those of them that were reached; when they are others */ \
	X(LINES, "lines", FRONTEND, SUPERVISOR, 0, 0) \
\
	/* supervisor → every worker: a sign of life is wanted; value: its number */ \
	X(PING, "ping", SUPERVISOR, SYMBOLIZER | COLLECTOR | FRONTEND | RUNNER, 0, 0) \
	/* worker → supervisor: value: the number; from the worker's own loop */ \
	X(PONG, "pong", SYMBOLIZER | COLLECTOR | FRONTEND | RUNNER, SUPERVISOR, 0, 0) \
	/* supervisor → front-end: what is not well, on change; value: how many problems; \
	   text: a line for each (daemon/health.h), as many as fit */ \
	X(HEALTH, "health", SUPERVISOR, FRONTEND, 0, 0) \
\
	/* front-end → supervisor: compile share/web/client.c; code 0 optimized, 1 \
	   debug; value: comes back in the answer */ \
	X(BUILD_WASM, "build-wasm", FRONTEND, SUPERVISOR, 0, 0) \
	/* supervisor → runner: the same, with a value of its own */ \
	X(COMPILE_WASM, "compile-wasm", SUPERVISOR, RUNNER, 0, 0) \
	/* runner → supervisor: code enum wasm_status; value; fd: sealed memfd with \
	   the module (BUILT, CACHED) or with the compiler's words (FAILED) */ \
	X(WASM, "wasm", RUNNER, SUPERVISOR, 0, 1) \
	/* supervisor → front-end: the same */ \
	X(SERVE_WASM, "serve-wasm", SUPERVISOR, FRONTEND, 0, 1) \
\
	/* supervisor → mounts: cut what is mounted at the path in text out of its own tree */ \
	X(CUT, "cut", SUPERVISOR, MOUNTS, 0, 0) \
	/* mounts → supervisor: fd: that tree; without one code: an errno */ \
	X(TREE, "tree", MOUNTS, SUPERVISOR, 0, 1)

enum message_type {
	MESSAGE_NONE,
#define X(name, ...) MESSAGE_##name,
	MESSAGE_TYPES(X)
#undef X
	    MESSAGE_TYPES_LEN
};

/* What comes with SYMBOLIZE besides the executable, in this order. */
enum symbolize_bits {
	SYMBOLIZE_PCS = 1,
	SYMBOLIZE_CACHE = 2,
	SYMBOLIZE_DEBUG = 4,
	SYMBOLIZE_TABLE = 8, /* answered by FUNCTIONS, or by BLOCKS */
	SYMBOLIZE_ALTERNATE = 16,
	SYMBOLIZE_ALL = 31,
	/* none of these */
	SYMBOLIZE_NO_ALTERNATE = 32, /* it was looked for in vain */
	SYMBOLIZE_BLOCKS = 64,       /* with TABLE: blocks are wanted, not functions */
};

enum table_status {
	TABLE_OK,
	TABLE_NO_PC_TABLE, /* sound executable, but it has no PC table of its own */
	TABLE_FAILED,
	TABLE_WANTS_DEBUG, /* send it again with its separate debug file; text: build ID in
			      hex, line feed, name */
	TABLE_WANTS_ALTERNATE, /* the same with the alternate file that is named in it, or
				  in its separate debug file */
	/* for stack traces alone: */
	TABLE_WANTS_PACKAGE, /* the package of its split units, .dwp */
	TABLE_WANTS_UNIT, /* the file of a split unit, .dwo; text: the folder that the unit
				was compiled in, line feed, name */
	TABLE_WANTS_BUILD, /* another build of it, or that one's debug file; text: build ID
			      in hex, line feed */
};

enum collect_job_bits {
	COLLECT_JOB_RUNS_TARGET = 1, /* its target's own executable */
	COLLECT_JOB_ATTACHED = 2,    /* fd: an output folder of AFL++; value: 0 */
};

enum job_wish {
	JOB_STOP,
	JOB_START,
	JOB_RESTART, /* end what runs, then start */
	JOB_WISHES_LEN
};

enum wasm_status {
	WASM_BUILT,       /* compiled for this request: sources had changed */
	WASM_CACHED,      /* compiled earlier from the same sources */
	WASM_FAILED,      /* the compiler refused */
	WASM_NO_COMPILER, /* use the shipped module */
};

struct message {
	uint32_t type;
	uint32_t target; /* id; 0: none */
	uint64_t generation;
	uint64_t value;
	uint32_t code;
	uint32_t text_len; /* bytes of text, not NUL-terminated */
	char text[MESSAGE_TEXT_MAX];
};
_Static_assert(offsetof(struct message, text) == 32, "message");
_Static_assert(sizeof(struct message) == 8192, "message");

#endif
