#include "study/micro/plan.h"

#include <string.h>

/* Shapes beside the model's own: short prompts and an odd width, then the widths of a 130M model.
 * Widths of the Hadamard transform exercise each of its factors. Long scans are narrow. */
enum { EXTRAS_MAX = 9 };
static const char *const extra_shapes[MICRO_OPS][EXTRAS_MAX] = {
    [MICRO_CONV1D] = {"1x513", "2x513", "3x513", "5x513", "33x513", "171x1536", "512x1536"},
    [MICRO_SCAN] = {"1x513x16", "2x513x16", "3x513x16", "5x513x16", "33x513x16", "171x1536x16",
                    "512x1536x16", "8192x16x16"},
    [MICRO_LINEAR] = {"1x257x129", "2x257x129", "3x257x129", "5x257x129", "33x257x129",
                      "171x768x3072", "512x1536x768"},
    [MICRO_RMSNORM] = {"1x513", "2x513", "3x513", "5x513", "33x513", "171x768", "512x768"},
    [MICRO_HADAMARD] = {"1x12", "2x20", "3x28", "5x1", "33x448", "171x1536", "512x1536"},
    [MICRO_EXP] = {"1x513", "512x1536"},
    [MICRO_SILU] = {"1x513", "512x1536"},
    [MICRO_SOFTPLUS] = {"1x513", "512x1536"},
};
static const char slow_shape[] = "8192x16x16"; /* slow decay needs time to show */
/* Of the model's own shape: a long prompt is captured, not made again. */
enum { MODEL_TOKENS_MAX = 512 };

static bool is_function(MicroOp op) { return op >= MICRO_EXP; }

/* The model's own shape at the first prompt. */
static MicroShape model_shape(MicroOp op, const Subject *subject) {
  const Config *c = &subject->checkpoint.config;
  int T = subject->prompt[0].T < MODEL_TOKENS_MAX ? subject->prompt[0].T : MODEL_TOKENS_MAX;
  switch (op) {
    case MICRO_SCAN: return (MicroShape){T, c->E, c->N};
    case MICRO_LINEAR: return (MicroShape){T, c->D, 2 * c->E};
    case MICRO_RMSNORM: return (MicroShape){T, c->D, 0};
    default: return (MicroShape){T, c->E, 0};
  }
}

/* A spec's shape with what it may leave out: the model's states; as many outputs as inputs. */
static MicroShape given_shape(MicroOp op, const char *text, const Subject *subject) {
  MicroShape s = micro_shape_of(text);
  if (op == MICRO_SCAN && !s.N) s.N = subject->checkpoint.config.N;
  if (op == MICRO_LINEAR && !s.N) s.N = s.E;
  return s;
}

/* --- what a spec may leave out ---------------------------------------------------------------- */

/* The presets, as far as there are scales for them. No stage touches a function of one number: one
 * mode tells all. */
static void plan_modes(Arena *arena, const Spec *spec, const Family *family, const Micro *micro,
                       Plan *p) {
  int most = micro->mode_count ? micro->mode_count : family->presets;
  p->mode = ARENA_NEW(arena, const Mode *, most);
  for (int i = 0; i < micro->mode_count; i++)
    p->mode[p->modes++] = spec_mode(spec, micro->modes[i]);
  if (micro->mode_count) return;
  for (int i = 0; i < family->presets; i++) {
    const Mode *mode = &family->preset[i];
    if (is_function(p->op) ? mode == family->plain
                           : spec_calibrated(spec) || !mode_needs_scales(mode))
      p->mode[p->modes++] = mode;
  }
}

static void plan_settings(Arena *arena, const Family *family, Plan *p) {
  p->setting = ARENA_NEW(arena, PlanSetting, OP_TYPES_MOST * p->modes);
  for (int m = 0; m < p->modes; m++) {
    MicroSetting list[OP_TYPES_MOST];
    int calls = micro_calls(p->op, family, p->mode[m], list),
        count = micro_settings(p->op, family, p->mode[m], list);
    if (calls > p->calls) p->calls = calls;
    for (int i = 0; i < count; i++) {
      int at = 0;
      while (at < p->settings && !micro_setting_equal(p->op, &p->setting[at].setting, &list[i]))
        at++;
      if (at == p->settings) p->setting[p->settings++] = (PlanSetting){list[i], ""};
      const char *so_far = p->setting[at].modes;
      p->setting[at].modes =
          arena_printf(arena, "%s%s%s", so_far, *so_far ? " " : "", p->mode[m]->name);
    }
  }
}

static bool plan_places(Arena *arena, const Spec *spec, const Subject *subject, const Micro *micro,
                        Plan *p, Status *st) {
  int last = subject->checkpoint.config.layers - 1;
  p->layer = ARENA_NEW(arena, int, micro->layer_count + 2);
  for (int i = 0; i < micro->layer_count; i++) {
    if (micro->layers[i] > last)
      return spec_blame(spec, &micro->layers[i], NULL, st,
                        FAIL(st, "layer %d: the model has layers 0 to %d", micro->layers[i], last));
    p->layer[p->layers++] = micro->layers[i];
  }
  if (!p->layers) p->layer[p->layers++] = 0;
  if (!micro->layer_count && last > 0) p->layer[p->layers++] = last;

  p->prompt = ARENA_NEW(arena, int, micro->prompt_count + 1);
  for (int i = 0; i < micro->prompt_count; i++) {
    int at = 0;
    while (at < spec->prompt_count && strcmp(spec->prompts[at].name, micro->prompts[i])) at++;
    if (at == spec->prompt_count)
      return spec_blame(spec, &micro->prompts[i], NULL, st,
                        FAIL(st, "there is no prompt '%s'", micro->prompts[i]));
    p->prompt[p->prompts++] = at;
  }
  if (!p->prompts) p->prompt[p->prompts++] = 0;
  return true;
}

static bool plan_shapes(Arena *arena, const Spec *spec, const Subject *subject, const Micro *micro,
                        Plan *p, Status *st) {
  p->shape = ARENA_NEW(arena, MicroShape, micro->shape_count + EXTRAS_MAX + 1);
  for (int i = 0; i < micro->shape_count; i++)
    p->shape[p->shapes++] = given_shape(p->op, micro->shapes[i], subject);
  p->common = p->shapes;
  if (p->shapes == 0) {
    MicroShape own = model_shape(p->op, subject);
    const char *why;
    if (micro_input_exists(p->op, INPUT_NORMAL, own, &why)) p->shape[p->shapes++] = own;
    p->common = p->shapes;
    for (int i = 0; i < EXTRAS_MAX && extra_shapes[p->op][i]; i++)
      p->shape[p->shapes++] = micro_shape_of(extra_shapes[p->op][i]);
  }
  for (int i = 0; i < p->inputs; i++)
    for (int s = 0; s < p->shapes; s++) {
      const char *why;
      if (!micro_input_exists(p->op, p->input[i], p->shape[s], &why))
        return spec_blame(spec, micro, NULL, st,
                          FAIL(st, "operator %s, input %s, shape %s: %s", micro_op_names[p->op],
                               micro_input_names[p->input[i]],
                               micro_shape_text(arena, p->op, p->shape[s]), why));
    }
  return true;
}

bool micro_plan(Arena *arena, const Spec *spec, const Subject *subject, const Micro *micro, Plan *p,
                Status *st) {
  *p = (Plan){.op = (MicroOp)micro_op_of(micro->operator_name)};
  p->input = ARENA_NEW(arena, MicroInput, micro->input_count);
  for (int i = 0; i < micro->input_count; i++) {
    MicroInput input = (MicroInput)micro_input_of(micro->inputs[i]);
    if (input == INPUT_CAPTURED)
      p->captured = true;
    else
      p->input[p->inputs++] = input;
  }
  const Family *family = subject->checkpoint.config.family;
  plan_modes(arena, spec, family, micro, p);
  plan_settings(arena, family, p);
  return plan_places(arena, spec, subject, micro, p, st) &&
         plan_shapes(arena, spec, subject, micro, p, st);
}

bool plan_runs(const Plan *p, int i, int s) {
  MicroShape slow = micro_shape_of(slow_shape);
  if (s < p->common || i == 0) return true;
  return p->input[i] == INPUT_SLOW_DECAY && !memcmp(&p->shape[s], &slow, sizeof slow);
}

int plan_items(const Plan *p) {
  int items = p->captured ? p->modes * p->layers * p->prompts * p->calls : 0;
  for (int i = 0; i < p->inputs; i++)
    for (int s = 0; s < p->shapes; s++) items += plan_runs(p, i, s) ? p->settings : 0;
  return items;
}
