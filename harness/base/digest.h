/* digest: XXH3-128 of bytes, as 32 lower-case hexadecimal digits of its canonical (big-endian) form. */
#ifndef DS_BASE_DIGEST_H
#define DS_BASE_DIGEST_H
#include <stddef.h>

typedef struct Digest {
  char hex[33];
} Digest;

Digest digest_of(const void *bytes, size_t count);
/* The digest of a list of digests, in order: how several files or tensors get one name. */
Digest digest_join(const Digest *digests, size_t count);

#endif
