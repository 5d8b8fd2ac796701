/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vhost-user messages as rte_vhost 22.11 hands them to message hooks. The
 * library's own header is not installed; it promises in a comment that the
 * layout stays as it is because hooks depend on it. Wire format: QEMU's
 * docs/interop/vhost-user.rst.
 */
#ifndef NETVM_VHOST_MSG_H
#define NETVM_VHOST_MSG_H

#include <assert.h>
#include <linux/vhost_types.h>
#include <stddef.h>
#include <stdint.h>

enum vhost_request {
	VHOST_MSG_GET_FEATURES = 1,
	VHOST_MSG_SET_FEATURES = 2,
	VHOST_MSG_SET_OWNER = 3,
	VHOST_MSG_RESET_OWNER = 4,
	VHOST_MSG_SET_MEM_TABLE = 5,
	VHOST_MSG_SET_LOG_BASE = 6,
	VHOST_MSG_SET_LOG_FD = 7,
	VHOST_MSG_SET_VRING_NUM = 8,
	VHOST_MSG_SET_VRING_ADDR = 9,
	VHOST_MSG_SET_VRING_BASE = 10,
	VHOST_MSG_GET_VRING_BASE = 11,
	VHOST_MSG_SET_VRING_KICK = 12,
	VHOST_MSG_SET_VRING_CALL = 13,
	VHOST_MSG_SET_VRING_ERR = 14,
	VHOST_MSG_GET_PROTOCOL_FEATURES = 15,
	VHOST_MSG_SET_PROTOCOL_FEATURES = 16,
	VHOST_MSG_GET_QUEUE_NUM = 17,
	VHOST_MSG_SET_VRING_ENABLE = 18,
	VHOST_MSG_SEND_RARP = 19,
	VHOST_MSG_NET_SET_MTU = 20,
	VHOST_MSG_SET_INFLIGHT_FD = 32,
	VHOST_MSG_SET_STATUS = 39,
	VHOST_MSG_GET_STATUS = 40,
	VHOST_MSG_END
};

#define VHOST_MSG_REGIONS    8
#define VHOST_MSG_NEED_REPLY 0x8u
#define VHOST_MSG_RING_MASK  0xffu /* of the u64 payload of KICK, CALL and ERR */

struct vhost_msg_region {
	uint64_t gpa, size, user, offset;
};

/* Its largest member in the library is a crypto session; it places the fds. */
union vhost_msg_payload {
	uint64_t u64;
	struct vhost_vring_state state;
	struct vhost_vring_addr addr;
	struct {
		uint32_t nregions, padding;
		struct vhost_msg_region region[VHOST_MSG_REGIONS];
	} memory;
	struct {
		uint64_t size, offset;
	} log;
	uint8_t crypto_session[632];
};

struct vhost_message {
	uint32_t request, flags, size;
	union vhost_msg_payload payload;
	int fds[VHOST_MSG_REGIONS];
	int nfds;
} __attribute__((packed));
static_assert(offsetof(struct vhost_message, payload) == 12, "vhost-user header");
static_assert(offsetof(struct vhost_message, fds) == 644, "struct vhu_msg_context of 22.11");
static_assert(sizeof(struct vhost_message) == 680, "struct vhu_msg_context of 22.11");

#endif
