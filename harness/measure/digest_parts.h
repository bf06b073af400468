/* digest_parts: the digest of a tensor's bytes (base/digest.h: XXH3-128) in parts, for a device: a
 * block of 1 KiB adds to each of eight lanes what does not depend on the blocks before it, so all
 * blocks are summed at once; then each lane takes its sums in the order of the blocks, and eight
 * numbers come back. Tensors of a few bytes have another sequence, and are digested whole.
 * Source: the specification of XXH3 (doc/xxhash_spec.md, "long inputs"). */
#ifndef DS_MEASURE_DIGEST_PARTS_H
#define DS_MEASURE_DIGEST_PARTS_H
#include <stdbool.h>

#include "kernels/room.h"
#include "kernels/tensor.h"

enum {
  DIGEST_LANES = 8,
  DIGEST_WORD = 8,                            /* bytes that a lane takes at a time */
  DIGEST_STRIPE = DIGEST_LANES * DIGEST_WORD, /* that all take */
  DIGEST_STRIPES = 16,                        /* of a block */
  DIGEST_BLOCK = DIGEST_STRIPES * DIGEST_STRIPE,
  DIGEST_LONG = 241, /* bytes at least */
  DIGEST_SECRET = 24 /* words */
};

/* The specification's default secret, little-endian. */
#define DIGEST_SECRET_WORDS                                                                        \
  0xbe4ba423396cfeb8u, 0x1cad21f72c81017cu, 0xdb979083e96dd4deu, 0x1f67b3b7a4a44072u,              \
      0x78e5c0cc4ee679cbu, 0x2172ffcc7dd05a82u, 0x8e2443f7744608b8u, 0x4c263a81e69035e0u,          \
      0xcb00c391bb52283cu, 0xa32e531b8b65d088u, 0x4ef90da297486471u, 0xd8acdea946ef1938u,          \
      0x3f349ce33f76faa8u, 0x1d4f0bc7c7bbdcf9u, 0x3159b4cd4be0518au, 0x647378d9c97e9fc8u,          \
      0xc3ebd33483acc5eau, 0xeb6313faffa081c5u, 0x49daf0b751dd0d17u, 0x9e68d429265516d3u,          \
      0xfca1477d58be162bu, 0xce31d07ad1b8f88fu, 0x280416958f3acb45u, 0x7e404bbbcafbd7afu

/* Where each lane begins. */
#define DIGEST_STARTS                                                                              \
  0xc2b2ae3du, 0x9e3779b185ebca87u, 0xc2b2ae3d27d4eb4fu, 0x165667b19e3779f9u, 0x85ebca77c2b2ae63u, \
      0x85ebca77u, 0x27d4eb2f165667c5u, 0x9e3779b1u

/* Whether the digest of a tensor can be made in parts. */
static inline bool digest_has_parts(const Tensor *t) {
  return t->stride == t->cols && tensor_bytes(t) >= DIGEST_LONG;
}

/* The last block may be short or empty, but for the stripe that ends the tensor, which is taken
 * last and by itself. */
ROOM_FN size_t digest_blocks(size_t bytes) { return (bytes - 1) / DIGEST_BLOCK + 1; }
ROOM_FN int digest_stripes(size_t bytes, size_t block) {
  const size_t left = bytes - 1 - block * DIGEST_BLOCK;
  return left >= DIGEST_BLOCK ? DIGEST_STRIPES : (int)(left / DIGEST_STRIPE);
}

/* Eight bytes of a tensor, NaN canonical. A word begins where an element does. */
ROOM_FN uint64_t digest_canonical(Format format, uint64_t word) {
  if (format == FORMAT_F64)
    return (word & 0x7fffffffffffffffu) > 0x7ff0000000000000u ? 0x7ff8000000000000u : word;
  if (format == FORMAT_F32)
    for (int at = 0; at < 64; at += 32)
      if ((word >> at & 0x7fffffffu) > 0x7f800000u)
        word = (word & ~((uint64_t)0xffffffffu << at)) | (uint64_t)0x7fc00000u << at;
  if (format == FORMAT_F16)
    for (int at = 0; at < 64; at += 16)
      if ((word >> at & 0x7fffu) > 0x7c00u)
        word = (word & ~((uint64_t)0xffffu << at)) | (uint64_t)0x7e00u << at;
  return word;
}

/* Eight bytes of the secret from this byte on. */
ROOM_FN uint64_t digest_secret(const uint64_t *secret, int byte) {
  const int at = byte / DIGEST_WORD, shift = byte % DIGEST_WORD * 8;
  return shift ? secret[at] >> shift | secret[at + 1] << (64 - shift) : secret[at];
}

/* What a word adds to its lane, with those of the secret that belong to it; the neighbour's word is
 * added as it is (lane ^ 1). */
ROOM_FN uint64_t digest_product(uint64_t word, uint64_t secret) {
  const uint64_t key = word ^ secret;
  return (key & 0xffffffffu) * (key >> 32);
}
/* A lane behind a whole block. */
ROOM_FN uint64_t digest_scramble(uint64_t lane, uint64_t secret) {
  return (lane ^ lane >> 47 ^ secret) * 0x9e3779b1u;
}
/* Bytes of the secret where those begin: of a block's first stripe, from which on each takes one
 * word later; behind a block; of the last stripe. */
enum { DIGEST_AT_STRIPES = 0, DIGEST_AT_SCRAMBLE = 128, DIGEST_AT_LAST = 121 };

/* Of so many bytes, from what is in the lanes at their end: as base/digest.h writes it. */
enum { DIGEST_TEXT = 33 };
void digest_of_lanes(const uint64_t lane[DIGEST_LANES], size_t bytes, char text[DIGEST_TEXT]);
#endif
