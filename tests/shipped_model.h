/* shipped_model: the small model under data/, loaded as a run loads it, for the tests of blocks,
 * calibration and the driver. */
#ifndef DS_TESTS_SHIPPED_MODEL_H
#define DS_TESTS_SHIPPED_MODEL_H
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "family/block.h"
#include "family/mamba1.h"
#include "model/checkpoint.h"
#include "model/layers.h"
#include "model/rewrite.h"
#include "model/tokens.h"
#include "source/source.h"
#include "study/calibrate.h"
#include "study/calibration.h"
#include "tests/exhausted.h"
#include "walk/subject.h"

#define SHIPPED_MODEL "data/mamba-bytes-10m"

typedef struct Shipped {
  Arena arena;
  Checkpoint checkpoint;
  Layers *layers;
  Weights64 weights;
  Model model;
  int32_t *valid; /* tokens of the calibration text */
  int64_t valid_count;
  int32_t *test; /* tokens of the test text */
  int64_t test_count;
} Shipped;

static int32_t *shipped_tokens(Arena *arena, const char *path, int64_t *count) {
  Status st = {0};
  Bytes text;
  cr_assert(file_read(arena, path, 1 << 24, &text, &st), "%s", st.text);
  int32_t *token = ARENA_NEW(arena, int32_t, text.count);
  for (size_t i = 0; i < text.count; i++) token[i] = (unsigned char)text.data[i];
  *count = (int64_t)text.count;
  return token;
}

static const Forms shipped_forms = {.f64 = true, .f32 = ~0u, .i8 = ~0u, .head = true};

/* Layers of the same checkpoint, none of them held yet; `memory`: for those that stay. */
static void shipped_open(Shipped *s, Rewrite rewrite, size_t memory) {
  const LayersPlan plan = {.forms = shipped_forms, .memory = memory, .together = 1};
  Status st = {0};
  Checkpoint *checkpoint = ARENA_NEW(&s->arena, Checkpoint, 1); /* layers point to it */
  *checkpoint = s->checkpoint;
  s->layers = ARENA_NEW(&s->arena, Layers, 1);
  cr_assert(layers_open(&s->arena, checkpoint, rewrite, &plan, s->layers, &st), "%s", st.text);
  s->weights = s->layers->weights;
  s->model = s->layers->model;
}

/* Of its layers the first so many; 0: all. */
static Shipped shipped_load_from(const char *folder, Rewrite rewrite, int layers) {
  Shipped s = {0};
  Status st = {0};
  cr_assert(arena_reserve(&s.arena, (size_t)4 << 30, exhausted, &st), "%s", st.text);
  cr_assert(checkpoint_open(&s.arena, folder, &s.checkpoint, &st), "%s", st.text);
  if (layers) s.checkpoint.config.layers = layers;
  shipped_open(&s, rewrite, SIZE_MAX);
  cr_assert(layers_hold_all(s.layers, &shipped_forms, &st), "%s", st.text);
  s.valid = shipped_tokens(&s.arena, "data/text/valid.txt", &s.valid_count);
  s.test = shipped_tokens(&s.arena, "data/text/test.txt", &s.test_count);
  return s;
}

static inline Shipped shipped_load(Rewrite rewrite) {
  return shipped_load_from(SHIPPED_MODEL, rewrite, 0);
}

/* Its first layers alone, where what is looked at stands in them. */
static inline Shipped shipped_first(Rewrite rewrite, int layers) {
  return shipped_load_from(SHIPPED_MODEL, rewrite, layers);
}

static inline void shipped_calibrate(Shipped *s, int windows, int length) {
  Status st = {0};
  Calibration how = {
      .text = "data/text/valid.txt", .windows = windows, .length = length, .alpha = 0.9999};
  cr_assert(calibrate(&s->model, s->valid, s->valid_count, &how, NULL, s->arena, &st), "%s",
            st.text);
}

/* Prompts of the test text, each a token shorter than the one before. */
static inline void shipped_prompts(const Shipped *s, PromptShape *prompt, int prompts, int T) {
  for (int p = 0; p < prompts; p++) prompt[p] = (PromptShape){"p", s->test + 900 * p, T - p};
}

/* Of these sides through these prompts, one after the other. */
static inline Walk shipped_walk(const Shipped *s, WalkSide *side, int sides,
                                const PromptShape *prompt, int prompts, const Visitor *visitor) {
  return (Walk){.layers = s->model.layers,
                .width = s->model.D,
                .weights = s->layers,
                .side = side,
                .sides = sides,
                .prompt = prompt,
                .prompts = prompts,
                .visitor = visitor,
                .visitors = 1};
}

/* The model and the plan's windows of the test text, as an evaluation is given them. */
static inline Subject shipped_evaluation(Shipped *s, const EvaluationPlan *plan) {
  const TokenSource text = {.kind = TOKENS_IDS, .id = s->test, .count = s->test_count};
  int32_t *token;
  Status st = {0};
  cr_assert(tokens_take(&s->arena, &text, plan->windows, plan->length + 1, &token, &st), "%s",
            st.text);
  return (Subject){.layers = s->layers,
                   .weights = s->weights,
                   .model = s->model,
                   .checkpoint = s->checkpoint,
                   .evaluation_token = token,
                   .evaluation_count = s->test_count};
}

#endif
