/* estimate: what a run will write and need, before it starts. */
#ifndef DS_EXPERIMENT_ESTIMATE_H
#define DS_EXPERIMENT_ESTIMATE_H
#include "store/store.h"
#include "walk/subject.h"

typedef struct Estimate {
  int64_t results_bytes; /* of results.h5 */
  int64_t journal_bytes; /* of the journal beside it, until it is finished */
  int64_t memory_bytes;  /* resident at the peak */
  int64_t least_bytes;   /* the same where no layer stays */
  int64_t tensors;       /* datasets in the result */
} Estimate;

/* How a run goes about its memory. */
typedef struct MemoryPlan {
  size_t allowed; /* bytes that it may have: as the spec says, else most of what is free */
  size_t least;   /* that it needs where no layer stays */
  size_t needed;  /* that it will need */
  bool stays;     /* whether its layers stay */
  LayersPlan layers;
  size_t streams; /* that the streams of a batch may take where they do not */
} MemoryPlan;
/* together: as in LayersPlan. */
MemoryPlan estimate_memory(const Spec *spec, const Subject *subject, int together, Arena scratch);

/* What the results file will hold: what each mode of the spec, and the reference behind them, makes, of which the
 * spec's keep policy stores some. In the arena; points into spec and subject, which subject_check has made. */
StoreShape estimate_shape(Arena *arena, const Spec *spec, const Subject *subject);
Estimate estimate_of(const Spec *spec, const Subject *subject, Arena scratch);
/* Refuses a run that `folder`'s disk or the memory cannot hold, with both figures. `standing` bytes of it are on the
 * disk already, of an earlier start; `room` bytes of memory can be had. */
bool estimate_check(const Spec *spec, const Subject *subject, const char *folder, uint64_t standing, size_t room,
                    Arena scratch, Status *st);

#endif
