/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Lines and fields of a file (nf-text.h).
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "guest-pmd/nf/nf-text.h"

static char error_text[512] = "no error";

const char *
nf_error(void)
{
	return error_text;
}

int
nf_refuse(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(error_text, sizeof(error_text), format, args);
	va_end(args);
	return -EINVAL;
}

int
nf_file_open(struct nf_file *f, const char *path)
{
	int error;

	memset(f, 0, sizeof(*f));
	f->path = path;
	f->stream = fopen(path, "re");
	if (f->stream != NULL)
		return 0;
	error = errno;
	nf_refuse("%s: cannot be opened: %s", path, strerror(error));
	return -error;
}

void
nf_file_close(struct nf_file *f)
{
	if (f->stream != NULL)
		fclose(f->stream);
	f->stream = NULL;
}

/* A line without its end. */
static int
read_line(struct nf_file *f)
{
	size_t n;

	f->line++;
	if (fgets(f->text, sizeof(f->text), f->stream) == NULL) {
		if (!ferror(f->stream))
			return 0;
		return nf_refuse("%s:%u: cannot be read: %s", f->path, f->line, strerror(errno));
	}
	n = strlen(f->text);
	if (n != 0 && f->text[n - 1] == '\n')
		f->text[--n] = '\0';
	else if (!feof(f->stream))
		return nf_refuse("%s:%u: longer than %d bytes, or has a byte 0", f->path, f->line,
			NF_LINE_MAX - 2);
	if (n != 0 && f->text[n - 1] == '\r')
		f->text[n - 1] = '\0';
	return 1;
}

int
nf_file_next(struct nf_file *f)
{
	for (;;) {
		char *save = NULL;
		int r = read_line(f);

		if (r <= 0)
			return r;
		f->fields = 0;
		for (char *w = strtok_r(f->text, " \t", &save); w != NULL;
			w = strtok_r(NULL, " \t", &save)) {
			if (w[0] == '#')
				break;
			if (f->fields == NF_FIELDS_MAX)
				return nf_refuse("%s:%u: more than %d fields", f->path, f->line,
					NF_FIELDS_MAX);
			f->field[f->fields++] = w;
		}
		if (f->fields != 0)
			return 1;
	}
}

int
nf_file_next_raw(struct nf_file *f)
{
	int r;

	do
		r = read_line(f);
	while (r > 0 && (f->text[0] == '\0' || f->text[0] == '#'));
	f->fields = 0;
	return r;
}

int
nf_file_refuse(const struct nf_file *f, unsigned int i, const char *expected)
{
	if (i >= f->fields)
		return nf_refuse("%s:%u: field %u is missing: expected %s", f->path, f->line, i + 1,
			expected);
	return nf_refuse("%s:%u: field %u, \"%.64s\": expected %s", f->path, f->line, i + 1,
		f->field[i], expected);
}

int
nf_file_want(const struct nf_file *f, unsigned int min, unsigned int max, const char *form)
{
	if (f->fields >= min && f->fields <= max)
		return 0;
	return nf_refuse("%s:%u: has %u fields: expected %s", f->path, f->line, f->fields, form);
}

void
nf_print_counts(FILE *out, const char *const *names, const uint64_t *values, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		fprintf(out, "%s: %" PRIu64 "\n", names[i], values[i]);
}
