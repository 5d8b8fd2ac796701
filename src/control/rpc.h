/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Lines over a Unix stream socket, for peers that may be slow, silent or
 * hostile. Knows nothing of JSON-RPC: a handler turns a line into a reply.
 * Control thread, driven by the default main context.
 */
#ifndef NETVM_CONTROL_RPC_H
#define NETVM_CONTROL_RPC_H

#include <stdbool.h>
#include <sys/types.h>

#include <glib.h>

#define RPC_LINE_MAX    (1 << 20) /* bytes of a request with its \n */
#define RPC_CLIENTS_MAX 64
#define RPC_STALL_MS    10000 /* a client that reads nothing for so long is dropped */

/*
 * What a handler may ask for beside its reply: once that is sent, the connection
 * is the taker's, who closes it; what the peer sent meanwhile is lost. fd is -1
 * when the peer went away before. take is called exactly once.
 */
struct rpc_takeover {
	void (*take)(void *arg, int fd); /* NULL: the connection stays */
	void *arg;
};

/*
 * Answers one line (without \n, followed by a NUL, not necessarily free of
 * others): a malloc'ed reply of *reply_len bytes with its \n, or NULL for
 * none. line == NULL asks for the reply to one that was too long. *after is
 * empty before.
 */
typedef char *(*rpc_handler)(
	void *arg, const char *line, gsize len, gsize *reply_len, struct rpc_takeover *after);

struct rpc;

/* Serves the listening non-blocking socket fd, which the caller closes after
 * rpc_free(). Peers: root, our own user, members of group (-1: none). */
struct rpc *rpc_new(int fd, gid_t group, rpc_handler handler, void *arg);
void rpc_free(struct rpc *r);

unsigned int rpc_clients(const struct rpc *r);
void rpc_set_stall_ms(struct rpc *r, guint ms);
/* May a process with these credentials command the daemon? ngroups: of the
 * supplementary groups. */
bool rpc_may_connect(
	uid_t uid, gid_t gid, const gid_t *groups, unsigned int ngroups, gid_t control_group);

#endif
