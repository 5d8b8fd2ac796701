/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Options by table (nf-program.h). Main thread, at start.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "guest-pmd/nf/nf-program.h"

bool
nf_word_target(const char *word, struct nf_target *target)
{
	static const struct {
		const char *word;
		uint8_t verdict;
		bool number;
	} forms[] = {{"next", NETVM_NEXT, false}, {"drop", NETVM_DROP, false},
		{"port:", NETVM_TO_PORT, true}, {"service:", NETVM_TO_SERVICE, true}};

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		size_t n = strlen(forms[i].word);
		uint64_t number = 0;

		if (strncmp(word, forms[i].word, n) != 0)
			continue;
		if (forms[i].number ? !nf_word_number(word + n, 0, UINT16_MAX, &number)
				    : word[n] != '\0')
			return false;
		*target = (struct nf_target){forms[i].verdict, (uint16_t)number};
		return true;
	}
	return false;
}

bool
nf_word_between(const char *word, struct nf_between *between)
{
	const char *comma = strchr(word, ',');
	char first[8];
	uint64_t a, b;

	if (comma == NULL || (size_t)(comma - word) >= sizeof(first))
		return false;
	memcpy(first, word, (size_t)(comma - word));
	first[comma - word] = '\0';
	if (!nf_word_number(first, 0, UINT16_MAX, &a) ||
		!nf_word_number(comma + 1, 0, UINT16_MAX, &b) || a == b)
		return false;
	*between = (struct nf_between){true, (uint16_t)a, (uint16_t)b};
	return true;
}

static bool
choose(const char *choices, const char *word, unsigned int *which)
{
	size_t n = strlen(word);

	for (unsigned int i = 0;; i++) {
		size_t length = strcspn(choices, "|");

		if (length == n && strncmp(choices, word, n) == 0) {
			*which = i;
			return true;
		}
		if (choices[length] == '\0')
			return false;
		choices += length + 1;
	}
}

static int
refuse_number(const struct nf_option *o, const char *word)
{
	return nf_refuse("--%s: \"%.64s\": expected a number from %" PRIu64 " to %" PRIu64 "%s",
		o->name, word, o->min, o->max,
		o->type == NF_OPTION_SCALED ? ", also with k, M or G behind it" : "");
}

static int
set_value(const struct nf_option *o, const char *word)
{
	const char *expected = NULL;

	switch (o->type) {
	case NF_OPTION_NUMBER:
		return nf_word_number(word, o->min, o->max, o->to) ? 0 : refuse_number(o, word);
	case NF_OPTION_SCALED:
		return nf_word_scaled(word, o->min, o->max, o->to) ? 0 : refuse_number(o, word);
	case NF_OPTION_TEXT:
		*(const char **)o->to = word;
		break;
	case NF_OPTION_MAC:
		expected = nf_word_mac(word, o->to) ? NULL : NF_EXPECT_MAC;
		break;
	case NF_OPTION_PREFIX:
		expected = nf_word_prefix(word, o->to) ? NULL : NF_EXPECT_PREFIX;
		break;
	case NF_OPTION_ADDRESS:
		expected = nf_word_address(word, o->to) ? NULL : NF_EXPECT_ADDRESS;
		break;
	case NF_OPTION_CHOICE:
		expected = choose(o->value, word, o->to) ? NULL : o->value;
		break;
	case NF_OPTION_TARGET:
		expected = nf_word_target(word, o->to) ? NULL : NF_EXPECT_TARGET;
		break;
	case NF_OPTION_BETWEEN:
		expected = nf_word_between(word, o->to) ? NULL : NF_EXPECT_BETWEEN;
		break;
	case NF_OPTION_FLAG:
		break;
	}
	if (expected == NULL)
		return 0;
	return nf_refuse("--%s: \"%.64s\": expected %s", o->name, word, expected);
}

/* The option that a word names; *value: what stands behind its "=", or NULL. */
static const struct nf_option *
find(const struct nf_option *table, const char *word, const char **value)
{
	size_t n;

	if (strncmp(word, "--", 2) != 0)
		return NULL;
	word += 2;
	n = strcspn(word, "=");
	*value = word[n] == '=' ? word + n + 1 : NULL;
	for (; table != NULL && table->name != NULL; table++) {
		if (strlen(table->name) == n && strncmp(table->name, word, n) == 0)
			return table;
	}
	return NULL;
}

static int
check_required(const struct nf_option *table, uint64_t given)
{
	for (unsigned int i = 0; table != NULL && table[i].name != NULL; i++) {
		if (table[i].required && (given >> i & 1) == 0)
			return nf_refuse("--%s %s is needed: %s", table[i].name, table[i].value,
				table[i].help);
	}
	return 0;
}

int
nf_options_parse(const struct nf_option *table, int argc, char **argv)
{
	uint64_t given = 0;

	for (int i = 1; i < argc; i++) {
		const char *value = NULL;
		const struct nf_option *o = find(table, argv[i], &value);
		int r = 0;

		if (o == NULL)
			return nf_refuse(
				"\"%.64s\": there is no such option; --help lists them", argv[i]);
		if (o->type == NF_OPTION_FLAG) {
			if (value != NULL)
				return nf_refuse("--%s takes no value", o->name);
			*(bool *)o->to = true;
		} else {
			if (value == NULL && i + 1 < argc)
				value = argv[++i];
			if (value == NULL)
				return nf_refuse("--%s needs a value: %s", o->name, o->value);
			r = set_value(o, value);
		}
		if (r < 0)
			return r;
		given |= UINT64_C(1) << (o - table);
	}
	return check_required(table, given);
}

void
nf_options_help(const struct nf_option *table, char *text, size_t size)
{
	size_t at = 0;

	text[0] = '\0';
	for (; table != NULL && table->name != NULL && at < size; table++) {
		char word[64];

		snprintf(word, sizeof(word), "--%s%s%s", table->name,
			table->value != NULL ? " " : "", table->value != NULL ? table->value : "");
		at += (size_t)snprintf(text + at, size - at, "  %-26s  %s\n", word, table->help);
	}
}
