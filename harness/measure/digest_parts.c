#include "measure/digest_parts.h"

#include <string.h>

#include "base/digest.h"

static const uint64_t secret[DIGEST_SECRET] = {DIGEST_SECRET_WORDS};

static uint64_t folded(uint64_t a, uint64_t b) {
  const unsigned __int128 product = (unsigned __int128)a * b;
  return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* `at`: a byte of the secret. */
static uint64_t merged(const uint64_t lane[DIGEST_LANES], int at, uint64_t start) {
  for (int i = 0; i < DIGEST_LANES; i += 2)
    start += folded(lane[i] ^ digest_secret(secret, at + i * DIGEST_WORD),
                    lane[i + 1] ^ digest_secret(secret, at + (i + 1) * DIGEST_WORD));
  start ^= start >> 37;
  start *= 0x165667919e3779f9u;
  return start ^ start >> 32;
}

void digest_of_lanes(const uint64_t lane[DIGEST_LANES], size_t bytes, char text[DIGEST_TEXT]) {
  enum { AT_LOW = 11, AT_HIGH = 117 };
  const uint64_t low = merged(lane, AT_LOW, bytes * 0x9e3779b185ebca87u),
                 high = merged(lane, AT_HIGH, ~(bytes * 0xc2b2ae3d27d4eb4fu));
  const Digest digest = digest_written(high, low);
  memcpy(text, digest.hex, sizeof digest.hex);
}
