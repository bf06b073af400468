/* walk: from tokens to logits along many ways, for questions that need only what is left at the end: the last block_out
 * and the logits. Nothing is stored or measured here; a layer's traces are let go before the next layer, so memory is
 * that of one layer under one mode, and of the ends that are kept. Each way gives the bits that a run of that mode
 * alone gives. */
#ifndef DS_WALK_WALK_H
#define DS_WALK_WALK_H
#include "walk/subject.h"

/* One way through the model. */
typedef struct WalkSide {
  const Mode *mode;         /* in every layer; NULL, with layer NULL too: the float64 reference */
  const Mode *const *layer; /* [layers] in its place, a mode for each layer; else NULL */
  bool keep; /* its end stays until the prompt is done; so do its streams, and a later side whose first layers
              * run under the same settings starts where the two part */
} WalkSide;

/* What is left of one: float32 of a mode, float64 of the reference. */
typedef struct WalkEnd {
  Tensor block_out; /* [T, D] of the last layer */
  Tensor logits;    /* [T, vocab]; data NULL: this side has not run yet, or was not kept */
} WalkEnd;

/* Called after each side of each prompt, in their order. end [sides]: this side's end, and those of earlier sides that
 * are kept; all are gone when the next prompt begins. */
typedef bool (*WalkTake)(void *context, int prompt, int side, const WalkEnd *end, Arena scratch, Status *st);

/* Prompt by prompt, side by side; every layer's witness is checked. Steps the progress once a side and prompt. */
bool walk_run(const Subject *subject, const WalkSide *side, int sides, const PromptShape *prompt, int prompts,
              Progress *progress, WalkTake take, void *context, Arena scratch, Status *st);

#endif
