/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * libnetvm: messages between the NFs of a group, and to netvmd. A message is a packet
 * to the receiver's port, the frame that netvm-abi.h describes (MESSAGES). The mark is
 * looked at first, so that an NF that does not read packets' bytes need not do so for
 * this; and netvmd carries marks only inside a group, so nobody outside it can forge
 * one.
 *
 * Any thread of the run; what comes on another is handed to thread 0.
 */
#include "guest-pmd/nf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HEAD     NETVM_MESSAGE_HEAD
#define MAIL_MAX 256 /* letters that wait for thread 0 */

static const uint8_t ether_type[] = {0x88, 0xb5, 'N', 'V', 'M', 'S'};
static const uint8_t mac_head[] = {0x02, 0x4e, 0x56, 0x4d};

/* Fills an empty packet with a message of two pieces. */
static void
write_message(struct netvm_packet *p, const struct netvm_nf *nf, uint16_t to, const void *a,
	size_t na, const void *b, size_t nb)
{
	memcpy(p->data, mac_head, sizeof(mac_head));
	p->data[4] = to >> 8;
	p->data[5] = to;
	memcpy(p->data + 6, nf->run->info.mac, 6);
	memcpy(p->data + 12, ether_type, sizeof(ether_type));
	p->data[18] = (na + nb) >> 8;
	p->data[19] = na + nb;
	if (na)
		memcpy(p->data + HEAD, a, na);
	if (nb)
		memcpy(p->data + HEAD + na, b, nb);
	p->length = p->total = HEAD + na + nb;
	p->verdict = NETVM_TO_PORT;
	p->destination = to;
	p->mark = NETVM_MESSAGE_MARK;
}

/* na + nb is NETVM_MESSAGE_MAX at most. */
static int
send_message(struct netvm_nf *nf, uint16_t to, const void *a, size_t na, const void *b, size_t nb)
{
	struct netvm_packet p;
	int got = netvm_alloc(nf->port, nf->thread, &p, 1);

	if (got < 0)
		return got;
	if (!got)
		return netvm_fail(ENOBUFS, "there is no buffer for a message");
	if (HEAD + na + nb > netvm_room(nf->port, &p)) {
		netvm_free(nf->port, nf->thread, &p, 1);
		return netvm_fail(
			EMSGSIZE, "the pool's buffers are too small for %zu bytes", na + nb);
	}
	write_message(&p, nf, to, a, na, b, nb);
	got = netvm_tx(nf->port, nf->thread, &p, 1);
	if (got == 1)
		return 0;
	netvm_free(nf->port, nf->thread, &p, 1);
	return got < 0 ? got : netvm_fail(EAGAIN, "the transmit ring is full");
}

NETVM_API int
netvm_nf_message(struct netvm_nf *nf, uint16_t to_port, const void *data, size_t n)
{
	if (n > NETVM_MESSAGE_MAX)
		return netvm_fail(
			EMSGSIZE, "a message has %d bytes at most, not %zu", NETVM_MESSAGE_MAX, n);
	return send_message(nf, to_port, data, n, NULL, 0);
}

NETVM_API int
netvm_nf_tell(struct netvm_nf *nf, uint16_t type, const void *data, size_t n)
{
	struct netvm_tell head = {.version = NETVM_TELL_VERSION, .type = type};

	if (n > NETVM_TELL_MAX)
		return netvm_fail(EMSGSIZE, "a message to netvmd has %d bytes at most, not %zu",
			NETVM_TELL_MAX, n);
	return send_message(nf, NETVM_PORT_MANAGER, &head, sizeof(head), data, n);
}

/* Hands a message to thread 0. */
static void
post(struct netvm_nf_run *run, uint16_t from, const uint8_t *data, uint16_t n)
{
	struct netvm_nf_letter *letter;

	if (__atomic_load_n(&run->mail_count, __ATOMIC_RELAXED) >= MAIL_MAX)
		return;
	letter = malloc(sizeof(*letter));
	if (!letter)
		return;
	letter->next = NULL;
	letter->from = from;
	letter->length = n;
	memcpy(letter->data, data, n);
	pthread_mutex_lock(&run->mail_lock);
	*run->mail_end = letter;
	run->mail_end = &letter->next;
	__atomic_store_n(&run->mail_count, run->mail_count + 1, __ATOMIC_RELAXED);
	pthread_mutex_unlock(&run->mail_lock);
	netvm_port_wake(run->port, 0);
}

bool
netvm_nf_take_message(struct netvm_nf *nf, struct netvm_packet *p)
{
	uint16_t length;

	if (NETVM_LIKELY(p->mark != NETVM_MESSAGE_MARK || (p->flags & NETVM_PACKET_HASH)))
		return false;
	if (p->nseg != 1 || p->length < HEAD ||
		memcmp(p->data + 12, ether_type, sizeof(ether_type)) != 0)
		return false;
	length = p->data[18] << 8 | p->data[19];
	if (length > NETVM_MESSAGE_MAX || length > p->length - HEAD)
		return false;
	if (!nf->ops->message)
		return true; /* nobody listens */
	if (nf->thread == 0)
		nf->ops->message(nf, p->destination, p->data + HEAD, length, nf->arg);
	else
		post(nf->run, p->destination, p->data + HEAD, length);
	return true;
}

static struct netvm_nf_letter *
take_mail(struct netvm_nf_run *run)
{
	struct netvm_nf_letter *mail;

	pthread_mutex_lock(&run->mail_lock);
	mail = run->mail;
	run->mail = NULL;
	run->mail_end = &run->mail;
	__atomic_store_n(&run->mail_count, 0, __ATOMIC_RELAXED);
	pthread_mutex_unlock(&run->mail_lock);
	return mail;
}

void
netvm_nf_deliver(struct netvm_nf *nf)
{
	struct netvm_nf_letter *letter, *next;

	if (NETVM_LIKELY(!__atomic_load_n(&nf->run->mail_count, __ATOMIC_RELAXED)))
		return;
	for (letter = take_mail(nf->run); letter; letter = next) {
		next = letter->next;
		nf->ops->message(nf, letter->from, letter->data, letter->length, nf->arg);
		free(letter);
	}
}

void
netvm_nf_drop_mail(struct netvm_nf_run *run)
{
	struct netvm_nf_letter *letter = take_mail(run), *next;

	for (; letter; letter = next) {
		next = letter->next;
		free(letter);
	}
}
