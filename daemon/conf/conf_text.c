/* SPDX-License-Identifier: MIT
 * The text of a configuration file before libconfuse reads it; in the supervisor.
 */
#include "config.h"

#include "conf_text.h"

#include <stdbool.h>
#include <string.h>

#include "banned.h"

int
conf_text_open_string(const char *text)
{
	int line = 1, begins = 0, first_long = 0;
	char quote = '\0';

	for (; *text != '\0'; text++) {
		if (quote == '\0' &&
		    (*text == '#' || (text[0] == '/' && text[1] == '/')))
			text += strcspn(text, "\n");
		else if (quote == '\0' && text[0] == '/' && text[1] == '*') {
			const char *end = strstr(text + 2, "*/");

			for (; end != NULL && text < end; text++)
				line += *text == '\n';
			if (end == NULL)
				return 0;
		} else if (quote == '\0' && (*text == '"' || *text == '\'')) {
			quote = *text;
			begins = line;
		} else if (quote != '\0' && *text == '\\' && text[1] != '\0') {
			text++;
		} else if (quote != '\0' && *text == quote) {
			if (line > begins && first_long == 0)
				first_long = begins;
			quote = '\0';
		}
		if (*text == '\0')
			break;
		line += *text == '\n';
	}
	return quote == '\0' ? 0 : first_long != 0 ? first_long : begins;
}

static bool
is_shown(unsigned char byte)
{
	return (byte >= ' ' && byte != 0x7f) ||
	    (byte != '\0' && strchr("\t\n\r\f\v", byte) != NULL);
}

int
conf_text_odd_byte(const char *text, size_t len, unsigned *ret_byte)
{
	int line = 1;

	for (size_t i = 0; i < len; i++) {
		const unsigned char byte = (unsigned char)text[i];

		line += byte == '\n';
		if (is_shown(byte))
			continue;
		*ret_byte = byte;
		return line;
	}
	return 0;
}

void
conf_text_hide_variables(char *text)
{
	while ((text = strstr(text, "${")) != NULL)
		*text = CONF_DOLLAR;
}
