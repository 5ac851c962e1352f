/* SPDX-License-Identifier: ISC
 *
 * CRC-32C, the checksum of everything in the log.
 */
#ifndef STORE_CRC32C_H
#define STORE_CRC32C_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The CRC of what crc stands for (0 for nothing) followed by len octets. */
uint32_t crc32c(uint32_t crc, const void *data, size_t len);

/* The same without the processor's instruction; here for its test. */
uint32_t crc32c_table(uint32_t crc, const void *data, size_t len);

#endif
