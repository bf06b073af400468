/* mend: a mode with other activation scales than the calibrated ones, beside the mode as it is:
 * what each does to the error of every layer and to the end of the model. For each mode of the
 * spec's `mend`, two walks of
 *   - the mode as it is; with the scales that a calibration at alpha 0.99999, and at alpha 1,
 *     gives; with every scale at its least squared error;
 *   - one scale of one layer alone, three of them: those that lessen the error of their own layer's
 *     block_out most. In the first walk each layer is run again for that, on what the mode as it is
 *     gives it, with one scale at a time at alpha 1 (where it is made from a quantile) and at its
 *     least squared error; what takes most off error2, as a share of the squares of block_out, is
 *     tried to the end. A scale that nothing depends on is passed over: a layer that is given one
 *     three times as large leaves the same bits.
 * The weights do not depend on the activation scales, so all sides share them. */
#ifndef DS_STUDY_MEND_H
#define DS_STUDY_MEND_H
#include "measure/tables.h"
#include "study/study.h"

enum { MEND_SINGLE = 3, MEND_TRIALS = 4 + MEND_SINGLE };

typedef struct MendRows {
  Mend *row;
  size_t rows;
  MendLayer *layer;
  size_t layers;
} MendRows;

/* All modes of the spec's `mend`, of a subject with choices. Rows in the arena. */
bool mend_run(Arena *arena, const Study *study, MendRows *rows, Status *st);
/* Bytes of scratch, at most, for prompts of at most T tokens. */
size_t mend_bytes(const Spec *spec, const Config *config, int T);
#endif
