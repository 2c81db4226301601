/* SPDX-License-Identifier: MIT
 * What the service's processes say to each other: one struct, and a table of who may say what
 * to whom; types alone.
 */
#ifndef FUZZSUP_MESSAGE_H
#define FUZZSUP_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

#define MESSAGE_TEXT_MAX 8152
#define MESSAGE_FDS_MAX 5

/* Who sends and receives: the service's processes, fuzzsupctl, and helpers of both: "mounts"
 * (daemon/system/detached.c), "frames" (worker/symbolizer/frames_mode.c). Bits. */
#define PARTIES(X) \
	X(SUPERVISOR, "supervisor") \
	X(SYMBOLIZER, "symbolizer") \
	X(COLLECTOR, "collector") \
	X(FRONTEND, "front-end") \
	X(RUNNER, "runner") \
	X(ARCHIVE, "archive") \
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
	    PARTY_WORKERS = PARTY_SYMBOLIZER | PARTY_COLLECTOR | PARTY_FRONTEND |
	    PARTY_RUNNER | PARTY_ARCHIVE,
};

/* type, its name in logs, its body (struct message_…), from whom, to whom, at least and at most so many descriptors: what
 * no row allows is neither sent nor received (channel.h). In rows parties have short names. */
#define MESSAGE_TYPES(X) \
	/* supervisor → symbolizer: fds executable (O_RDONLY), by its parts a sealed memfd of \
	   u64 PCs to take instead of the executable's own PC table and a file to keep the \
	   table in and its separate debug file and the finished table, whose functions or, with \
	   SYMBOLIZE_BLOCKS, blocks are wanted now, and the alternate debug file; id and serial come back in the answer; text: entry points \
	   wanted, one a line, a symbol or 0x… */ \
	X(SYMBOLIZE, "symbolize", symbolize, SUPERVISOR, SYMBOLIZER, 1, \
	    MESSAGE_FDS_MAX) \
	/* symbolizer → supervisor: text: why (not OK), for NO_PC_TABLE \
	   and a line feed and the build ID in hex; fd: table (OK) */ \
	X(TABLE, "table", table, SYMBOLIZER, SUPERVISOR, 0, 1) \
	/* frames → fuzzsupctl: status: what it wants to open; text: as TABLE \
	   has it. Answered by FILE */ \
	X(WISH, "wish", table, FRAMES, CTL, 0, 0) \
	/* fuzzsupctl → frames: fd: the file that was wanted; none: there is none such */ \
	X(FILE, "file", nothing, CTL, FRAMES, 0, 1) \
	/* symbolizer → supervisor, to SYMBOLIZE_TABLE: TABLE_OK, fd: function table; \
	   or TABLE_FAILED, text: why there is none */ \
	X(FUNCTIONS, "functions", table, SYMBOLIZER, SUPERVISOR, 0, 1) \
	/* the same to SYMBOLIZE_BLOCKS; fd: block table */ \
	X(BLOCKS, "blocks", table, SYMBOLIZER, SUPERVISOR, 0, 1) \
\
	/* supervisor → collector: text: the target's name, NUL, perhaps when its \
	   executable changed (Unix, in milliseconds, decimal), a space, its size, a space, \
	   its build ID (in hex, where it has no table), a space, its path (no link). Without a table: find a coverage file and send PCS. A second COLLECT of \
	   one target replaces the first. */ \
	X(COLLECT, "collect", collect, SUPERVISOR, COLLECTOR, 0, 2) \
	/* supervisor → collector, after COLLECT: one more place to look in. fd directory, \
	   perhaps its doorbell. text: path of the directory for messages, \
	   NUL, name of the one file to look at, empty for all. owner_uid may own \
	   files besides root, the service's own and the directory's owner */ \
	X(COVERAGE_DIR, "coverage-dir", coverage_dir, SUPERVISOR, COLLECTOR, 1, 2) \
	/* supervisor → collector */ \
	X(ENTRY_POINT, "entry-point", entry, SUPERVISOR, COLLECTOR, 0, 0) \
	/* collector → supervisor: fd: the live segment */ \
	X(LIVE, "live", of, COLLECTOR, SUPERVISOR, 1, 1) \
	/* collector → supervisor: text: what a \
	   user should know (files left out and why, where nothing was found); on change only */ \
	X(ACTIVITY, "activity", activity, COLLECTOR, SUPERVISOR, 0, 0) \
	/* collector → supervisor: fd sealed memfd with the u64 PCs of a coverage file */ \
	X(PCS, "pcs", of, COLLECTOR, SUPERVISOR, 1, 1) \
\
	/* supervisor → front-end, runner: fd directory with the page's files; text: its path; \
	   for the runner perhaps NUL and the compiler to use */ \
	X(SHARE, "share", nothing, SUPERVISOR, FRONTEND | RUNNER, 1, 1) \
	/* supervisor → front-end: fd listening socket; text: its address */ \
	X(LISTENER, "listener", nothing, SUPERVISOR, FRONTEND, 1, 1) \
	/* supervisor → front-end: text: names, one a line, that Host and Origin may have \
	   besides loopback's */ \
	X(SERVICE, "service", service, SUPERVISOR, FRONTEND, 0, 0) \
	/* supervisor → front-end: target is served from now on, or its sources changed: \
	   forget its roots; text: name, then source-exclude prefixes, one a line */ \
	X(SERVE, "serve", nothing, SUPERVISOR, FRONTEND, 0, 0) \
	/* supervisor → front-end, after SERVE: fd directory (O_PATH); text: configured path, \
	   NUL, real path */ \
	X(SOURCE_ROOT, "source-root", root, SUPERVISOR, FRONTEND, 1, 1) \
	/* supervisor → front-end: fd: table, sealed */ \
	X(SERVE_TABLE, "serve-table", of, SUPERVISOR, FRONTEND, 1, 1) \
	/* supervisor → front-end, after SERVE_TABLE: fd: function table, \
	   sealed; without one text: why there is none */ \
	X(SERVE_FUNCTIONS, "serve-functions", of, SUPERVISOR, FRONTEND, 0, 1) \
	/* the same; fd: block table */ \
	X(SERVE_BLOCKS, "serve-blocks", blocks, SUPERVISOR, FRONTEND, 0, 1) \
	/* supervisor → front-end: fd: live segment */ \
	X(SERVE_LIVE, "serve-live", of, SUPERVISOR, FRONTEND, 1, 1) \
	/* supervisor → front-end: the directory has a new generation */ \
	X(DIRECTORY, "directory", nothing, SUPERVISOR, FRONTEND, 0, 0) \
\
	/* supervisor → collector, front-end, archive: target is gone */ \
	X(FORGET, "forget", nothing, SUPERVISOR, COLLECTOR | FRONTEND | ARCHIVE, 0, 0) \
\
	/* supervisor → runner: how instances share the machine. Before any RUN_JOB */ \
	X(TURNS, "turns", turns, SUPERVISOR, RUNNER, 0, 0) \
	/* supervisor → runner: a job, new or with other settings; text: job spec (common/job/job_spec.h) */ \
	X(RUN_JOB, "run-job", run, SUPERVISOR, RUNNER, 0, 0) \
	/* supervisor → runner, for a job that it has */ \
	X(WISH_JOB, "wish-job", wish, SUPERVISOR, RUNNER, 0, 0) \
	/* supervisor → runner, collector, front-end, archive: job is gone; the runner ends it */ \
	X(FORGET_JOB, "forget-job", nothing, SUPERVISOR, \
	    RUNNER | COLLECTOR | FRONTEND | ARCHIVE, 0, 0) \
	/* runner → supervisor: text: struct job_report */ \
	X(JOB_STATE, "job-state", nothing, RUNNER, SUPERVISOR, 0, 0) \
	/* supervisor → front-end: the same */ \
	X(SERVE_JOB_STATE, "serve-job-state", nothing, SUPERVISOR, FRONTEND, 0, 0) \
	/* runner → supervisor: the job's target has an entry point there (Zig says so when it starts) */ \
	X(JOB_ENTRY, "job-entry", entry, RUNNER, SUPERVISOR, 0, 0) \
	/* supervisor → collector: watch what a job's engine leaves behind; fd: the job's \
	   folder (see ARCHITECTURE.md); text: TARGET/JOB, perhaps line feed and \
	   instances that run another executable ("0-3,8"), or, attached, the file name of \
	   the target's executable, NUL, perhaps struct job_stats to go on from */ \
	X(COLLECT_JOB, "collect-job", watch, SUPERVISOR, COLLECTOR, 1, 1) \
	/* collector → supervisor: the instances of an attached job; text: a struct job_fuzzer \
	   each */ \
	X(JOB_FUZZERS, "job-fuzzers", nothing, COLLECTOR, SUPERVISOR, 0, 0) \
	/* collector → supervisor: text: struct job_stats */ \
	X(JOB_STATS, "job-stats", nothing, COLLECTOR, SUPERVISOR, 0, 0) \
	/* supervisor → front-end: the same */ \
	X(SERVE_JOB_STATS, "serve-job-stats", nothing, SUPERVISOR, FRONTEND, 0, 0) \
	/* collector → supervisor: a run of an instance ended; text: the line of what it said that tells most, empty: none does */ \
	X(JOB_END, "job-end", end, COLLECTOR, SUPERVISOR, 0, 0) \
	/* supervisor → front-end: a job that can be shown; fd: its folder, none where \
	   it could not be made; text: its \
	   name, and if it is attached NUL and the path of the output folder */ \
	X(SERVE_JOB, "serve-job", job, SUPERVISOR, FRONTEND, 0, 1) \
	/* front-end → supervisor: as a user asked */ \
	X(ASK_JOB, "ask-job", wish, FRONTEND, SUPERVISOR, 0, 0) \
	/* front-end → supervisor: a target's lines, when they are others */ \
	X(LINES, "lines", lines, FRONTEND, SUPERVISOR, 0, 0) \
\
	/* supervisor → archive: how much is kept */ \
	X(KEEP, "keep", keep, SUPERVISOR, ARCHIVE, 0, 0) \
	/* supervisor → archive: a target; text: its name, line feed, its executable */ \
	X(KEEP_TARGET, "keep-target", nothing, SUPERVISOR, ARCHIVE, 0, 0) \
	/* supervisor → archive, after KEEP_TARGET: fd: live segment; text: what tells its build \
	   from others: its build ID in hex, or what else there is */ \
	X(KEEP_LIVE, "keep-live", kept_live, SUPERVISOR, ARCHIVE, 1, 1) \
	/* supervisor → archive: a job; text: TARGET/JOB, line feed, its engine */ \
	X(KEEP_JOB, "keep-job", nothing, SUPERVISOR, ARCHIVE, 0, 0) \
	/* supervisor → archive, each second: text: a struct job_sample for each job of which \
	   something is known */ \
	X(JOB_SAMPLES, "job-samples", nothing, SUPERVISOR, ARCHIVE, 0, 0) \
	/* supervisor → archive: something happened; text: a line each: kind, target, job, what; \
	   kept by the sender until EVENTS_KEPT */ \
	X(EVENT, "event", event, SUPERVISOR, ARCHIVE, 0, 0) \
	/* archive → supervisor: events up to this number are in its file */ \
	X(EVENTS_KEPT, "events-kept", beat, ARCHIVE, SUPERVISOR, 0, 0) \
	/* archive → supervisor, once: what a job goes on from; text: TARGET/JOB, NUL, struct \
	   job_sample */ \
	X(JOB_PAST, "job-past", nothing, ARCHIVE, SUPERVISOR, 0, 0) \
	/* archive → supervisor: there is no more of it */ \
	X(PAST_TOLD, "past-told", nothing, ARCHIVE, SUPERVISOR, 0, 0) \
	/* archive → supervisor, on change: text: what a user should know; "": all is well */ \
	X(ARCHIVE_STATE, "archive-state", archive_state, ARCHIVE, SUPERVISOR, 0, 0) \
	/* collector → archive: an input reached PCs first; id: of their target; fd: sealed memfd \
	   with its bytes, none where they were not kept, or came before; text: SHA-1, length of \
	   the build ID, 3 zeros, build ID (FIND_BUILD_ID_MAX bytes), u32 PC-table indexes */ \
	X(FIND, "find", find, COLLECTOR, ARCHIVE, 0, 1) \
	/* front-end → archive: text: a question (worker/archive/answers.h) */ \
	X(ASK, "ask", ask, FRONTEND, ARCHIVE, 0, 0) \
	/* archive → front-end: fd: sealed memfd with the answer; without one an error, and \
	   perhaps text: why */ \
	X(ANSWER, "answer", answer, ARCHIVE, FRONTEND, 0, 1) \
\
	/* supervisor → every worker: a sign of life is wanted */ \
	X(PING, "ping", beat, SUPERVISOR, \
	    SYMBOLIZER | COLLECTOR | FRONTEND | RUNNER | ARCHIVE, 0, 0) \
	/* worker → supervisor: the same number, from the worker's own loop */ \
	X(PONG, "pong", beat, SYMBOLIZER | COLLECTOR | FRONTEND | RUNNER | ARCHIVE, \
	    SUPERVISOR, 0, 0) \
	/* supervisor → front-end: what is not well, on change; \
	   text: a line for each (daemon/health.h), as many as fit */ \
	X(HEALTH, "health", health, SUPERVISOR, FRONTEND, 0, 0) \
\
	/* front-end → runner: compile share/web/client.c */ \
	X(BUILD_WASM, "build-wasm", build, FRONTEND, RUNNER, 0, 0) \
	/* runner → front-end: fd: sealed memfd with the module (BUILT, CACHED) or with the \
	   compiler's words (FAILED) */ \
	X(WASM, "wasm", built, RUNNER, FRONTEND, 0, 1) \
	/* to the other end of an edge: a new life has begun here (edges.h) */ \
	X(HELLO, "hello", nothing, FRONTEND | RUNNER | ARCHIVE | COLLECTOR, \
	    FRONTEND | RUNNER | ARCHIVE | COLLECTOR, 0, 0) \
\
	/* supervisor → mounts: cut what is mounted at the path in text out of its own tree */ \
	X(CUT, "cut", nothing, SUPERVISOR, MOUNTS, 0, 0) \
	/* mounts → supervisor: fd: that tree; without one an error */ \
	X(TREE, "tree", tree, MOUNTS, SUPERVISOR, 0, 1)

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

enum collect_bits {
	COLLECT_TABLE = 1, /* its fd comes first */
	COLLECT_SEED =
	    2, /* and that of a dead collector's live segment, to start from */
	COLLECT_OWNER = 4, /* owner_uid is set */
};

enum coverage_dir_bits {
	COVERAGE_DIR_DOORBELL = 1, /* its FIFO is the second fd */
	COVERAGE_DIR_OWN = 2,      /* the configuration gives it to this target alone */
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

/* What a message says besides its text: one struct for each row's third word. */
struct message_nothing {
	uint32_t reserved;
};
struct message_symbolize {
	uint64_t serial; /* of the job; comes back in the answer */
	uint32_t parts;  /* enum symbolize_bits */
};
struct message_table {
	uint64_t serial;
	uint32_t status; /* enum table_status */
};
struct message_collect {
	uint64_t generation;
	uint64_t
	    owner_uid; /* who may own coverage files, besides; UINT64_MAX: nobody */
	uint32_t bits; /* enum collect_bits */
};
struct message_coverage_dir {
	uint64_t owner_uid;
	uint32_t bits; /* enum coverage_dir_bits */
};
struct message_entry {
	uint64_t address; /* link-time */
};
struct message_of {
	uint64_t generation; /* of the COLLECT, or of the table, that it belongs to */
};
struct message_activity {
	uint64_t generation;
	uint32_t state; /* enum target_state: READY, LIVE, STALE */
};
struct message_service {
	uint64_t instance; /* random; of this life of the service */
};
struct message_root {
	uint32_t place; /* among the target's, from 0 */
};
struct message_blocks {
	uint64_t generation;
	int64_t built_ms; /* when the executable changed, Unix */
};
struct message_turns {
	uint64_t turn_ms;
	uint32_t slots; /* instances at once; 0: all */
};
struct message_run {
	uint64_t ran_ms; /* already */
	uint32_t starts; /* of instances, already */
	uint32_t wish;   /* enum job_wish */
};
struct message_wish {
	uint32_t wish;
};
struct message_watch {
	uint32_t engine; /* enum job_engine */
	uint32_t instances;
	uint32_t bits; /* enum collect_job_bits */
};
struct message_end {
	uint32_t instance;
	int32_t pid;
};
struct message_job {
	uint32_t engine;
	uint32_t target; /* id of its target */
};
struct message_lines {
	uint64_t generation; /* of the target's table */
	uint32_t known;      /* lines whose state is known */
	uint32_t reached;    /* of them */
};
struct message_beat {
	uint64_t number;
};
struct message_health {
	uint32_t problems;
};
struct message_build {
	uint64_t number; /* comes back in the answer */
	uint32_t mode;   /* 0: optimized, 1: debug */
};
struct message_built {
	uint64_t number;
	uint32_t status; /* enum wasm_status */
};
struct message_keep {
	uint32_t
	    seconds_s; /* samples of each second, of each minute, of each hour are kept so */
	uint32_t minutes_s; /* many seconds; 0: for good */
	uint32_t hours_s;
	uint32_t events;    /* at most; 0: all */
	uint32_t builds;    /* of a target, of which first hits are known; 0: all */
	uint32_t input_kib; /* of inputs, at most; 0: all */
};
struct message_kept_live {
	int64_t built_ms; /* when the executable changed, Unix */
};
struct message_event {
	uint64_t number; /* only grows, also from life to life of the service */
	int64_t ms;      /* Unix */
};
struct message_archive_state {
	uint32_t is_well; /* 0: nothing is kept now */
};
struct message_find {
	int64_t ms;    /* Unix */
	uint64_t size; /* of the input */
	uint32_t instance;
	uint32_t job; /* its id */
};
struct message_ask {
	uint64_t number; /* comes back in the answer */
};
struct message_answer {
	uint64_t number;
	uint32_t error; /* an errno; 0: none */
};
struct message_tree {
	uint32_t error; /* an errno; 0: none */
};

#define MESSAGE_BODY_MAX 24

struct message {
	uint32_t type;
	uint32_t text_len; /* bytes of text, not NUL-terminated */
	uint32_t id;       /* of the target or job that it is about; 0: none */
	uint32_t reserved;
	union {
		unsigned char bytes[MESSAGE_BODY_MAX];
		struct message_symbolize symbolize;
		struct message_table table;
		struct message_collect collect;
		struct message_coverage_dir coverage_dir;
		struct message_entry entry;
		struct message_of of;
		struct message_activity activity;
		struct message_service service;
		struct message_root root;
		struct message_blocks blocks;
		struct message_turns turns;
		struct message_run run;
		struct message_wish wish;
		struct message_watch watch;
		struct message_end end;
		struct message_job job;
		struct message_lines lines;
		struct message_beat beat;
		struct message_health health;
		struct message_build build;
		struct message_built built;
		struct message_tree tree;
		struct message_keep keep;
		struct message_kept_live kept_live;
		struct message_event event;
		struct message_archive_state archive_state;
		struct message_ask ask;
		struct message_find find;
		struct message_answer answer;
	};
	char text[MESSAGE_TEXT_MAX];
};
_Static_assert(offsetof(struct message, text) == 40, "message");
_Static_assert(sizeof(struct message) == 8192, "message");
#define X(name, text, body, ...) \
	_Static_assert(sizeof(struct message_##body) <= MESSAGE_BODY_MAX, text);
MESSAGE_TYPES(X)
#undef X

#endif
