/* SPDX-License-Identifier: MIT
 * What a worker inherits; read once, at the top of each worker's main.
 */
#include "config.h"

#include "heritage.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "log.h"
#include "banned.h"

enum { WORD_PARENT, WORD_LOG, WORD_SANDBOX, WORD_UID, WORD_GID, WORD_SLOT, WORDS_LEN };

static const char *const words[WORDS_LEN] = {
	[WORD_PARENT] = "parent",
	[WORD_LOG] = "log",
	[WORD_SANDBOX] = "sandbox",
	[WORD_UID] = "uid",
	[WORD_GID] = "gid",
	[WORD_SLOT] = "slot",
};

/* Reads "key=number" into its place; false if it is none of ours. */
static bool
read_word(const char *word, long long values[WORDS_LEN], bool seen[WORDS_LEN])
{
	char *end;
	size_t len;

	for (int i = 0; i < WORDS_LEN; i++) {
		len = strlen(words[i]);
		if (strncmp(word, words[i], len) != 0 || word[len] != '=')
			continue;
		errno = 0;
		values[i] = strtoll(word + len + 1, &end, 10);
		if (errno != 0 || *end != '\0' || end == word + len + 1 ||
		    values[i] < 0)
			return false;
		seen[i] = true;
		return true;
	}
	return false;
}

static bool
is_channel(int fd)
{
	int type = 0;
	socklen_t len = sizeof(type);

	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 &&
	    type == SOCK_SEQPACKET;
}

int
heritage_take(int argc, char **argv, const char *name, struct heritage *ret_heritage)
{
	long long values[WORDS_LEN] = { 0 };
	bool seen[WORDS_LEN] = { false };
	bool sound = true;

	for (int i = 1; i < argc; i++)
		sound = read_word(argv[i], values, seen) && sound;
	for (int i = 0; i < WORDS_LEN; i++)
		sound = sound && seen[i];
	if (!sound || !is_channel(HERITAGE_CHANNEL)) {
		fprintf(stderr,
		    "fuzzsupd-%s: this program is started by fuzzsupd; "
		    "run: fuzzsupd -c fuzz.conf\n",
		    name);
		return -EINVAL;
	}
	log_open(name, (int)values[WORD_LOG]);
	/* A parent that died between fork and our PDEATHSIG would never be noticed. */
	if (getppid() != (pid_t)values[WORD_PARENT]) {
		log_err("the supervisor is gone; stopping");
		return -ESRCH;
	}
	*ret_heritage = (struct heritage){
		.log_level = (int)values[WORD_LOG],
		.sandbox = values[WORD_SANDBOX] != 0,
		.cut_off = values[WORD_SANDBOX] == 2,
		.uid = (uid_t)values[WORD_UID],
		.gid = (gid_t)values[WORD_GID],
		.slot = (unsigned)values[WORD_SLOT],
	};
	return 0;
}
