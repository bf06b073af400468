/* A digest does not depend on the pieces that its bytes come in. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "base/digest.h"

Test(digest, pieces_of_any_size_give_the_digest_of_the_whole) {
  enum { COUNT = 300007 };
  static const size_t pieces[] = {1, 63, 64, 240, 241, 1024, 4096, 65536, COUNT};
  static const size_t counts[] = {0, 1, 16, 240, 241, 1024, 70000, COUNT};
  unsigned char *bytes = malloc(COUNT);
  for (size_t i = 0; i < COUNT; i++) bytes[i] = (unsigned char)(i * 2654435761u >> 11);
  for (size_t c = 0; c < sizeof counts / sizeof *counts; c++)
    for (size_t p = 0; p < sizeof pieces / sizeof *pieces; p++) {
      DigestState state;
      digest_begin(&state);
      for (size_t at = 0; at < counts[c]; at += pieces[p])
        digest_add(&state, bytes + at, counts[c] - at < pieces[p] ? counts[c] - at : pieces[p]);
      cr_expect_str_eq(digest_end(&state).hex, digest_of(bytes, counts[c]).hex, "%zu bytes by %zu",
                       counts[c], pieces[p]);
    }
  free(bytes);
}
