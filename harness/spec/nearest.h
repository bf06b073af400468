/* nearest: which of the valid words was probably meant by a mistyped one.
 *     Nearest near = nearest_to("alpah");
 *     for (...) nearest_offer(&near, candidate);
 *     if (near.best) ... "did you mean '%s'?" */
#ifndef DS_SPEC_NEAREST_H
#define DS_SPEC_NEAREST_H

typedef struct Nearest {
  const char *word;
  const char *best; /* NULL while nothing offered is near */
  int distance;     /* the next one must be nearer than this */
} Nearest;

Nearest nearest_to(const char *word);
void nearest_offer(Nearest *near, const char *candidate);
#endif
