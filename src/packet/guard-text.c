/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The operator's side of the guard: "mac=52:54:00:00:00:01,ip=10.0.0.1" to
 * struct guard and back. The control thread runs it. What it refuses, it names
 * in one sentence; what it takes, the worker relies on.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/packet/guard.h"
#include "src/packet/refuse.h"

/* A word of the text; longer than any valid one. */
struct word {
	char text[64];
};

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static bool
parse_mac(const char *text, uint8_t mac[6])
{
	if (strlen(text) != 17)
		return false;
	for (int i = 0; i < 6; i++, text += 3) {
		int high = hex_digit(text[0]), low = hex_digit(text[1]);

		if (high < 0 || low < 0 || (i < 5 && text[2] != ':'))
			return false;
		mac[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

static int
add_mac(struct guard *g, const char *text, char *err, unsigned int errlen)
{
	static const uint8_t zero[6];
	uint8_t mac[6];

	if (!parse_mac(text, mac))
		return refuse(err, errlen, EINVAL,
			"guard: \"%s\" is not a MAC address such as 52:54:00:12:34:56", text);
	if (mac[0] & 1)
		return refuse(err, errlen, EINVAL,
			"guard: %s is a multicast MAC address, which no guest can send from", text);
	if (memcmp(mac, zero, 6) == 0)
		return refuse(err, errlen, EINVAL,
			"guard: %s is the zero MAC address, which no guest can send from", text);
	for (unsigned int i = 0; i < g->nmac; i++) {
		if (memcmp(g->mac[i], mac, 6) == 0)
			return refuse(err, errlen, EINVAL, "guard: mac=%s is there twice", text);
	}
	if (g->nmac == GUARD_MACS_MAX)
		return refuse(
			err, errlen, EINVAL, "guard: more than %d mac= entries", GUARD_MACS_MAX);
	memcpy(g->mac[g->nmac++], mac, 6);
	return 0;
}

/* Splits "/LEN" off; without it the prefix is the whole address. */
static bool
parse_prefix(char *text, uint8_t bits, uint8_t *prefix)
{
	char *slash = strchr(text, '/'), *end;
	unsigned long n;

	*prefix = bits;
	if (slash == NULL)
		return true;
	*slash++ = '\0';
	if (*slash < '0' || *slash > '9')
		return false;
	n = strtoul(slash, &end, 10);
	if (*end != '\0' || n > bits)
		return false;
	*prefix = (uint8_t)n;
	return true;
}

static bool
has_host_bits(const struct guard_ip *ip, unsigned int bytes)
{
	for (unsigned int bit = ip->prefix; bit < bytes * 8; bit++) {
		if (ip->addr[bit / 8] & 0x80 >> bit % 8)
			return true;
	}
	return false;
}

/* Addresses that no sender has: multicast, and the unspecified one by itself. */
static bool
is_no_source(const struct guard_ip *ip, unsigned int bytes)
{
	static const uint8_t zero[16], broadcast[4] = {255, 255, 255, 255};

	if (ip->prefix == bytes * 8 && memcmp(ip->addr, zero, bytes) == 0)
		return true;
	if (ip->family == 4)
		return (ip->prefix >= 4 && ip->addr[0] >> 4 == 0xe) ||
		       (ip->prefix == 32 && memcmp(ip->addr, broadcast, 4) == 0);
	return ip->prefix >= 8 && ip->addr[0] == 0xff;
}

static int
add_ip(struct guard *g, const char *text, char *err, unsigned int errlen)
{
	struct guard_ip ip = {.family = strchr(text, ':') != NULL ? 6 : 4};
	unsigned int bytes = ip.family == 4 ? 4 : 16;
	struct word addr;

	snprintf(addr.text, sizeof(addr.text), "%s", text);
	if (!parse_prefix(addr.text, (uint8_t)(bytes * 8), &ip.prefix) ||
		inet_pton(ip.family == 4 ? AF_INET : AF_INET6, addr.text, ip.addr) != 1)
		return refuse(err, errlen, EINVAL,
			"guard: \"%s\" is not an IP address or prefix such as 10.0.0.5, "
			"10.0.0.0/24 or 2001:db8::5",
			text);
	if (has_host_bits(&ip, bytes))
		return refuse(err, errlen, EINVAL,
			"guard: ip=%s has bits behind its prefix; leave /%u out for this one "
			"address, or clear them for the whole prefix",
			text, ip.prefix);
	if (is_no_source(&ip, bytes))
		return refuse(err, errlen, EINVAL,
			"guard: ip=%s is not an address that a guest can send from", text);
	for (unsigned int i = 0; i < g->nip; i++) {
		if (memcmp(&g->ip[i], &ip, sizeof(ip)) == 0)
			return refuse(err, errlen, EINVAL, "guard: ip=%s is there twice", text);
	}
	if (g->nip == GUARD_IPS_MAX)
		return refuse(
			err, errlen, EINVAL, "guard: more than %d ip= entries", GUARD_IPS_MAX);
	g->ip[g->nip++] = ip;
	return 0;
}

static int
add_word(struct guard *g, const char *word, char *err, unsigned int errlen)
{
	if (strncmp(word, "mac=", 4) == 0)
		return add_mac(g, word + 4, err, errlen);
	if (strncmp(word, "ip=", 3) == 0)
		return add_ip(g, word + 3, err, errlen);
	return refuse(
		err, errlen, EINVAL, "guard: \"%s\" is neither mac=MAC nor ip=ADDR[/LEN]", word);
}

int
guard_parse(struct guard *g, const char *text, char *err, unsigned int errlen)
{
	struct guard parsed = {0};
	struct word word;
	int rc;

	for (const char *end = text; *end != '\0'; text = end + 1) {
		int len;

		end = strchrnul(text, ',');
		len = (int)(end - text > 64 ? 64 : end - text);
		if (len >= (int)sizeof(word.text))
			return refuse(err, errlen, EINVAL,
				"guard: \"%.32s...\" is too long for mac=MAC or ip=ADDR[/LEN]",
				text);
		memcpy(word.text, text, len);
		word.text[len] = '\0';
		rc = add_word(&parsed, word.text, err, errlen);
		if (rc != 0)
			return rc;
	}
	if (parsed.nmac == 0)
		return refuse(err, errlen, EINVAL,
			"guard: no mac=MAC; the guard needs at least one, e.g. "
			"mac=52:54:00:12:34:56,ip=10.0.0.5");
	*g = parsed;
	return 0;
}

/* Appends to buf, which always stays terminated; what does not fit is cut. */
static void __attribute__((format(printf, 4, 5)))
append(char *buf, unsigned int len, unsigned int *used, const char *format, ...)
{
	va_list args;
	int n;

	if (*used >= len)
		return;
	va_start(args, format);
	n = vsnprintf(buf + *used, len - *used, format, args);
	va_end(args);
	*used += n > 0 ? (unsigned int)n : 0;
}

void
guard_format(const struct guard *g, char *buf, unsigned int len)
{
	char addr[INET6_ADDRSTRLEN];
	unsigned int used = 0;

	if (len != 0)
		buf[0] = '\0';
	for (unsigned int i = 0; i < g->nmac; i++) {
		const uint8_t *m = g->mac[i];

		append(buf, len, &used, "%smac=%02x:%02x:%02x:%02x:%02x:%02x", i == 0 ? "" : ",",
			m[0], m[1], m[2], m[3], m[4], m[5]);
	}
	for (unsigned int i = 0; i < g->nip; i++) {
		const struct guard_ip *ip = &g->ip[i];

		inet_ntop(ip->family == 4 ? AF_INET : AF_INET6, ip->addr, addr, sizeof(addr));
		append(buf, len, &used, ",ip=%s", addr);
		if (ip->prefix != (ip->family == 4 ? 32 : 128))
			append(buf, len, &used, "/%u", ip->prefix);
	}
}
