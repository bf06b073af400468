/* experiment: the full-model driver. Walks prompt by prompt and layer by layer, all modes and the float64 reference in
 * lock-step: run, measure, write one segment, let the traces go. */
#ifndef DS_EXPERIMENT_H
#define DS_EXPERIMENT_H
#include "base/progress.h"
#include "spec/spec.h"
#include "store/store.h"

typedef struct RunOptions {
  const char *folder;  /* receives results.h5; made where it is missing */
  const char *command; /* as typed, for the record */
  bool fresh;
} RunOptions;

typedef struct RunOutcome {
  const char *results; /* path of results.h5 */
  bool already_done;   /* it was there, of the same run */
  double time_s;
  int64_t peak_bytes;
  int lock; /* of the folder; the caller's to give back (folder_unlock), after the report */
} RunOutcome;

bool experiment_run(Arena *arena, const Spec *spec, const RunOptions *options, Progress *progress, RunOutcome *outcome,
                    Status *st);

#endif
