/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Resuming a packed ring whose daemon died. Runs while no worker can reach the
 * ring. See vring-position.h for the theory; the writing side is
 * vring_packed_publish() in vring-packed.h.
 *
 * How a ring that was started anew is told from one in use. A device that is
 * at slot s > 0 with wrap counter 1 has passed slot 0 with that counter: it
 * set both bits of slot 0 (also where slot 0 is only the middle of a chain,
 * see vring_packed_write()), and if the driver has filled the slot again, it
 * set USED. At slot s > 0 with wrap counter 0, slot 0 is either used and stands
 * there with its old address, or the driver has filled it again, which it can
 * only after it filled slot s, whose USED bit it set. At slot 0 with wrap
 * counter 0, the slot has USED either way. That leaves slot 0 with wrap counter
 * 1, where starting anew is no change. A driver clears a ring before it starts.
 */
#include "vhost/vring-packed.h"

static bool
position_is_sound(const struct vring_position *pos, uint32_t size)
{
	uint32_t slots = 0;

	if (size == 0 || size > VRING_SIZE_MAX || (pos->at & VRING_PLACE_SLOT) >= size ||
		pos->count > VRING_POSITION_ENTRIES)
		return false;
	for (uint32_t i = 0; i < pos->count; i++) {
		if (pos->entry[i].ndesc == 0)
			return false;
		slots += pos->entry[i].ndesc;
	}
	return slots <= size;
}

bool
vring_position_recover(struct vring_position *pos, struct vring_packed_desc *desc, uint32_t size)
{
	vring_place at = pos->at;

	if (!position_is_sound(pos, size))
		return false;
	if (pos->count == 0)
		return true;
	if (vring_slot_is_avail(vring_slot_word(&desc[at & VRING_PLACE_SLOT]), at)) {
		at = vring_packed_write(desc, size, at, pos->entry, pos->count);
	} else {
		for (uint32_t i = 0; i < pos->count; i++)
			at = vring_place_add(at, pos->entry[i].ndesc, size);
	}
	vring_position_set(pos, at, 0);
	return true;
}

bool
vring_packed_is_fresh(const struct vring_packed_desc *desc, uint32_t size)
{
	const uint64_t avail = (uint64_t)SLOT_AVAIL << 48, used = (uint64_t)SLOT_USED << 48;

	if (!(vring_slot_word(&desc[0]) & avail) && read_once_64(&desc[0].addr) != 0)
		return false;
	for (uint32_t i = 0; i < size; i++)
		if (vring_slot_word(&desc[i]) & used)
			return false;
	return true;
}
