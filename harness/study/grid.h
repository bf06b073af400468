/* grid: modes by alphas of the calibration by lengths of the prompts. A point is a mode with its
 * scales as a calibration at this alpha makes them (those of a maximum are the same at every
 * alpha), on the first so many tokens of every prompt, against the float64 reference at that
 * length: bit by bit what a run by itself with that calibration and those prompts gives. All
 * alphas' statistics come from the one calibration. A point at whose alpha all scales that its mode
 * depends on are those of an earlier one is that one, and is not computed again. Changes are beside
 * the same mode and length at the calibration's own alpha, where that is in the grid; Holm's
 * correction is over all of the table. Points of a length go through the model together, so many at
 * a time. */
#ifndef DS_STUDY_GRID_H
#define DS_STUDY_GRID_H
#include "measure/tables.h"
#include "study/study.h"

enum { GRID_TOGETHER = 16 };

typedef struct GridRows {
  GridPoint *row; /* by mode, length and alpha, each as listed */
  size_t rows;
} GridRows;

/* After subject_check: refuses a length that some prompt does not have, by its place. */
bool grid_check(const Spec *spec, const Subject *subject, Status *st);
/* The spec's grid, of a calibrated subject; nothing where it asks for none. Rows in the arena. */
bool grid_run(Arena *arena, const Study *study, GridRows *rows, Status *st);
/* Bytes of scratch, at most, for prompts of at most T tokens. */
size_t grid_bytes(const Spec *spec, const Config *config, int T);
#endif
