/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The core of bridge (bridge.h). A flood of MACs fills the table and no more: what is
 * learned ages, what is not learned goes to NEXT.
 */
#include <errno.h>
#include <string.h>

#include "guest-pmd/nf/bridge.h"
#include "guest-pmd/nf/nf-text.h"

const char *const bridge_count_names[BRIDGE_COUNTS] = {
	"forwarded", "unknown", "filtered", "bad", "moved", "table-full"};

int
bridge_start(struct bridge *b, uint32_t capacity, uint64_t age_ns)
{
	struct nf_table_spec spec = {.capacity = capacity,
		.key_size = 6,
		.value_size = sizeof(uint16_t),
		.timeout_ns = {age_ns}};

	*b = (struct bridge){.macs = nf_table_new(&spec)};
	if (b->macs != NULL)
		return 0;
	nf_refuse("no memory for %u MAC addresses", capacity);
	return -ENOMEM;
}

void
bridge_stop(struct bridge *b)
{
	nf_table_free(b->macs);
	b->macs = NULL;
}

static void
learn(struct bridge *b, const uint8_t *mac, uint16_t port, uint64_t now)
{
	uint16_t *known = nf_table_find_live(b->macs, mac, now);

	if ((mac[0] & 1) != 0)
		return;
	if (known == NULL) {
		known = nf_table_add(b->macs, mac, 0, now);
		if (known == NULL) {
			b->count[BRIDGE_FULL]++;
			return;
		}
	} else {
		b->count[BRIDGE_MOVED] += *known != port;
		nf_table_touch(b->macs, known, 0, now);
	}
	*known = port;
}

void
bridge_packet(struct bridge *b, struct netvm_packet *p, uint64_t now)
{
	uint8_t copy[NF_ETHER_LEN], mac[12];
	const uint8_t *header = netvm_read(p, 0, NF_ETHER_LEN, copy);
	uint16_t from = p->destination;
	const uint16_t *to;

	if (header == NULL) {
		b->count[BRIDGE_BAD]++;
		p->verdict = NETVM_DROP;
		return;
	}
	memcpy(mac, header, sizeof(mac));
	nf_table_expire(b->macs, now, 2);
	learn(b, mac + 6, from, now);
	to = (mac[0] & 1) == 0 ? nf_table_find_live(b->macs, mac, now) : NULL;
	p->verdict = NETVM_NEXT;
	if (to == NULL) {
		b->count[BRIDGE_UNKNOWN]++;
	} else if (*to == from) {
		b->count[BRIDGE_FILTERED]++;
		p->verdict = NETVM_DROP;
	} else {
		b->count[BRIDGE_FORWARDED]++;
		p->verdict = NETVM_TO_PORT;
		p->destination = *to;
	}
}
