/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Messages of netvm_nf_run() to netvmd. The fake host sends back what it is sent, so
 * what an NF told it comes to the NF's own callback.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/fake-host.h"
#include "tests/unit/nf-process.h"

/* What the NF's process saw. */
static struct seen {
	uint64_t setups, messages;
	int refused; /* what a message that is too long came to */
	size_t length;
	uint8_t data[NETVM_MESSAGE_MAX];
} * seen;

static const uint8_t most[NETVM_TELL_MAX] = {1, 2, 3, [NETVM_TELL_MAX - 1] = 4};

static int
nf_setup(struct netvm_nf *nf, uint16_t thread, void *arg, void **thread_arg)
{
	__atomic_fetch_add(&seen->setups, 1, __ATOMIC_RELEASE);
	return 0;
}

static enum netvm_verdict
nf_packet(struct netvm_nf *nf, struct netvm_packet *p, void *thread_arg)
{
	if (p->data[0] == 't') {
		netvm_nf_tell(nf, NETVM_TELL_TEXT, "a note", 6);
	} else {
		seen->refused = netvm_nf_tell(nf, 1, most, sizeof(most) + 1);
		netvm_nf_tell(nf, 0x1234, most, sizeof(most));
	}
	return NETVM_DROP;
}

static void
nf_message(struct netvm_nf *nf, uint16_t from, const void *data, size_t n, void *thread_arg)
{
	seen->length = n;
	memcpy(seen->data, data, n);
	__atomic_fetch_add(&seen->messages, 1, __ATOMIC_RELEASE);
}

static const struct netvm_nf_ops ops = {
	.name = "test-nf", .setup = nf_setup, .packet = nf_packet, .message = nf_message};
static const struct netvm_nf_ops *const all_ops[] = {&ops, NULL};

static void
told(struct fake_host *h, const char *packet, uint64_t nth)
{
	while (!fake_host_send(h, 0, packet, (uint16_t)strlen(packet)))
		usleep(1000);
	assert_true(fake_host_until(NULL, &seen->messages, nth));
}

static void
test_tell(void **state)
{
	static const uint8_t note[] = {1, 0, 1, 0, 'a', ' ', 'n', 'o', 't', 'e'};
	static const uint8_t odd[] = {1, 0, 0x34, 0x12};
	struct fake_host_config c = {.mode = FAKE_HOST_ECHO};
	struct fake_host *h = fake_host_new(&c);
	struct nf_process p;
	char words[256];

	snprintf(words, sizeof(words), "--transport %s", h->transport);
	p = nf_process_start(0, words);
	assert_true(fake_host_until(NULL, &seen->setups, 1));
	told(h, "tell", 1);
	assert_int_equal(seen->length, sizeof(note));
	assert_memory_equal(seen->data, note, sizeof(note));
	told(h, "long", 2);
	assert_int_equal(seen->length, sizeof(odd) + sizeof(most));
	assert_memory_equal(seen->data, odd, sizeof(odd));
	assert_memory_equal(seen->data + sizeof(odd), most, sizeof(most));
	assert_int_equal(seen->refused, -EMSGSIZE);
	kill(p.id, SIGTERM);
	assert_int_equal(nf_process_finish(&p), 0);
	for (int i = 0; i < 10000 && fake_host_owned(h); i++)
		usleep(1000);
	assert_int_equal(fake_host_owned(h), 0);
	assert_int_equal(h->violations, 0);
	fake_host_free(h);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tell),
	};

	nf_process_main(argc, argv, all_ops, (void **)&seen, sizeof(*seen));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
