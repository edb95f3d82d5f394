/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * record-tables - prints the declaration of the record kinds: for the manual (scripts/man-page) and the tests.
 *
 * record-tables headers         each kind and its header line
 * record-tables columns KIND    the columns of a kind, in mdoc
 * record-tables tokens TYPE     the texts of a token list, in mdoc
 */
#include "common/diag.h"
#include "common/record.h"
#include "common/tool.h"

#include <stdio.h>
#include <string.h>

#define USAGE "use: headers | columns KIND | tokens TYPE"

/* Text of ours as mdoc: what would be taken for a macro or an escape is made harmless. */
static void put_mdoc(const char *text)
{
	if (*text == '.' || *text == '\'')
		fputs("\\&", stdout);
	for (; *text; text++) {
		/* A sentence begins on a new line. */
		if (*text == '.' && text[1] == ' ') {
			fputs(".\n", stdout);
			text++;
		} else if (*text == '\\') {
			fputs("\\e", stdout);
		} else if (*text == '^') {
			fputs("\\(ha", stdout);
		} else {
			putchar(*text);
		}
	}
	putchar('\n');
}

static void print_columns(const struct rec_decl *decl)
{
	put_mdoc(decl->help);
	puts(".Bl -tag -width memory_pages");
	for (size_t i = 0; i < decl->columns; i++) {
		const struct rec_column *column = &decl->column[i];

		printf(".It Cm %s\n", column->name);
		put_mdoc(column->help);
		printf("(%s%s%s%s)\n", column->text ? "text" : column->tokens ? "one word of a list" : "number",
		       *column->unit ? ", unit " : "", column->unit, column->optional ? ", may be empty" : "");
	}
	puts(".El");
}

static void print_tokens(const struct rec_tokens *tokens)
{
	puts(".Bl -tag -width lower-bound");
	for (size_t i = 0; i < tokens->n; i++) {
		printf(".It Cm %s\n", tokens->token[i].text);
		put_mdoc(tokens->token[i].help);
	}
	puts(".El");
}

int main(int argc, char **argv)
{
	tool_init("record-tables", TOOL_FILTER);
	if (argc == 2 && strcmp(argv[1], "headers") == 0) {
		for (size_t i = 0; i < REC_KINDS; i++)
			printf("%s: %s\n", rec_decl[i].name, rec_decl[i].header);
		return tool_finish();
	}
	if (argc != 3)
		die(EX_USAGE, USAGE);
	for (size_t i = 0; i < REC_KINDS; i++)
		if (strcmp(argv[1], "columns") == 0 && strcmp(argv[2], rec_decl[i].name) == 0) {
			print_columns(&rec_decl[i]);
			return tool_finish();
		}
	for (size_t i = 0; i < rec_token_list_count; i++)
		if (strcmp(argv[1], "tokens") == 0 && strcmp(argv[2], rec_token_lists[i]->type) == 0) {
			print_tokens(rec_token_lists[i]);
			return tool_finish();
		}
	die(EX_USAGE, "no %s of '%s'; " USAGE, argv[1], argv[2]);
}
