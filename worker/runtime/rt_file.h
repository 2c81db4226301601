/* SPDX-License-Identifier: MIT
 * The coverage file of a module; in the fuzzed process.
 */
#ifndef FUZZSUP_RT_FILE_H
#define FUZZSUP_RT_FILE_H

#include "coverage_map.h"
#include "rt_module.h"

/* The directory to write to, opened, by the rules of coverage_map.h; its path in @path.
 * -1 after *ret_problem was set. */
int fuzzsup_rt_directory_open(char path[PATH_MAX], const char **ret_problem);

/* Maps the module's coverage file in @directory, made if there is none. @entry: link-time
 * address of LLVMFuzzerTestOneInput, 0: not in this module. Returns NULL after
 * *ret_problem was set. The map stays until the process ends. */
struct coverage_map_header *fuzzsup_rt_file_map(int directory,
    const struct rt_module *module, uintptr_t entry, const char **ret_problem);

#endif
