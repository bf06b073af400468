/* budget: the two runs of a layer that an error budget needs beside those of the walk: each side's
 * block on the other's input. What follows from them is in measure/budget.h. */
#ifndef DS_STUDY_BUDGET_H
#define DS_STUDY_BUDGET_H
#include "measure/budget.h"
#include "walk/walk.h"

/* Of two sides after their layer has run: fills all but prompt, base, other and layer; the
 * witnesses of both runs are checked. */
bool budget_layer(const WalkPlace *at, int base, int other, const Trace *trace, Budget *row,
                  Arena scratch, Status *st);

#endif
