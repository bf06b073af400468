/* verify_results: the rows of tensors and pairs of a finished results file against GSL's own
 * functions (measure/judge.h) on the tensors that the file keeps. */
#ifndef DS_COMMAND_VERIFY_RESULTS_H
#define DS_COMMAND_VERIFY_RESULTS_H
#include "base/arena.h"
#include "base/status.h"

typedef struct VerifiedRows {
  size_t tensors, pairs;                   /* rows that hold */
  size_t tensors_left_out, pairs_left_out; /* of tensors that are not kept */
} VerifiedRows;

/* False where a row does not hold: the message names it, the column and both values. */
bool verify_results(const char *path, VerifiedRows *rows, Arena arena, Status *st);
#endif
