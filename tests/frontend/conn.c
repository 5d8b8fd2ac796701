/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The socket of a vhost-user frontend: messages, replies, and bytes that are
 * neither. See frontend.h.
 */
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "tests/frontend/frontend.h"

int
fe_fail(struct fe *fe, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(fe->err, sizeof(fe->err), fmt, ap);
	va_end(ap);
	return -1;
}

static void
config_defaults(struct fe_config *c)
{
	if (c->pairs == 0)
		c->pairs = 1;
	if (c->ring_size == 0)
		c->ring_size = 256;
	if (c->features == 0) {
		c->features = FE_FEATURES_DEFAULT;
		if (c->pairs > 1)
			c->features |= FE_BIT(VIRTIO_NET_F_MQ) | FE_BIT(VIRTIO_NET_F_CTRL_VQ);
	}
	if (c->protocol_features == 0)
		c->protocol_features = FE_PROTOCOL_DEFAULT;
	if (c->tx_segs == 0)
		c->tx_segs = 1;
	if (c->rx_segs == 0)
		c->rx_segs = 1;
	if (c->tx_buffer == 0)
		c->tx_buffer = 65664;
	if (c->regions == 0)
		c->regions = 1;
	if (c->timeout_ms == 0)
		c->timeout_ms = 5000;
}

static int64_t
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int
accept_one(struct fe *fe, const struct sockaddr_un *a)
{
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct pollfd p = {.fd = s, .events = POLLIN};
	struct stat st;

	if (s < 0)
		return fe_fail(fe, "socket: %s", strerror(errno));
	if (lstat(a->sun_path, &st) == 0 && S_ISSOCK(st.st_mode))
		unlink(a->sun_path);
	if (bind(s, (const struct sockaddr *)a, sizeof(*a)) < 0 || listen(s, 1) < 0) {
		fe_fail(fe, "cannot listen on %s: %s", a->sun_path, strerror(errno));
		close(s);
		return -1;
	}
	if (poll(&p, 1, fe->cfg.timeout_ms) == 1)
		fe->fd = accept4(s, NULL, NULL, SOCK_CLOEXEC);
	else
		fe_fail(fe, "no backend connected to %s within %d ms", a->sun_path,
			fe->cfg.timeout_ms);
	close(s);
	return fe->fd < 0 ? -1 : 0;
}

/* A backend that has just been started may not listen yet: tries again until
 * the time is over. */
static int
connect_one(struct fe *fe, const struct sockaddr_un *a)
{
	int64_t end = now_ms() + fe->cfg.timeout_ms;

	for (;;) {
		int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		int e;

		if (s < 0)
			return fe_fail(fe, "socket: %s", strerror(errno));
		if (connect(s, (const struct sockaddr *)a, sizeof(*a)) == 0) {
			fe->fd = s;
			return 0;
		}
		e = errno;
		close(s);
		if (now_ms() >= end)
			return fe_fail(fe, "cannot connect to %s: %s", a->sun_path, strerror(e));
		usleep(10000);
	}
}

int
fe_init(struct fe *fe, const struct fe_config *cfg)
{
	memset(fe, 0, sizeof(*fe));
	fe->fd = -1;
	for (unsigned int i = 0; i < 2 * FE_PAIRS_MAX; i++)
		fe->ring[i].kick = fe->ring[i].call = -1;
	fe->cfg = *cfg;
	config_defaults(&fe->cfg);
	if (fe->cfg.pairs > FE_PAIRS_MAX)
		return fe_fail(fe, "%u queue pairs are more than %d", fe->cfg.pairs, FE_PAIRS_MAX);
	if (fe->cfg.regions > FE_REGIONS_MAX)
		return fe_fail(fe, "%u regions are more than %d", fe->cfg.regions, FE_REGIONS_MAX);
	if (fe->cfg.tx_segs > FE_SEGS_MAX || fe->cfg.rx_segs > FE_SEGS_MAX)
		return fe_fail(fe, "a frame has at most %d segments", FE_SEGS_MAX);
	return 0;
}

int
fe_connect(struct fe *fe, const struct fe_config *cfg)
{
	return fe_init(fe, cfg) < 0 ? -1 : fe_dial(fe);
}

int
fe_dial(struct fe *fe)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	if (fe->fd >= 0)
		close(fe->fd);
	fe->fd = -1;
	fe->protocol_features = 0;
	if (fe->cfg.socket == NULL || strlen(fe->cfg.socket) >= sizeof(a.sun_path))
		return fe_fail(fe, "the socket's path is missing or longer than %zu bytes",
			sizeof(a.sun_path) - 1);
	strcpy(a.sun_path, fe->cfg.socket);
	return fe->cfg.listen ? accept_one(fe, &a) : connect_one(fe, &a);
}

int
fe_send_raw(struct fe *fe, const void *bytes, size_t len, const int *fds, unsigned int nfds)
{
	union {
		char buf[CMSG_SPACE(FE_FDS_MAX * sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec iov = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = len};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
	ssize_t n;

	if (nfds > FE_FDS_MAX)
		return fe_fail(fe, "%u fds are more than %d", nfds, FE_FDS_MAX);
	if (nfds > 0) {
		struct cmsghdr *c;

		memset(&control, 0, sizeof(control));
		m.msg_control = control.buf;
		m.msg_controllen = CMSG_SPACE(nfds * sizeof(int));
		c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(nfds * sizeof(int));
		memcpy(CMSG_DATA(c), fds, nfds * sizeof(int));
	}
	do
		n = sendmsg(fe->fd, &m, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return fe_fail(fe, "send: %s", strerror(errno));
	if ((size_t)n != len)
		return fe_fail(fe, "send: only %zd of %zu bytes went out", n, len);
	return 0;
}

int
fe_send(struct fe *fe, uint32_t request, uint32_t extra_flags, const void *payload, uint32_t len,
	const int *fds, unsigned int nfds)
{
	struct fe_msg_header h = {request, FE_FLAG_VERSION | extra_flags, len};
	uint8_t bytes[sizeof(h) + FE_PAYLOAD_MAX];

	if (len > FE_PAYLOAD_MAX)
		return fe_fail(fe, "a payload of %u bytes is longer than %d", len, FE_PAYLOAD_MAX);
	memcpy(bytes, &h, sizeof(h));
	if (len > 0)
		memcpy(bytes + sizeof(h), payload, len);
	return fe_send_raw(fe, bytes, sizeof(h) + len, fds, nfds);
}

static int
read_all(struct fe *fe, uint32_t request, void *buf, size_t len)
{
	struct pollfd p = {.fd = fe->fd, .events = POLLIN};
	size_t got = 0;

	while (got < len) {
		ssize_t n;
		int ready = poll(&p, 1, fe->cfg.timeout_ms);

		if (ready < 0 && errno == EINTR)
			continue;
		if (ready <= 0)
			return fe_fail(fe, "no reply to request %u within %d ms", request,
				fe->cfg.timeout_ms);
		n = read(fe->fd, (uint8_t *)buf + got, len - got);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fe_fail(fe, "reply to request %u: %s", request, strerror(errno));
		if (n == 0)
			return fe_fail(
				fe, "the backend hung up before its reply to request %u", request);
		got += (size_t)n;
	}
	return 0;
}

int
fe_reply(struct fe *fe, uint32_t request, void *payload, uint32_t size)
{
	struct fe_msg_header h;

	if (read_all(fe, request, &h, sizeof(h)) < 0)
		return -1;
	if (h.request != request || !(h.flags & FE_FLAG_REPLY) || h.size > size)
		return fe_fail(fe, "request %u got reply %u, flags %#x, %u bytes", request,
			h.request, h.flags, h.size);
	if (read_all(fe, request, payload, h.size) < 0)
		return -1;
	return (int)h.size;
}

int
fe_request(struct fe *fe, uint32_t request, const void *payload, uint32_t len, const int *fds,
	unsigned int nfds)
{
	bool ack = fe->protocol_features & FE_BIT(FE_PROTO_REPLY_ACK);
	uint64_t answer = 0;

	if (fe_send(fe, request, ack ? FE_FLAG_NEED_REPLY : 0, payload, len, fds, nfds) < 0)
		return -1;
	if (!ack)
		return 0;
	if (fe_reply(fe, request, &answer, sizeof(answer)) != (int)sizeof(answer))
		return fe->err[0] != '\0' ? -1 : fe_fail(fe, "request %u: short reply", request);
	if (answer != 0)
		return fe_fail(fe, "the backend refused request %u", request);
	return 0;
}

int
fe_set_u64(struct fe *fe, uint32_t request, uint64_t value)
{
	return fe_request(fe, request, &value, sizeof(value), NULL, 0);
}

int
fe_get_u64(struct fe *fe, uint32_t request, uint64_t *value)
{
	if (fe_send(fe, request, 0, NULL, 0, NULL, 0) < 0)
		return -1;
	if (fe_reply(fe, request, value, sizeof(*value)) != (int)sizeof(*value))
		return fe->err[0] != '\0' ? -1 : fe_fail(fe, "request %u: short reply", request);
	return 0;
}

int
fe_set_vring(struct fe *fe, uint32_t request, unsigned int index, uint32_t num)
{
	uint32_t state[2] = {index, num};

	return fe_request(fe, request, state, sizeof(state), NULL, 0);
}

int
fe_set_vring_fd(struct fe *fe, uint32_t request, unsigned int index, int fd)
{
	uint64_t value = index | (fd < 0 ? FE_NO_FD_FLAG : 0);

	return fe_request(fe, request, &value, sizeof(value), &fd, fd < 0 ? 0 : 1);
}

bool
fe_hung_up(struct fe *fe, int timeout_ms)
{
	int64_t end = now_ms() + timeout_ms;
	char skip[256];

	for (;;) {
		struct pollfd p = {.fd = fe->fd, .events = POLLIN | POLLRDHUP};
		int64_t left = end - now_ms();

		if (left < 0)
			left = 0;
		if (poll(&p, 1, (int)left) == 0)
			return false;
		if (p.revents & (POLLHUP | POLLERR | POLLRDHUP))
			return true;
		/* Replies that nobody waits for. */
		if ((p.revents & POLLIN) && read(fe->fd, skip, sizeof(skip)) == 0)
			return true;
	}
}
