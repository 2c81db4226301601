/* SPDX-License-Identifier: MIT
 * The states that a target can be in; the X-macro gives enum and names one home.
 */
#ifndef FUZZSUP_TARGET_STATE_H
#define FUZZSUP_TARGET_STATE_H

/*  name         what it means; what moves it on */
#define TARGET_STATES(X) \
	X(WAITING, "waiting")         /* for the executable, or for a first PC list */ \
	X(SYMBOLIZING, "symbolizing") /* its PC table is being resolved */ \
	X(READY, "ready")             /* resolved; no fuzzer has been seen yet */ \
	X(LIVE, "live")               /* its executions grow */ \
	X(STALE, "stale")             /* coverage is there, executions stand still */ \
	X(FAILED, "failed")           /* the reason says what and how to mend it */

enum target_state {
#define X(name, text) TARGET_##name,
	TARGET_STATES(X)
#undef X
	    TARGET_STATES_LEN
};

/* What a user should do whose target is run by AFL++ without a PC table. */
#define TARGET_AFL_REMEDY \
	"build it as fuzz.conf(5) says of engine afl++, or let a replay job show it"

/* Name of @state, in lower case; "?" for what is none. */
static inline const char *
target_state_name(unsigned state)
{
	static const char *const names[] = {
#define X(name, text) text,
		TARGET_STATES(X)
#undef X
	};
	return state < TARGET_STATES_LEN ? names[state] : "?";
}

#endif
