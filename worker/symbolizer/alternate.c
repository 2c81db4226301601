/* SPDX-License-Identifier: MIT
 * Alternate debug files; in the symbolizer.
 */
#include "config.h"

#include "alternate.h"

#include <stdlib.h>

#include "debug_link.h"
#include "units.h"
#include "banned.h"

static struct byte_reader
section_bytes(struct elf_image *image, const char *name)
{
	struct elf_section section;
	struct failure ignored;

	if (elf_image_section(image, name, &section, &ignored) < 0)
		return (struct byte_reader){ 0 };
	return byte_reader_over(section.data, section.size);
}

/* @alternate: NULL if it is not there. */
static int
read_units(
    struct elf_image *image, struct elf_image *alternate, struct units **ret_units)
{
	struct units_sections sections = {
		.info = section_bytes(image, ".debug_info"),
		.abbrev = section_bytes(image, ".debug_abbrev"),
		.str = section_bytes(image, ".debug_str"),
	};

	if (alternate != NULL)
		sections.alternate_str = section_bytes(alternate, ".debug_str");
	return units_read(&sections, ret_units);
}

bool
alternate_is_wanted(struct elf_image *image)
{
	struct units *units;
	uint64_t size;
	bool wanted;

	/* Most have neither, and their .debug_info is large. */
	if (!elf_image_has(image, ".gnu_debugaltlink", &size) &&
	    !elf_image_has(image, ".debug_sup", &size))
		return false;
	if (read_units(image, NULL, &units) < 0)
		return false;
	wanted = units_elsewhere(units) > 0;
	units_free(units);
	return wanted;
}

int
alternate_open(int fd, struct elf_image *image, struct elf_image **ret_alternate,
    struct failure *failure)
{
	struct elf_image *alternate;
	int r = elf_image_open_debug(fd, &alternate, failure);

	if (r < 0)
		return r;
	r = debug_link_check_alternate(image, alternate, failure);
	if (r < 0)
		elf_image_free(alternate);
	else
		*ret_alternate = alternate;
	return r;
}

int
alternate_settle(struct elf_image *image, struct elf_image *alternate)
{
	size_t info_size, abbrev_size;
	struct units *units;
	void *info, *abbrev;
	int r = read_units(image, alternate, &units);

	if (r < 0)
		return r;
	r = units_write(units, &info, &info_size, &abbrev, &abbrev_size);
	units_free(units);
	if (r < 0)
		return r;
	r = elf_image_replace(image, ".debug_info", info, info_size);
	if (r < 0)
		free(abbrev);
	else
		r = elf_image_replace(image, ".debug_abbrev", abbrev, abbrev_size);
	return r;
}
