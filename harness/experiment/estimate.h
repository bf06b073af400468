/* estimate: what a run will write and need, before it starts. */
#ifndef DS_EXPERIMENT_ESTIMATE_H
#define DS_EXPERIMENT_ESTIMATE_H
#include "family/was.h"
#include "walk/subject.h"

typedef struct Estimate {
  int64_t results_bytes; /* of results.h5 */
  int64_t journal_bytes; /* of the finished layers beside it, until they are joined */
  int64_t memory_bytes;  /* resident at the peak */
  int64_t tensors;       /* datasets in the result */
} Estimate;

/* Whether the spec's keep policy stores this tensor of this layer. */
bool estimate_kept(const Spec *spec, TensorId id, int layer);
Estimate estimate_of(const Spec *spec, const Subject *subject);
/* Refuses a run that `folder`'s disk or the memory cannot hold, with both figures. `standing` bytes of it are on the
 * disk already, of an earlier start; `room` bytes of memory can be had. */
bool estimate_check(const Spec *spec, const Subject *subject, const char *folder, uint64_t standing, size_t room,
                    Status *st);

#endif
