/* SPDX-License-Identifier: MIT
 * From an address to the functions that stand there, inlined calls among them, and their
 * lines; in the symbolizer, for stack traces.
 */
#ifndef FUZZSUP_FRAMES_H
#define FUZZSUP_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "elf_image.h"
#include "failure.h"
#include "message.h"
#include "symbols.h"

struct frames;

struct frame {
	char *function; /* demangled; NULL: not known */
	char *
	    file; /* absolute if the compiler knew it so, not normalised; NULL: not known */
	uint64_t line;   /* 0: not known, as */
	uint64_t column; /* this */
};

/* Opens a file that holds debug information: @what is TABLE_WANTS_DEBUG or
 * TABLE_WANTS_ALTERNATE, @wish describes it (debug_link.h); or TABLE_WANTS_PACKAGE or
 * TABLE_WANTS_UNIT, @wish as message.h says. Returns a descriptor, which the frames will own,
 * or a negative errno. */
typedef int (*frames_open_cb)(void *context, enum table_status what, const char *wish);

/* Opens the executable or library behind @fd, which must stay open for as long as the
 * frames live, as must @context. @open_cb is asked for the files that it names, before this
 * returns, and for those of split units when an address falls into one. One without debug
 * information still has the names of its symbols: that is said in @remark, which else stays
 * empty. Returns 0, or a negative errno with @remark said. */
int frames_open(int fd, frames_open_cb open_cb, void *context,
    struct frames **ret_frames, struct failure *remark);
void frames_free(struct frames *frames);

/* What stands at @address, a link-time one (module offset): innermost first, at least one
 * frame, which may know nothing. Valid until the next call. Returns 0, -EOVERFLOW if
 * calls are nested beyond reason there (the outermost function is given alone), or
 * -ENOMEM. */
int frames_find(struct frames *frames, uint64_t address,
    const struct frame **ret_frames, size_t *ret_len);

/* What was missed since the last call of it, for people to read; NULL: nothing new. */
const char *frames_remark(struct frames *frames);

/* What lies behind them, and lives as long. */
struct elf_image *frames_image(const struct frames *frames);
struct symbols *frames_symbols(const struct frames *frames);

/* Whether a loader may choose where its code lies. */
bool frames_are_movable(const struct frames *frames);

/* Whether @address lies in a section that holds code. */
bool frames_have_code(const struct frames *frames, uint64_t address);

/* Whether a call may end at @address, which so is where it returns to: true where the code
 * cannot tell. A signal's frame is where an instruction begins that never ended. */
bool frames_is_behind_call(struct frames *frames, uint64_t address);

#endif
