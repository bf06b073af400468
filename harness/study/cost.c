#include "study/cost.h"

#include <gsl/gsl_statistics_double.h>
#include <math.h>
#include <string.h>

#include "base/progress.h"
#include "base/timing.h"
#include "family/block.h"
#include "family/footprint.h"
#include "kernels/watch.h"

enum { TOTAL = WATCH_NAMES, TIMED };

/* Rows stand in this order; an operator that it does not name comes behind, as it is met. */
static const char *const order[] = {"embedding",  "rmsnorm", "in_proj",  "conv1d",   "x_proj",
                                    "dt_proj",    "scan",    "hadamard", "out_proj", "quantise",
                                    "dequantise", "narrow",  "residual", "head"};

typedef struct Sample {
  double time_s, copy_s;
} Sample;

/* One mode at one length. */
typedef struct TimedMode {
  const Mode *mode;
  int length;
  Sample *sample[TIMED]; /* [repeats] */
  int calls[TIMED];
  double bytes[TIMED];
} TimedMode;

typedef struct Bench {
  const Model *model;
  const int32_t *token; /* as many as the longest prefill */
  char *copy_from, *copy_to;
  int repeats;
  const char *name[TIMED]; /* of the operators; the last is the total's */
  int names;
  TimedMode *subject; /* [subjects]: for each length every mode, fp32 first */
  int subjects, modes;
} Bench;

/* --- what is timed ---------------------------------------------------------------------------- */

static bool prefill(const Model *model, const Mode *mode, const int32_t *token, int T,
                    Arena scratch, Status *st) {
  WalkSide side = {.source = source_cpu(model), .mode = mode};
  PromptShape prompt = {.name = "cost", .token = token, .T = T};
  Walk walk = {.layers = model->layers,
               .width = model->D,
               .side = &side,
               .sides = 1,
               .prompt = &prompt,
               .prompts = 1};
  return walk_run(&walk, scratch, st);
}

/* Of `calls` copies that read and write `bytes` together. */
static double copy_s(const Bench *b, double bytes, int calls) {
  Copy copy = {b->copy_to, b->copy_from, calls ? (size_t)(bytes / calls / 2) : 0};
  return timing_run_s(copy_work(&copy), calls);
}

static int place_of(Bench *b, const char *name) {
  int i = 0;
  while (i < b->names && strcmp(b->name[i], name)) i++;
  if (i == b->names) b->name[b->names++] = name;
  return i;
}

/* The whole without clocks inside, then operator by operator, then the copies. */
static bool run_once(Bench *b, TimedMode *s, int repeat, Arena scratch, Status *st) {
  double start_s = clock_s();
  TRY(prefill(b->model, s->mode, b->token, s->length, scratch, st));
  s->sample[TOTAL][repeat].time_s = clock_s() - start_s;

  Model timed = *b->model;
  Watch watch = {.clock_s = clock_s};
  timed.ops = watch_start(&watch, b->model->ops);
  TRY(prefill(&timed, s->mode, b->token, s->length, scratch, st));
  Sample *total = &s->sample[TOTAL][repeat];
  s->calls[TOTAL] = 1;
  s->bytes[TOTAL] = total->copy_s = 0;
  for (int i = 0; i < watch.times; i++) {
    const OpTime *time = &watch.time[i];
    int op = place_of(b, time->name);
    Sample *sample = &s->sample[op][repeat];
    s->calls[op] = time->calls;
    s->bytes[op] = time->bytes;
    *sample = (Sample){time->time_s, copy_s(b, time->bytes, time->calls)};
    total->copy_s += sample->copy_s;
    s->bytes[TOTAL] += time->bytes;
  }
  return true;
}

/* --- rows ------------------------------------------------------------------------------------- */

static double median(const double *x, int n, Arena scratch) {
  double *copy = ARENA_NEW(&scratch, double, n);
  memcpy(copy, x, (size_t)n * sizeof *x);
  return gsl_stats_median(copy, 1, (size_t)n);
}

static Cost row_of(const Bench *b, const TimedMode *s, const TimedMode *fp32, int op,
                   Arena scratch) {
  int n = b->repeats;
  double *x = ARENA_NEW(&scratch, double, n), *to_fp32 = ARENA_NEW(&scratch, double, n),
         *to_copy = ARENA_NEW(&scratch, double, n), *work = ARENA_NEW(&scratch, double, n);
  for (int r = 0; r < n; r++) {
    x[r] = s->sample[op][r].time_s;
    to_fp32[r] = fp32->calls[op] ? fp32->sample[op][r].time_s / x[r] : NAN;
    to_copy[r] = x[r] / s->sample[op][r].copy_s;
  }
  Cost row = {
      .length = s->length, .repeats = n, .calls = s->calls[op], .bytes = s->bytes[op], .share = 1};
  table_text(row.mode, sizeof row.mode, s->mode->name);
  table_text(row.backend, sizeof row.backend, b->model->ops->backend);
  table_text(row.operator_name, sizeof row.operator_name, b->name[op]);
  Middle time = middle_of(x, (size_t)n, work);
  row.time_s = time.median;
  row.mad_s = time.mad;
  row.tokens_per_s = op == TOTAL ? s->length / row.time_s : NAN;
  row.speed_to_fp32 = fp32->calls[op] ? median(to_fp32, n, scratch) : NAN;
  row.time_to_copy = median(to_copy, n, scratch);
  return row;
}

static int add_rows(const Bench *b, const TimedMode *s, const TimedMode *fp32, Cost *row,
                    Arena scratch) {
  int count = 0;
  double sum = 0;
  row[count++] = row_of(b, s, fp32, TOTAL, scratch);
  for (int op = 0; op < b->names; op++) {
    if (!s->calls[op]) continue;
    row[count] = row_of(b, s, fp32, op, scratch);
    sum += row[count++].time_s;
  }
  for (int i = 1; i < count; i++) row[i].share = row[i].time_s / sum;
  return count;
}

static CostBytes bytes_of(const Model *model, const Mode *mode, const Mode *fp32) {
  Footprint f = footprint_of(model, mode), base = footprint_of(model, fp32);
  CostBytes row = {.weight_bytes = f.weight_bytes,
                   .scale_bytes = f.scale_bytes,
                   .activation_bytes = f.activation_bytes,
                   .peak_activation_bytes = f.peak_activation_bytes,
                   .state_bytes = f.state_bytes};
  table_text(row.mode, sizeof row.mode, mode->name);
  row.to_fp32 = (double)(base.weight_bytes + base.scale_bytes + base.state_bytes) /
                (double)(f.weight_bytes + f.scale_bytes + f.state_bytes);
  return row;
}

/* --- the whole -------------------------------------------------------------------------------- */

static int longest(const CostPlan *plan) {
  int most = 0;
  for (int i = 0; i < plan->length_count; i++)
    most = plan->lengths[i] > most ? plan->lengths[i] : most;
  return most;
}

/* The first prompt, again and again. */
static const int32_t *tokens(Arena *arena, const PromptShape *prompt, int T) {
  int32_t *token = ARENA_NEW(arena, int32_t, T);
  for (int t = 0; t < T; t++) token[t] = prompt->token[t % prompt->T];
  return token;
}

/* The family's float preset, then the spec's modes but that. */
static const Mode **modes_of(Arena *arena, const Spec *spec, const Family *family, int *count) {
  const Mode **mode = ARENA_NEW(arena, const Mode *, spec->cost.mode_count + 1);
  mode[0] = family->plain;
  *count = 1;
  for (int i = 0; i < spec->cost.mode_count; i++)
    if (strcmp(spec->cost.modes[i], mode[0]->name))
      mode[(*count)++] = spec_mode(spec, spec->cost.modes[i]);
  return mode;
}

/* No operator of any mode moves more in one call. */
static size_t largest_call(const Model *m, int T) {
  size_t D = (size_t)m->D, E = (size_t)m->config.E, t = (size_t)T;
  return 4 * (t * (D + 8 * E + (size_t)m->vocab + 4 * (size_t)m->config.N) +
              (2 * E + (size_t)m->vocab) * (D + E));
}

/* Every mode at every length, turn by turn, into the samples. */
static bool measure(Bench *b, Progress *progress, Arena scratch, Status *st) {
  progress_phase(progress, "cost", b->repeats * b->subjects);
  for (int i = 0; i < b->subjects; i++)
    TRY(prefill(b->model, b->subject[i].mode, b->token, b->subject[i].length, scratch,
                st)); /* warm */
  for (int repeat = 0; repeat < b->repeats; repeat++)
    for (int i = 0; i < b->subjects; i++) {
      TRY(run_once(b, &b->subject[i], repeat, scratch, st));
      progress_step(progress, repeat * b->subjects + i + 1);
    }
  return true;
}

static bool measure_rows(const Study *study, const Mode *const *mode, Bench *b, CostRows *rows,
                         Arena scratch, Status *st) {
  const CostPlan *plan = &study->spec->cost;
  int most = longest(plan);
  b->token = tokens(&scratch, &study->subject->prompt[0], most);
  b->copy_from = arena_alloc(&scratch, largest_call(b->model, most), 1);
  b->copy_to = arena_alloc(&scratch, largest_call(b->model, most), 1);
  for (int i = 0; i < b->subjects; i++) {
    b->subject[i] = (TimedMode){.mode = mode[i % b->modes], .length = plan->lengths[i / b->modes]};
    for (int op = 0; op < TIMED; op++)
      b->subject[i].sample[op] = ARENA_NEW(&scratch, Sample, b->repeats);
  }
  TRY(measure(b, study->progress, scratch, st));
  for (int i = 0; i < b->subjects; i++)
    rows->times += add_rows(b, &b->subject[i], &b->subject[i - i % b->modes],
                            &rows->time[rows->times], scratch);
  for (int m = 0; m < b->modes; m++) rows->bytes[m] = bytes_of(b->model, mode[m], mode[0]);
  return true;
}

bool cost_measure(Arena *arena, const Study *study, CostRows *rows, Status *st) {
  const CostPlan *plan = &study->spec->cost;
  *rows = (CostRows){0};
  if (!plan->length_count) return true;
  Bench b = {.model = &study->subject->model, .repeats = plan->repeats};
  b.name[TOTAL] = "total";
  for (size_t i = 0; i < sizeof order / sizeof *order; i++) place_of(&b, order[i]);
  const Mode **mode = modes_of(arena, study->spec, b.model->config.family, &b.modes);
  b.subjects = b.modes * plan->length_count;
  b.subject = ARENA_NEW(arena, TimedMode, b.subjects);
  /* One piece, so that it can be kept: the number of rows of time, those, and the rows of bytes. */
  const size_t times = (size_t)b.subjects * TIMED,
               size = sizeof *rows + times * sizeof(Cost) + (size_t)b.modes * sizeof(CostBytes);
  CostRows *kept = arena_alloc(arena, size, 1);
  bool found;
  TRY(study_find(study, "cost", kept, size, &found, *arena, st));
  found = found && kept->times >= 0 && (size_t)kept->times <= times;
  *rows = (CostRows){
      .time = (Cost *)(void *)(kept + 1), .times = found ? kept->times : 0, .modes = b.modes};
  rows->bytes = (CostBytes *)(void *)(rows->time + times);
  if (!found) {
    Forms forms = {.head = true};
    for (int m = 0; m < b.modes; m++) forms = forms_of_both(forms, forms_of_mode(mode[m]));
    TRY(layers_hold_all(study->subject->layers, &forms, st));
    TRY(measure_rows(study, mode, &b, rows, *arena, st));
  }
  *kept = *rows;
  if (!found) TRY(study_keep(study, "cost", kept, size, st));
  if (!found)
    progress_done(study->progress, "%s, %s, %s each",
                  progress_count(study->progress, b.modes, "mode").text,
                  progress_count(study->progress, plan->length_count, "length").text,
                  progress_count(study->progress, b.repeats, "time").text);
  return true;
}

size_t cost_bytes(const Spec *spec, const Config *c) {
  if (!spec->cost.length_count) return 0;
  size_t T = (size_t)longest(&spec->cost), D = (size_t)c->D, E = (size_t)c->E;
  return 2 * block_bytes(c, (int)T) +
         8 * (T * (D + 8 * E + (size_t)c->vocab) + (2 * E + (size_t)c->vocab) * (D + E));
}
