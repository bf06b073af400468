#include "study/calibrate.h"

#include <assert.h>
#include <gsl/gsl_sort.h>
#include <math.h>
#include <omp.h>
#include <string.h>

#include "base/quantiles.h"
#include "family/block.h"
#include "kernels/q8.h"
#include "model/tokens.h"
#include "study/calibrate_there.h"
#include "study/choices.h"

static const double quantile_momentum = 0.01; /* Quamba's moving average over windows */
enum { ALPHAS_MOST = 1 + CHOICE_QUANTILES + GRID_ALPHAS_MAX };
_Static_assert((int)ALPHAS_MOST <= (int)OBSERVE_QUANTILES, "a device takes all of them at once");

/* Of scratch, for a tensor of so many values. */
static size_t magnitudes_bytes(size_t values) {
  return values * sizeof(double) + quantiles_scratch_bytes() + 4096;
}

/* The statistics of one tensor in one window; NaN where a value is not finite. alpha [alphas], in
 * any order; of a maximum there is one alone. */
static void observe(const Tensor *t, bool quantile, const double *alpha, int alphas, double *out,
                    Arena scratch) {
  size_t n = tensor_elements(t);
  const float *x = t->data;
  bool finite = true;
  for (size_t i = 0; i < n; i++) finite &= isfinite(x[i]) != 0;
  for (int a = 0; a < alphas; a++) out[a] = NAN;
  if (!finite) return;
  if (!quantile) {
    *out = absmax(t);
    return;
  }
  double *magnitude = ARENA_NEW(&scratch, double, n), rising[ALPHAS_MOST], found[ALPHAS_MOST];
  memcpy(rising, alpha, (size_t)alphas * sizeof *alpha);
  gsl_sort(rising, 1, (size_t)alphas);
  for (int from = 0; from < alphas; from += QUANTILES_MAX) {
    const int left = alphas - from;
    for (size_t i = 0; i < n; i++) magnitude[i] = fabs((double)x[i]); /* a selection spoils them */
    quantiles_select(magnitude, n, rising + from, left < QUANTILES_MAX ? left : QUANTILES_MAX,
                     found + from, scratch);
  }
  for (int a = 0; a < alphas; a++)
    for (int i = 0; i < alphas; i++)
      if (rising[i] == alpha[a]) out[a] = found[i];
}

/* The walk's visitor. */
typedef struct Observer {
  const Family *family;
  double *stat; /* [windows][layers][scales][alphas] */
  int layers, alphas;
  double alpha[ALPHAS_MOST]; /* the calibration's, then those of the choices where they are asked
                                for, then the others that are */
  const Choices *choices;    /* NULL: they are not */
  ScalesThere there;
} Observer;

struct Calibrator {
  CalibrationAsked asked;
  Observer observer;
  double *others; /* [layers][scales][alphas - 1]: statistics at all but the first, combined */
  Choices choices;
  PromptShape *window;
  WalkSide side;
  Visitor visitor;
  Walk walk;
  WalkRun *run;
  Arena arena, scratch; /* all that it has; what a layer takes of it */
};

static double *stat_of(const Observer *o, int window, int layer) {
  return &o->stat[(size_t)(window * o->layers + layer) *
                  (size_t)(o->family->tensors.scales * o->alphas)];
}

static bool observe_layer(void *context, const WalkPlace *at, int side, const Trace *trace,
                          Arena scratch, Status *st) {
  (void)side, (void)st;
  Observer *o = context;
  const ScaleInfo *scale = o->family->scale;
  double *stat = stat_of(o, at->prompt, at->layer);
  for (int s = 0; s < o->family->tensors.scales; s++, stat += o->alphas) {
    const Tensor *t = &trace->t[scale[s].tensor];
    observe(t, scale[s].quantile, o->alpha, o->alphas, stat, scratch);
    if (o->choices) choices_gather(o->choices, at->layer, s, t, scratch);
  }
  return true;
}

static void queued_there(void *context, const WalkPlace *at, const Trace *const *trace,
                         TensorSet *back) {
  (void)back; /* what is looked at */
  Observer *o = context;
  scales_there_queue(&o->there, at->prompt, at->layer, trace[0]);
}

/* As observe leaves them. */
static void take_observed(const ObserveList *list, int scale, const Observed *found, double *out) {
  for (int a = 0; a < list->fractions; a++) out[a] = NAN;
  if (!found->finite) return;
  if (!found->ordered) *out = found->largest;
  for (int a = 0; found->ordered && a < list->fractions; a++)
    out[a] = observed_quantile(list, scale, found, a);
}

/* observe_layer of a window that a device ran: nothing of its tensors is here. */
static bool take_there(void *context, const WalkPlace *at, int side, const Trace *trace,
                       Arena scratch, Status *st) {
  (void)side, (void)trace, (void)st;
  Observer *o = context;
  double *stat = stat_of(o, at->prompt, at->layer);
  for (int s = 0; s < o->family->tensors.scales; s++, stat += o->alphas) {
    const Observed found = scales_there_take(&o->there, at->prompt, at->layer, s);
    take_observed(&o->there.list, s, &found, stat);
    if (o->choices) choices_observed(o->choices, at->layer, s, &found, scratch);
  }
  return true;
}

/* Of the choices the windows leave sums that are one for all: then nothing of a single window can
 * be kept. */
static void *observed(void *context, int window, size_t *bytes) {
  const Observer *o = context;
  *bytes = (size_t)o->layers * (size_t)(o->family->tensors.scales * o->alphas) * sizeof(double);
  return o->choices ? NULL : stat_of(o, window, 0);
}

/* The statistic of one scale and layer over the windows, in their order; `step` from one window's
 * to the next's. */
static double combined(const double *stat, size_t step, int windows, bool quantile) {
  double result = *stat;
  for (int w = 1; w < windows; w++) {
    double next = stat[(size_t)w * step];
    if (quantile)
      result += quantile_momentum * (next - result);
    else if (!(next <= result)) /* also takes a NaN over, so that it is seen */
      result = next;
  }
  return result;
}

/* Of scratch, for a thread's window in a layer. */
static size_t window_bytes(const Config *config, int length, bool choices) {
  return block_layer_bytes(config, length) +
         magnitudes_bytes((size_t)length * (size_t)family_widest(config)) +
         (choices ? choices_window_bytes(config) : 0) + ((size_t)1 << 16);
}

static size_t together(int threads, int windows) {
  return (size_t)(threads < windows ? threads : windows);
}

/* On a device a window at a time, and its stream in pinned memory, to and fro. */
static size_t layer_bytes(const Config *config, const Calibration *how, bool choices, int threads) {
  const size_t rest = (size_t)1 << 16;
  if (threads)
    return together(threads, how->windows) * window_bytes(config, how->length, choices) + rest;
  return choices_window_bytes(config) + walk_stream_bytes(how->length, config->D, 1) + rest;
}

size_t calibrate_bytes(const Config *config, const Calibration *how, bool choices, int alphas,
                       int threads) {
  const size_t scales = (size_t)config->layers * (size_t)config->family->tensors.scales,
               all = 1 + CHOICE_QUANTILES + (size_t)alphas,
               statistics = (size_t)(how->windows + 1) * scales * all * sizeof(double),
               windows =
                   (size_t)how->windows * (walk_stream_bytes(how->length, config->D, 1) + 4096);
  return layer_bytes(config, how, choices, threads) + statistics + windows +
         (choices ? choices_bytes(config) : 0) + walk_stream_bytes(how->length, config->D, 1) +
         ((size_t)1 << 16);
}

/* The scales of a layer from what the windows left; others [scales][alphas - 1]: its statistics at
 * other alphas. */
static bool take_statistics(const Calibrator *c, int layer, double *others, Status *st) {
  const Observer *o = &c->observer;
  const int scales = o->family->tensors.scales, windows = c->asked.how.windows;
  const size_t step = (size_t)o->layers * (size_t)(scales * o->alphas);
  LayerScales *to = &c->asked.model->scales[layer];
  for (int s = 0; s < scales; s++) {
    const double *stat = stat_of(o, 0, layer) + s * o->alphas;
    const bool quantile = o->family->scale[s].quantile;
    double statistic = combined(stat, step, windows, quantile);
    if (!isfinite(statistic))
      return FAIL(st, "%s: calibration: layer %d: %s has values that are not finite",
                  c->asked.how.text, layer,
                  o->family->tensors.info[o->family->scale[s].tensor].name);
    to->statistic[s] = statistic;
    to->scale[s] = scale_of(statistic);
    for (int a = 1; a < o->alphas; a++)
      *others++ = quantile ? combined(stat + a, step, windows, true) : NAN;
  }
  return true;
}

/* Of those at other alphas the ones that the caller asked for: the last ones. */
static void hand_over(const Calibrator *c, const double *others, int layer) {
  const size_t scales = (size_t)c->observer.family->tensors.scales, asked = (size_t)c->asked.alphas,
               all = (size_t)c->observer.alphas - 1;
  double *to = c->asked.statistic + (size_t)layer * scales * asked;
  for (size_t s = 0; s < scales; s++)
    memcpy(to + s * asked, others + s * all + all - asked, asked * sizeof *to);
}

static void make_observer(Calibrator *c) {
  Observer *o = &c->observer;
  const Model *model = c->asked.model;
  const Family *family = model->config.family;
  *o = (Observer){.family = family,
                  .layers = model->layers,
                  .alphas = 1 + (c->asked.choice ? CHOICE_QUANTILES : 0),
                  .alpha = {c->asked.how.alpha}};
  memcpy(o->alpha + 1, scale_choice_quantiles, sizeof scale_choice_quantiles);
  for (int a = 0; a < c->asked.alphas; a++) o->alpha[o->alphas++] = c->asked.alpha[a];
  const size_t statistics = (size_t)model->layers * (size_t)(family->tensors.scales * o->alphas);
  o->stat = ARENA_NEW(&c->scratch, double, (size_t)c->asked.how.windows *statistics);
  c->others = ARENA_NEW(&c->scratch, double, statistics);
  if (c->asked.choice)
    c->choices = choices_begin(&c->scratch, &model->config), o->choices = &c->choices;
}

static void make_windows(Calibrator *c) {
  const Calibration *how = &c->asked.how;
  c->window = ARENA_NEW(&c->scratch, PromptShape, how->windows);
  for (int w = 0; w < how->windows; w++) {
    const int64_t start = tokens_window_start(c->asked.count, how->windows, how->length, w);
    c->window[w] =
        (PromptShape){.name = "window", .token = c->asked.token + start, .T = how->length};
  }
}

static bool begin_there(Calibrator *c, Status *st) {
  Observer *o = &c->observer;
  c->visitor.looks_at = tensors_in(&o->family->tensors, ROLE_BLOCK_OUT, ROLE_BLOCK_OUT);
  c->visitor.queued = queued_there;
  c->visitor.side = take_there;
  return scales_there_begin(&c->asked.device->cuda, &c->asked.model->config, c->asked.how.length,
                            o->alpha, o->alphas, o->choices, &o->there, st);
}

bool calibrate_begin(Arena *arena, const CalibrationAsked *asked, Calibrator **made, Status *st) {
  const Model *model = asked->model;
  const Calibration *how = &asked->how;
  assert(asked->count >= how->length); /* subject_check */
  assert(asked->alphas <= GRID_ALPHAS_MAX);
  Calibrator *c = *made = ARENA_NEW(arena, Calibrator, 1);
  c->asked = *asked;
  c->arena = c->scratch =
      arena_carve(arena, calibrate_bytes(&model->config, how, asked->choice != NULL, asked->alphas,
                                         asked->device ? 0 : omp_get_max_threads()));
  make_observer(c);
  make_windows(c);
  c->side = (WalkSide){.source = asked->device ? source_cuda(asked->device) : source_cpu(model),
                       .mode = model->config.family->plain,
                       .layers = model->layers};
  c->visitor = (Visitor){.context = &c->observer, .side = observe_layer, .left = observed};
  if (asked->device) TRY(begin_there(c, st));
  c->walk =
      (Walk){.layers = model->layers,
             .width = model->D,
             .side = &c->side,
             .sides = 1,
             .prompt = c->window,
             .prompts = how->windows,
             .visitor = &c->visitor,
             .visitors = 1,
             .abreast = asked->device ? 1 : how->windows,
             .abreast_bytes = window_bytes(&model->config, how->length, asked->choice != NULL),
             .name = "calibration",
             .keeper = asked->keeper};
  return walk_begin(&c->scratch, &c->walk, &c->run, st);
}

bool calibrate_layer(Calibrator *c, int layer, Status *st) {
  const Model *model = c->asked.model;
  const int of_layer = model->config.family->tensors.scales * (c->observer.alphas - 1);
  double *others = c->others + (size_t)layer * (size_t)of_layer;
  const bool ok =
      walk_layer(c->run, layer, c->scratch, st) && take_statistics(c, layer, others, st);
  if (c->asked.device && (!ok || layer + 1 == model->layers)) scales_there_free(&c->observer.there);
  TRY(ok);
  if (c->asked.alphas) hand_over(c, others, layer);
  if (c->asked.sparing) arena_give_back(&(Arena){.base = c->scratch.next, .end = c->scratch.end});
  if (layer + 1 < model->layers) return true;
  if (c->asked.choice)
    choices_rows(&c->choices, model, c->others, c->observer.alphas - 1, c->asked.choice,
                 c->scratch);
  arena_give_back(&c->arena);
  return true;
}

bool calibrate(Model *model, const int32_t *token, int64_t count, const Calibration *how,
               ScaleChoice *choice, Arena scratch, Status *st) {
  Calibrator *c;
  const CalibrationAsked asked = {
      .model = model, .token = token, .count = count, .how = *how, .choice = choice};
  TRY(calibrate_begin(&scratch, &asked, &c, st));
  for (int layer = 0; layer < model->layers; layer++) TRY(calibrate_layer(c, layer, st));
  return true;
}
