/* estimate: what a run will write and need, before it starts. */
#ifndef DS_EXPERIMENT_ESTIMATE_H
#define DS_EXPERIMENT_ESTIMATE_H
#include "store/store.h"
#include "study/foreign.h"

/* How a run goes about its memory. */
typedef struct MemoryPlan {
  size_t allowed; /* bytes that it may have: as the spec says, else most of what is free */
  size_t least;   /* that it needs where no layer stays */
  size_t needed;  /* that it will need */
  bool stays;     /* whether its layers stay while they are asked for */
  LayersPlan layers;
  size_t streams; /* that the streams of a batch may take where they do not */
} MemoryPlan;

typedef struct Estimate {
  int64_t results_bytes; /* of results.h5 */
  int64_t journal_bytes; /* of the journal beside it, until it is finished */
  int64_t streams_bytes; /* that the journal may take beside it, for studies that then read what
                          * left each layer; 0: none would, or it is too much */
  int64_t tensors;       /* datasets in the result */
  MemoryPlan memory;
} Estimate;

/* What the results file will hold: what each mode of the spec, and the reference behind them,
 * makes, of which the spec's keep policy stores some. In the arena; points into spec and subject,
 * which subject_check has made. `foreign`: the spec's sources; NULL: it has none. */
StoreShape estimate_shape(Arena *arena, const Spec *spec, const Subject *subject,
                          const Foreign *foreign);
/* Of a run that is about to begin: what is free is asked for once. `device`: its modes run
 * there. */
Estimate estimate_of(const Spec *spec, const Subject *subject, const Foreign *foreign, bool device,
                     Arena scratch);
/* Refuses a run that `folder`'s disk or the memory cannot hold, with both figures. `standing` bytes
 * of it are on the disk already, of an earlier start; `room` bytes of memory can be had. */
bool estimate_check(const Spec *spec, const Subject *subject, const Estimate *sum,
                    const char *folder, uint64_t standing, size_t room, Status *st);
/* Whether the folder's disk has room for the streams too. */
bool estimate_streams_fit(const Estimate *sum, const char *folder, uint64_t standing);

#endif
