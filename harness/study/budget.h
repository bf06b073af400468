/* budget: the two runs of a layer that an error budget needs beside those of the lock-step walk: each side's block on
 * the other's input. What follows from them is in measure/budget.h. */
#ifndef DS_STUDY_BUDGET_H
#define DS_STUDY_BUDGET_H
#include "measure/budget.h"
#include "walk/subject.h"

/* One side of a pair after its layer has run. */
typedef struct BudgetSide {
  const Mode *mode; /* NULL: the reference */
  const Trace *trace;
} BudgetSide;

/* Fills all but prompt, base, other and layer; the witnesses of both runs are checked. */
bool budget_layer(const Subject *subject, int layer, const BudgetSide *base, const BudgetSide *other, Budget *row,
                  Arena scratch, Status *st);

#endif
