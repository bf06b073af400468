/* share: of a long list of cases those that are this process's, so that several processes go
 * through the list side by side: DRIFTSCOPE_SHARE=K/N is every N-th, from the K-th on (K from 0);
 * without it all are. */
#ifndef DS_TESTS_SHARE_H
#define DS_TESTS_SHARE_H
#include <criterion/criterion.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct Share {
  int index, of;
} Share;

static inline Share share_here(void) {
  const char *text = getenv("DRIFTSCOPE_SHARE");
  Share s = {0, 1};
  if (text)
    cr_assert(sscanf(text, "%d/%d", &s.index, &s.of) == 2 && s.index >= 0 && s.index < s.of,
              "DRIFTSCOPE_SHARE=%s", text);
  return s;
}

/* Whether the next case of the list is this process's; asked once for each, in order. */
static inline bool share_has_next(void) {
  static int next;
  const Share s = share_here();
  return next++ % s.of == s.index;
}

/* How many of so many cases are. */
static inline int share_of(int count) {
  const Share s = share_here();
  return (count - s.index + s.of - 1) / s.of;
}
#endif
