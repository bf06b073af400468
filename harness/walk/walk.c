#include "walk/walk.h"

#include <string.h>

#include "family/block.h"
#include "family/witness.h"
#include "source/ref64.h"

typedef struct Walk {
  const Subject *subject;
  const WalkSide *side;
  int sides;
  WalkEnd *end;  /* [sides] */
  void **stream; /* [sides]: of a kept side, [layers][T, D], what left each layer; else NULL */
} Walk;

static const Mode *mode_at(const WalkSide *side, int layer) { return side->layer ? side->layer[layer] : side->mode; }

static bool is_reference(const WalkSide *side) { return !side->mode && !side->layer; }

/* How many layers from the first run under the same settings in both. */
static int shared_layers(const WalkSide *a, const WalkSide *b, int layers) {
  if (is_reference(a) || is_reference(b)) return 0;
  int layer = 0;
  while (layer < layers && mode_equal(mode_at(a, layer), mode_at(b, layer))) layer++;
  return layer;
}

/* The kept side before `s` that goes furthest along with it; -1 where none does. */
static int companion(const Walk *w, int s, int *shared) {
  int best = -1;
  *shared = 0;
  for (int i = 0; i < s; i++) {
    if (!w->stream[i]) continue;
    int layers = shared_layers(&w->side[i], &w->side[s], w->subject->model.layers);
    if (layers > *shared) *shared = layers, best = i;
  }
  return best;
}

static bool run_layer(const Walk *w, int s, int layer, Tensor *x, void *room, Arena scratch, Status *st) {
  const Mode *mode = mode_at(&w->side[s], layer);
  Trace trace;
  if (mode) {
    block_run(&w->subject->model, layer, mode, x, &scratch, &trace);
    TRY(witness_check(mode, layer, &trace, st));
  } else {
    trace64_block(&w->subject->weights, layer, x, &scratch, &trace);
  }
  *x = trace.t[T_BLOCK_OUT];
  x->data = memcpy(room, x->data, (size_t)x->rows * (size_t)x->cols * type_size(x->type));
  return true;
}

/* Fills end[s]; what it points to is in the arena. */
static bool run_side(Walk *w, int s, const PromptShape *prompt, Arena *arena, Status *st) {
  const Model *model = &w->subject->model;
  const WalkSide *side = &w->side[s];
  bool reference = is_reference(side);
  size_t bytes = (size_t)prompt->T * (size_t)model->D * type_size(reference ? TYPE_F64 : TYPE_F32);
  char *room = arena_alloc(arena, side->keep ? (size_t)model->layers : 1, bytes);
  Trace ends = {0};
  int first, with = companion(w, s, &first);
  Tensor x;
  if (with >= 0) {
    x = w->end[with].block_out;
    x.data = (char *)w->stream[with] + (size_t)(first - 1) * bytes;
    if (side->keep) memcpy(room, w->stream[with], (size_t)first * bytes);
  } else {
    if (reference)
      trace64_embed(&w->subject->weights, prompt->token, prompt->T, arena, &ends);
    else
      block_embed(model, prompt->token, prompt->T, arena, &ends);
    x = ends.t[T_EMBEDDING];
  }
  for (int layer = first; layer < model->layers; layer++)
    TRY(run_layer(w, s, layer, &x, room + (side->keep ? (size_t)layer * bytes : 0), *arena, st));
  if (reference)
    trace64_head(&w->subject->weights, &x, arena, &ends);
  else
    block_head(model, &x, arena, &ends);
  w->end[s] = (WalkEnd){x, ends.t[T_LOGITS]};
  w->stream[s] = side->keep ? room : NULL;
  return true;
}

static bool walk_prompt(Walk *w, const PromptShape *shape, int prompt, Progress *progress, WalkTake take, void *context,
                        Arena arena, Status *st) {
  w->end = ARENA_NEW(&arena, WalkEnd, w->sides);
  w->stream = ARENA_NEW(&arena, void *, w->sides);
  for (int s = 0; s < w->sides; s++) {
    Arena room = arena;
    TRY(run_side(w, s, shape, &room, st));
    TRY(take(context, prompt, s, w->end, room, st));
    if (w->side[s].keep)
      arena = room;
    else
      w->end[s] = (WalkEnd){0};
    progress_step(progress, progress->done + 1);
  }
  return true;
}

bool walk_run(const Subject *subject, const WalkSide *side, int sides, const PromptShape *prompt, int prompts,
              Progress *progress, WalkTake take, void *context, Arena scratch, Status *st) {
  Walk w = {.subject = subject, .side = side, .sides = sides};
  for (int p = 0; p < prompts; p++) TRY(walk_prompt(&w, &prompt[p], p, progress, take, context, scratch, st));
  return true;
}
