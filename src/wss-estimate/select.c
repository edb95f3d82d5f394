/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "select.h"

#include "diag.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct method *find_method(const char *name, size_t len)
{
	for (size_t i = 0; methods[i]; i++)
		if (strncmp(methods[i]->name, name, len) == 0 && !methods[i]->name[len])
			return methods[i];
	die(EX_USAGE, "--method: no method '%.*s'; see '--methods'", (int)len, name);
}

/* The number of the parameter that `item` ("KEY=VALUE", or "VALUE" for the first) is about; *value is set to its text. */
static size_t find_parameter(const struct method *method, const char *item, bool is_first, const char **value)
{
	const char *equals = strchr(item, '=');
	size_t len = equals ? (size_t)(equals - item) : 0;

	*value = equals ? equals + 1 : item;
	if (!equals && is_first)
		return 0;
	if (!equals)
		die(EX_USAGE, "--method: %s: '%s' has no key; need KEY=VALUE", method->name, item);
	for (size_t i = 0; method->parameters[i].key; i++)
		if (strncmp(method->parameters[i].key, item, len) == 0 && !method->parameters[i].key[len])
			return i;
	die(EX_USAGE, "--method: %s: no parameter '%.*s'; see '--methods'", method->name, (int)len, item);
}

/* What stands before the first comma. */
static void open_file(struct selected *selected, const char *file)
{
	if (!file || !*file)
		die(EX_USAGE, "--method: %s: needs a file: %s:FILE", selected->method->name, selected->method->name);
	selected->opened = selected->method->open(file, &selected->counters);
}

static void read_parameters(struct selected *selected, const char *text)
{
	const struct method *method = selected->method;
	bool given[METHOD_PARAMETERS_MAX] = { false };
	char *copy = or_die(strdup(text)), *rest = copy, *item;

	if (method->open)
		open_file(selected, strsep(&rest, ","));
	while ((item = strsep(&rest, ","))) {
		const char *value;
		size_t i = find_parameter(method, item, item == copy, &value);
		const struct method_parameter *parameter = &method->parameters[i];
		char what[96];

		if (given[i])
			die(EX_USAGE, "--method: %s: parameter '%s' is given twice", method->name, parameter->key);
		given[i] = true;
		snprintf(what, sizeof(what), "--method: %s: %s", method->name, parameter->key);
		selected->value[i] = opt_number(what, value, parameter->type, parameter->min, parameter->max);
	}
	free(copy);
}

struct selected select_method(const char *text)
{
	const char *colon = strchr(text, ':');
	struct selected selected = {
		.method = find_method(text, colon ? (size_t)(colon - text) : strlen(text)),
		.text = text,
	};

	selected.counters = selected.method->counters;
	if (strlen(text) > TEXT_FIELD_MAX)
		die(EX_USAGE, "--method: %s: more than %d bytes", selected.method->name, TEXT_FIELD_MAX);
	for (size_t i = 0; selected.method->parameters[i].key; i++)
		selected.value[i] = selected.method->parameters[i].otherwise;
	if (colon)
		read_parameters(&selected, colon + 1);
	else if (selected.method->open)
		open_file(&selected, NULL);
	return selected;
}

void select_release(struct selected *selected)
{
	if (selected->method->close)
		selected->method->close(selected->opened);
}

static void list_parameter(const struct method_parameter *parameter)
{
	char text[NUM_MAX];

	if (parameter->type == OPT_NS)
		num_text_ns(text, parameter->otherwise);
	else if (parameter->type == OPT_PPM)
		snprintf(text, sizeof(text), "%g%%", (double)parameter->otherwise / 10000);
	else
		snprintf(text, sizeof(text), "%" PRIu64, parameter->otherwise);
	printf("    %s=%s  %s\n", parameter->key, text, parameter->help);
}

void select_list(void)
{
	for (size_t i = 0; methods[i]; i++) {
		const struct method_parameter *parameter = methods[i]->parameters;

		printf("%s\n    %s\n", methods[i]->name, methods[i]->help);
		if (methods[i]->open)
			printf("    FILE  what it is made from\n");
		for (; parameter->key; parameter++)
			list_parameter(parameter);
		printf("    source: %s\n", methods[i]->source);
	}
}
