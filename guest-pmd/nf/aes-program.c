/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The programs aes-encrypt and aes-decrypt, which differ in one word. Their core is aes.c;
 * each thread has a cipher of its own.
 */
#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "guest-pmd/netvm-abi.h"
#include "guest-pmd/nf/aes.h"
#include "guest-pmd/nf/nf-program.h"

static struct aes aes[NETVM_PAIRS_MAX];
static const char *key_file;
static bool decrypts;

static const struct nf_option options[] = {
	{"key-file", "FILE", "the key: 32 or 64 hexadecimal digits, mode 0600", NF_OPTION_TEXT,
		&key_file, 0, 0, true},
	{0},
};

static int
read_key(struct aes_key *key, struct nf_file *f)
{
	int r = nf_file_next(f);
	size_t n = r > 0 ? strlen(f->field[0]) : 0;

	if (r < 0)
		return r;
	if (f->fields != 1 || (n != 32 && n != 64))
		return nf_refuse("%s: expected one key of 32 or 64 hexadecimal digits", f->path);
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)f->field[0][i];

		if (!isxdigit(c))
			return nf_refuse(
				"%s:%u: digit %zu is not hexadecimal", f->path, f->line, i + 1);
		c = (unsigned char)(isdigit(c) ? c - '0' : tolower(c) - 'a' + 10);
		key->bytes[i / 2] = (uint8_t)(key->bytes[i / 2] << 4 | c);
	}
	key->length = (unsigned int)(n / 2);
	r = nf_file_next(f);
	if (r <= 0)
		return r;
	return nf_refuse("%s:%u: expected nothing behind the key", f->path, f->line);
}

int
aes_key_read(struct aes_key *key, const char *path)
{
	struct nf_file f;
	struct stat st;
	int r = nf_file_open(&f, path);

	if (r < 0)
		return r;
	if (fstat(fileno(f.stream), &st) == 0 && (st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
		r = nf_refuse("%s: may be read by others than its owner: chmod 600", path);
	if (r == 0)
		r = read_key(key, &f);
	nf_file_close(&f);
	explicit_bzero(f.text, sizeof(f.text));
	return r;
}

static int
start(void)
{
	struct aes_key key = {0};
	int r = aes_key_read(&key, key_file);

	for (int i = 0; i < NETVM_PAIRS_MAX && r == 0; i++)
		r = aes_start(&aes[i], &key, decrypts);
	explicit_bzero(&key, sizeof(key));
	return r;
}

static void
burst(struct netvm_nf *nf, struct netvm_packet *pkts, uint16_t n, uint64_t now)
{
	struct aes *a = &aes[netvm_nf_thread(nf) % NETVM_PAIRS_MAX];

	for (uint16_t i = 0; i < n; i++)
		aes_packet(a, &pkts[i], netvm_headroom(netvm_nf_port(nf), &pkts[i]));
}

static void
report(FILE *out, uint64_t now)
{
	static const char *const names[AES_COUNTS] = {
		"done", "passed", "forged", "fragments", "no-room", "uncut", "bad"};
	uint64_t sum[AES_COUNTS] = {0};

	for (int t = 0; t < NETVM_PAIRS_MAX; t++) {
		for (int i = 0; i < AES_COUNTS; i++)
			sum[i] += aes[t].count[i];
	}
	nf_print_counts(out, names, sum, AES_COUNTS);
}

int
aes_program(int argc, char **argv, bool decrypt)
{
	struct nf_program program = {.name = decrypt ? "aes-decrypt" : "aes-encrypt",
		.options = options,
		.parallel = true,
		.start = start,
		.burst = burst,
		.report = report};

	decrypts = decrypt;
	return nf_program_run(argc, argv, &program);
}
