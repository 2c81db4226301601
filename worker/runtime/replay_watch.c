/* SPDX-License-Identifier: MIT
 * inotify, and readdir for what was there before: a folder is watched first and listed
 * then, so that nothing falls between. Events that the kernel had to drop are made good by
 * listing again. In the replay driver.
 */
#include "replay_watch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

/* AFL++ links its first inputs into place: no file is closed then. */
#define INPUT_EVENTS (IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_ATTRIB)
#define FOLDER_EVENTS (IN_CREATE | IN_MOVED_TO | IN_ATTRIB)
#define SELF_EVENTS (IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR | IN_EXCL_UNLINK)

/* Each takes a descriptor, and is looked for one by one. */
#define FOLDERS_MAX 400

/* Nobody tells of what becomes readable by another host's chmod, or by a mount. */
#define RETRY_TICKS 60

enum role {
	TOP,      /* as named by the user: inputs, or instances, or queue/ */
	INSTANCE, /* perhaps one of AFL++: only queue/ is of interest */
	QUEUE,    /* inputs */
};

struct folder {
	struct folder *next;
	char *path;
	enum role role;
	size_t top; /* index of the user's */
	int wd, fd;
	DIR *listing;   /* NULL: done, or not begun */
	bool has_queue; /* its own files are no inputs */
	bool again;     /* what could not be read may be readable now */
	uint64_t left;
	uint64_t left_out, unread; /* of its files */
};

struct replay_watch {
	const char *const *tops;
	bool *is_there; /* of tops */
	size_t tops_len;
	struct folder *folders;
	size_t folders_len;
	bool has_complained;
	unsigned ticks;
	replay_input_fn *input;
	void *context;
	int fd;
};

static struct folder *
find(struct replay_watch *watch, int wd)
{
	struct folder *folder = watch->folders;

	while (folder != NULL && folder->wd != wd)
		folder = folder->next;
	return folder;
}

static void
forget(struct replay_watch *watch, struct folder *folder)
{
	struct folder **at = &watch->folders;

	while (*at != folder)
		at = &(*at)->next;
	*at = folder->next;
	watch->folders_len--;
	if (folder->role == TOP)
		watch->is_there[folder->top] = false;
	inotify_rm_watch(watch->fd, folder->wd);
	if (folder->listing != NULL)
		closedir(folder->listing);
	close(folder->fd);
	free(folder->path);
	free(folder);
}

void
replay_watch_say(const char *name)
{
	for (; *name != '\0'; name++)
		fputc(
		    (unsigned char)*name < ' ' || *name == 0x7f ? '?' : *name, stderr);
}

/* Once: folders that cannot be watched are tried again and again. */
static void
complain(struct replay_watch *watch, const char *path, const char *what)
{
	if (watch->has_complained)
		return;
	watch->has_complained = true;
	fputs("fuzzsup-replay: ", stderr);
	replay_watch_say(path);
	fprintf(stderr, ": %s\n", what);
}

static void add_folder(
    struct replay_watch *watch, const char *path, enum role role, size_t top);

/* A folder inside of @folder: perhaps one whose inputs count. */
static void
meet_folder(struct replay_watch *watch, struct folder *folder, const char *name)
{
	char path[PATH_MAX];

	if (name[0] == '.' || folder->role == QUEUE ||
	    snprintf(path, sizeof(path), "%s/%s", folder->path, name) >=
		(int)sizeof(path))
		return;
	if (strcmp(name, "queue") == 0) {
		folder->has_queue = true;
		add_folder(watch, path, QUEUE, folder->top);
	} else if (folder->role == TOP) {
		add_folder(watch, path, INSTANCE, folder->top);
	}
}

static bool
has_inputs(const struct folder *folder)
{
	return folder->role != INSTANCE && !folder->has_queue;
}

/* Meets the folders in it, and counts its files. */
static void
look_through(struct replay_watch *watch, struct folder *folder)
{
	DIR *listing = opendir(folder->path);
	struct dirent *entry;
	struct stat st;
	bool is_folder;

	if (listing == NULL)
		return;
	folder->left = 0;
	while ((entry = readdir(listing)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		is_folder = entry->d_type == DT_DIR;
		if (entry->d_type == DT_UNKNOWN)
			is_folder = fstatat(dirfd(listing), entry->d_name, &st,
					AT_SYMLINK_NOFOLLOW) == 0 &&
			    S_ISDIR(st.st_mode);
		if (is_folder)
			meet_folder(watch, folder, entry->d_name);
		else
			folder->left++;
	}
	closedir(listing);
	if (!has_inputs(folder))
		folder->left = 0;
}

/* Begins to list it, anew if it is being listed. */
static void
list(struct replay_watch *watch, struct folder *folder)
{
	folder->left_out = folder->unread = 0;
	look_through(watch, folder);
	if (!has_inputs(folder))
		return;
	if (folder->listing != NULL)
		closedir(folder->listing);
	folder->listing = opendir(folder->path);
	if (folder->listing == NULL)
		folder->left = 0;
}

/* A folder that is watched already, under another name or as another's part: what the user
 * names holds inputs, whatever it was taken for. */
static void
meet_again(
    struct replay_watch *watch, struct folder *folder, enum role role, size_t top)
{
	if (role != TOP || folder->role == TOP)
		return;
	if (folder->role == INSTANCE) {
		folder->role = TOP;
		folder->top = top;
		list(watch, folder);
	}
	watch->is_there[top] = true;
}

static void
add_watched(
    struct replay_watch *watch, const char *path, enum role role, size_t top, int wd)
{
	struct folder *folder = calloc(1, sizeof(*folder));

	if (folder == NULL)
		return;
	*folder = (struct folder){ .next = watch->folders,
		.path = strdup(path),
		.role = role,
		.top = top,
		.wd = wd,
		.fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) };
	if (folder->path == NULL || folder->fd < 0) {
		inotify_rm_watch(watch->fd, wd);
		free(folder->path);
		free(folder);
		return;
	}
	watch->folders = folder;
	watch->folders_len++;
	if (role == TOP)
		watch->is_there[top] = true;
	list(watch, folder);
}

static void
add_folder(struct replay_watch *watch, const char *path, enum role role, size_t top)
{
	const uint32_t events = role == INSTANCE ? FOLDER_EVENTS : INPUT_EVENTS;
	struct folder *folder;
	int wd;

	if (watch->folders_len == FOLDERS_MAX) {
		complain(watch, path, "more folders than are watched");
		return;
	}
	wd = inotify_add_watch(watch->fd, path, events | SELF_EVENTS | IN_MASK_ADD);
	folder = wd >= 0 ? find(watch, wd) : NULL;
	if (folder != NULL)
		meet_again(watch, folder, role, top);
	else if (wd >= 0)
		add_watched(watch, path, role, top, wd);
	else if (errno == ENOSPC)
		complain(watch, path,
		    "no inotify watch is left: raise fs.inotify.max_user_watches");
	else if (errno != ENOENT)
		complain(watch, path, strerror(errno));
}

/* Whether its path still leads to it: as long as we have it open, the kernel does not say
 * that it was removed; nor ever that a folder above it was moved. */
static bool
is_in_place(const struct folder *folder)
{
	struct stat ours, theirs;

	return fstat(folder->fd, &ours) == 0 && stat(folder->path, &theirs) == 0 &&
	    ours.st_dev == theirs.st_dev && ours.st_ino == theirs.st_ino;
}

void
replay_watch_tick(struct replay_watch *watch)
{
	const bool retries = ++watch->ticks % RETRY_TICKS == 0;
	struct folder *next;

	for (struct folder *folder = watch->folders; folder != NULL; folder = next) {
		next = folder->next;
		if (!is_in_place(folder)) {
			forget(watch, folder);
		} else if (folder->again || (retries && folder->unread > 0)) {
			folder->again = false;
			list(watch, folder);
		}
	}
	for (size_t i = 0; i < watch->tops_len; i++)
		if (!watch->is_there[i])
			add_folder(watch, watch->tops[i], TOP, i);
}

struct replay_watch *
replay_watch_new(
    const char *const *folders, size_t len, replay_input_fn *input, void *context)
{
	struct replay_watch *watch = calloc(1, sizeof(*watch));

	if (watch == NULL)
		return NULL;
	*watch = (struct replay_watch){ .tops = folders,
		.is_there = calloc(len + 1, sizeof(bool)),
		.tops_len = len,
		.input = input,
		.context = context,
		.fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC) };
	if (watch->is_there == NULL || watch->fd < 0) {
		free(watch->is_there);
		free(watch);
		return NULL;
	}
	replay_watch_tick(watch);
	for (size_t i = 0; i < len; i++)
		if (access(folders[i], F_OK) != 0)
			fprintf(stderr, "fuzzsup-replay: %s: %s; it is waited for\n",
			    folders[i], strerror(errno));
	return watch;
}

void
replay_watch_free(struct replay_watch *watch)
{
	if (watch == NULL)
		return;
	while (watch->folders != NULL)
		forget(watch, watch->folders);
	close(watch->fd);
	free(watch->is_there);
	free(watch);
}

int
replay_watch_fd(const struct replay_watch *watch)
{
	return watch->fd;
}

/* A file that was just made is worth a look only if it is a further link: others are told
 * of when they are closed. */
static bool
is_link(const struct folder *folder, const char *name)
{
	struct stat st;

	return fstatat(folder->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    st.st_nlink > 1;
}

static void
take_input(struct replay_watch *watch, struct folder *folder, const char *name)
{
	const enum replay_take take = watch->input(watch->context, folder->fd, name);

	folder->left_out += take == REPLAY_LEFT_OUT;
	folder->unread += take == REPLAY_UNREAD;
}

/* Somebody may read now what he could not, the folder itself or what is in it. Whole trees
 * change in one go, so that is looked at with the next tick. */
static void
take_change(struct replay_watch *watch, struct folder *folder,
    const struct inotify_event *event)
{
	if (event->len == 0 || (folder->unread > 0 && (event->mask & IN_ISDIR) == 0))
		folder->again = true;
	else if ((event->mask & IN_ISDIR) != 0)
		meet_folder(watch, folder, event->name);
}

static void
take_event(struct replay_watch *watch, const struct inotify_event *event)
{
	struct folder *folder;

	if ((event->mask & IN_Q_OVERFLOW) != 0) {
		for (folder = watch->folders; folder != NULL; folder = folder->next)
			list(watch, folder);
		return;
	}
	folder = find(watch, event->wd);
	if (folder == NULL)
		return;
	if ((event->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED | IN_UNMOUNT)) !=
	    0) {
		forget(watch, folder);
		return;
	}
	if ((event->mask & IN_ATTRIB) != 0) {
		take_change(watch, folder, event);
		return;
	}
	if (event->len == 0 || event->name[0] == '.')
		return;
	if ((event->mask & IN_ISDIR) != 0)
		meet_folder(watch, folder, event->name);
	else if (has_inputs(folder) &&
	    ((event->mask & IN_CREATE) == 0 || is_link(folder, event->name)))
		take_input(watch, folder, event->name);
}

void
replay_watch_news(struct replay_watch *watch)
{
	_Alignas(struct inotify_event) char events[16 << 10];
	const struct inotify_event *event;
	ssize_t n;

	while ((n = read(watch->fd, events, sizeof(events))) > 0)
		for (ssize_t at = 0; at < n;
		    at += (ssize_t)(sizeof(*event) + event->len)) {
			event = (const void *)(events + at);
			take_event(watch, event);
		}
}

static void
list_one(struct replay_watch *watch, struct folder *folder)
{
	const struct dirent *entry;

	do
		entry = readdir(folder->listing);
	while (entry != NULL && (entry->d_name[0] == '.' || entry->d_type == DT_DIR));
	if (entry == NULL) {
		closedir(folder->listing);
		folder->listing = NULL;
		folder->left = 0;
		return;
	}
	folder->left -= folder->left > 0;
	take_input(watch, folder, entry->d_name);
}

bool
replay_watch_list(struct replay_watch *watch)
{
	struct folder *folder = watch->folders;

	while (folder != NULL && folder->listing == NULL)
		folder = folder->next;
	if (folder == NULL)
		return false;
	list_one(watch, folder);
	return true;
}

uint64_t
replay_watch_skipped(const struct replay_watch *watch)
{
	uint64_t skipped = 0;

	for (const struct folder *folder = watch->folders; folder != NULL;
	    folder = folder->next)
		skipped += folder->left_out + folder->unread;
	return skipped;
}

uint64_t
replay_watch_left(const struct replay_watch *watch)
{
	uint64_t left = 0;

	for (const struct folder *folder = watch->folders; folder != NULL;
	    folder = folder->next)
		left += folder->left;
	return left;
}
