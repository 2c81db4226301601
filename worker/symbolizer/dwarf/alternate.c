/* SPDX-License-Identifier: MIT
 * Alternate debug files; in the symbolizer.
 */
#include "config.h"

#include "alternate.h"

#include "debug_link.h"
#include "units.h"
#include "banned.h"

bool
alternate_is_wanted(struct elf_image *image)
{
	struct units_sections sections = { 0 };
	struct units *units;
	uint64_t size;
	bool wanted;

	/* Most have neither, and their .debug_info is large. */
	if (!elf_image_has(image, ".gnu_debugaltlink", &size) &&
	    !elf_image_has(image, ".debug_sup", &size))
		return false;
	sections.info = elf_image_bytes(image, ".debug_info");
	sections.abbrev = elf_image_bytes(image, ".debug_abbrev");
	if (units_read(&sections, &units) < 0)
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
