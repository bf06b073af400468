#include "base/digest.h"

#include <stdio.h>
#define XXH_STATIC_LINKING_ONLY /* for the size of its state */
#include <xxhash.h>

_Static_assert(sizeof(XXH3_state_t) <= sizeof(DigestState) &&
                   _Alignof(XXH3_state_t) <= _Alignof(DigestState),
               "xxHash's state has room");

static Digest written(XXH128_hash_t hash) {
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, hash);
  Digest digest;
  for (size_t i = 0; i < sizeof canonical.digest; i++)
    snprintf(digest.hex + 2 * i, 3, "%02x", canonical.digest[i]);
  return digest;
}

Digest digest_written(uint64_t high, uint64_t low) {
  return written((XXH128_hash_t){.low64 = low, .high64 = high});
}

Digest digest_of(const void *bytes, size_t count) { return written(XXH3_128bits(bytes, count)); }

void digest_begin(DigestState *state) {
  XXH3_INITSTATE((XXH3_state_t *)state->room);
  XXH3_128bits_reset((XXH3_state_t *)state->room);
}

void digest_add(DigestState *state, const void *bytes, size_t count) {
  XXH3_128bits_update((XXH3_state_t *)state->room, bytes, count);
}

Digest digest_end(const DigestState *state) {
  return written(XXH3_128bits_digest((const XXH3_state_t *)state->room));
}

Digest digest_join(const Digest *digests, size_t count) {
  return digest_of(digests, count * sizeof *digests);
}
