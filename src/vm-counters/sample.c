/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sample.h"

#include "counter.h"
#include "diag.h"

#include <stdio.h>
#include <string.h>

void sample_clear(struct sample *sample)
{
	if (counter_total > SAMPLE_MAX)
		bug("%zu counters", counter_total);
	memset(sample->has, 0, sizeof(sample->has));
}

static void put(struct sample *sample, const char *name, size_t len, uint64_t value, bool add)
{
	const struct counter_decl *counter = counter_find(name, len);

	if (!counter)
		return;
	size_t i = (size_t)(counter - counter_table);

	sample->value[i] = add && sample->has[i] ? num_add(sample->value[i], value) : value;
	sample->has[i] = true;
}

void sample_set(struct sample *sample, const char *name, size_t len, uint64_t value)
{
	put(sample, name, len, value, false);
}

void sample_add(struct sample *sample, const char *name, size_t len, uint64_t value)
{
	put(sample, name, len, value, true);
}

/*
 * What was never reported is 2^64 - 1, after libvirt has made KiB of bytes 2^54 - 1. No true figure comes near: Windows
 * sends counts above 2^31 as negative numbers, which are lost here too.
 */
uint64_t sample_reported(uint64_t value)
{
	return value >= UINT64_MAX / 1024 ? UNKNOWN : value;
}

/*
 * The names of `virsh domstats`, but without the numbers of disks and virtual processors, whose counters are added up;
 * and the counters that come from KVM are called as those of the reader kvm: vcpu.0.exits.sum is kvm.exits.
 */
void sample_add_domstat(struct sample *sample, const char *given, uint64_t value)
{
	const char *dot = strchr(given, '.');
	const char *rest = dot ? dot + 1 : given;
	size_t group = (size_t)(rest - given), len;
	size_t digits = strspn(rest, "0123456789");
	char name[64];

	if (digits && rest[digits] == '.')
		rest += digits + 1;
	len = strlen(rest);
	if (len > 4 && (strcmp(rest + len - 4, ".sum") == 0 || strcmp(rest + len - 4, ".cur") == 0)) {
		given = "kvm.";
		group = 4;
		len -= 4;
	}
	int n = snprintf(name, sizeof(name), "%.*s%.*s", (int)group, given, (int)len, rest);

	if (n < 0 || (size_t)n >= sizeof(name)) /* longer than any of ours */
		return;
	sample_add(sample, name, (size_t)n, strncmp(name, "balloon.", 8) == 0 ? sample_reported(value) : value);
}

/* ---- /proc ---- */

static void set_prefixed(struct sample *sample, const char *prefix, const char *name, size_t len,
			 const char *suffix, uint64_t value)
{
	char full[64];
	int n = snprintf(full, sizeof(full), "%s%.*s%s", prefix, (int)len, name, suffix);

	if (n > 0 && (size_t)n < sizeof(full))
		sample_set(sample, full, (size_t)n, value);
}

static bool number_at(const char *at, const char *end, uint64_t *value)
{
	size_t len = 0;

	while (at + len < end && at[len] >= '0' && at[len] <= '9')
		len++;
	return num_u64(at, len, value) == NUM_OK;
}

static void parse_line(struct sample *sample, enum format format, const char *prefix, const char *line, const char *end)
{
	const char *stop = line;
	const char *total;
	uint64_t value;

	while (stop < end && *stop != ' ' && *stop != ':')
		stop++;
	switch (format) {
	case FORMAT_MEMINFO:
	case FORMAT_PAIRS:
		total = stop + (stop < end && *stop == ':');
		while (total < end && *total == ' ')
			total++;
		if (number_at(total, end, &value))
			set_prefixed(sample, prefix, line, (size_t)(stop - line), "", value);
		break;
	case FORMAT_PRESSURE:
		total = memmem(line, (size_t)(end - line), "total=", 6);
		if (total && number_at(total + 6, end, &value))
			set_prefixed(sample, prefix, line, (size_t)(stop - line), "_us", value);
		break;
	case FORMAT_VALUE:
		if (number_at(line, end, &value))
			set_prefixed(sample, prefix, "", 0, "", value);
		break;
	}
}

void sample_parse(struct sample *sample, enum format format, const char *prefix, const char *text, size_t len)
{
	const char *end = text + len;

	while (text < end) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));

		if (!newline)
			newline = end;
		parse_line(sample, format, prefix, text, newline);
		text = newline + 1;
	}
}

/* ---- working sets by correction for caches ---- */

/* The value of a counter, or 0 and *known is cleared. */
static uint64_t get(const struct sample *sample, const char *name, bool *known)
{
	const struct counter_decl *counter = counter_find(name, strlen(name));
	size_t i = (size_t)(counter - counter_table);

	if (sample->has[i] && sample->value[i] != UNKNOWN)
		return sample->value[i];
	*known = false;
	return 0;
}

/* What is not part of the working set, of a system whose /proc/meminfo we have. */
static uint64_t spare_of_meminfo(const struct sample *s, enum cache cache, bool *known)
{
	bool has_k = true;
	uint64_t free_kib, slab_kib;

	if (cache == CACHE_AVAILABLE)
		return get(s, "MemAvailable", known);
	free_kib = get(s, "MemFree", known);
	if (cache == CACHE_FULL)
		return free_kib;
	slab_kib = get(s, "KReclaimable", &has_k);
	if (!has_k) /* before Linux 4.20 */
		slab_kib = get(s, "SReclaimable", known);
	free_kib = num_add(num_add(free_kib, slab_kib), get(s, "Inactive(file)", known));
	return cache == CACHE_ACTIVE ? free_kib : num_add(free_kib, get(s, "Active(file)", known));
}

/* The same of what the balloon driver reports. */
static uint64_t spare_of_balloon(const struct sample *s, enum cache cache, enum guest guest, bool *known)
{
	if (cache == CACHE_AVAILABLE)
		return get(s, "balloon.usable", known);
	if (cache == CACHE_NONE)
		return num_add(get(s, "balloon.unused", known), get(s, "balloon.disk_caches", known));
	/* Linux does not report how much of its cache is active. Windows has its inactive cache in unused. */
	if (cache != (guest == GUEST_WINDOWS ? CACHE_ACTIVE : CACHE_FULL))
		*known = false;
	return get(s, "balloon.unused", known);
}

void sample_correct(struct sample *sample, enum cache cache, enum guest guest)
{
	static const char *const name[] = { "wss.full_kib", "wss.active_kib", "wss.none_kib", "wss.available_kib" };
	bool has_meminfo = true, known = true;
	uint64_t total_kib, spare_kib;

	if (cache == CACHE_OFF)
		return;
	total_kib = get(sample, "MemTotal", &has_meminfo);
	if (has_meminfo) {
		spare_kib = spare_of_meminfo(sample, cache, &known);
	} else {
		total_kib = get(sample, "balloon.available", &known);
		spare_kib = spare_of_balloon(sample, cache, guest, &known);
	}
	if (known)
		sample_set(sample, name[cache], strlen(name[cache]), total_kib > spare_kib ? total_kib - spare_kib : 0);
}

void sample_resets(struct sample *sample, struct sample *before)
{
	for (size_t i = 0; i < counter_total; i++) {
		uint64_t now = sample->value[i];

		if (!sample->has[i])
			continue;
		if (counter_table[i].kind == COUNTER_COUNT && before->has[i] && before->value[i] != UNKNOWN &&
		    now < before->value[i])
			sample->value[i] = UNKNOWN;
		before->value[i] = now;
		before->has[i] = true;
	}
}
