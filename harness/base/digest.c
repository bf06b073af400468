#include "base/digest.h"

#include <stdio.h>
#include <xxhash.h>

Digest digest_of(const void *bytes, size_t count) {
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, XXH3_128bits(bytes, count));
  Digest digest;
  for (size_t i = 0; i < sizeof canonical.digest; i++) snprintf(digest.hex + 2 * i, 3, "%02x", canonical.digest[i]);
  return digest;
}

Digest digest_join(const Digest *digests, size_t count) { return digest_of(digests, count * sizeof *digests); }
