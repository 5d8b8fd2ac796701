/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The file of rings' places; see vhost-position.h.
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
 *     (GET_VRING_BASE), or the driver has reset the device;
 *   - when the ring is fresh: it starts at slot 0 with wrap counter 1, and nothing
 *     was ever given back in it. A guest that rebooted while we were dead has made
 *     the same ring at the same place anew, and DPDK's virtio-user resets packed
 *     rings when it connects again. Only a ring that the frontend starts there
 *     can be fresh;
 *   - when the entry is not in use.
 *
 * What a kill at each instant leaves behind:
 *
 *   start   The entry is taken out of use, written, and put to use, in this order,
 *           before a worker sees the ring. Killed before the last store: the entry
 *           is out of use and the frontend sends the same base again, which is
 *           right, as the ring has not moved. After it: the entry holds that base.
 *   resume  The entry stays as it is, but for a half-done give-back, which is
 *           finished; vring-position.h says why that can be done twice.
 *   run     See vring-position.h.
 *   pause   The entry stays. So it does when a connection ends without
 *           GET_VRING_BASE, and when the daemon stops in order: for the
 *           frontend that is all the same.
 *   stop    GET_VRING_BASE: the entry goes out of use after the answer is on its
 *           way. Killed before it is: the frontend knows the old base only and the
 *           entry holds. Killed between the two: the frontend sends what it was
 *           told, another base than the entry's (or the same, when the ring has
 *           gone round and both agree).
 *
 * Nobody can shrink the file under us (SIGBUS): it is ours alone, in a folder of
 * ours alone, and all of it is allocated before it is mapped. A new one gets its
 * name when it is complete.
 */
#include "vhost/vhost-position.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vhost/vhost-private.h"

#define FILE_VERSION 1
static const char file_magic[8] = "nvrings";

/* OUT  Not in use; other fields mean nothing.            start -> IN
 * IN   The ring runs, or stands where it was left.        forget -> OUT
 * entry_use() performs the transitions. */
enum entry_state { ENTRY_OUT, ENTRY_IN };

struct file_ring {
	uint32_t state; /* enum entry_state */
	uint16_t size;
	vring_place base; /* sent by the frontend */
	uint64_t desc;
	/* Its first words change with every burst: a line of its own. */
	struct vring_position position __attribute__((aligned(64)));
} __attribute__((aligned(64)));

struct file {
	char magic[8];
	uint32_t version;
	uint32_t rings;
	char port[VHOST_NAME_MAX];
	struct file_ring ring[VHOST_RINGS_MAX];
};
static_assert(sizeof(struct file_ring) == 640, "the layout is kept in a file");
static_assert(sizeof(struct file) == 64 + 640 * VHOST_RINGS_MAX, "the layout is kept in a file");

struct vhost_position {
	struct file *map;
};

/* --- the file ------------------------------------------------------------- */

/* What is wrong with the file that stands there, or NULL. */
static const char *
file_refuse(int fd)
{
	struct stat st;

	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		return "is no regular file";
	if (st.st_uid != geteuid() || (st.st_mode & 077) != 0)
		return "belongs to others or is open to them";
	if (st.st_size != sizeof(struct file))
		return "has another size than it should have";
	return NULL;
}

static bool
position_is_sane(const struct vring_position *p, uint16_t size)
{
	uint32_t slots = 0;

	if (p->count > VRING_POSITION_ENTRIES || (p->at & VRING_PLACE_SLOT) >= size)
		return false;
	for (unsigned int i = 0; i < p->count; i++)
		slots += p->entry[i].ndesc;
	return slots <= size;
}

static const char *
content_refuse(const struct file *m, const char *port)
{
	if (memcmp(m->magic, file_magic, sizeof(m->magic)) != 0)
		return "is something else";
	if (m->version != FILE_VERSION || m->rings != VHOST_RINGS_MAX)
		return "is of another version";
	if (strncmp(m->port, port, sizeof(m->port)) != 0)
		return "belongs to another port";
	for (unsigned int i = 0; i < VHOST_RINGS_MAX; i++) {
		const struct file_ring *r = &m->ring[i];

		if (r->state > ENTRY_IN ||
			(r->state == ENTRY_IN && !position_is_sane(&r->position, r->size)))
			return "makes no sense";
	}
	return NULL;
}

static struct file *
file_map(int fd)
{
	struct file *m;

	/* Also where it should be there already: a hole would be filled when a
	 * worker comes to it, and a full file system then be a SIGBUS. */
	errno = posix_fallocate(fd, 0, sizeof(struct file));
	if (errno != 0)
		return NULL;
	m = mmap(NULL, sizeof(*m), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	return m != MAP_FAILED ? m : NULL;
}

/* The file that is there, mapped; NULL with errno: none that can be used. */
static struct file *
file_open(int dir, const char *dirname, const char *port)
{
	/* O_NONBLOCK: whatever stands there, opening it does not wait. */
	int fd = openat(dir, port, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	const char *why = NULL;
	struct file *m = NULL;

	if (fd < 0 && errno == ENOENT)
		return NULL;
	if (fd < 0)
		why = "cannot be opened as a file of ours";
	else
		why = file_refuse(fd);
	if (!why) {
		m = file_map(fd);
		why = m ? content_refuse(m, port) : "cannot be mapped";
	}
	if (why) {
		fprintf(stderr,
			"%s/%s %s and is replaced; a guest with packed rings that "
			"was connected needs its network device reset\n",
			dirname, port, why);
		if (m)
			(void)munmap(m, sizeof(*m));
		m = NULL;
	}
	if (fd >= 0)
		close(fd);
	return m;
}

/* A new file, which gets its name when it is complete. */
static struct file *
file_make(int dir, const char *port)
{
	char name[VHOST_NAME_MAX + 8];
	struct file *m = NULL;
	int fd, code;

	/* No port's name begins with a dot. */
	snprintf(name, sizeof(name), ".%s.new", port);
	if (unlinkat(dir, name, 0) != 0 && errno != ENOENT)
		return NULL;
	fd = openat(dir, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return NULL;
	m = file_map(fd);
	code = errno;
	close(fd);
	if (m) {
		memcpy(m->magic, file_magic, sizeof(m->magic));
		m->version = FILE_VERSION;
		m->rings = VHOST_RINGS_MAX;
		snprintf(m->port, sizeof(m->port), "%s", port);
		if (renameat(dir, name, dir, port) == 0)
			return m;
		code = errno;
		(void)munmap(m, sizeof(*m));
	}
	(void)unlinkat(dir, name, 0);
	errno = code;
	return NULL;
}

struct vhost_position *
vhost_position_open(const char *dirname, const char *port, char *err, size_t errlen)
{
	struct vhost_position *f = malloc(sizeof(*f));
	int dir = -1, code = 0;

	if (port[0] == '.' || strchr(port, '/'))
		code = EINVAL;
	else if (!f)
		code = ENOMEM;
	else if ((dir = open(dirname, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)) < 0)
		code = errno;
	if (code == 0) {
		f->map = file_open(dir, dirname, port);
		if (!f->map)
			f->map = file_make(dir, port);
		code = f->map ? 0 : errno;
	}
	if (dir >= 0)
		close(dir);
	if (code == 0)
		return f;
	free(f);
	errno = -vhost_refuse(err, errlen, code,
		"cannot keep the places of port %s's rings in %s/%s: %s", port, dirname, port,
		strerror(code));
	return NULL;
}

void
vhost_position_close(struct vhost_position *f)
{
	if (!f)
		return;
	(void)munmap(f->map, sizeof(*f->map));
	free(f);
}

void
vhost_port_forget(const char *dirname, const char *port)
{
	int dir;

	if (port[0] == '.' || strchr(port, '/'))
		return;
	dir = open(dirname, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0)
		return;
	(void)unlinkat(dir, port, 0);
	close(dir);
}

/* --- rings ---------------------------------------------------------------- */

/* Release: what was written before is there when the state is, for whoever reads
 * the file after this process was killed; the fence keeps later stores behind. */
static void
entry_use(struct file_ring *r, enum entry_state to)
{
	__atomic_store_n(&r->state, to, __ATOMIC_RELEASE);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

static bool
entry_knows(const struct file_ring *r, const struct vhost_position_key *key, const void *ring)
{
	if (r->state != ENTRY_IN || r->size != key->size || r->desc != key->desc ||
		r->base != key->base || !position_is_sane(&r->position, key->size))
		return false;
	return key->base != VRING_PLACE_START || !vring_packed_is_fresh(ring, key->size);
}

static struct vring_position *
entry_begin(struct file_ring *r, const struct vhost_position_key *key, vring_place place)
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
	struct file_ring *r = &f->map->ring[i];

	if (!entry_knows(r, key, ring) || !vring_position_recover(&r->position, ring, key->size))
		return entry_begin(r, key, *place);
	*place = r->position.at;
	return &r->position;
}

struct vring_position *
vhost_position_keep(struct vhost_position *f, unsigned int i, const struct vhost_position_key *key,
	vring_place place)
{
	struct file_ring *r = &f->map->ring[i];

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
