/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * libnetvm's PCI transport on a folder that looks like sysfs (pci-folder.h), with a fake
 * host's memories. The fake host notices requests in the memory by itself, a doorbell
 * only by reading BAR 0.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest-pmd/netvm.h"
#include "tests/unit/fake-host.h"
#include "tests/unit/pci-folder.h"

#define RING "0000:00:05.0"
#define POOL "0000:00:06.0"

static const struct netvm_options hasty = {.timeout_ms = 200};

static int
set_up_host(void **state, uint16_t pairs, uint16_t vectors)
{
	struct fake_host_config c = {.mode = FAKE_HOST_ECHO, .pairs = pairs, .vectors = vectors};
	struct fake_host *h = fake_host_new(&c);

	pci_folder_begin();
	pci_folder_add("0000:00:01.0", "0x1000\n", -1);
	pci_folder_add(RING, "0x1110\n", h->ring_memory);
	pci_folder_add(POOL, "0x1110\n", h->pool_memory);
	*state = h;
	return 0;
}

static int
set_up(void **state)
{
	return set_up_host(state, 1, 3);
}

/* As a device without MSI is: one interrupt, whatever the number of pairs. */
static int
set_up_pairs(void **state)
{
	return set_up_host(state, 3, 1);
}

static int
tear_down(void **state)
{
	pci_folder_end();
	fake_host_free(*state);
	return 0;
}

static void
use(const char *transport)
{
	struct netvm_port *port = netvm_open(transport, NULL);
	struct netvm_packet p;
	struct netvm_info info;

	if (!port)
		fail_msg("%s: %s", transport, netvm_error());
	netvm_get_info(port, &info);
	assert_false(info.can_sleep);
	assert_int_equal(netvm_event_fd(port, 0), -ENOTSUP);
	assert_int_equal(netvm_alloc(port, 0, &p, 1), 1);
	memcpy(p.data, "there and back", 14);
	p.length = p.total = 14;
	assert_int_equal(netvm_tx(port, 0, &p, 1), 1);
	assert_int_equal(netvm_wait(port, 0, 10000), 1);
	assert_int_equal(netvm_rx(port, 0, &p, 1), 1);
	assert_memory_equal(p.data, "there and back", 14);
	netvm_free(port, 0, &p, 1);
	assert_int_equal(netvm_wait(port, 0, 20), 0);
	assert_int_equal(netvm_reopen(port), 0);
	netvm_close(port);
}

static void
test_addresses(void **state)
{
	char text[8];

	use("pci:" RING "," POOL);
	use("pci:" RING);
	use("pci:00:05.0");
	use("pci:");
	pci_folder_read(RING, "enable", 0, text, 1);
	assert_int_equal(text[0], '1');
	pci_folder_read(POOL, "enable", 0, text, 1);
	assert_int_equal(text[0], '1');
}

static void
test_doorbell(void **state)
{
	struct fake_host *h = *state;
	struct netvm_port *port = netvm_open("pci:", NULL);
	struct netvm_ring *tx = fake_host_ring(h, 0, NETVM_TX);
	struct netvm_packet p;
	uint32_t bell;

	assert_non_null(port);
	pci_folder_read(RING, "resource0", PCI_FOLDER_BAR0 + 12, &bell, 4);
	assert_int_equal(bell, 0); /* host's ID 0, vector 0: of the opening */
	pci_folder_read(RING, "resource0", PCI_FOLDER_BAR0 + 16, &bell, 4);
	assert_int_equal(bell, 0x78787878); /* and nothing else was written */
	__atomic_store_n(&tx->wait, 1, __ATOMIC_SEQ_CST);
	assert_int_equal(netvm_alloc(port, 0, &p, 1), 1);
	p.length = p.total = 60;
	assert_int_equal(netvm_tx(port, 0, &p, 1), 1);
	netvm_close(port);
}

struct watch {
	const uint32_t *wish;
	bool seen, end;
};

static void *
watch_wish(void *arg)
{
	struct watch *w = arg;

	while (!__atomic_load_n(&w->end, __ATOMIC_RELAXED))
		if (__atomic_load_n(w->wish, __ATOMIC_RELAXED) != 0)
			w->seen = true;
	return NULL;
}

/* Without interrupts a wait is a series of naps, which no doorbell ends. */
static void
test_nap(void **state)
{
	struct netvm_port *port = netvm_open("pci:", NULL);
	static struct watch w; /* the thread outlives a test that fails */
	pthread_t thread;

	assert_non_null(port);
	w = (struct watch){.wish = &fake_host_ring(*state, 0, NETVM_RX)->wait};
	assert_int_equal(pthread_create(&thread, NULL, watch_wish, &w), 0);
	assert_int_equal(netvm_wait(port, 0, 100), 0);
	__atomic_store_n(&w.end, true, __ATOMIC_RELAXED);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_false(w.seen);
	netvm_close(port);
}

static void
test_in_use(void **state)
{
	struct netvm_port *port = netvm_open("pci:", NULL);

	assert_non_null(port);
	assert_null(netvm_open("pci:" RING, &hasty));
	assert_int_equal(errno, EBUSY);
	assert_non_null(strstr(netvm_error(), "in use"));
	assert_null(netvm_open("pci:", &hasty));
	assert_int_equal(errno, EBUSY);
	netvm_close(port);
	use("pci:");
}

static void
test_refusals(void **state)
{
	static const struct {
		const char *transport, *says;
	} cases[] = {
		{"pci:nonsense", "PCI address"},
		{"pci:0000:00:05.0,", "PCI address"},
		{"pci:0000:00:05.0x", "PCI address"},
		{"pci:0000:00:09.0", "no ivshmem device"},
		{"pci:0000:00:01.0", "no ivshmem device"},
		{"pci:" POOL, "is a pool"},
		{"pci:" RING "," RING, "the pool has magic"},
	};
	struct fake_host *h = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_null(netvm_open(cases[i].transport, &hasty));
		if (!strstr(netvm_error(), cases[i].says))
			fail_msg("%s: %s", cases[i].transport, netvm_error());
	}
	h->pool->id++;
	assert_null(netvm_open("pci:", &hasty));
	assert_non_null(strstr(netvm_error(), "is the pool of pci:" RING));
	h->pool->id--;
	pci_folder_write(RING, "resource", "0x00000000febf0f80 0x0 0x0\n");
	assert_null(netvm_open("pci:", &hasty));
	assert_non_null(strstr(netvm_error(), "within a page"));
}

/* Of two devices with the pool, the one with the ring device's ID is taken. The other is a
 * copy here, so that they can be told apart. */
static void
test_own_pool(void **state)
{
	struct fake_host *h = *state;
	uint8_t *pool = (uint8_t *)h->pool + h->pool->buffers_offset;
	int copy = memfd_create("copy", MFD_CLOEXEC);
	struct netvm_port *port;
	struct netvm_info info;
	char registers[4097];

	assert_int_equal(write(copy, h->pool, h->pool->size), h->pool->size);
	pci_folder_add("0000:00:04.0", "0x1110\n", copy);
	*pool = 0x5a;
	memset(registers, 'y', sizeof(registers) - 1);
	registers[sizeof(registers) - 1] = 0;
	for (int own = 1; own >= 0; own--) {
		/* Then none has it: any will do. */
		pci_folder_write(own ? "0000:00:04.0" : POOL, "resource0", registers);
		port = netvm_open("pci:", NULL);
		assert_non_null(port);
		netvm_get_info(port, &info);
		assert_int_equal(*info.pool, own ? 0x5a : 0);
		netvm_close(port);
	}
	close(copy);
}

static void
make_folder(const char *path)
{
	char whole[256];

	snprintf(whole, sizeof(whole), "%s%s", pci_folder, path);
	assert_int_equal(mkdir(whole, 0700), 0);
}

static void
bind_to(const char *driver)
{
	char text[64];

	snprintf(text, sizeof(text), "DRIVER=%s\nPCI_ID=1AF4:1110\n", driver);
	pci_folder_write(RING, "uevent", text);
}

/* Binds the ring device to uio_pci_generic; a FIFO stands for its file. */
static int
make_uio(char path[256])
{
	bind_to("uio_pci_generic");
	make_folder("/sys/bus/pci/devices/" RING "/uio");
	make_folder("/sys/bus/pci/devices/" RING "/uio/uio3");
	make_folder("/dev");
	snprintf(path, 256, "%s/dev/uio3", pci_folder);
	assert_int_equal(mkfifo(path, 0600), 0);
	return open(path, O_RDWR | O_NONBLOCK);
}

static bool
can_sleep(void)
{
	struct netvm_port *port = netvm_open("pci:", NULL);
	struct netvm_info info;

	assert_non_null(port);
	netvm_get_info(port, &info);
	assert_int_equal(netvm_event_fd(port, 0) >= 0, info.can_sleep);
	netvm_close(port);
	return info.can_sleep;
}

static void
test_uio(void **state)
{
	struct fake_host *h = *state;
	struct netvm_port *port;
	char path[256];
	uint32_t n = 5, word;
	int fifo = make_uio(path);

	port = netvm_open("pci:", NULL);
	assert_non_null(port);
	/* The device may interrupt. */
	pci_folder_read(RING, "resource0", PCI_FOLDER_BAR0, &word, 4);
	assert_int_equal(word, UINT32_MAX);
	assert_int_equal(netvm_wait(port, 0, 20), 0);
	assert_int_equal(read(fifo, &word, 4), -1);
	/* The fifth interrupt. */
	assert_int_equal(write(fifo, &n, 4), 4);
	assert_true(fake_host_send(h, 0, "packet", 6));
	assert_int_equal(netvm_wait(port, 0, 10000), 1);
	/* The kernel, which masked it, is told to listen again. */
	netvm_disarm(port, 0);
	assert_int_equal(read(fifo, &word, 4), 4);
	assert_int_equal(word, 1);
	netvm_close(port);
	close(fifo);
}

/* An event loop of the program's own. */
static void
test_uio_event(void **state)
{
	struct fake_host *h = *state;
	struct pollfd p = {.events = POLLIN};
	struct netvm_port *port;
	char path[256];
	uint32_t n = 1;
	int fifo = make_uio(path);

	port = netvm_open("pci:", NULL);
	assert_non_null(port);
	p.fd = netvm_event_fd(port, 0);
	assert_true(p.fd >= 0);
	assert_int_equal(netvm_arm(port, 0), 0);
	assert_int_equal(poll(&p, 1, 0), 0);
	assert_int_equal(write(fifo, &n, 4), 4);
	assert_int_equal(poll(&p, 1, 10000), 1);
	assert_true(fake_host_send(h, 0, "packet", 6));
	netvm_disarm(port, 0);
	assert_int_equal(netvm_arm(port, 0), 1);
	netvm_close(port);
	close(fifo);
}

/* Three pairs have one interrupt and one file; test-netvm-wait.c has them sleep. */
static void
test_uio_pairs(void **state)
{
	struct fake_host *h = *state;
	struct netvm_port *port;
	struct netvm_packet p;
	char path[256];
	int fifo = make_uio(path);

	port = netvm_open("pci:", NULL);
	assert_non_null(port);
	for (uint16_t pair = 0; pair < 3; pair++) {
		assert_int_equal(netvm_event_fd(port, pair), netvm_event_fd(port, 0));
		assert_true(fake_host_send(h, pair, "packet", 6));
		assert_int_equal(netvm_wait(port, pair, -1), 1);
		assert_int_equal(netvm_rx(port, pair, &p, 1), 1);
		netvm_free(port, pair, &p, 1);
	}
	netvm_close(port);
	close(fifo);
}

/* Whatever is missing, a wait is a series of naps. */
static void
test_uio_missing(void **state)
{
	char path[256];
	int fifo = make_uio(path);

	assert_true(can_sleep());
	bind_to("vfio-pci");
	assert_false(can_sleep());
	bind_to("uio_pci_generic");
	assert_true(can_sleep());
	assert_int_equal(unlink(path), 0);
	assert_false(can_sleep());
	snprintf(path, sizeof(path), "%s/sys/bus/pci/devices/" RING "/uio/uio3", pci_folder);
	assert_int_equal(rmdir(path), 0);
	make_folder("/sys/bus/pci/devices/" RING "/uio/power");
	assert_false(can_sleep());
	close(fifo);
	use("pci:");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_addresses, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_doorbell, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_nap, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_in_use, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_refusals, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_own_pool, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_uio, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_uio_event, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_uio_pairs, set_up_pairs, tear_down),
		cmocka_unit_test_setup_teardown(test_uio_missing, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
