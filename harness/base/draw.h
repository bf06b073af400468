/* draw: random numbers by GSL's mt19937. What is drawn depends on a name alone: whoever needs
 * numbers of its own makes its name of its seed and of what the numbers are for. */
#ifndef DS_BASE_DRAW_H
#define DS_BASE_DRAW_H
#include <gsl/gsl_rng.h>

#include "base/arena.h"

/* A generator, its state in the arena. */
gsl_rng draw_by(Arena *arena, const char *name);
#endif
