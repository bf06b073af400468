/* swap: what each stage in which two modes differ does to the end of the model, alone and from both
 * ends, and in all combinations where the spec asks for them. Every way is run and its witness
 * checked. */
#ifndef DS_STUDY_SWAP_H
#define DS_STUDY_SWAP_H
#include "measure/tables.h"
#include "study/study.h"

typedef struct SwapRows {
  Swap *swap;
  size_t swaps;
  SwapEffect *effect;
  size_t effects;
} SwapRows;

/* All of the spec's swaps. Rows in the arena. */
bool swap_run(Arena *arena, const Study *study, SwapRows *rows, Status *st);
/* Bytes of scratch, at most, for prompts of at most T tokens. */
size_t swap_bytes(const Spec *spec, const Config *config, int T);
#endif
