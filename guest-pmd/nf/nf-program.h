/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the programs of the network functions have in common: options by table, help
 * from the same table, counters, and netvm_nf_run() around a core that is safe for one
 * thread. With several threads the core is locked for a burst at a time, unless it says
 * that it keeps its threads apart itself.
 *
 * simple-forward.c does without this, to show the library bare.
 */
#ifndef NF_PROGRAM_H
#define NF_PROGRAM_H

#include "guest-pmd/netvm.h"
#include "guest-pmd/nf/nf-text.h"

enum nf_option_type {
	NF_OPTION_FLAG,    /* bool */
	NF_OPTION_NUMBER,  /* uint64_t, min .. max */
	NF_OPTION_SCALED,  /* uint64_t, with k, M, G */
	NF_OPTION_TEXT,    /* const char * */
	NF_OPTION_MAC,     /* uint8_t [6] */
	NF_OPTION_PREFIX,  /* struct nf_prefix */
	NF_OPTION_ADDRESS, /* struct nf_prefix */
	NF_OPTION_CHOICE,  /* unsigned int: which word of `value`, "a|b|c" */
	NF_OPTION_TARGET,  /* struct nf_target */
	NF_OPTION_BETWEEN, /* struct nf_between */
};

struct nf_option {
	const char *name;  /* without "--"; NULL ends a table */
	const char *value; /* what help calls its value; NULL for a flag */
	const char *help;
	enum nf_option_type type;
	void *to;
	uint64_t min, max;
	bool required;
};

/* Where packets are sent: "next", "drop", "port:N" or "service:N". */
struct nf_target {
	uint8_t verdict; /* enum netvm_verdict */
	uint16_t destination;
};

#define NF_EXPECT_TARGET "next, drop, port:NUMBER or service:NUMBER"
bool nf_word_target(const char *word, struct nf_target *target);

static inline void
nf_send_to(struct netvm_packet *p, const struct nf_target *target)
{
	p->verdict = target->verdict;
	p->destination = target->destination;
}

/*
 * An NF has one port, and between two neighbours it has to know where to go on: what
 * came from one of them and would go to NEXT goes to the other one.
 */
struct nf_between {
	bool on;
	uint16_t a, b;
};

#define NF_EXPECT_BETWEEN "two port numbers such as 3,4"
bool nf_word_between(const char *word, struct nf_between *between);

/* `from` is the destination that the packet came with: its source's port. */
static inline void
nf_go_on(const struct nf_between *between, struct netvm_packet *p, uint16_t from)
{
	if (!between->on || p->verdict != NETVM_NEXT || (from != between->a && from != between->b))
		return;
	p->verdict = NETVM_TO_PORT;
	p->destination = from == between->a ? between->b : between->a;
}

/* argv[0] is not looked at. 0, or -EINVAL with nf_error(). */
int nf_options_parse(const struct nf_option *table, int argc, char **argv);
/* The table as help, a line each, in `text`. */
void nf_options_help(const struct nf_option *table, char *text, size_t size);

/* 0, or a refusal: the port takes no frame of so many bytes, or not in one buffer. */
int nf_check_size(const struct netvm_info *info, uint64_t size);

struct nf_program {
	const char *name;
	const struct nf_option *options; /* or NULL */
	bool parallel;                   /* burst and poll need no lock */
	/* After the options, before the port is opened. 0, or an error with nf_error(). */
	int (*start)(void);
	/* The port is open; before the first packet, on thread 0. The same. */
	int (*open)(struct netvm_nf *nf);
	void (*burst)(struct netvm_nf *nf, struct netvm_packet *pkts, uint16_t n, uint64_t now);
	unsigned int (*poll)(struct netvm_nf *nf, uint64_t now);
	void (*tick)(struct netvm_nf *nf, uint64_t now); /* on thread 0 */
	void (*lost)(struct netvm_nf *nf);
	void (*report)(FILE *out, uint64_t now);
};

/* All of main(), with an option --between of its own: returns the exit status. */
int nf_program_run(int argc, char **argv, const struct nf_program *program);

#define NF_SECOND UINT64_C(1000000000)

#endif
