/* alike: jobs whose row is that of an earlier job. Modes that do the same to a tensor, as far as
 * they have gone, leave the same bits: then it is measured once, and so is what it is compared
 * with, and the rows are copied, all but what tells whose they are. */
#ifndef DS_MEASURE_ALIKE_H
#define DS_MEASURE_ALIKE_H
#include "measure/jobs.h"

/* Whether they are of one shape, format and scale, and of the same bits. */
bool tensors_alike(const Tensor *a, const Tensor *b);
/* Of a tensor's job: the first one of a tensor of its name and layer that is alike and on the same
 * grid; i itself where it is the first, and of any other job. */
int alike_tensor(const StatsJob *job, int i);
/* The same of all other jobs, of [jobs], in which what is known of tensors' stands. */
void alike_others(const StatsJob *job, int jobs, int *of, Arena scratch);
/* The row of a job, from that of the job that it is alike. */
void alike_copy(const StatsJob *job, const StatsJob *from);
#endif
