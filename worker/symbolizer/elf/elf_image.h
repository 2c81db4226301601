/* SPDX-License-Identifier: MIT
 * A linked executable or library, read section by section into memory of our own, so that
 * nobody can cut it under us; in the symbolizer.
 */
#ifndef FUZZSUP_ELF_IMAGE_H
#define FUZZSUP_ELF_IMAGE_H

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "byte_reader.h"
#include "failure.h"

struct elf_image;

struct elf_section {
	Elf64_Shdr header; /* sh_size: as stored, perhaps compressed */
	const unsigned char *data;
	size_t size; /* of data, inflated */
};

/* Reads the headers of the file behind @fd, which must stay open for as long as the image
 * lives. Returns 0, or a negative errno with @failure said. */
int elf_image_open(int fd, struct elf_image **ret_image, struct failure *failure);

/* The same for a file that only holds debug information and may be of any type: dwz calls
 * its alternate files relocatable. */
int elf_image_open_debug(int fd, struct elf_image **ret_image, struct failure *failure);
void elf_image_free(struct elf_image *image);

/* e_machine and e_type. */
unsigned elf_image_machine(const struct elf_image *image);
bool elf_image_is_position_independent(const struct elf_image *image);

/* Bytes of the section @name, inflated; they live as long as the image. Returns 0,
 * -ENOENT (nothing said) if there is no such section or it has no bytes in the file, or
 * another negative errno with @failure said. */
int elf_image_section(struct elf_image *image, const char *name,
    struct elf_section *ret_section, struct failure *failure);

/* The same; empty where there are none, or they cannot be read. */
struct byte_reader elf_image_bytes(struct elf_image *image, const char *name);

/* The same by index (sh_link), and for each section in turn: the first of @type behind
 * @index (0: from the start). Outputs its index. */
int elf_image_section_at(struct elf_image *image, size_t index,
    struct elf_section *ret_section, struct failure *failure);
int elf_image_next(struct elf_image *image, uint32_t type, size_t *index,
    struct elf_section *ret_section, struct failure *failure);

/* The same by name and for each in turn, but without the bytes: data is NULL, size as
 * stored. For what is read once and not kept, with elf_image_read(). */
int elf_image_find(struct elf_image *image, const char *name,
    struct elf_section *ret_section, struct failure *failure);
/* Of what is read here and there: it may be a hole in the file, too. */
int elf_image_find_any(struct elf_image *image, const char *name,
    struct elf_section *ret_section, struct failure *failure);
int elf_image_find_next(struct elf_image *image, uint32_t type, size_t *index,
    struct elf_section *ret_section, struct failure *failure);

/* Copies @len bytes from @offset of a section as stored, all of which must lie in it.
 * Returns 0, or a negative errno with @failure said. */
int elf_image_read(struct elf_image *image, const struct elf_section *section,
    uint64_t offset, void *buffer, size_t len, struct failure *failure);

/* True if there is a section @name, whatever is in it; its size as stored. */
bool elf_image_has(const struct elf_image *image, const char *name, uint64_t *ret_size);

/* Whether its debug information is compressed as binutils did it before ELF had a way, and
 * what to say then. */
bool elf_image_is_zdebug(const struct elf_image *image);
#define ELF_IMAGE_ZDEBUG \
	"its debug information is compressed in the old GNU way (.zdebug_*), which " \
	"is " \
	"not read: run objcopy --decompress-debug-sections on it, or build with " \
	"-gz=zlib"

/* True if @address lies in a section that holds code. */
bool elf_image_is_code(const struct elf_image *image, uint64_t address);

/* Outputs where its code begins and ends, with gaps between; both 0 if it has none. */
void elf_image_code_bounds(
    const struct elf_image *image, uint64_t *ret_start, uint64_t *ret_end);

/* True if the section with number @index is there when the program runs. */
bool elf_image_is_loaded(const struct elf_image *image, size_t index);

/* Build ID, at most 64 bytes of it; empty if there is none. */
struct byte_reader elf_image_build_id(struct elf_image *image);

#endif
