/* digest: XXH3-128 of bytes, as 32 lower-case hexadecimal digits of its canonical (big-endian)
 * form. */
#ifndef DS_BASE_DIGEST_H
#define DS_BASE_DIGEST_H
#include <stddef.h>
#include <stdint.h>

typedef struct Digest {
  char hex[33];
} Digest;

Digest digest_of(const void *bytes, size_t count);
/* The same of bytes that come piece by piece. */
typedef struct DigestState {
  _Alignas(64) unsigned char room[576]; /* xxHash's own */
} DigestState;
void digest_begin(DigestState *state);
void digest_add(DigestState *state, const void *bytes, size_t count);
Digest digest_end(const DigestState *state);
/* One that was computed elsewhere. */
Digest digest_written(uint64_t high, uint64_t low);
/* The digest of a list of digests, in order: how several files or tensors get one name. */
Digest digest_join(const Digest *digests, size_t count);

#endif
