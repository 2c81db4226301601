/* SPDX-License-Identifier: MIT
 * Frames for one user; in the symbolizer.
 */
#include "config.h"

#include "frames_mode.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "frames.h"
#include "frames_filter.h"
#include "heritage.h"
#include "log.h"
#include "sandbox.h"
#include "banned.h"

#define NOBODY 65534

static void
complain(const char *executable, const char *text)
{
	fprintf(stderr, "fuzzsupctl: %s: %s\n", executable, text);
}

static int
enter_sandbox(void)
{
	const struct heritage heritage = {
		.sandbox = true,
		.uid = geteuid() == 0 ? NOBODY : geteuid(),
		.gid = geteuid() == 0 ? NOBODY : getegid(),
	};

	/* A layer that is missing here is no news to who wants a stack trace. */
	log_open("symbolizer", LOG_LEVEL_ERR);
	return sandbox_enter(SANDBOX_FRAMES, &heritage);
}

static int
answer(struct frames *frames, const char *executable, char **words, int len)
{
	const char *slash = strrchr(executable, '/');
	uint64_t address;
	int r = 0;

	if (len == 0)
		return frames_filter(
		    frames, slash != NULL ? slash + 1 : executable, stdin, stdout);
	for (int i = 0; i < len && r == 0; i++) {
		r = frames_filter_read_address(words[i], &address);
		if (r == 0)
			r = frames_filter_address(frames, address, stdout);
	}
	return r;
}

int
frames_mode(int argc, char **argv)
{
	struct failure remark;
	struct frames *frames;
	int r;

	if (argc < 1) {
		fprintf(stderr, "fuzzsupd-symbolizer: run: fuzzsupctl symbolize\n");
		return 1;
	}
	if (enter_sandbox() < 0)
		return 1;
	r = frames_open(HERITAGE_EXECUTABLE, &frames, &remark);
	if (remark.text[0] != '\0')
		complain(argv[0], remark.text);
	if (r < 0)
		return 1;
	r = answer(frames, argv[0], argv + 1, argc - 1);
	frames_free(frames);
	if (r == 0 && fflush(stdout) != 0)
		r = -errno;
	if (r < 0)
		complain(argv[0], strerror(-r));
	return r < 0 ? 1 : 0;
}
