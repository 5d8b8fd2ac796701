/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Numbered datagrams between two test guests, while somebody kills the switch
 * between them. Runs inside a guest, statically linked. One thread.
 *
 *	numbers send ADDRESS PORT    until SIGTERM; prints what it did as JSON
 *	numbers recv PORT            likewise; acknowledges each datagram
 *
 * At most WINDOW datagrams are under way. When nothing is acknowledged for a
 * while the sender stops numbering and probes until an answer comes: so one
 * stall costs at most WINDOW numbers, and without a stall there is no gap. The
 * receiver sees gaps, repetition, reordering and damage.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define WINDOW       128
#define EACH_US      500    /* between two datagrams */
#define STALL_US     200000 /* without progress */
#define PROBE_US     10000
#define SIZE_MAX_UDP 1400
#define SEEN         65536

enum kind { DATA = 0x6e756d31, PROBE, ACK, PROBE_ACK };

struct message {
	uint32_t kind, len;
	uint64_t number;
	uint8_t pattern[SIZE_MAX_UDP - 16];
};

static volatile sig_atomic_t stop;

static void
on_term(int sig)
{
	(void)sig;
	stop = 1;
}

static int64_t
now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static uint32_t
make(struct message *m, uint32_t kind, uint64_t number)
{
	uint32_t n = kind == DATA ? (uint32_t)(number * 37 % sizeof(m->pattern)) : 0;

	m->kind = kind;
	m->len = 16 + n;
	m->number = number;
	for (uint32_t i = 0; i < n; i++)
		m->pattern[i] = (uint8_t)(number * 31 + i);
	return m->len;
}

static bool
sound(const struct message *m, ssize_t len)
{
	struct message want;

	return len >= 16 && make(&want, m->kind, m->number) == (uint32_t)len &&
	       memcmp(&want, m, (size_t)len) == 0;
}

static int
udp_socket(int timeout_us)
{
	struct timeval t = {.tv_usec = timeout_us};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t)) != 0) {
		perror("numbers: socket");
		exit(1);
	}
	return fd;
}

/* --- send ----------------------------------------------------------------- */

static struct {
	uint64_t next, acked; /* next number; all below are acknowledged or given up */
	uint64_t given_up, most_given_up, stalls;
	int64_t progress_us, longest_us;
	bool stalled;
} tx;

static void
progress(int64_t now)
{
	if (tx.stalled) {
		uint64_t lost = tx.next - tx.acked;

		tx.stalled = false;
		tx.given_up += lost;
		tx.most_given_up = lost > tx.most_given_up ? lost : tx.most_given_up;
		tx.acked = tx.next;
		if (now - tx.progress_us > tx.longest_us)
			tx.longest_us = now - tx.progress_us;
	}
	tx.progress_us = now;
}

static void
take_answer(const struct message *m, int64_t now)
{
	if (m->kind == ACK && m->number >= tx.acked && m->number < tx.next) {
		/* While it stalls this is late news of what was under way. */
		tx.acked = m->number + 1;
		if (!tx.stalled)
			progress(now);
	}
	if (m->kind == PROBE_ACK && tx.stalled)
		progress(now);
}

static int
send_numbers(const char *address, uint16_t port)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
	int fd = udp_socket(100000);
	int64_t last = 0;

	if (inet_pton(AF_INET, address, &to.sin_addr) != 1 ||
		connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0) {
		perror("numbers: connect");
		return 1;
	}
	tx.progress_us = now_us();
	while (!stop) {
		int64_t now = now_us();
		struct message m;

		if (tx.next == tx.acked && !tx.stalled)
			tx.progress_us = now;
		if (!tx.stalled && now - tx.progress_us > STALL_US) {
			tx.stalled = true;
			tx.stalls++;
		}
		/* An error is a link that is down; the datagram is lost. */
		if (tx.stalled && now - last > PROBE_US) {
			(void)!send(fd, &m, make(&m, PROBE, 0), 0);
			last = now;
		} else if (!tx.stalled && tx.next - tx.acked < WINDOW) {
			(void)!send(fd, &m, make(&m, DATA, tx.next++), 0);
		}
		usleep(EACH_US);
		while (recv(fd, &m, sizeof(m), MSG_DONTWAIT) > 0 && !stop)
			take_answer(&m, now_us());
	}
	printf("{\"sent\": %llu, \"given_up\": %llu, \"most_given_up\": %llu, \"stalls\": %llu, "
	       "\"longest_ms\": %lld, \"stalled\": %s, \"window\": %d}\n",
		(unsigned long long)tx.next, (unsigned long long)tx.given_up,
		(unsigned long long)tx.most_given_up, (unsigned long long)tx.stalls,
		(long long)tx.longest_us / 1000, tx.stalled ? "true" : "false", WINDOW);
	return 0;
}

/* --- receive -------------------------------------------------------------- */

static struct {
	uint64_t next, received, gaps, missing, largest_gap;
	uint64_t repeated, reordered, corrupt;
	uint8_t seen[SEEN];
} rx;

static void
account(uint64_t number)
{
	rx.received++;
	if (number < rx.next) {
		/* A killed switch may send again what it had sent, nothing else. */
		if (rx.next - number < SEEN && rx.seen[number % SEEN])
			rx.repeated++;
		else
			rx.reordered++;
		return;
	}
	if (number > rx.next) {
		uint64_t gap = number - rx.next;

		rx.gaps++;
		rx.missing += gap;
		rx.largest_gap = gap > rx.largest_gap ? gap : rx.largest_gap;
	}
	for (; rx.next < number; rx.next++)
		rx.seen[rx.next % SEEN] = 0;
	rx.seen[rx.next++ % SEEN] = 1;
}

static int
receive_numbers(uint16_t port)
{
	struct sockaddr_in own = {.sin_family = AF_INET, .sin_port = htons(port)};
	int fd = udp_socket(100000);

	if (bind(fd, (struct sockaddr *)&own, sizeof(own)) != 0) {
		perror("numbers: bind");
		return 1;
	}
	while (!stop) {
		struct sockaddr_in from;
		socklen_t size = sizeof(from);
		struct message m;
		ssize_t n = recvfrom(fd, &m, sizeof(m), 0, (struct sockaddr *)&from, &size);

		if (n <= 0)
			continue;
		if (!sound(&m, n)) {
			rx.corrupt++;
			continue;
		}
		if (m.kind == DATA)
			account(m.number);
		(void)!sendto(fd, &m, make(&m, m.kind == DATA ? ACK : PROBE_ACK, m.number), 0,
			(struct sockaddr *)&from, size);
	}
	printf("{\"received\": %llu, \"gaps\": %llu, \"missing\": %llu, \"largest_gap\": %llu, "
	       "\"repeated\": %llu, \"reordered\": %llu, \"corrupt\": %llu}\n",
		(unsigned long long)rx.received, (unsigned long long)rx.gaps,
		(unsigned long long)rx.missing, (unsigned long long)rx.largest_gap,
		(unsigned long long)rx.repeated, (unsigned long long)rx.reordered,
		(unsigned long long)rx.corrupt);
	return 0;
}

int
main(int argc, char **argv)
{
	struct sigaction act = {.sa_handler = on_term};

	(void)sigaction(SIGTERM, &act, NULL);
	if (argc == 4 && strcmp(argv[1], "send") == 0)
		return send_numbers(argv[2], (uint16_t)atoi(argv[3]));
	if (argc == 3 && strcmp(argv[1], "recv") == 0)
		return receive_numbers((uint16_t)atoi(argv[2]));
	fputs("usage: numbers send ADDRESS PORT | numbers recv PORT\n", stderr);
	return 2;
}
