/* SPDX-License-Identifier: MIT
 * The PC table that sancov left in an executable: link-time addresses of all
 * instrumented blocks, in the order of the counters; in the symbolizer.
 *
 *   __sancov_pcs   Clang: 16 bytes an entry, PC and flags; one for each byte of
 *                  __sancov_cntrs or __sancov_bools, or each word of __sancov_guards
 *   __sancov_pcs1  Zig: 8 bytes an entry, PC; one for each byte of __sancov_cntrs
 */
#ifndef FUZZSUP_PC_TABLE_H
#define FUZZSUP_PC_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "elf_image.h"

/* Refuses (-EINVAL, @failure said) an executable in which Zig's and Clang's tables share
 * one section of counters, so that no bit belongs to the PC beside it. */
int pc_table_check(const struct elf_image *image, struct failure *failure);

/* Outputs the PCs, which the caller frees with pages_free(). Returns 0, -ENOENT (and what helps in
 * @failure) if there is no PC table, or another negative errno with @failure said. */
int pc_table_read(struct elf_image *image, uint64_t **ret_pcs, uint32_t *ret_len,
    struct failure *failure);

#endif
