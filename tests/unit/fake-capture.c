/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Captures of the data path in memory; see fake-datapath.h. The test's thread.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/fake-datapath.h"

struct dp_capture {
	struct dp_port *port;
	struct dp_capture_config config;
	uint64_t left;
};

static struct {
	struct dp_capture *capture[DP_CAPTURES_MAX];
	struct dp_capture_config last_capture;
	uint64_t frames;
} fake;

int
dp_capture_start(struct dp_port *port, const struct dp_capture_config *cfg,
	struct dp_capture **capture, struct dp_error *err)
{
	for (unsigned int i = 0; i < DP_CAPTURES_MAX; i++) {
		if (fake.capture[i] != NULL)
			continue;
		*capture = fake.capture[i] = calloc(1, sizeof(**capture));
		**capture = (struct dp_capture){.port = port, .config = *cfg, .left = fake.frames};
		fake.last_capture = *cfg;
		return 0;
	}
	snprintf(err->text, sizeof(err->text), "%d captures are running", DP_CAPTURES_MAX);
	return -EBUSY;
}

void
dp_capture_end(struct dp_capture *c)
{
	c->port = NULL;
	for (unsigned int i = 0; i < DP_CAPTURES_MAX; i++)
		if (fake.capture[i] == c)
			fake.capture[i] = NULL;
}

bool
dp_capture_running(const struct dp_capture *c)
{
	return c->port != NULL;
}

bool
dp_capture_next(struct dp_capture *c, dp_capture_cb cb, void *arg)
{
	static const uint8_t frame[FAKE_FRAME_LEN];
	struct dp_captured f = {.ns = UINT64_C(1700000000000000000) - c->left,
		.len = sizeof(frame),
		.captured = c->config.snaplen < sizeof(frame) ? c->config.snaplen : sizeof(frame),
		.in = c->left % 2 == 0,
		.data = frame};

	if (c->left == 0)
		return false;
	c->left--;
	cb(&f, arg);
	return true;
}

void
dp_capture_counters(const struct dp_capture *c, struct dp_capture_counters *n)
{
	*n = (struct dp_capture_counters){.received = 9, .chosen = 8, .lost = 7};
}

void
dp_capture_free(struct dp_capture *c)
{
	dp_capture_end(c);
	free(c);
}

unsigned int
fake_captures(void)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < DP_CAPTURES_MAX; i++)
		n += fake.capture[i] != NULL;
	return n;
}

const struct dp_capture_config *
fake_capture_config(void)
{
	return &fake.last_capture;
}

void
fake_capture_frames(uint64_t n)
{
	fake.frames = n;
}

void
fake_capture_port_gone(const struct dp_port *p)
{
	for (unsigned int i = 0; i < DP_CAPTURES_MAX; i++)
		if (fake.capture[i] != NULL && fake.capture[i]->port == p)
			dp_capture_end(fake.capture[i]);
}
