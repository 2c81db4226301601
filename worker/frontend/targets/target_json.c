/* SPDX-License-Identifier: MIT
 * Targets as JSON; in the front-end.
 */
#include "config.h"

#include "target_json.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json_text.h"
#include "target_state.h"
#include "banned.h"

static json_t *
build_id(const struct directory_target *entry)
{
	char hex[2 * sizeof(entry->build_id) + 1] = "";
	size_t len =
	    entry->build_id_len <= sizeof(entry->build_id) ? entry->build_id_len : 0;

	for (size_t i = 0; i < len; i++)
		snprintf(hex + 2 * i, 3, "%02x", entry->build_id[i]);
	return json_string(hex);
}

static json_t *
lines(const char *string)
{
	json_t *array = json_array();
	size_t len;

	for (; string != NULL && *string != '\0';
	    string += len + (string[len] == '\n')) {
		json_t *line;

		len = strcspn(string, "\n");
		line = json_stringn(string, len);
		if (len > 0 && line != NULL)
			json_array_append(array, line);
		json_decref(line);
	}
	return array;
}

/* How many there are; null where there are none, not yet or for a reason. */
static void
add_functions(json_t *object, const struct target *target)
{
	json_object_set_new(object, "functions",
	    target->functions != NULL
		? json_integer(target->functions->table.header->functions_len)
		: json_null());
	json_object_set_new(object, "functions_reason",
	    json_text(
		target->functions_reason != NULL ? target->functions_reason : ""));
}

/* The same of lines; null until they are counted for the first time. */
static void
add_lines(json_t *object, const struct target *target)
{
	json_object_set_new(object, "lines",
	    target->lines_known ? json_integer(target->lines.found) : json_null());
	json_object_set_new(object, "lines_reached",
	    target->lines_known ? json_integer(target->lines.hit) : json_null());
	json_object_set_new(object, "lines_reason",
	    json_text(target->blocks_reason != NULL ? target->blocks_reason : ""));
	json_object_set_new(
	    object, "sources_changed", json_integer(target->changes.changed));
	json_object_set_new(
	    object, "sources_missing", json_integer(target->changes.missing));
}

static json_t *
describe(const struct target *target)
{
	const struct directory_target *entry = &target->entry;
	json_t *object = json_object(), *roots = json_array(), *labels = json_array();
	const struct source_table_header *header =
	    target->table != NULL ? target->table->table.header : NULL;

	for (size_t i = 0; i < target->roots.len; i++) {
		json_array_append_new(
		    roots, json_text(target->roots.roots[i].configured));
		json_array_append_new(labels, json_text(target->roots.roots[i].label));
	}
	json_object_set_new(object, "id", json_integer(target->id));
	json_object_set_new(object, "name", json_text(entry->name));
	json_object_set_new(
	    object, "state", json_text(target_state_name(entry->state)));
	json_object_set_new(object, "reason", json_text(entry->reason));
	json_object_set_new(object, "build_id", build_id(entry));
	json_object_set_new(object, "pcs",
	    json_integer(header != NULL ? header->pcs_len - header->dropped_len
					: entry->pcs_len));
	json_object_set_new(
	    object, "dropped", json_integer(header != NULL ? header->dropped_len : 0));
	json_object_set_new(
	    object, "table", json_integer((json_int_t)target->table_generation));
	json_object_set_new(object, "files", json_integer(target_files(target)));
	add_functions(object, target);
	add_lines(object, target);
	json_object_set_new(object, "roots", roots);
	json_object_set_new(object, "labels", labels);
	json_object_set_new(object, "exclude", lines(target->exclude));
	return object;
}

char *
target_json(const struct target *target)
{
	json_t *object = describe(target);
	char *dumped = json_dumps(object, JSON_COMPACT);

	json_decref(object);
	return dumped;
}

char *
targets_json_list(
    const struct targets *targets, bool full, const char *removed, size_t *ret_len)
{
	bool first = true;
	char *text = NULL;
	FILE *out = open_memstream(&text, ret_len);

	if (out == NULL)
		return NULL;
	fprintf(out, "{\"type\":\"targets\",\"full\":%s,\"targets\":[",
	    full ? "true" : "false");
	for (size_t i = 0; i < targets->len; i++) {
		const struct target *target = targets->sorted[i];

		if (!target->listed || target->json == NULL ||
		    (!full && !target->json_stale))
			continue;
		fprintf(out, "%s%s", first ? "" : ",", target->json);
		first = false;
	}
	fprintf(out, "],\"removed\":[%s]}", removed);
	if (fclose(out) != 0) {
		free(text);
		return NULL;
	}
	return text;
}

static void
add_numbers(json_t *object, const struct live_segment *live)
{
	uint64_t rate = atomic_load(&live->milli_runs_per_second);

	json_object_set_new(
	    object, "covered", json_integer(atomic_load(&live->covered)));
	json_object_set_new(
	    object, "n_runs", json_integer((json_int_t)atomic_load(&live->n_runs)));
	json_object_set_new(object, "unique_runs",
	    json_integer((json_int_t)atomic_load(&live->unique_runs)));
	json_object_set_new(object, "runs_per_second", json_real((double)rate / 1000));
	json_object_set_new(
	    object, "last_find_ms", json_integer(atomic_load(&live->last_find_ms)));
	json_object_set_new(
	    object, "last_run_ms", json_integer(atomic_load(&live->last_run_ms)));
}

char *
targets_json_api(const struct targets *targets)
{
	/* Of a target of which nothing came yet: zeros, so that every entry has the same keys. */
	static const struct live_segment nothing;
	json_t *root = json_object(), *array = json_array();
	char *dumped;

	for (size_t i = 0; i < targets->len; i++) {
		const struct live_segment *live = targets->sorted[i]->live.head;
		json_t *object;

		if (!targets->sorted[i]->listed)
			continue;
		object = describe(targets->sorted[i]);
		add_numbers(object, live != NULL ? live : &nothing);
		json_array_append_new(array, object);
	}
	json_object_set_new(root, "targets", array);
	dumped = json_dumps(root, JSON_COMPACT);
	json_decref(root);
	return dumped;
}
