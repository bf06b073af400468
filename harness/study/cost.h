/* cost: what each mode costs on this machine: time of a prefill and of its operators, and the bytes
 * that it needs. Modes take turns in every repeat, so that what changes on the machine meets all of
 * them; fp32 is always one of them, and everything is also given as a ratio to it and to a plain
 * copy of as many bytes, both timed in the same repeat. */
#ifndef DS_STUDY_COST_H
#define DS_STUDY_COST_H
#include "measure/tables.h"
#include "study/study.h"

typedef struct CostRows {
  Cost *time; /* mode by mode, length by length: the total, then the operators that ran */
  int times;
  CostBytes *bytes; /* a row a mode */
  int modes;
} CostRows;

/* Rows are in the arena; none where the spec asks for no cost. */
bool cost_measure(Arena *arena, const Study *study, CostRows *rows, Status *st);
size_t cost_bytes(const Spec *spec, const Config *config); /* of scratch, at most */

#endif
