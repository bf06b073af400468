#include "command/verify.h"

#include <math.h>
#include <string.h>

#include "base/number.h"
#include "kernels/f16.h"

enum { OPERATOR_BYTES = 1 << 29 }; /* the tensors of the largest operator call, several times */

/* --- comparing -------------------------------------------------------------------------------- */

static bool same_element(const Tensor *a, const Tensor *b, size_t i) {
  if (a->format == FORMAT_I8) return ((const int8_t *)a->data)[i] == ((const int8_t *)b->data)[i];
  if (a->format == FORMAT_F16) {
    uint16_t x = ((const uint16_t *)a->data)[i], y = ((const uint16_t *)b->data)[i];
    return x == y || ((x & 0x7fffu) > 0x7c00u && (y & 0x7fffu) > 0x7c00u);
  }
  float x = ((const float *)a->data)[i], y = ((const float *)b->data)[i];
  return bits_of_f32(x) == bits_of_f32(y) || (isnan(x) && isnan(y));
}

/* "linear f32*f32->f16", without the backend behind it. */
int verify_kernel_length(const char *kernel) {
  if (!kernel) return 0;
  const char *space = strrchr(kernel, ' ');
  return space ? (int)(space - kernel) : (int)strlen(kernel);
}

const char *verify_difference(Arena *arena, const char *name, const Tensor *a, const Tensor *b) {
  int length = verify_kernel_length(a->kernel);
  if (a->format != b->format || length != verify_kernel_length(b->kernel) ||
      strncmp(a->kernel, b->kernel, (size_t)length) != 0)
    return arena_printf(arena, "%s: made by '%s' and by '%s'", name, a->kernel, b->kernel);
  if (bits_of_f32(a->scale.value) != bits_of_f32(b->scale.value))
    return arena_printf(arena, "%s: scale %a on the CPU, %a on the device", name,
                        (double)a->scale.value, (double)b->scale.value);
  for (size_t i = 0; i < tensor_elements(a); i++)
    if (!same_element(a, b, i))
      return arena_printf(arena, "%s [%zu, %zu]: %a on the CPU, %a on the device", name,
                          i / (size_t)a->cols, i % (size_t)a->cols, tensor_value(a, i),
                          tensor_value(b, i));
  if (a->nans != b->nans)
    return arena_printf(arena, "%s: %lld NaNs quantised on the CPU, %lld on the device", name,
                        (long long)a->nans, (long long)b->nans);
  return NULL;
}

/* --- the model -------------------------------------------------------------------------------- */

static bool same_trace(Verify *v, const Mode *mode, int layer, const Trace *cpu,
                       const Trace *device, Arena scratch, Status *st) {
  const Tensors *tensors = &cpu->family->tensors;
  for (int id = 0; id < tensors->count; id++) {
    const Tensor *t = &cpu->t[id];
    if (!t->data) continue;
    const char *name =
        arena_printf(&scratch, "mode %s, layer %d, %s", mode->name, layer, tensors->info[id].name);
    const char *difference = verify_difference(&scratch, name, t, &device->t[id]);
    if (difference) return FAIL_CHECK(st, "the device differs from the CPU: %s", difference);
    v->values += (int64_t)t->rows * t->cols;
  }
  for (int id = tensors->count; id < tensors->all; id++)
    if (cpu->t[id].data && cpu->t[id].scale.value != device->t[id].scale.value)
      return FAIL_CHECK(st,
                        "the device differs from the CPU: mode %s, layer %d: %s has a scale of %a "
                        "on the CPU, %a on the device",
                        mode->name, layer, tensors->info[id].name, (double)cpu->t[id].scale.value,
                        (double)device->t[id].scale.value);
  return true;
}

/* Sides of the walk. The device's is the first: its lane is 0. */
enum { ON_DEVICE, ON_CPU };

static bool compare_layer(void *context, const WalkPlace *at, const Trace *trace, Arena scratch,
                          Status *st) {
  return same_trace(context, at->side[ON_CPU].mode, at->layer, &trace[ON_CPU], &trace[ON_DEVICE],
                    scratch, st);
}

static bool verify_mode(Verify *v, const Subject *subject, const Mode *mode, Arena arena,
                        Status *st) {
  WalkSide side[] = {[ON_DEVICE] = {.source = source_cuda(&v->device), .mode = mode},
                     [ON_CPU] = {.source = source_cpu(&subject->model), .mode = mode}};
  Visitor visitor = {.context = v, .layer = compare_layer};
  Walk walk = subject_walk(subject, side, 2, subject->prompt, 1);
  walk.visitor = &visitor;
  walk.visitors = 1;
  v->values = 0;
  TRY(walk_run(&walk, arena, st));
  VerifyLine line = {arena_printf(&arena, "mode %s", mode->name),
                     arena_printf(&arena, "%d layer%s, T %d", walk.layers, plural(walk.layers),
                                  subject->prompt[0].T),
                     v->values};
  v->say(v->context, &line);
  return true;
}

bool verify_open(Verify *v, Status *st) {
  return device_find(BACKEND_CUDA, "verify: there is nothing to hold against the CPU", &v->device,
                     st);
}

bool verify_run(Arena *arena, const Subject *subject, Verify *v, Status *st) {
  const PromptShape *prompt = &subject->prompt[0];
  DevicePlan plan = {
      .model = &subject->model, .layers = subject->layers, .T = prompt->T, .more = OPERATOR_BYTES};
  const Family *family = subject->model.config.family;
  for (int m = 0; m < family->presets; m++)
    plan.forms = forms_of_both(plan.forms, forms_of_mode(&family->preset[m]));
  TRY(layers_ride_all(subject->layers, st));
  TRY(device_load(arena, &plan, &v->device, st));
  v->arena = *arena;
  bool same = verify_operators(v, st);
  for (int m = 0; same && m < family->presets; m++)
    same = verify_mode(v, subject, &family->preset[m], v->arena, st);
  device_free(&v->device);
  return same;
}
