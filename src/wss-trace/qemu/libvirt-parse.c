/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libvirt-parse.h"

#include <stdio.h>
#include <string.h>

enum { PAGE = 4096 };

static const char *next_line(const char *line)
{
	line = strchr(line, '\n');
	return line ? line + 1 : NULL;
}

/* A part of a line that ends with \r\n or \n. */
static size_t word_length(const char *word)
{
	return strcspn(word, " \r\n");
}

static bool starts_with(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

/* Hexadecimal digits at *text, which moves behind them; false when there is none, or more than 64 bits. */
static bool take_hex(const char **text, uint64_t *value)
{
	static const char digits[] = "0123456789abcdef";
	const char *start = *text, *digit;

	*value = 0;
	for (; **text && (digit = strchr(digits, **text)); ++*text) {
		if (*value >> 60)
			return false;
		*value = *value << 4 | (uint64_t)(digit - digits);
	}
	return *text != start;
}

static bool take(const char **text, const char *expected)
{
	if (!starts_with(*text, expected))
		return false;
	*text += strlen(expected);
	return true;
}

/* ---- RAM ---- */

/* "  0000000100000000-000000017fffffff (prio 0, ram): pc.ram @0000000080000000 KVM" */
static bool parse_piece(const char *line, struct ram_piece *piece)
{
	uint64_t last;
	size_t len;

	line += strspn(line, " ");
	if (!take_hex(&line, &piece->gpa) || !take(&line, "-") || !take_hex(&line, &last) || !take(&line, " (prio "))
		return false;
	line += strspn(line, "-0123456789");
	/* Guests have parts of their RAM made read-only below 1 MiB: copies of the firmware. */
	if (!take(&line, ", ram): ") && !take(&line, ", rom): "))
		return false;
	len = word_length(line);
	if (len == 0 || len >= sizeof(piece->block) || last < piece->gpa || last == UINT64_MAX)
		return false;
	memcpy(piece->block, line, len);
	piece->block[len] = '\0';
	line += len;
	piece->offset = 0;
	if (take(&line, " @") && !take_hex(&line, &piece->offset))
		return false;
	piece->bytes = last + 1 - piece->gpa;
	return piece->gpa % PAGE == 0 && piece->bytes % PAGE == 0;
}

static bool is_backend(const char *memdev, const char *block)
{
	static const char key[] = "memory backend: ";

	for (const char *line = memdev; line; line = next_line(line))
		if (starts_with(line, key)) {
			const char *name = line + sizeof(key) - 1;

			if (word_length(name) == strlen(block) && starts_with(name, block))
				return true;
		}
	return false;
}

static bool continues(const struct ram_piece *before, const struct ram_piece *piece)
{
	return strcmp(before->block, piece->block) == 0 && before->gpa + before->bytes == piece->gpa &&
	       before->offset + before->bytes == piece->offset;
}

size_t parse_ram(const char *mtree, const char *memdev, struct ram_piece *piece, size_t max)
{
	const char *line = mtree;
	size_t n = 0;

	while (line && !starts_with(line, " AS \"memory\","))
		line = next_line(line);
	/* Until the next view. */
	for (; line && !starts_with(line, "FlatView"); line = next_line(line)) {
		struct ram_piece found;

		if (!parse_piece(line, &found) || !is_backend(memdev, found.block))
			continue;
		if (n && continues(&piece[n - 1], &found)) {
			piece[n - 1].bytes += found.bytes;
			continue;
		}
		if (n == max)
			return 0;
		piece[n++] = found;
	}
	return n;
}

bool parse_host_address(const char *answer, uint64_t *address)
{
	static const char key[] = " is 0x";
	const char *at = strstr(answer, key);

	if (!starts_with(answer, "Host virtual address for ") || !at)
		return false;
	at += sizeof(key) - 1;
	return take_hex(&at, address) && word_length(at) == 0;
}

/* ---- what is going on, and who else writes ---- */

bool parse_migrating(const char *answer)
{
	static const char key[] = "Migration status: ";
	static const char *const over[] = { "none", "completed", "failed", "cancelled" };
	const char *status = strstr(answer, key);

	if (!status)
		return false;
	status += sizeof(key) - 1;
	for (size_t i = 0; i < sizeof(over) / sizeof(over[0]); i++)
		if (word_length(status) == strlen(over[i]) && starts_with(status, over[i]))
			return false;
	return true;
}

const char *parse_unseen_writer(const char *xml)
{
	/* libvirt writes the XML itself, always in this form, and escapes "<" in texts: no XML library is needed. */
	static const struct {
		const char *sign, *what;
	} writers[] = {
		{ "<hostdev mode='subsystem' type='pci'", "a PCI device passed through (VFIO)" },
		{ "<hostdev mode='subsystem' type='mdev'", "a mediated device (VFIO)" },
		{ "<interface type='hostdev'", "a network device passed through (VFIO)" },
		{ "<interface type='vdpa'", "a vDPA network device" },
		{ "<interface type='vhostuser'", "a vhost-user network device" },
		{ "<disk type='vhostuser'", "a vhost-user disk" },
		{ "<disk type='vhostvdpa'", "a vDPA disk" },
		{ "<driver type='virtiofs'", "virtiofs (vhost-user)" },
		{ "<driver name='vhostuser'", "a vhost-user display" },
		{ "<shmem ", "memory shared with others (shmem)" },
	};

	for (size_t i = 0; i < sizeof(writers) / sizeof(writers[0]); i++)
		if (strstr(xml, writers[i].sign))
			return writers[i].what;
	return NULL;
}

bool parse_is_qemu_of(const char *cmdline, size_t len, const char *uuid)
{
	const char *end = cmdline + len;

	/* Arguments stand one behind the other, each with its NUL. */
	for (const char *arg = cmdline; arg < end; arg += strnlen(arg, (size_t)(end - arg)) + 1) {
		if ((size_t)(end - arg) > sizeof("-uuid") + strlen(uuid) && strcmp(arg, "-uuid") == 0)
			return strcmp(arg + sizeof("-uuid"), uuid) == 0;
	}
	return false;
}
