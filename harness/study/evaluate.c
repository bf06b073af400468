#include "study/evaluate.h"

#include <stdio.h>
#include <string.h>

#include "family/block.h"
#include "measure/evaluation.h"

typedef struct Evaluator {
  const EvaluationPlan *plan;
  const PromptShape *window; /* [windows] */
  EvaluationWindow *row;     /* [windows][sides] */
  int sides;
} Evaluator;

static int64_t window_start(const EvaluationPlan *plan, int64_t count, int window) {
  return window * (count - plan->length - 1) / (plan->windows > 1 ? plan->windows - 1 : 1);
}

static bool take_window(void *context, const WalkPlace *at, int side, const WalkEnd *end, Arena scratch, Status *st) {
  (void)st;
  Evaluator *e = context;
  EvaluationWindow *row = &e->row[at->prompt * e->sides + side];
  evaluation_window(&end[0].logits, &end[side].logits, at->shape->token + 1, row, scratch);
  return true;
}

static void *left(void *context, int window, size_t *bytes) {
  Evaluator *e = context;
  *bytes = (size_t)e->sides * sizeof *e->row;
  return &e->row[window * e->sides];
}

static int pairs_of(const EvaluationRows *rows, Arena *arena, EvaluationPair **pair) {
  int count = 0;
  *pair = ARENA_NEW(arena, EvaluationPair, rows->modes * (rows->modes - 1) / 2 * EVALUATION_METRICS);
  for (int a = 0; a < rows->modes; a++)
    for (int b = a + 1; b < rows->modes; b++)
      for (int m = 0; m < EVALUATION_METRICS; m++)
        if (a > 0 || evaluation_metrics[m].of_reference)
          (*pair)[count++] = evaluation_pair(&evaluation_metrics[m], &rows->window[a * rows->windows],
                                             &rows->window[b * rows->windows], rows->windows, *arena);
  for (int i = 0; i < count; i++) (*pair)[i].windows_held = rows->mode[0].disjoint;
  evaluation_holm(*pair, count, *arena);
  return count;
}

bool evaluate(Arena *arena, const Study *study, EvaluationRows *rows, Status *st) {
  const Spec *spec = study->spec;
  const Subject *subject = study->subject;
  const EvaluationPlan *plan = &spec->evaluation;
  *rows = (EvaluationRows){0};
  if (!spec_evaluates(spec)) return true;
  int windows = plan->windows, sides = plan->mode_count + 1;
  rows->modes = sides;
  rows->windows = windows;
  rows->mode = ARENA_NEW(arena, Evaluation, sides);
  rows->window = ARENA_NEW(arena, EvaluationWindow, sides * windows);
  WalkSide *side = ARENA_NEW(arena, WalkSide, sides);
  PromptShape *window = ARENA_NEW(arena, PromptShape, windows);
  EvaluationWindow *row = ARENA_NEW(arena, EvaluationWindow, windows * sides);
  side[0] = (WalkSide){.source = source_ref64(&subject->weights), .keep = true};
  for (int s = 1; s < sides; s++)
    side[s] = (WalkSide){.source = source_cpu(&subject->model), .mode = spec_mode(spec, plan->modes[s - 1])};
  for (int w = 0; w < windows; w++) {
    int64_t first = window_start(plan, subject->evaluation_count, w);
    window[w] = (PromptShape){.name = "window", .token = subject->evaluation_token + first, .T = plan->length};
    for (int s = 0; s < sides; s++) {
      EvaluationWindow *of = &row[w * sides + s];
      *of = (EvaluationWindow){.window = w, .first = first};
      snprintf(of->mode, sizeof of->mode, "%s", s ? plan->modes[s - 1] : MODE_REFERENCE);
    }
  }
  Evaluator e = {plan, window, row, sides};
  Visitor visitor = {.context = &e, .end = take_window, .left = left};
  const char *source = plan->text ? plan->text : plan->tokens, *slash = strrchr(source, '/');
  const char *file_name = slash ? slash + 1 : source;
  progress_phase(study->progress, "evaluate", windows * subject->model.layers);
  TRY(study_walk(study, side, sides, window, windows, &visitor, true, "evaluation", *arena, st));
  for (int w = 0; w < windows; w++)
    for (int s = 0; s < sides; s++) rows->window[s * windows + w] = row[w * sides + s];
  for (int s = 0; s < sides; s++) {
    rows->mode[s] = evaluation_of(&rows->window[s * windows], windows, *arena);
    table_text(rows->mode[s].text, sizeof rows->mode[s].text, file_name);
    rows->mode[s].length = plan->length;
    rows->mode[s].disjoint = (int32_t)(subject->evaluation_count / (plan->length + 1));
    rows->mode[s].byte_tokens = subject->checkpoint.config.vocab == 256;
  }
  rows->pairs = pairs_of(rows, arena, &rows->pair);
  progress_done(study->progress, "%d windows of %d tokens of %s, %d modes and the float64 reference", windows,
                plan->length, subject->evaluation_path, plan->mode_count);
  return true;
}

size_t evaluate_bytes(const Spec *spec, const Config *config) {
  if (!spec_evaluates(spec)) return 0;
  size_t T = (size_t)spec->evaluation.length, D = (size_t)config->D;
  return walk_bytes(block_bytes(config, (int)T), (int)T, (int)D, 1 + spec->evaluation.mode_count, 3) +
         evaluation_window_bytes((int)T, config->vocab);
}
