/* SPDX-License-Identifier: MIT
 * Fetches an export from the web interface; in fuzzsupctl.
 */
#include "config.h"

#include "export.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "web.h"
#include "banned.h"

static const struct {
	const char *name, *path;
} formats[] = { { "lcov", "coverage.lcov" }, { "json", "coverage.json" },
	{ "cobertura", "coverage.xml" } };

static const char *
path_of(const char *format)
{
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		if (strcmp(format, formats[i].name) == 0)
			return formats[i].path;
	return NULL;
}

bool
ctl_export_knows(const char *format)
{
	return path_of(format) != NULL;
}

int
ctl_export(const char *addresses, const char *target, const char *format)
{
	char *path = NULL, *of = NULL;
	size_t size;
	FILE *text = open_memstream(&path, &size);
	int r = -1;

	if (text == NULL)
		return -1;
	fputs("/t/", text);
	web_quote(text, target);
	fprintf(text, "/%s", path_of(format));
	fclose(text);
	if (asprintf(&of, "target %s", target) >= 0)
		r = web_fetch(addresses, of, path, stdout);
	free(of);
	free(path);
	return r;
}
