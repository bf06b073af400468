/* cost: what each mode costs on this machine: time of a prefill and of its operators, and the bytes that it needs.
 * Modes take turns in every repeat, so that what changes on the machine meets all of them; fp32 is always one of them,
 * and everything is also given as a ratio to it and to a plain copy of as many bytes, both timed in the same repeat. */
#ifndef DS_STUDY_COST_H
#define DS_STUDY_COST_H
#include "measure/tables.h"
#include "walk/subject.h"

typedef struct CostRows {
  Cost *time; /* mode by mode, length by length: the total, then the operators that ran */
  int times;
  CostBytes *bytes; /* a row a mode */
  int modes;
} CostRows;

/* After subject_load. Rows are in the arena; none where the spec asks for no cost. */
void cost_measure(Arena *arena, const Spec *spec, const Subject *subject, Progress *progress, CostRows *rows);
size_t cost_bytes(const Spec *spec, const Config *config); /* of scratch, at most */

#endif
