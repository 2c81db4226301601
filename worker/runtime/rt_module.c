/* SPDX-License-Identifier: MIT
 * Finds instrumented modules by the section headers of their files; in the fuzzed process.
 */
#include "rt_module.h"

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hash.h"
#include "rt_engine.h"

struct search {
	struct rt_module *modules;
	size_t len, max, visited, known_at;
	const char *problem;
};

/* What earlier searches looked at, in the dynamic linker's order: it appends what comes, so
 * that one walk along both lists tells what is new. What exceeds the list is looked at
 * each time. */
#define KNOWN_MAX 1024
static uint64_t known[KNOWN_MAX];
static size_t known_len;

static bool
is_known(struct search *search, const struct dl_phdr_info *info)
{
	const void *where[] = { (const void *)info->dlpi_addr, info->dlpi_phdr };
	uint64_t id = hash_bytes(HASH_SEED, where, sizeof(where));
	bool found = false;

	if (info->dlpi_name != NULL)
		id = hash_bytes(id, info->dlpi_name, strlen(info->dlpi_name));
	while (!found && search->known_at < known_len)
		found = known[search->known_at++] == id;
	if (search->visited < KNOWN_MAX)
		known[search->visited++] = id;
	return found;
}

static bool
read_at(int fd, void *buffer, size_t len, uint64_t offset)
{
	return offset <= INT64_MAX &&
	    pread(fd, buffer, len, (off_t)offset) == (ssize_t)len;
}

/* All section headers of an ELF file, for free(); NULL if it has none that can be read. */
static ElfW(Shdr) * read_sections(int fd, ElfW(Ehdr) * header)
{
	ElfW(Shdr) * sections;
	size_t size;

	if (!read_at(fd, header, sizeof(*header), 0) ||
	    memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 || header->e_shnum == 0 ||
	    header->e_shentsize != sizeof(*sections) ||
	    header->e_shstrndx >= header->e_shnum)
		return NULL;
	size = header->e_shnum * sizeof(*sections);
	sections = malloc(size);
	if (sections != NULL && !read_at(fd, sections, size, header->e_shoff)) {
		free(sections);
		return NULL;
	}
	return sections;
}

/* True if @size bytes at the run-time address @start are mapped: a file on disk need not be
 * what was loaded. */
static bool
is_loaded(const struct dl_phdr_info *info, uint64_t start, uint64_t size)
{
	for (size_t i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
		uint64_t begin = info->dlpi_addr + segment->p_vaddr;

		if (segment->p_type == PT_LOAD && start >= begin &&
		    size <= segment->p_memsz &&
		    start - begin <= segment->p_memsz - size)
			return true;
	}
	return false;
}

static void
take_section(struct rt_module *module, const char *name, const ElfW(Shdr) * section,
    size_t *guards_len, size_t *pcs_size)
{
	const void *start = (const void *)(module->base + section->sh_addr);

	if (strcmp(name, "__sancov_cntrs") == 0 ||
	    strcmp(name, "__sancov_bools") == 0) {
		module->counters = start;
		module->len = section->sh_size;
	} else if (strcmp(name, "__sancov_guards") == 0 &&
	    fuzzsup_rt_engine() == RT_AFL) {
		module->guards = start;
		*guards_len = section->sh_size / sizeof(*module->guards);
	} else if (strcmp(name, "__sancov_pcs") == 0) {
		module->pcs = start;
		*pcs_size = section->sh_size;
	}
}

/* Fills in where the module's counters and PCs lie. True if it has both. */
static bool
find_tables(int fd, const struct dl_phdr_info *info, struct rt_module *module,
    const char **problem)
{
	size_t pcs_size = 0, guards_len = 0;
	ElfW(Ehdr) header;
	ElfW(Shdr) *sections = read_sections(fd, &header);
	char name[32];

	if (sections == NULL)
		return false;
	for (size_t i = 0; i < header.e_shnum; i++) {
		uint64_t at =
		    sections[header.e_shstrndx].sh_offset + sections[i].sh_name;
		ssize_t n = pread(fd, name, sizeof(name) - 1, (off_t)at);

		if (n <= 0)
			continue;
		name[n] = '\0';
		take_section(module, name, &sections[i], &guards_len, &pcs_size);
	}
	free(sections);
	/* Guards have counters where AFL++ put them; with both, ours are the nearer. */
	if (module->len > 0)
		module->guards = NULL;
	else
		module->len = guards_len;
	if (module->pcs == NULL || module->len == 0)
		return false;
	if (!is_loaded(info,
		(uintptr_t)(module->guards != NULL ? (const void *)module->guards
						   : module->counters),
		module->len * (module->guards != NULL ? sizeof(*module->guards) : 1)) ||
	    !is_loaded(info, (uintptr_t)module->pcs, pcs_size)) {
		*problem = "its file is not what was loaded";
		return false;
	}
	if (pcs_size / sizeof(struct rt_pc) != module->len) {
		*problem = "its PC table and its counters differ in length";
		return false;
	}
	return true;
}

static void
find_build_id(const struct dl_phdr_info *info, struct rt_module *module)
{
	for (size_t i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
		const char *at = (const char *)(info->dlpi_addr + segment->p_vaddr);
		size_t left = segment->p_memsz, size;

		if (segment->p_type != PT_NOTE ||
		    !is_loaded(
			info, info->dlpi_addr + segment->p_vaddr, segment->p_memsz))
			continue;
		while (left >= sizeof(ElfW(Nhdr))) {
			const ElfW(Nhdr) *note = (const ElfW(Nhdr) *)at;
			size_t name = (note->n_namesz + 3UL) & ~3UL;
			size_t content = (note->n_descsz + 3UL) & ~3UL;

			size = sizeof(*note) + name + content;
			if (size > left)
				break;
			if (note->n_type == NT_GNU_BUILD_ID && note->n_namesz == 4 &&
			    memcmp(at + sizeof(*note), "GNU", 4) == 0 &&
			    note->n_descsz <= RT_BUILD_ID_MAX) {
				module->build_id_len = note->n_descsz;
				memcpy(module->build_id, at + sizeof(*note) + name,
				    note->n_descsz);
				return;
			}
			at += size;
			left -= size;
		}
	}
}

static int
look_at(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct search *search = arg;
	struct rt_module *module;
	ssize_t n;
	int fd;

	(void)size;
	if (is_known(search, info) || search->len == search->max)
		return 0;
	module = &search->modules[search->len];
	memset(module, 0, sizeof(*module));
	module->base = info->dlpi_addr;
	if (info->dlpi_name == NULL || info->dlpi_name[0] == '\0') {
		n = readlink("/proc/self/exe", module->path, sizeof(module->path) - 1);
		fd = n > 0 ? open("/proc/self/exe", O_RDONLY | O_CLOEXEC) : -1;
	} else {
		/* Libraries are named as they were found, the vDSO by no path at all. */
		n = realpath(info->dlpi_name, module->path) != NULL ? 1 : -1;
		fd = n > 0 ? open(module->path, O_RDONLY | O_CLOEXEC) : -1;
	}
	if (fd < 0)
		return 0;
	if (find_tables(fd, info, module, &search->problem)) {
		find_build_id(info, module);
		search->len++;
	}
	close(fd);
	return 0;
}

size_t
fuzzsup_rt_modules_find(struct rt_module *modules, size_t max, const char **ret_problem)
{
	struct search search = { .modules = modules, .max = max };

	dl_iterate_phdr(look_at, &search);
	known_len = search.visited;
	*ret_problem = search.problem;
	return search.len;
}
