/* estimate: what a run will write and need, before it starts. */
#ifndef DS_ESTIMATE_H
#define DS_ESTIMATE_H
#include "setup.h"

typedef struct Estimate {
  int64_t results_bytes; /* of results.h5; a run needs twice that while segments and result both stand */
  int64_t memory_bytes;  /* resident at the peak */
  int64_t tensors;       /* datasets in the result */
} Estimate;

/* Whether the spec's keep policy stores this tensor of this layer. */
bool estimate_kept(const Spec *spec, TensorId id, int layer);
Estimate estimate_of(const Spec *spec, const Setup *setup);
/* Refuses a run that `folder`'s disk or the machine's memory cannot hold, with both figures. */
bool estimate_check(const Spec *spec, const Setup *setup, const char *folder, Status *st);

#endif
