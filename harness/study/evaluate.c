#include "study/evaluate.h"

#include <omp.h>
#include <string.h>

#include "base/workers.h"
#include "family/block.h"
#include "measure/evaluation.h"
#include "measure/row_error.h"
#include "model/piece.h"
#include "model/tokens.h"
#include "study/evaluate_there.h"

typedef struct Evaluator {
  const EvaluationPlan *plan;
  const PromptShape *window; /* [windows] */
  const WalkSide *side;      /* [sides] */
  int sides;
  char *left; /* [windows][left_bytes]: [sides] EvaluationWindow, then [sides][length] Predicted */
  size_t left_bytes; /* of a window */
  double *stream;    /* [length, D]: the reference's block_out of this layer */
  PositionsThere there;
} Evaluator;

static size_t left_bytes(int sides, int length) {
  return (size_t)sides * (sizeof(EvaluationWindow) + (size_t)length * sizeof(Predicted));
}

static EvaluationWindow *row_of(const Evaluator *e, int window, int side) {
  return (EvaluationWindow *)(void *)(e->left + (size_t)window * e->left_bytes) + side;
}

static Predicted *tokens_of(const Evaluator *e, int window, int side) {
  return (Predicted *)(void *)row_of(e, window, e->sides) + (size_t)side * (size_t)e->plan->length;
}

/* Whether side s is the same computation as an earlier one up to this layer: before its last, it
 * then does not run. */
static bool runs_as(const Evaluator *e, int s, int earlier, const WalkPlace *at) {
  return mode_equal_in(e->side[s].mode, e->side[earlier].mode, at->layer + 1);
}

/* What each token of a side, and of those that do not run beside it, carries of a layer's error.
 * The reference comes first. */
static bool take_layer(void *context, const WalkPlace *at, int side, const Trace *trace,
                       Arena scratch, Status *st) {
  (void)st;
  Evaluator *e = context;
  const Tensor *out = trace_role_of(trace, ROLE_BLOCK_OUT);
  if (side == 0) {
    tensor_values(out, e->stream);
    return true;
  }
  const Tensor base = tensor_of(e->stream, FORMAT_F64, out->rows, out->cols, 0);
  const PartSquares squares = part_squares(&scratch, (size_t)out->rows);
  row_squares(&base, out, squares);
  for (int s = side; s < e->sides; s++)
    if (runs_as(e, s, side, at))
      predicted_reach(squares.error2, out->rows, tokens_of(e, at->prompt, s));
  return true;
}

static bool take_window(void *context, const WalkPlace *at, int side, const WalkEnd *end,
                        Arena scratch, Status *st) {
  (void)st;
  Evaluator *e = context;
  evaluation_window(&end[0].logits, &end[side].logits, at->shape->token + 1,
                    tokens_of(e, at->prompt, side), row_of(e, at->prompt, side), scratch);
  return true;
}

/* Where all sides run on a device: no logits of them are here. */
static void queued_there(void *context, const WalkPlace *at, const Trace *const *trace,
                         TensorSet *back) {
  (void)back; /* what is looked at */
  Evaluator *e = context;
  if (trace_role_of(trace[0], ROLE_LOGITS)->data)
    positions_there_queue(&e->there, at->shape, at->prompt, trace);
}

static bool take_there(void *context, const WalkPlace *at, int side, const WalkEnd *end,
                       Arena scratch, Status *st) {
  (void)end, (void)st;
  Evaluator *e = context;
  evaluation_window_of(positions_there_take(&e->there, at->prompt, side), at->shape->T,
                       tokens_of(e, at->prompt, side), row_of(e, at->prompt, side), scratch);
  return true;
}

static bool walk_there(Evaluator *e, const Study *study, WalkSide *side, Visitor *visitor,
                       Arena scratch, Status *st) {
  const EvaluationPlan *plan = e->plan;
  TRY(positions_there_begin(&study->subject->device->cuda, e->sides, plan->length, &e->there, st));
  visitor->queued = queued_there;
  visitor->end = take_there;
  visitor->looks_at =
      tensors_in(&study->subject->model.config.family->tensors, ROLE_BLOCK_OUT, ROLE_BLOCK_OUT);
  const bool ok = study_walk(study, side, e->sides, e->window, plan->windows, visitor, true,
                             "evaluation", scratch, st);
  positions_there_free(&e->there);
  return ok;
}

static bool walk_here(Evaluator *e, const Study *study, WalkSide *side, Visitor *visitor,
                      Arena scratch, Status *st) {
  visitor->end = take_window;
  visitor->looks_at = subject_ends(study->subject);
  return study_walk(study, side, e->sides, e->window, e->plan->windows, visitor, true, "evaluation",
                    scratch, st);
}

static void *left(void *context, int window, size_t *bytes) {
  Evaluator *e = context;
  *bytes = e->left_bytes;
  return row_of(e, window, 0);
}

/* --- rows ------------------------------------------------------------------------------------- */

/* What the journal held of a window is that window's: its numbers are places in what stands here.
 */
static bool check_left(const Evaluator *e, const Study *study, Status *st) {
  const EvaluationPlan *plan = e->plan;
  for (int w = 0; w < plan->windows; w++)
    for (int s = 0; s < e->sides; s++) {
      const EvaluationWindow *of = row_of(e, w, s);
      const char *mode = s ? plan->modes[s - 1] : MODE_REFERENCE;
      if (of->window != w || of->tokens != plan->length || strncmp(of->mode, mode, TEXT_NAME) != 0)
        return FAIL(
            st,
            "%s: evaluation: what is kept of window %d is damaged: the run or the part that "
            "made it is to begin anew (--fresh)",
            study->spec->path, w);
    }
  return true;
}

static PredictedMode *predicted_modes(const Evaluator *e, const EvaluationRows *rows,
                                      Arena *arena) {
  PredictedMode *mode = ARENA_NEW(arena, PredictedMode, rows->modes);
  for (int s = 0; s < rows->modes; s++) {
    const Predicted **token = ARENA_NEW(arena, const Predicted *, rows->windows);
    for (int w = 0; w < rows->windows; w++) token[w] = tokens_of(e, w, s);
    mode[s] = (PredictedMode){&rows->window[s * rows->windows], token, rows->windows};
  }
  return mode;
}

/* Two modes of an evaluation in one of its metrics. */
typedef struct PairAsked {
  int a, b, metric;
} PairAsked;

enum { COMPARING = 8 }; /* threads at once: each sorts the tokens of all windows */

/* Of a thread that compares: a figure of each token, and some of each window. */
static size_t comparing_bytes(int windows, int length) {
  return (size_t)windows * ((size_t)length + 32) * sizeof(double) + 4096;
}

static void compare_pairs(const EvaluationRows *rows, const PredictedMode *mode,
                          const PairAsked *asked, double share, Arena scratch) {
  const int most = omp_get_max_threads(), threads = most < COMPARING ? most : COMPARING;
  Arena *own = ARENA_NEW(&scratch, Arena, threads);
  for (int i = 0; i < threads; i++)
    own[i] = arena_carve(&scratch, comparing_bytes(rows->windows, rows->mode[0].length));
  int next = 0;
#pragma omp parallel for schedule(static, 1)
  for (int worker = 0; worker < threads; worker++)
    for (int i; (i = workers_next(&next, rows->pairs)) >= 0;) {
      const PredictedMode *a = &mode[asked[i].a], *b = &mode[asked[i].b];
      rows->pair[i] = evaluation_pair(&evaluation_metrics[asked[i].metric], a->window, b->window,
                                      rows->windows, own[worker]);
      if (asked[i].metric == 0) predicted_pair(a, b, share, &rows->pair[i], own[worker]); /* bits */
      rows->pair[i].windows_held = rows->mode[0].disjoint;
    }
}

static void make_pairs(EvaluationRows *rows, const PredictedMode *mode, double share,
                       Arena *arena) {
  const int most = rows->modes * (rows->modes - 1) / 2 * EVALUATION_METRICS;
  PairAsked *asked = ARENA_NEW(arena, PairAsked, most);
  rows->pair = ARENA_NEW(arena, EvaluationPair, most);
  rows->pairs = 0;
  for (int a = 0; a < rows->modes; a++)
    for (int b = a + 1; b < rows->modes; b++)
      for (int m = 0; m < EVALUATION_METRICS; m++)
        if (a > 0 || evaluation_metrics[m].of_reference)
          asked[rows->pairs++] = (PairAsked){a, b, m};
  compare_pairs(rows, mode, asked, share, *arena);
  evaluation_holm(rows->pair, rows->pairs, *arena);
}

static void put_text(EvaluationToken *row, int count, const PromptShape *window, Pieces pieces) {
  for (int i = 0; i < count; i++) {
    const int32_t *token = window[row[i].window].token;
    const int T = window[row[i].window].T + 1; /* with the last one that is predicted */
    row[i].token_id = token[row[i].position];
    piece_of(pieces, token, T, row[i].position, row[i].piece, sizeof row[i].piece);
    piece_around(pieces, token, T, row[i].position, row[i].context, sizeof row[i].context);
  }
}

/* Whose largest tokens are named: of each mode against the reference by KL, then of two by bits. */
static void make_tokens(EvaluationRows *rows, const PredictedMode *mode, double share,
                        Arena *arena) {
  const int modes = rows->modes, all = modes - 1 + modes * (modes - 1) / 2;
  PairAsked *asked = ARENA_NEW(arena, PairAsked, all);
  int *named = ARENA_NEW(arena, int, all), lists = 0;
  rows->token = ARENA_NEW(arena, EvaluationToken, all * PREDICTED_NAMED);
  for (int b = 1; b < modes; b++) asked[lists++] = (PairAsked){0, b, 0};
  for (int a = 0; a < modes; a++)
    for (int b = a + 1; b < modes; b++) asked[lists++] = (PairAsked){a, b, 0};
#pragma omp parallel for schedule(dynamic)
  for (int i = 0; i < lists; i++)
    named[i] = (i < modes - 1 ? predicted_by_kl : predicted_by_bits)(
        &mode[asked[i].a], &mode[asked[i].b], share, &rows->token[i * PREDICTED_NAMED]);
  rows->tokens = 0;
  for (int i = 0; i < lists; rows->tokens += named[i++])
    memmove(&rows->token[rows->tokens], &rows->token[i * PREDICTED_NAMED],
            (size_t)named[i] * sizeof *rows->token);
}

static void make_rows(const Evaluator *e, const Study *study, EvaluationRows *rows, Arena *arena) {
  const EvaluationPlan *plan = e->plan;
  const Subject *subject = study->subject;
  const char *source = file_name(plan->text ? plan->text : plan->tokens);
  const Pieces pieces = subject_pieces(subject);
  const double share = study->spec->events.share;
  for (int w = 0; w < rows->windows; w++)
    for (int s = 0; s < rows->modes; s++) rows->window[s * rows->windows + w] = *row_of(e, w, s);
  const PredictedMode *mode = predicted_modes(e, rows, arena);
  for (int s = 0; s < rows->modes; s++) {
    rows->mode[s] = evaluation_of(mode[s].window, rows->windows, *arena);
    table_text(rows->mode[s].text, sizeof rows->mode[s].text, source);
    rows->mode[s].length = plan->length;
    rows->mode[s].disjoint = (int32_t)(subject->evaluation_count / (plan->length + 1));
    rows->mode[s].byte_tokens = pieces.bytes;
    rows->mode[s].kl_token_median = predicted_kl_median(&mode[s], *arena);
  }
  make_pairs(rows, mode, share, arena);
  make_tokens(rows, mode, share, arena);
  put_text(rows->token, rows->tokens, e->window, pieces);
}

/* --- the study -------------------------------------------------------------------------------- */

/* The reference, then the modes. */
static WalkSide *make_sides(Arena *arena, const Study *study) {
  const EvaluationPlan *plan = &study->spec->evaluation;
  WalkSide *side = ARENA_NEW(arena, WalkSide, plan->mode_count + 1);
  side[0] = (WalkSide){.source = subject_reference(study->subject), .keep = true};
  for (int m = 0; m < plan->mode_count; m++)
    side[m + 1] = (WalkSide){.source = subject_modes(study->subject),
                             .mode = spec_mode(study->spec, plan->modes[m])};
  return side;
}

/* The windows, and of each the rows of its sides, not filled yet. */
static void make_windows(const Evaluator *e, const Subject *subject, PromptShape *window) {
  const EvaluationPlan *plan = e->plan;
  const int taken = plan->length + 1;
  for (int w = 0; w < plan->windows; w++) {
    const int64_t first = tokens_window_start(subject->evaluation_count, plan->windows, taken, w);
    window[w] = (PromptShape){.name = "window",
                              .token = subject->evaluation_token + (int64_t)w * taken,
                              .T = plan->length};
    for (int s = 0; s < e->sides; s++) {
      EvaluationWindow *row = row_of(e, w, s);
      *row = (EvaluationWindow){.window = w, .first = first};
      table_text(row->mode, sizeof row->mode, s ? plan->modes[s - 1] : MODE_REFERENCE);
    }
  }
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
  WalkSide *side = make_sides(arena, study);
  PromptShape *window = ARENA_NEW(arena, PromptShape, windows);
  Evaluator e = {.plan = plan, .window = window, .side = side, .sides = sides};
  e.left_bytes = left_bytes(sides, plan->length);
  e.left = ARENA_NEW(arena, char, (size_t)windows *e.left_bytes);
  e.stream = ARENA_NEW(arena, double, (size_t)plan->length *(size_t)subject->model.D);
  make_windows(&e, subject, window);
  Visitor visitor = {.context = &e, .side = take_layer, .left = left};
  const int here = study_share(study, windows);
  progress_phase(study->progress, "evaluate", here * subject->model.layers);
  TRY((subject->device64 ? walk_there : walk_here)(&e, study, side, &visitor, *arena, st));
  if (!study_is_part(study)) {
    TRY(check_left(&e, study, st));
    make_rows(&e, study, rows, arena);
  }
  progress_done(study->progress, "%s of %s of %s, %s and the float64 reference",
                progress_count(study->progress, here, "window").text,
                progress_count(study->progress, plan->length, "token").text,
                subject->evaluation_path,
                progress_count(study->progress, plan->mode_count, "mode").text);
  return true;
}

size_t evaluate_bytes(const Spec *spec, const Config *config) {
  if (!spec_evaluates(spec)) return 0;
  const int sides = 1 + spec->evaluation.mode_count;
  size_t T = (size_t)spec->evaluation.length, D = (size_t)config->D,
         kept =
             (size_t)spec->evaluation.windows * left_bytes(sides, (int)T) + T * D * sizeof(double),
         sorted = COMPARING * comparing_bytes(spec->evaluation.windows, (int)T);
  return walk_bytes(block_bytes(config, (int)T), (int)T, (int)D, sides, 3) +
         evaluation_window_bytes((int)T, config->vocab) + kept + sorted;
}
