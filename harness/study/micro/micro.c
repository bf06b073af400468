#include "study/micro/micro.h"

#include <stdio.h>
#include <string.h>

#include "measure/stats.h"
#include "study/micro/capture.h"
#include "study/micro/plan.h"
#include "study/micro/state.h"

enum { STATE_TOKENS_LEAST = 32 }; /* fewer show no growth */

/* A captured operator that has run: the same inputs under another mode are not run again. */
typedef struct Seen {
  Digest digest;
  size_t first, count; /* its rows */
} Seen;

_Static_assert(TEXT_MODES >= MICRO_MODES_MAX * (MODE_NAME_MAX + 1),
               "every mode of a section has room in a row");

typedef struct Test {
  const Study *study;
  const Subject *subject;
  const Plan *plan;
  int plans, done;
  MicroRows *rows;
  Seen *seen;
  int seens;
} Test;

static MicroShape shape_of(const Operator *o) {
  const Tensor *x = &o->in[X];
  int third = o->op == MICRO_SCAN     ? o->in[SCAN_A_LOG].cols
              : o->op == MICRO_LINEAR ? o->in[WEIGHT].rows
                                      : 0;
  return (MicroShape){x->rows, x->cols, third};
}

/* Times and measures an operator that has run. */
static void measure(Test *t, Operator *o, MicroRow *label, const Tensor *const *in_run,
                    Arena scratch) {
  label->item = t->rows->items++;
  table_text(label->operator_name, sizeof label->operator_name, micro_op_names[o->op]);
  table_text(label->setting, sizeof label->setting,
             micro_setting_text(&scratch, o->op, &o->setting));
  table_text(label->shape, sizeof label->shape, micro_shape_text(&scratch, o->op, shape_of(o)));
  Timing timing = micro_time(o, scratch);
  operator_reference(&scratch, o);
  micro_measure(t->rows, label, o, in_run, &timing, scratch);
  if (o->op == MICRO_SCAN && o->in[SCAN_U].rows >= STATE_TOKENS_LEAST)
    state_measure(t->rows, label->item, o, scratch);
}

static void step(Test *t) { progress_step(t->study->progress, ++t->done); }

/* --- made inputs ------------------------------------------------------------------------------ */

static void run_made(Test *t, const Plan *p, const PlanSetting *setting, MicroInput input,
                     MicroShape shape, Arena scratch) {
  Operator o;
  MicroRow label = {.layer = -1};
  micro_make(&scratch, p->op, &setting->setting, input, shape, t->study->spec->seed, &o);
  operator_run_own(&o, scratch);
  table_text(label.input, sizeof label.input, micro_input_names[input]);
  table_text(label.modes, sizeof label.modes, setting->modes);
  measure(t, &o, &label, NULL, scratch);
  step(t);
}

static void run_plan(Test *t, const Plan *p, Arena scratch) {
  for (int k = 0; k < p->settings; k++)
    for (int i = 0; i < p->inputs; i++)
      for (int s = 0; s < p->shapes; s++)
        if (plan_runs(p, i, s)) run_made(t, p, &p->setting[k], p->input[i], p->shape[s], scratch);
}

/* --- captured inputs -------------------------------------------------------------------------- */

static Digest tensor_digest(const Tensor *t, Arena scratch) {
  size_t row = (size_t)t->cols * format_size(t->format),
         stride = (size_t)t->stride * format_size(t->format);
  char *packed = arena_alloc(&scratch, (size_t)t->rows, row);
  for (int r = 0; t->data && r < t->rows; r++)
    memcpy(packed + (size_t)r * row, (const char *)t->data + (size_t)r * stride, row);
  const char *form =
      arena_printf(&scratch, "%d %d %d %a", t->format, t->rows, t->cols, (double)t->scale.value);
  Digest both[] = {digest_of(packed, (size_t)t->rows * row), digest_of(form, strlen(form))};
  return digest_join(both, 2);
}

/* Of all that decides the outputs: operator, setting, inputs, the outputs' scales. */
static Digest operator_digest(const Operator *o, const MicroRow *place, int plan, Arena scratch) {
  Digest part[OPERATOR_INPUTS + 1];
  for (int i = 0; i < OPERATOR_INPUTS; i++) part[i] = tensor_digest(&o->in[i], scratch);
  const Output *last = &o->out[o->outs - 1];
  const char *what = arena_printf(&scratch, "%s %s %s %a %s %d %d", micro_op_names[o->op],
                                  last->name, micro_setting_text(&scratch, o->op, &o->setting),
                                  (double)last->got.scale.value, place->prompt, place->layer, plan);
  part[OPERATOR_INPUTS] = digest_of(what, strlen(what));
  return digest_join(part, OPERATOR_INPUTS + 1);
}

/* Files the rows of the same computation under one more mode. */
static bool seen_before(Test *t, const Digest *digest, const char *mode) {
  for (int i = 0; i < t->seens; i++) {
    if (strcmp(t->seen[i].digest.hex, digest->hex)) continue;
    for (size_t r = 0; r < t->seen[i].count; r++) {
      char *modes = t->rows->micro[t->seen[i].first + r].modes;
      size_t used = strlen(modes);
      snprintf(modes + used, sizeof t->rows->micro->modes - used, " %s", mode);
    }
    return true;
  }
  return false;
}

static bool run_capture(Test *t, int plan, Capture *c, const Mode *mode, const char *prompt,
                        int layer, Arena scratch, Status *st) {
  Operator *o = &c->o;
  MicroRow label = {.layer = layer};
  table_text(label.input, sizeof label.input, micro_input_names[INPUT_CAPTURED]);
  table_text(label.modes, sizeof label.modes, mode->name);
  table_text(label.prompt, sizeof label.prompt, prompt);
  operator_run_own(o, scratch);
  for (int i = 0; i < o->outs; i++)
    if (c->in_run[i] && !tensor_identical(&o->out[i].got, c->in_run[i]))
      return FAIL_CHECK(
          st,
          "mode %s, prompt %s, layer %d: %s alone gives other bits of %s than the full run: one of "
          "the two is wrong",
          mode->name, prompt, layer, micro_op_names[o->op], o->out[i].name);
  Digest digest = operator_digest(o, &label, plan, scratch);
  step(t);
  if (seen_before(t, &digest, mode->name)) return true;
  Seen *seen = &t->seen[t->seens++];
  *seen = (Seen){.digest = digest, .first = t->rows->micros};
  measure(t, o, &label, c->in_run, scratch);
  seen->count = t->rows->micros - seen->first;
  return true;
}

static bool plan_captures(const Plan *p, int prompt, const Mode *mode, int layer) {
  bool wants_prompt = false, wants_mode = false, wants_layer = layer < 0;
  for (int i = 0; i < p->prompts; i++) wants_prompt = wants_prompt || p->prompt[i] == prompt;
  for (int i = 0; i < p->modes; i++)
    wants_mode = wants_mode || !strcmp(p->mode[i]->name, mode->name);
  for (int i = 0; i < p->layers; i++) wants_layer = wants_layer || p->layer[i] == layer;
  return p->captured && wants_prompt && wants_mode && wants_layer;
}

/* The last layer that any plan captures at this prompt and mode; -1: none. */
static int last_captured(const Test *t, int prompt, const Mode *mode) {
  int last = -1;
  for (int p = 0; p < t->plans; p++)
    for (int i = 0; plan_captures(&t->plan[p], prompt, mode, -1) && i < t->plan[p].layers; i++)
      last = t->plan[p].layer[i] > last ? t->plan[p].layer[i] : last;
  return last;
}

/* One mode on its way through one prompt. */
typedef struct Captures {
  Test *test;
  int prompt;
  Watch *watch; /* of the side's operators: the calls since the last layer */
} Captures;

static bool capture_layer(void *context, const WalkPlace *at, int side, const Trace *trace,
                          Arena scratch, Status *st) {
  const Captures *c = context;
  Test *t = c->test;
  const Mode *mode = at->side[side].mode;
  (void)trace; /* the calls hold its tensors, and those that are in no trace */
  for (int p = 0; p < t->plans; p++) {
    if (!plan_captures(&t->plan[p], c->prompt, mode, at->layer)) continue;
    Arena own = scratch;
    Capture list[CAPTURES_MAX];
    int count = micro_capture(&own, t->plan[p].op, c->watch, list);
    for (int i = 0; i < count; i++)
      TRY(run_capture(t, p, &list[i], mode, at->shape->name, at->layer, own, st));
  }
  c->watch->count = 0;
  return true;
}

static bool capture_mode(Test *t, int prompt, const Mode *mode, Arena scratch, Status *st) {
  SeenCall calls[WATCH_CALLS];
  Watch watch = {.seen = calls, .room = WATCH_CALLS};
  Model model = t->subject->model;
  model.ops = watch_start(&watch, model.ops);
  WalkSide side = {
      .source = source_cpu(&model), .mode = mode, .layers = 1 + last_captured(t, prompt, mode)};
  if (!side.layers) return true;
  Captures captures = {t, prompt, &watch};
  Visitor visitor = {.context = &captures, .side = capture_layer};
  return study_walk(t->study, &side, 1, &t->subject->prompt[prompt], 1, &visitor, false, NULL,
                    scratch, st);
}

/* Every mode that any plan names goes through the prompt. */
static bool capture_prompt(Test *t, int prompt, Arena scratch, Status *st) {
  for (int p = 0; p < t->plans; p++)
    for (int m = 0; m < t->plan[p].modes; m++) {
      const Mode *mode = t->plan[p].mode[m];
      bool met = false;
      for (int q = 0; q < p; q++)
        for (int i = 0; i < t->plan[q].modes; i++)
          met = met || !strcmp(t->plan[q].mode[i]->name, mode->name);
      if (!met) TRY(capture_mode(t, prompt, mode, scratch, st));
    }
  return true;
}

/* --- what an unfinished run keeps ------------------------------------------------------------- */

/* How far the rows have come. */
typedef struct Mark {
  size_t rows[MICRO_TABLES];
  int items, done;
} Mark;

static Mark mark_of(const Test *t) {
  Mark mark = {.items = t->rows->items, .done = t->done};
  TableRows table[MICRO_TABLES];
  micro_rows_tables(t->rows, table);
  for (int i = 0; i < MICRO_TABLES; i++) mark.rows[i] = table[i].count;
  return mark;
}

/* The rows behind `from`: a mark of where they end, then table by table. */
static bool keep_rows(const Test *t, const char *name, const Mark *from, Arena scratch,
                      Status *st) {
  const Keeper *keeper = t->study->keeper;
  if (!keeper) return true;
  Mark to = mark_of(t);
  TableRows table[MICRO_TABLES];
  micro_rows_tables(t->rows, table);
  size_t size = sizeof to;
  for (int i = 0; i < MICRO_TABLES; i++)
    size += (to.rows[i] - from->rows[i]) * table[i].table->row_size;
  char *bytes = arena_alloc(&scratch, size, 1), *at = bytes + sizeof to;
  memcpy(bytes, &to, sizeof to);
  for (int i = 0; i < MICRO_TABLES; i++) {
    size_t row = table[i].table->row_size, count = (to.rows[i] - from->rows[i]) * row;
    memcpy(at, (const char *)table[i].rows + from->rows[i] * row, count);
    at += count;
  }
  return keeper->keep(keeper->context, name, bytes, size, st);
}

static bool find_rows(Test *t, const char *name, bool *found, Arena scratch, Status *st) {
  const Keeper *keeper = t->study->keeper;
  const void *bytes = NULL;
  size_t size = 0;
  *found = false;
  if (keeper) TRY(keeper->find(keeper->context, &scratch, name, &bytes, &size, st));
  Mark to, from = mark_of(t);
  if (!bytes || size < sizeof to) return true;
  memcpy(&to, bytes, sizeof to);
  if (to.items < from.items || to.items > t->rows->items_max ||
      !micro_rows_fit(t->rows, size - sizeof to, from.rows, to.rows))
    return true; /* kept beside other rows than these: made again */
  micro_rows_append(t->rows, (const char *)bytes + sizeof to, from.rows, to.rows);
  t->rows->items = to.items;
  t->done = to.done;
  *found = true;
  return true;
}

/* Captured inputs prompt by prompt, then made ones plan by plan; each is kept when it is whole. */
static bool run_all(Test *t, Arena scratch, Status *st) {
  for (int i = 0; i < t->study->spec->prompt_count + t->plans; i++) {
    int prompts = t->study->spec->prompt_count;
    const char *name = arena_printf(&scratch, i < prompts ? "micro.prompt_%04d" : "micro.plan_%d",
                                    i < prompts ? i : i - prompts);
    bool found;
    TRY(find_rows(t, name, &found, scratch, st));
    progress_step(t->study->progress, t->done);
    if (found) continue;
    Mark from = mark_of(t);
    if (i < prompts)
      TRY(capture_prompt(t, i, scratch, st));
    else
      run_plan(t, &t->plan[i - prompts], scratch);
    TRY(keep_rows(t, name, &from, scratch, st));
  }
  return true;
}

/* --- the whole -------------------------------------------------------------------------------- */

static bool make_plans(Arena *arena, const Spec *spec, const Subject *subject, Plan **plan,
                       Status *st) {
  *plan = ARENA_NEW(arena, Plan, spec->micro_count);
  for (int i = 0; i < spec->micro_count; i++)
    TRY(micro_plan(arena, spec, subject, &spec->micro[i], &(*plan)[i], st));
  return true;
}

bool micro_check(const Spec *spec, const Subject *subject, Arena scratch, Status *st) {
  Plan *plan;
  return make_plans(&scratch, spec, subject, &plan, st);
}

/* Values of all tensors of an operator alone. */
static size_t values_of(MicroOp op, MicroShape s) {
  const size_t T = (size_t)s.T, E = (size_t)s.E, N = (size_t)s.N;
  switch (op) {
    case MICRO_SCAN: return T * (6 * E + 2 * N) + 2 * E * N;
    case MICRO_LINEAR: return T * (E + N) + E * N;
    default: return 3 * T * E;
  }
}

/* Of each value: itself, its reference and bounds in float64, and their errors, sorted. */
size_t micro_bytes(const Spec *spec, const Subject *subject, Arena scratch) {
  enum { BYTES = 64 };
  Plan *plan;
  Status why = {0};
  size_t most = 0;
  if (!spec->micro_count || !make_plans(&scratch, spec, subject, &plan, &why)) return 0;
  for (int p = 0; p < spec->micro_count; p++)
    for (int s = 0; s < plan[p].shapes; s++) {
      const size_t values = values_of(plan[p].op, plan[p].shape[s]);
      most = values > most ? values : most;
    }
  return most * BYTES;
}

bool micro_run(Arena *arena, const Study *study, MicroRows *rows, Status *st) {
  const Spec *spec = study->spec;
  Test t = {.study = study, .subject = study->subject, .plans = spec->micro_count, .rows = rows};
  Plan *plan;
  int items = 0;
  TRY(make_plans(arena, spec, study->subject, &plan, st));
  for (int p = 0; p < t.plans; p++) items += plan_items(&plan[p]);
  t.plan = plan;
  *rows = micro_rows_new(arena, items);
  if (items == 0) return true;
  t.seen = ARENA_NEW(arena, Seen, items);
  progress_phase(study->progress, "micro", items);
  TRY(run_all(&t, *arena, st));
  progress_done(study->progress, "%s alone, %s",
                progress_count(study->progress, rows->items, "operator").text,
                progress_count(study->progress, (long)rows->micros, "output").text);
  return true;
}
