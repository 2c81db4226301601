/* SPDX-License-Identifier: MIT
 * Notices libraries that are loaded while the target runs; in the fuzzed process.
 *
 * The dynamic linker appends what it loads to its list, whose head it tells to debuggers.
 * Only what was loaded later is ever unloaded, so the last entry of the beginning can be
 * looked at without a lock. What stands behind it is asked for by dl_iterate_phdr(),
 * which locks and costs some 50 ns.
 */
#include "rt_loaded.h"

#include <dlfcn.h>

/* Missing in static executables, which would warn of it. */
#pragma weak dlopen

struct link_map *fuzzsup_rt_loaded_last;
static unsigned long long known_adds;

static int
take_adds(struct dl_phdr_info *info, size_t size, void *arg)
{
	if (size >= offsetof(struct dl_phdr_info, dlpi_subs))
		*(unsigned long long *)arg = info->dlpi_adds;
	return 1;
}

/* The first module is the executable. */
static int
find_list(struct dl_phdr_info *info, size_t size, void *arg)
{
	const ElfW(Dyn) *entry = NULL;

	(void)size;
	for (size_t i = 0; i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == PT_DYNAMIC)
			entry = (const ElfW(Dyn) *)(info->dlpi_addr +
			    info->dlpi_phdr[i].p_vaddr);
	for (; entry != NULL && entry->d_tag != DT_NULL; entry++)
		if (entry->d_tag == DT_DEBUG && entry->d_un.d_ptr != 0)
			*(struct link_map **)arg =
			    ((const struct r_debug *)entry->d_un.d_ptr)->r_map;
	return 1;
}

void
fuzzsup_rt_loaded_begin(void)
{
	struct link_map *last = NULL;

	dl_iterate_phdr(take_adds, &known_adds);
	dl_iterate_phdr(find_list, &last);
	while (last != NULL && last->l_next != NULL)
		last = last->l_next;
	/* A constructor before ours may have loaded it. */
	if (last != NULL && last->l_name != NULL && last->l_name[0] != '\0')
		fuzzsup_rt_loaded_keep(last->l_name);
	fuzzsup_rt_loaded_last = last;
}

bool
fuzzsup_rt_loaded_more(void)
{
	unsigned long long adds = known_adds;

	dl_iterate_phdr(take_adds, &adds);
	if (adds == known_adds)
		return false;
	known_adds = adds;
	return true;
}

bool
fuzzsup_rt_loaded_keep(const char *path)
{
	return dlopen == NULL ||
	    dlopen(path, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE) != NULL;
}
