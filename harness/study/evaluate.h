/* evaluate: the spec's evaluation. Window i of `windows` starts at token floor(i (count - length -
 * 1) / max(windows - 1, 1)) and is length + 1 tokens long: all but the last are read from state
 * zero, all but the first are predicted. Window by window the reference goes first, then every mode
 * in lock-step with it; nothing stays of them but rows, and of each token what is said of it
 * (measure/predicted.h). Where every side is computed on a device no logits
 * come back (study/evaluate_there.h); the bits are the same. */
#ifndef DS_STUDY_EVALUATE_H
#define DS_STUDY_EVALUATE_H
#include "measure/tables.h"
#include "study/study.h"

typedef struct EvaluationRows {
  Evaluation *mode; /* the reference first, then the modes in the spec's order */
  int modes;
  EvaluationWindow *window; /* [modes][windows] */
  int windows;              /* of each mode */
  EvaluationPair *pair;     /* every two modes, the reference among them, in every metric that says
                               something of them */
  int pairs;
  EvaluationToken *token; /* of every mode and of every two the tokens that carry most */
  int tokens;
} EvaluationRows;

/* Rows are in the arena; none where the spec asks for no evaluation. */
bool evaluate(Arena *arena, const Study *study, EvaluationRows *rows, Status *st);
size_t evaluate_bytes(const Spec *spec, const Config *config); /* of scratch, at most */

#endif
