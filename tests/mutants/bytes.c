/* bytes: where HDF5's metadata stands is found without a word of its format: a signature of four
 * letters (or of the superblock), and behind it the first stretch that ends with its own checksum.
 */
#include <string.h>

#include "mutants.h"

static uint32_t turn(uint32_t x, int bits) { return x << bits | x >> (32 - bits); }

/* Source: lookup3.c, May 2006, Bob Jenkins, public domain: hashlittle with a start of 0. */
uint32_t lookup3(const unsigned char *k, size_t count) {
  uint32_t a = 0xdeadbeef + (uint32_t)count, b = a, c = a;
  unsigned char last[12] = {0};
  if (!count) return c;
  for (; count > 12; k += 12, count -= 12) {
    uint32_t word[3];
    memcpy(word, k, sizeof word);
    a += word[0], b += word[1], c += word[2];
    a -= c, a ^= turn(c, 4), c += b;
    b -= a, b ^= turn(a, 6), a += c;
    c -= b, c ^= turn(b, 8), b += a;
    a -= c, a ^= turn(c, 16), c += b;
    b -= a, b ^= turn(a, 19), a += c;
    c -= b, c ^= turn(b, 4), b += a;
  }
  memcpy(last, k, count);
  uint32_t word[3];
  memcpy(word, last, sizeof word);
  a += word[0], b += word[1], c += word[2];
  c ^= b, c -= turn(b, 14);
  a ^= c, a -= turn(c, 11);
  b ^= a, b -= turn(a, 25);
  c ^= b, c -= turn(b, 16);
  a ^= c, a -= turn(c, 4);
  b ^= a, b -= turn(a, 14);
  c ^= b, c -= turn(b, 24);
  return c;
}

static bool is_signature(const unsigned char *at) {
  static const char all[] = "OHDR OCHK FRHP FHDB FHIB BTHD BTLF BTIN FSHD FSSE SMTB SMLI EAHD EAIB "
                            "EASB EADB FAHD FADB \x89HDF";
  for (const char *s = all; *s; s += s[4] ? 5 : 4)
    if (!memcmp(at, s, 4)) return true;
  return false;
}

void seed_find_blocks(Seed *seed) {
  enum { LONGEST = 1 << 13 };
  for (size_t at = 0; at + 8 < seed->count && seed->blocks < SEED_BLOCKS; at++) {
    if (!is_signature(seed->bytes + at)) continue;
    for (size_t n = 8; n <= LONGEST && at + n + 4 <= seed->count; n++) {
      uint32_t stored;
      memcpy(&stored, seed->bytes + at + n, sizeof stored);
      if (lookup3(seed->bytes + at, n) != stored) continue;
      seed->block[seed->blocks++] = (SeedBlock){at, n + 4};
      at += n + 3;
      break;
    }
  }
}

/* --- mutating --------------------------------------------------------------------------------- */

/* Of the metadata nine times in ten, of a block's first bytes more often than of its last. */
static size_t draw_place(Draws *d, const Seed *seed, size_t count) {
  if (!draw(d, 10)) return draw(d, (unsigned)count);
  const SeedBlock *block = &seed->block[draw(d, (unsigned)seed->blocks)];
  const size_t body = block->length - 4, near = body < 80 || !draw(d, 3) ? body : 80,
               at = block->at + draw(d, (unsigned)near);
  return at < count ? at : draw(d, (unsigned)count);
}

static void put_number(Draws *d, const Seed *seed, unsigned char *at, size_t room) {
  static const uint64_t some[] = {0,
                                  1,
                                  2,
                                  0x7f,
                                  0x80,
                                  0xff,
                                  0x7fff,
                                  0xffff,
                                  0x7fffffff,
                                  0x80000000,
                                  0xffffffff,
                                  INT64_MAX,
                                  (uint64_t)INT64_MAX + 1,
                                  UINT64_MAX};
  const unsigned how = draw(d, sizeof some / sizeof *some + 2);
  const uint64_t value =
      how < sizeof some / sizeof *some ? some[how] : draw(d, (unsigned)seed->count);
  const size_t bytes = (size_t)1 << draw(d, 4);
  memcpy(at, &value, bytes < room ? bytes : room);
}

static void copy_piece(Draws *d, const Seed *seed, unsigned char *at, size_t room) {
  const SeedBlock *from = &seed->block[draw(d, (unsigned)seed->blocks)];
  size_t bytes = (size_t)4 << draw(d, 6);
  if (bytes > room) bytes = room;
  if (bytes > seed->count - from->at) bytes = seed->count - from->at;
  memcpy(at, seed->bytes + from->at, bytes);
}

/* Of what is still all there. */
static void make_agree(const Seed *seed, unsigned char *bytes, size_t count) {
  for (int i = 0; i < seed->blocks; i++) {
    const SeedBlock *block = &seed->block[i];
    if (block->at + block->length > count) continue;
    const uint32_t sum = lookup3(bytes + block->at, block->length - 4);
    memcpy(bytes + block->at + block->length - 4, &sum, sizeof sum);
  }
}

size_t mutate_bytes(Draws *d, const Seed *seed, unsigned char *bytes) {
  static const unsigned changes[] = {1, 1, 1, 2, 3, 6};
  size_t count = seed->count;
  for (unsigned left = changes[draw(d, 6)]; left--;) {
    const size_t at = draw_place(d, seed, count);
    const unsigned how = draw(d, 100);
    say_done(d, "%zu:%u ", at, how);
    if (how < 35)
      bytes[at] ^= (unsigned char)(1u << draw(d, 8));
    else if (how < 70)
      put_number(d, seed, bytes + at, count - at);
    else if (how < 85)
      bytes[at] = (unsigned char)draw(d, 256);
    else if (how < 97)
      copy_piece(d, seed, bytes + at, count - at);
    else
      count = at > 600 ? at : 600;
  }
  if (draw(d, 10)) make_agree(seed, bytes, count);
  return count;
}
