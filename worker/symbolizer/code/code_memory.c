/* SPDX-License-Identifier: MIT
 * Bytes of an executable by their link-time address; in the symbolizer.
 */
#include "config.h"

#include "code_memory.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "banned.h"

struct piece {
	uint64_t start, size;
	size_t section;
	const unsigned char *data;
	bool was_asked;
};

struct code_memory {
	struct elf_image *image;
	struct piece *pieces; /* by start */
	size_t len, size;
	size_t last; /* that was found */
};

static int
compare_pieces(const void *a, const void *b)
{
	const struct piece *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

static bool
add(struct code_memory *memory, const struct piece *piece)
{
	size_t wanted = memory->size * 2 + 32;
	struct piece *larger;

	if (memory->len == memory->size) {
		larger = realloc(memory->pieces, wanted * sizeof(*larger));
		if (larger == NULL)
			return false;
		memory->pieces = larger;
		memory->size = wanted;
	}
	memory->pieces[memory->len++] = *piece;
	return true;
}

int
code_memory_new(struct elf_image *image, struct code_memory **ret_memory)
{
	struct code_memory *memory = calloc(1, sizeof(*memory));
	struct elf_section section;
	struct failure ignored;
	size_t index = 0;
	int r;

	if (memory == NULL)
		return -ENOMEM;
	memory->image = image;
	while ((r = elf_image_find_next(
		    image, SHT_PROGBITS, &index, &section, &ignored)) != -ENOENT) {
		const struct piece piece = {
			.start = section.header.sh_addr,
			.size = section.size,
			.section = index,
		};

		if (r < 0 || (section.header.sh_flags & SHF_ALLOC) == 0 ||
		    section.size == 0 || section.size > UINT64_MAX - piece.start)
			continue;
		if (!add(memory, &piece)) {
			code_memory_free(memory);
			return -ENOMEM;
		}
	}
	if (memory->len > 0)
		qsort(memory->pieces, memory->len, sizeof(*memory->pieces),
		    compare_pieces);
	*ret_memory = memory;
	return 0;
}

void
code_memory_free(struct code_memory *memory)
{
	if (memory == NULL)
		return;
	free(memory->pieces);
	free(memory);
}

static struct piece *
find(struct code_memory *memory, uint64_t address)
{
	size_t low = 0, high = memory->len, middle;
	struct piece *piece;

	if (memory->last < memory->len) {
		piece = &memory->pieces[memory->last];
		if (address >= piece->start && address - piece->start < piece->size)
			return piece;
	}
	while (low < high) {
		middle = low + (high - low) / 2;
		if (memory->pieces[middle].start <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0)
		return NULL;
	memory->last = low - 1;
	piece = &memory->pieces[low - 1];
	return address - piece->start < piece->size ? piece : NULL;
}

const unsigned char *
code_memory_at(struct code_memory *memory, uint64_t address, size_t *ret_left)
{
	struct piece *piece = find(memory, address);
	struct elf_section section;
	struct failure ignored;

	if (piece == NULL)
		return NULL;
	if (!piece->was_asked &&
	    elf_image_section_at(memory->image, piece->section, &section, &ignored) ==
		0 &&
	    section.size >= piece->size)
		piece->data = section.data;
	piece->was_asked = true;
	if (piece->data == NULL)
		return NULL;
	*ret_left = (size_t)(piece->size - (address - piece->start));
	return piece->data + (address - piece->start);
}
