#include "base/draw.h"

#include <stdlib.h>
#include <string.h>

#include "base/digest.h"

gsl_rng draw_by(Arena *arena, const char *name) {
  gsl_rng rng = {.type = gsl_rng_mt19937, .state = arena_alloc(arena, gsl_rng_mt19937->size, 1)};
  char word[9] = ""; /* 32 bits, which are all that it takes */
  memcpy(word, digest_of(name, strlen(name)).hex, 8);
  gsl_rng_set(&rng, strtoul(word, NULL, 16));
  return rng;
}
