/* restore: which few layers of a mode, or stages of layers, to run under another mode so that the
 * last block_out comes below a limit. Its error is the relative L2 against fp64 of all tokens
 * together or of the median token, as the spec has it, in the geometric mean over prompts
 * (measure/ends.h).
 *
 * Forward selection: each step tries every unit that is left beside those chosen before, by running
 * it, and takes the one that takes most off the error squared for each stage that it restores (by
 * layer: that comes nearest to the reference). It ends at the limit, at `most` units, or where no
 * unit takes anything off. Prompts in which what is chosen so far is not finite decide nothing.
 * What was chosen is then run again from the tokens, beside the reference, for the figures that are
 * reported; the error of each prompt must be the one it was chosen by, or the run stops. */
#ifndef DS_STUDY_RESTORE_H
#define DS_STUDY_RESTORE_H
#include "measure/tables.h"
#include "study/study.h"

typedef struct RestoreRows {
  Restoration *row;
  size_t rows;
} RestoreRows;

/* Of candidates by what each takes off the error: the best, which must take something off, and the
 * runner-up, which may make it worse; the first of equal ones, NaN never. -1: none. */
typedef struct Ranking {
  int best, next;
} Ranking;
Ranking restore_rank(const double *gain, int candidates);

/* All of the spec's restorations. Rows in the arena. */
bool restore_run(Arena *arena, const Study *study, RestoreRows *rows, Status *st);
/* Bytes of scratch, at most, for prompts of at most T tokens. */
size_t restore_bytes(const Spec *spec, const Config *config, int T);
#endif
