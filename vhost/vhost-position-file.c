/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The file of rings' places: opened, checked, made, removed. Control thread.
 * What is in it: vhost-position.c.
 *
 * Nobody can shrink the file under us (SIGBUS): it is ours alone, in a folder of
 * ours alone, and all of it is allocated before it is mapped. A new one gets its
 * name when it is complete.
 */
#include "vhost/vhost-position-file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/packet/refuse.h"

#define FILE_VERSION 1
static const char file_magic[8] = "nvrings";

/* What is wrong with the file that stands there, or NULL. */
static const char *
file_refuse(int fd)
{
	struct stat st;

	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		return "is no regular file";
	if (st.st_uid != geteuid() || (st.st_mode & 077) != 0)
		return "belongs to others or is open to them";
	if (st.st_size != sizeof(struct position_map))
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
content_refuse(const struct position_map *m, const char *port)
{
	if (memcmp(m->magic, file_magic, sizeof(m->magic)) != 0)
		return "is something else";
	if (m->version != FILE_VERSION || m->rings != VHOST_RINGS_MAX)
		return "is of another version";
	if (strncmp(m->port, port, sizeof(m->port)) != 0)
		return "belongs to another port";
	for (unsigned int i = 0; i < VHOST_RINGS_MAX; i++) {
		const struct position_ring *r = &m->ring[i];

		if (r->state > ENTRY_IN ||
			(r->state == ENTRY_IN && !position_is_sane(&r->position, r->size)))
			return "makes no sense";
	}
	return NULL;
}

static struct position_map *
file_map(int fd)
{
	struct position_map *m;

	/* Also where it should be there already: a hole would be filled when a
	 * worker comes to it, and a full file system then be a SIGBUS. */
	errno = posix_fallocate(fd, 0, sizeof(struct position_map));
	if (errno != 0)
		return NULL;
	m = mmap(NULL, sizeof(*m), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	return m != MAP_FAILED ? m : NULL;
}

/* The file that is there, mapped; NULL with errno: none that can be used. */
static struct position_map *
file_open(int dir, const char *dirname, const char *port)
{
	/* O_NONBLOCK: whatever stands there, opening it does not wait. */
	int fd = openat(dir, port, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	const char *why = NULL;
	struct position_map *m = NULL;

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
static struct position_map *
file_make(int dir, const char *port)
{
	char name[VHOST_NAME_MAX + 8];
	struct position_map *m = NULL;
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
	errno = -refuse(err, errlen, code, "cannot keep the places of port %s's rings in %s/%s: %s",
		port, dirname, port, strerror(code));
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
