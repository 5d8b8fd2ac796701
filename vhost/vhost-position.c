/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where a packed ring goes on; see vhost-position.h. The file itself:
 * vhost-position-file.c.
 *
 * Theory of operation. A frontend whose backend has gone sends, when one is
 * there again, what it knows. For a split ring that is used->idx, which is exact.
 * For a packed ring it is the base that it sent when the ring was started, which
 * can be hours old. This file knows better, but must not be believed when the
 * ring is another one by now. So an entry says by what the ring is known again:
 * size and address of its descriptor ring, and the base that the frontend sent.
 * The frontend is believed, and not the file,
 *
 *   - when it sends another base than last time: it was told the place
 *     (GET_VRING_BASE), or the driver has reset the device (but see below);
 *   - when the ring is fresh: it starts at slot 0 with wrap counter 1, and nothing
 *     was ever given back in it. A guest that rebooted while we were dead has made
 *     the same ring at the same place anew, and DPDK's virtio-user resets packed
 *     rings when it connects again. Only a ring that the frontend starts there
 *     can be fresh;
 *   - when the entry is not in use.
 *
 * QEMU and transmit rings. Without a backend QEMU's link is down, and it answers
 * a kick by giving back unread what the driver transmits. It does so at *its*
 * place, the old base. Mostly nothing is available there; but when what is under
 * way reaches over that slot, QEMU gives it back before its turn, moves its base
 * on and sends that one. We know the ring's place, so we can tell: the slot at the
 * old base is used, all from our place to there are still available. Those are
 * given back as well (the link was down), and the ring goes on at QEMU's base.
 *
 * What a kill at each instant leaves behind:
 *
 *   start   The entry is taken out of use, written, and put to use, in this order,
 *           before a worker sees the ring. Killed before the last store: the entry
 *           is out of use and the frontend sends the same base again, which is
 *           right, as the ring has not moved. After it: the entry holds that base.
 *   resume  The entry stays as it is, but for a half-done give-back, which is
 *           finished; vring-position.h says why that can be done twice.
 *           Catching up with QEMU is a row of such give-backs. The entry gets
 *           the new base last; until then the next daemon finds what we found.
 *   run     See vring-position.h.
 *   pause   The entry stays. So it does when a connection ends without
 *           GET_VRING_BASE, and when the daemon stops in order: for the
 *           frontend that is all the same.
 *   stop    GET_VRING_BASE: the entry goes out of use after the answer is on its
 *           way. Killed before it is: the frontend knows the old base only and the
 *           entry holds. Killed between the two: the frontend sends what it was
 *           told, another base than the entry's (or the same, when the ring has
 *           gone round and both agree). A ring that has not been started on this
 *           connection is looked up for the answer; one that cannot be (it was never
 *           mapped) is answered with the base that was sent, and the entry stays.
 */
#include "vhost/vhost-position.h"

#include "vhost/vhost-position-file.h"

#define SLOT_AVAIL (1u << VRING_PACKED_DESC_F_AVAIL)
#define SLOT_USED  (1u << VRING_PACKED_DESC_F_USED)

/* Release: what was written before is there when the state is, for whoever reads
 * the file after this process was killed; the fence keeps later stores behind. */
static void
entry_use(struct position_ring *r, enum position_entry to)
{
	__atomic_store_n(&r->state, to, __ATOMIC_RELEASE);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

/* The entry is about this ring, and not about one that stood here before it. */
static bool
entry_fits(const struct position_ring *r, const struct vhost_position_key *key, const void *ring)
{
	return r->state == ENTRY_IN && r->size == key->size && r->desc == key->desc &&
	       !(key->base == VRING_PLACE_START && vring_packed_is_fresh(ring, key->size));
}

/* The slot's two bits (VIRTIO 1.2, 2.8.1); read once, the guest may change them. */
static bool
slot_has(const struct vring_packed_desc *ring, vring_place at, uint16_t with_wrap, uint16_t without)
{
	uint16_t flags = __atomic_load_n(&ring[at & VRING_PLACE_SLOT].flags, __ATOMIC_RELAXED);

	return (flags & (SLOT_AVAIL | SLOT_USED)) == (at & VRING_PLACE_WRAP ? with_wrap : without);
}

/* The buffers from `at` on, up to `end`; 0: not all of them are available. */
static uint16_t
buffers_before(const struct vring_packed_desc *ring, uint16_t size, vring_place at, vring_place end,
	struct vring_position_entry entry[VRING_POSITION_ENTRIES])
{
	uint16_t n = 0, flags;

	while (at != end && n < VRING_POSITION_ENTRIES) {
		struct vring_position_entry e = {0};

		if (!slot_has(ring, at, SLOT_AVAIL, SLOT_USED))
			return 0;
		do {
			const struct vring_packed_desc *d = &ring[at & VRING_PLACE_SLOT];

			flags = __atomic_load_n(&d->flags, __ATOMIC_RELAXED);
			e.id = d->id; /* the last one's counts (2.8.6) */
			e.ndesc++;
			at = vring_place_add(at, 1, size);
		} while ((flags & VRING_DESC_F_NEXT) && at != end);
		entry[n++] = e;
	}
	return n;
}

/* The frontend sends another base: what if it has given back, before its turn,
 * what stood at the old one? */
static void
entry_catch_up(struct position_ring *r, vring_place base, struct vring_packed_desc *ring)
{
	struct vring_position *p = &r->position;
	uint32_t given;

	if ((r->base & VRING_PLACE_SLOT) >= r->size || (base & VRING_PLACE_SLOT) >= r->size ||
		!slot_has(ring, r->base, SLOT_AVAIL | SLOT_USED, 0))
		return;
	given = vring_place_distance(r->base, base, r->size);
	if (given == 0 || vring_place_distance(p->at, r->base, r->size) + given > r->size)
		return;
	while (vring_position_recover(p, ring, r->size) && p->at != r->base) {
		uint16_t n = buffers_before(ring, r->size, p->at, r->base, p->entry);

		if (n == 0)
			return;
		vring_position_set(p, p->at, n);
	}
}

static struct vring_position *
entry_begin(struct position_ring *r, const struct vhost_position_key *key, vring_place place)
{
	entry_use(r, ENTRY_OUT);
	/* Such a ring is not started. */
	if ((place & VRING_PLACE_SLOT) >= key->size)
		return &r->position;
	r->size = key->size;
	r->desc = key->desc;
	r->base = key->base;
	vring_position_set(&r->position, place, 0);
	entry_use(r, ENTRY_IN);
	return &r->position;
}

struct vring_position *
vhost_position_start(struct vhost_position *f, unsigned int i, const struct vhost_position_key *key,
	void *ring, vring_place *place)
{
	struct position_ring *r = &f->map->ring[i];

	if (!entry_fits(r, key, ring))
		return entry_begin(r, key, *place);
	if (r->base != key->base)
		entry_catch_up(r, key->base, ring);
	if (r->base != key->base || !vring_position_recover(&r->position, ring, key->size))
		return entry_begin(r, key, *place);
	*place = r->position.at;
	return &r->position;
}

struct vring_position *
vhost_position_keep(struct vhost_position *f, unsigned int i, const struct vhost_position_key *key,
	vring_place place)
{
	struct position_ring *r = &f->map->ring[i];

	if (r->state == ENTRY_IN && r->size == key->size && r->desc == key->desc &&
		r->base == key->base && r->position.at == place && r->position.count == 0)
		return &r->position;
	return entry_begin(r, key, place);
}

void
vhost_position_forget(struct vhost_position *f, unsigned int i)
{
	if (f)
		entry_use(&f->map->ring[i], ENTRY_OUT);
}
