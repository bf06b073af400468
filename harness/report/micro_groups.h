/* micro_groups: the runs of operators alone, gathered by operator, setting and output. */
#ifndef DS_REPORT_MICRO_GROUPS_H
#define DS_REPORT_MICRO_GROUPS_H
#include "report/data.h"

/* One output of an operator under a setting, over all its inputs and shapes. */
typedef struct MicroGroup {
  const MicroRow *any;
  const MicroRow *worst;   /* uses most of its bound */
  const MicroRow *largest; /* moves most bytes, so its time tells */
  int runs;
  int64_t n, over, unbounded;
  double ulp_max, ulp_sum, misrounded, rel_l2;
  double captured_ulp_max; /* NaN: no captured input */
} MicroGroup;

bool micro_same_group(const MicroRow *a, const MicroRow *b);
/* A run more in a group. */
void micro_group_add(MicroGroup *g, const MicroRow *row);
/* In the order of their first runs; in the arena. */
MicroGroup *micro_groups(Arena *arena, const ReportData *d, int *count);
/* Whether no group before it is of the same operator. */
bool micro_first_of_operator(const MicroGroup *group, int at);
/* Values beyond their bound, of operators and of the scan's state; `first`: the first run that has
 * one, NULL where only states have. */
int64_t micro_over(const ReportData *d, const MicroRow **first);

#endif
