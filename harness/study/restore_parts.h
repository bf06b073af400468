/* restore_parts: what the two halves of a restoration share: the choice of units (restore.c), and
 * the run of what was chosen, for the figures that are reported (restore_chosen.c). */
#ifndef DS_STUDY_RESTORE_PARTS_H
#define DS_STUDY_RESTORE_PARTS_H
#include "measure/ends.h"
#include "study/restore.h"

/* What can be restored: in one layer, stages that go together. */
typedef struct Unit {
  int layer;
  unsigned stages;
} Unit;

typedef struct Choice {
  Unit unit, next; /* next: second best */
  double error, next_block_out,
      next_token_median; /* over prompts; error: what the choice goes by */
  double *of_prompt;     /* [prompts]: what it goes by, of each prompt */
  int candidates;
} Choice;

typedef struct Restore {
  Arena *arena;
  const Subject *subject;
  const RestorePlan *plan;
  const Mode *mode, *to;
  Unit *unit;
  bool *taken; /* [units] */
  int units, prompts, layers;
  unsigned *stages; /* [layers]: restored so far */
  Choice *choice;   /* [most] */
  int choices;
  Tensor *reference; /* [prompts]: the last block_out */
  const Study *study;
  int number; /* of this restoration in the spec */
} Restore;

/* A way: a mode for each layer, made from the stages that are restored in it, and those of `more`
 * (NULL: none). NULL where a layer would be refused. */
const Mode *const *restore_way(const Restore *r, const unsigned *stages, const Unit *more,
                               Arena *arena);
/* Of all tokens of a prompt together, or of its median token, as the plan has it. */
double restore_error(RestoreOf of, const EndSums *prompt);
/* A row for nothing restored, for each step and for everything; fails where a step does not come
 * out as it was chosen. */
bool restore_chosen(const Restore *r, RestoreRows *rows, Status *st);
#endif
