/* SPDX-License-Identifier: MIT
 * Playing the supervisor for one front-end; in tests and benchmarks.
 */
#include "config.h"

#include "supervisor_double.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "coverage_map.h"
#include "heritage.h"
#include "shared_memory.h"
#include "source_table.h"
#include "banned.h"

#define FILES_MAX 4096
#define STRINGS_MAX (1 << 20)

static int
must(int r, const char *what)
{
	if (r < 0)
		errx(99, "%s: %s", what, strerror(r == -1 ? errno : -r));
	return r;
}

/* ---- messages ---- */

static void
send_message(
    struct supervisor_double *supervisor, const struct message *message, int fd)
{
	must(channel_send_all(supervisor->channel, message, &fd, fd >= 0 ? 1 : 0),
	    "channel_send_all");
}

static void
send_text(struct supervisor_double *supervisor, enum message_type type, uint32_t target,
    const char *text, size_t len, int fd)
{
	struct message message;

	message_init(&message, type, target);
	memcpy(message.text, text, len);
	message.text_len = (uint32_t)len;
	if (type == MESSAGE_SERVICE)
		message.service.instance = 0x1122334455667788;
	send_message(supervisor, &message, fd);
}

static void
send_well(struct supervisor_double *supervisor)
{
	struct message message;

	message_init(&message, MESSAGE_HEALTH, 0);
	send_message(supervisor, &message, -1);
}

static void
ring(struct supervisor_double *supervisor)
{
	const uint64_t one = 1;

	must((int)write(supervisor->news, &one, sizeof(one)), "ring");
}

/* ---- the directory ---- */

static int
compare_targets(const void *left, const void *right)
{
	const struct directory_target *a = left, *b = right;

	return strcmp(a->name, b->name);
}

static void
commit(struct supervisor_double *supervisor)
{
	struct directory *directory = supervisor->directory;
	uint64_t next = atomic_load(&directory->committed) + 1;
	struct directory_half *half = &directory->halves[next & 1];

	half->targets_len = 0;
	for (size_t i = 0; i < supervisor->targets_len; i++) {
		const struct double_target *target = &supervisor->targets[i];
		struct directory_target *entry = &half->targets[half->targets_len];

		if (target->id == 0)
			continue;
		half->targets_len++;
		memset(entry, 0, sizeof(*entry));
		entry->id = target->id;
		entry->state = TARGET_LIVE;
		memcpy(entry->name, target->name, sizeof(entry->name));
		entry->pcs_len = target->pcs_len;
		entry->table = target->table;
		entry->live = target->live_generation;
	}
	qsort(half->targets, half->targets_len, sizeof(half->targets[0]),
	    compare_targets);
	half->generation = next;
	atomic_store_explicit(&directory->committed, next, memory_order_release);
	if (supervisor->channel != NULL)
		send_text(supervisor, MESSAGE_DIRECTORY, 0, "", 0, -1);
}

static int
make_directory(struct supervisor_double *supervisor)
{
	int fd = must(shared_memory_create("directory"), "memfd");
	struct directory *directory;

	must(ftruncate(fd, sizeof(*directory)), "ftruncate");
	must(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW), "seals");
	directory =
	    mmap(NULL, sizeof(*directory), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (directory == MAP_FAILED)
		err(99, "mmap");
	directory->magic = DIRECTORY_MAGIC;
	directory->version = DIRECTORY_VERSION;
	directory->size = sizeof(*directory);
	must(shared_lock_init(&directory->lock), "shared_lock_init");
	supervisor->directory = directory;
	commit(supervisor);
	return fd;
}

/* ---- starting ---- */

static void
exec_frontend(const char *program, bool sandbox, pid_t parent, const int inherited[5])
{
	char parent_word[32], sandbox_word[32];

	snprintf(parent_word, sizeof(parent_word), "parent=%d", (int)parent);
	snprintf(sandbox_word, sizeof(sandbox_word), "sandbox=%d", sandbox);
	for (int i = 0; i < 5; i++)
		must(dup2(inherited[i], 20 + i), "dup2");
	for (int i = 0; i < 5; i++)
		must(dup2(20 + i, HERITAGE_CHANNEL + i), "dup2");
	must(
	    dup2(must(open("/dev/null", O_RDONLY), "/dev/null"), STDIN_FILENO), "dup2");
	for (int i = HERITAGE_END; i < 256; i++)
		close(i);
	execl(program, program, parent_word, "log=3", sandbox_word, "uid=0", "gid=0",
	    "slot=3", (char *)NULL);
	err(99, "%s", program);
}

static int
listen_on(unsigned port, unsigned *ret_port)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = must(
	    socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), "socket");
	socklen_t len = sizeof(address);
	const int on = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	must(bind(fd, (struct sockaddr *)&address, len), "bind");
	must(listen(fd, 4096), "listen");
	must(getsockname(fd, (struct sockaddr *)&address, &len), "getsockname");
	*ret_port = ntohs(address.sin_port);
	return fd;
}

void
double_start(struct supervisor_double *supervisor, const char *program, const char *web,
    unsigned port, bool sandbox)
{
	static const char hosts[] = "fuzz.example\nother.example";
	pid_t parent = getpid();
	int pair[2], edge[2], past[2], directory, fd;

	memset(supervisor, 0, sizeof(*supervisor));
	directory = make_directory(supervisor);
	supervisor->news = must(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), "eventfd");
	must(channel_pair(pair), "channel_pair");
	must(channel_pair(edge), "channel_pair");
	must(channel_pair(past), "channel_pair");
	supervisor->pid = must(fork(), "fork");
	if (supervisor->pid == 0)
		exec_frontend(program, sandbox, parent,
		    (int[]){ pair[1], supervisor->news, directory, edge[1], past[1] });
	close(pair[1]);
	close(edge[1]);
	close(past[1]);
	close(directory);
	must(channel_new(pair[0], PARTY_ANY, PARTY_ANY, &supervisor->channel),
	    "channel_new");
	must(channel_new(edge[0], PARTY_ANY, PARTY_ANY, &supervisor->runner),
	    "channel_new");
	must(channel_new(past[0], PARTY_ANY, PARTY_ANY, &supervisor->archive),
	    "channel_new");
	fd = must(open(web, O_PATH | O_DIRECTORY | O_CLOEXEC), web);
	send_text(supervisor, MESSAGE_SHARE, 0, web, strlen(web), fd);
	close(fd);
	send_text(supervisor, MESSAGE_SERVICE, 0, hosts, strlen(hosts), -1);
	fd = listen_on(port, &supervisor->port);
	send_well(supervisor);
	send_text(supervisor, MESSAGE_LISTENER, 0, "", 0, fd);
	close(fd);
}

int
double_stop(struct supervisor_double *supervisor)
{
	int status = -1;

	channel_free(supervisor->channel);
	channel_free(supervisor->runner);
	channel_free(supervisor->archive);
	waitpid(supervisor->pid, &status, 0);
	for (size_t i = 0; i < supervisor->targets_len; i++)
		live_segment_unmap(&supervisor->targets[i].live);
	munmap(supervisor->directory, sizeof(*supervisor->directory));
	close(supervisor->news);
	return status;
}

/* ---- tables ---- */

struct table_parts {
	char *strings;
	uint32_t strings_len;
	struct wire_file files[FILES_MAX];
	uint32_t files_len;
};

static uint32_t
add_string(struct table_parts *parts, const char *text)
{
	uint32_t offset = parts->strings_len;
	size_t len = strlen(text) + 1;

	if (offset + len > STRINGS_MAX)
		errx(99, "too many files");
	memcpy(parts->strings + offset, text, len);
	parts->strings_len += (uint32_t)len;
	return offset;
}

/* Directory 0 is the root; directory 1 lies outside of it. */
static void
list_files(struct table_parts *parts, const char *root)
{
	DIR *dir = opendir(root);
	struct dirent *entry;

	if (dir == NULL)
		err(99, "%s", root);
	while ((entry = readdir(dir)) != NULL && parts->files_len < FILES_MAX - 1)
		if (entry->d_type == DT_REG)
			parts->files[parts->files_len++] =
			    (struct wire_file){ 0, add_string(parts, entry->d_name) };
	closedir(dir);
	parts->files[parts->files_len++] =
	    (struct wire_file){ 1, add_string(parts, "shadow") };
}

static void
append(int fd, const void *data, size_t len)
{
	static const char zeros[8];

	must(shared_memory_append(fd, data, len), "append");
	must(shared_memory_append(fd, zeros, (8 - len % 8) % 8), "append");
}

static uint64_t
place(uint64_t *end, size_t len)
{
	uint64_t at = *end;

	*end += (len + 7) / 8 * 8;
	return at;
}

static int
write_table(const struct source_table_header *header, const struct table_parts *parts,
    const uint32_t directories[2])
{
	int fd = must(shared_memory_create("table"), "memfd");
	uint64_t *pcs = calloc((size_t)header->pcs_len + 1, 8);
	uint32_t *order = calloc((size_t)header->pcs_len + 1, 4);
	struct wire_location *locations =
	    calloc((size_t)header->pcs_len + 1, sizeof(*locations));

	if (pcs == NULL || order == NULL || locations == NULL)
		err(99, "table");
	for (uint32_t i = 0; i < header->pcs_len; i++) {
		pcs[i] = 0x1000 + 16 * (uint64_t)i;
		order[i] = i;
		locations[i] = i % 16 == 15
		    ? (struct wire_location){ WIRE_FILE_UNKNOWN, 0, 0 }
		    : (struct wire_location){ i % parts->files_len,
			      i / parts->files_len + 1, 1 };
	}
	append(fd, header, sizeof(*header));
	append(fd, pcs, 8 * (size_t)header->pcs_len);
	append(fd, order, 4 * (size_t)header->pcs_len);
	append(fd, directories, 8);
	append(fd, parts->files, parts->files_len * sizeof(parts->files[0]));
	append(fd, locations, (size_t)header->pcs_len * sizeof(*locations));
	append(fd, parts->strings, parts->strings_len);
	must(shared_memory_seal(fd), "seal");
	free(pcs);
	free(order);
	free(locations);
	return fd;
}

static int
make_table(const char *root, uint32_t pcs_len, uint64_t generation)
{
	static struct table_parts parts;
	struct source_table_header header = { .magic = SOURCE_TABLE_MAGIC,
		.version = SOURCE_TABLE_VERSION,
		.pcs_len = pcs_len,
		.unknown_len = pcs_len / 16,
		.directories_len = 2,
		.build_id_len = 8 };
	uint64_t end = sizeof(header);
	uint32_t directories[2];
	int fd;

	parts.strings = malloc(STRINGS_MAX);
	if (parts.strings == NULL)
		err(99, "strings");
	parts.strings_len = parts.files_len = 0;
	directories[0] = add_string(&parts, root);
	directories[1] = add_string(&parts, "/etc");
	list_files(&parts, root);
	memcpy(header.build_id, &generation, 8);
	header.files_len = parts.files_len;
	header.string_bytes_len = parts.strings_len;
	header.pcs = place(&end, 8 * (size_t)pcs_len);
	header.order = place(&end, 4 * (size_t)pcs_len);
	header.directories = place(&end, 8);
	header.files = place(&end, parts.files_len * sizeof(parts.files[0]));
	header.locations = place(&end, pcs_len * sizeof(struct wire_location));
	header.strings = place(&end, parts.strings_len);
	header.entries = header.size = end;
	fd = write_table(&header, &parts, directories);
	free(parts.strings);
	return fd;
}

/* ---- targets ---- */

void
double_rebuild(struct supervisor_double *supervisor, struct double_target *target,
    const char *root, uint32_t pcs_len)
{
	struct message message;
	int fd;

	target->pcs_len = pcs_len;
	fd = make_table(root, pcs_len, ++target->table);
	message_init(&message, MESSAGE_SERVE_TABLE, target->id);
	message.of.generation = target->table;
	send_message(supervisor, &message, fd);
	close(fd);
	live_segment_unmap(&target->live);
	must(live_segment_create(
		 pcs_len, (int64_t)time(NULL) * 1000, &fd, &target->live),
	    "live_segment_create");
	message_init(&message, MESSAGE_SERVE_LIVE, target->id);
	message.of.generation = ++target->live_generation;
	send_message(supervisor, &message, fd);
	close(fd);
	commit(supervisor);
}

struct double_target *
double_add(struct supervisor_double *supervisor, const char *name, const char *root,
    uint32_t pcs_len)
{
	struct double_target *target = &supervisor->targets[supervisor->targets_len++];
	char text[MESSAGE_TEXT_MAX];
	char *real = realpath(root, NULL);
	int fd, len;

	if (real == NULL)
		err(99, "%s", root);
	target->id = (uint32_t)supervisor->targets_len;
	snprintf(target->name, sizeof(target->name), "%s", name);
	len = snprintf(text, sizeof(text), "%s\nthird_party/", name);
	send_text(supervisor, MESSAGE_SERVE, target->id, text, (size_t)len, -1);
	len = snprintf(text, sizeof(text), "%s%c%s", root, 0, real);
	fd = must(open(root, O_PATH | O_DIRECTORY | O_CLOEXEC), root);
	send_text(supervisor, MESSAGE_SOURCE_ROOT, target->id, text, (size_t)len, fd);
	close(fd);
	free(real);
	double_rebuild(supervisor, target, root, pcs_len);
	return target;
}

void
double_remove(struct supervisor_double *supervisor, struct double_target *target)
{
	uint32_t id = target->id;

	target->id = 0;
	send_text(supervisor, MESSAGE_FORGET, id, "", 0, -1);
	commit(supervisor);
}

/* ---- coverage ---- */

void
double_hit(struct supervisor_double *supervisor, struct double_target *target,
    uint32_t first, uint32_t len)
{
	struct live_segment *head = target->live.head;
	uint32_t time = (uint32_t)atomic_load(&head->bits_version) + 1;
	uint64_t bit;

	/* As the collector does it: one time for all that became set at once. */
	for (uint32_t i = first; i < first + len && i < target->pcs_len; i++) {
		bit = UINT64_C(1) << i % 64;
		if ((atomic_load(&target->live.bits[i / 64]) & bit) != 0)
			continue;
		atomic_store(&target->live.times[i], time);
		atomic_fetch_or(&target->live.bits[i / 64], bit);
		atomic_fetch_add(&head->covered, 1);
	}
	atomic_fetch_add(&head->bits_version, 1);
	atomic_fetch_add(&head->sequence, 1);
	ring(supervisor);
}

void
double_run(struct supervisor_double *supervisor, struct double_target *target,
    uint64_t runs, uint64_t unique)
{
	struct live_segment *head = target->live.head;

	atomic_fetch_add(&head->n_runs, runs);
	atomic_fetch_add(&head->unique_runs, unique);
	atomic_fetch_add(&head->sequence, 1);
	ring(supervisor);
}

void
double_entry(
    struct supervisor_double *supervisor, struct double_target *target, uint32_t index)
{
	struct live_segment *head = target->live.head;
	uint32_t len = atomic_load(&head->entries_len);

	atomic_store(&target->live.entries[len], index);
	atomic_store(&head->entries_len, len + 1);
	atomic_fetch_add(&head->sequence, 1);
	ring(supervisor);
}

/* ---- main.wasm ---- */

struct message
double_wait_wasm(struct supervisor_double *supervisor)
{
	struct pollfd readable = { .fd = channel_fd(supervisor->runner),
		.events = POLLIN };
	int fds[MESSAGE_FDS_MAX];
	struct message message;
	size_t len;
	int r;

	for (;;) {
		poll(&readable, 1, -1);
		r = channel_receive(supervisor->runner, &message, fds, &len);
		if (r == 0 && message.type == MESSAGE_BUILD_WASM)
			return message;
		if (r != -EAGAIN)
			must(r, "channel_receive");
	}
}

void
double_hello(struct supervisor_double *supervisor)
{
	struct message message;

	message_init(&message, MESSAGE_HELLO, 0);
	must(channel_send_all(supervisor->runner, &message, NULL, 0),
	    "channel_send_all");
}

void
double_answer_wasm(struct supervisor_double *supervisor, const struct message *question,
    unsigned status, const void *content, size_t len)
{
	struct message message;
	int fd = must(shared_memory_create("wasm"), "memfd");

	must(shared_memory_append(fd, content, len), "append");
	must(shared_memory_seal(fd), "seal");
	message_init(&message, MESSAGE_WASM, 0);
	message.built.status = status;
	message.built.number = question->build.number;
	must(
	    channel_send_all(supervisor->runner, &message, &fd, 1), "channel_send_all");
	close(fd);
}
