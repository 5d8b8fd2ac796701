/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The program aes-decrypt: aes-program.c with its direction.
 */
#include "guest-pmd/nf/aes.h"

int
main(int argc, char **argv)
{
	return aes_program(argc, argv, true);
}
