/* SPDX-License-Identifier: Apache-2.0 */
/* base/bits.h - 64-bit arithmetic that standard C lacks, and unaligned little-endian reads. */
#ifndef BASE_BITS_H
#define BASE_BITS_H
#include <stdint.h>

/* The full product a * b: returns the low half, *high gets the high half. */
static inline uint64_t hpo_mul64(uint64_t a, uint64_t b, uint64_t *high)
{
    uint64_t a0 = a & 0xFFFFFFFFu, a1 = a >> 32, b0 = b & 0xFFFFFFFFu, b1 = b >> 32;
    uint64_t low = a0 * b0, mid1 = a1 * b0 + (low >> 32), mid2 = a0 * b1 + (mid1 & 0xFFFFFFFFu);
    *high = a1 * b1 + (mid1 >> 32) + (mid2 >> 32);
    return (mid2 << 32) | (low & 0xFFFFFFFFu);
}

static inline uint64_t hpo_read_le32(const unsigned char *p)
{
    return (uint64_t)p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 | (uint64_t)p[3] << 24;
}

static inline uint64_t hpo_read_le64(const unsigned char *p)
{
    return hpo_read_le32(p) | hpo_read_le32(p + 4) << 32;
}

/* Number of zero bits above the highest set bit; x must not be 0. */
static inline int hpo_leading_zeros64(uint64_t x)
{
    int n = 0;
    for (int shift = 32; shift > 0; shift /= 2) {
        if (x >> (64 - shift) == 0) {
            n += shift;
            x <<= shift;
        }
    }
    return n;
}
#endif
