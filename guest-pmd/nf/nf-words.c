/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Single words that people write (nf-text.h): numbers, addresses, ports, protocols.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "guest-pmd/nf/nf-text.h"

/* Digits only, as strtoull() would take a sign and spaces, too. */
static const char *
digits(const char *word, uint64_t *value)
{
	char *end;

	if (word[0] < '0' || word[0] > '9')
		return NULL;
	errno = 0;
	*value = strtoull(word, &end, 10);
	return errno == 0 ? end : NULL;
}

bool
nf_word_number(const char *word, uint64_t min, uint64_t max, uint64_t *value)
{
	uint64_t v;
	const char *end = digits(word, &v);

	if (end == NULL || *end != '\0' || v < min || v > max)
		return false;
	*value = v;
	return true;
}

bool
nf_word_scaled(const char *word, uint64_t min, uint64_t max, uint64_t *value)
{
	static const char letters[] = "kMG";
	uint64_t v;
	const char *end = digits(word, &v), *letter;

	if (end == NULL)
		return false;
	if (*end != '\0') {
		letter = strchr(letters, *end);
		if (letter == NULL || end[1] != '\0')
			return false;
		for (const char *l = letters; l <= letter; l++) {
			if (v > UINT64_MAX / 1000)
				return false;
			v *= 1000;
		}
	}
	if (v < min || v > max)
		return false;
	*value = v;
	return true;
}

static int
hex(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

bool
nf_word_mac(const char *word, uint8_t mac[6])
{
	if (strlen(word) != 17)
		return false;
	for (int i = 0; i < 6; i++) {
		int high = hex(word[i * 3]), low = hex(word[i * 3 + 1]);

		if (high < 0 || low < 0 || (i < 5 && word[i * 3 + 2] != ':'))
			return false;
		mac[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

bool
nf_word_address(const char *word, struct nf_prefix *address)
{
	memset(address, 0, sizeof(*address));
	if (inet_pton(AF_INET, word, address->address) == 1) {
		address->version = 4;
		address->bits = 32;
		return true;
	}
	if (inet_pton(AF_INET6, word, address->address) == 1) {
		address->version = 6;
		address->bits = 128;
		return true;
	}
	return false;
}

bool
nf_word_prefix(const char *word, struct nf_prefix *prefix)
{
	const char *slash = strchr(word, '/');
	char address[INET6_ADDRSTRLEN];
	struct nf_prefix whole;
	uint64_t bits;

	if (strcmp(word, "any") == 0) {
		memset(prefix, 0, sizeof(*prefix));
		return true;
	}
	if (slash == NULL)
		return nf_word_address(word, prefix);
	if ((size_t)(slash - word) >= sizeof(address))
		return false;
	memcpy(address, word, (size_t)(slash - word));
	address[slash - word] = '\0';
	if (!nf_word_address(address, &whole) || !nf_word_number(slash + 1, 0, whole.bits, &bits))
		return false;
	whole.bits = (uint8_t)bits;
	for (uint32_t i = (uint32_t)bits; i < 128; i++) {
		if ((whole.address[i / 8] & (0x80 >> i % 8)) != 0)
			return false;
	}
	*prefix = whole;
	return true;
}

bool
nf_word_ports(const char *word, struct nf_ports *ports)
{
	const char *rest;
	uint64_t first, last;

	if (strcmp(word, "any") == 0) {
		*ports = (struct nf_ports){0, 65535};
		return true;
	}
	rest = digits(word, &first);
	if (rest == NULL || first > 65535)
		return false;
	last = first;
	if (*rest != '\0' && (*rest != '-' || !nf_word_number(rest + 1, first, 65535, &last)))
		return false;
	*ports = (struct nf_ports){(uint16_t)first, (uint16_t)last};
	return true;
}

bool
nf_word_proto(const char *word, int *proto)
{
	static const struct {
		const char *name;
		int proto;
	} names[] = {{"any", NF_PROTO_ANY}, {"tcp", 6}, {"udp", 17}, {"icmp", 1}, {"icmp6", 58}};
	uint64_t number;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(word, names[i].name) == 0) {
			*proto = names[i].proto;
			return true;
		}
	}
	if (!nf_word_number(word, 0, 255, &number))
		return false;
	*proto = (int)number;
	return true;
}

bool
nf_prefix_holds(const struct nf_prefix *prefix, uint8_t version, const uint8_t *address)
{
	uint32_t whole = prefix->bits / 8, rest = prefix->bits % 8;

	if (prefix->version == 0)
		return true;
	if (prefix->version != version || memcmp(prefix->address, address, whole) != 0)
		return false;
	return rest == 0 ||
	       ((prefix->address[whole] ^ address[whole]) & (0xff00 >> rest) & 0xff) == 0;
}
