#include "command/verify.h"

#include <math.h>
#include <string.h>

#include "family/block.h"
#include "kernels/f16.h"

enum { OPERATOR_BYTES = 1 << 29 }; /* the tensors of the largest operator call, several times */

/* --- comparing ------------------------------------------------------------------------------------------------------
 */

static bool same_element(const Tensor *a, const Tensor *b, size_t i) {
  if (a->type == TYPE_I8) return ((const int8_t *)a->data)[i] == ((const int8_t *)b->data)[i];
  if (a->type == TYPE_F16) {
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
  if (a->type != b->type || length != verify_kernel_length(b->kernel) ||
      strncmp(a->kernel, b->kernel, (size_t)length) != 0)
    return arena_printf(arena, "%s: made by '%s' and by '%s'", name, a->kernel, b->kernel);
  if (bits_of_f32(a->scale) != bits_of_f32(b->scale))
    return arena_printf(arena, "%s: scale %a on the CPU, %a on the device", name, (double)a->scale, (double)b->scale);
  for (size_t i = 0; i < (size_t)a->rows * (size_t)a->cols; i++)
    if (!same_element(a, b, i))
      return arena_printf(arena, "%s [%zu, %zu]: %a on the CPU, %a on the device", name, i / (size_t)a->cols,
                          i % (size_t)a->cols, tensor_value(a, i), tensor_value(b, i));
  if (a->nans != b->nans)
    return arena_printf(arena, "%s: %lld NaNs quantised on the CPU, %lld on the device", name, (long long)a->nans,
                        (long long)b->nans);
  return NULL;
}

/* --- the model ------------------------------------------------------------------------------------------------------
 */

static bool same_trace(Verify *v, const Mode *mode, int layer, const Trace *cpu, const Trace *device, Arena scratch,
                       Status *st) {
  for (TensorId id = 0; id < T_COUNT; id++) {
    const Tensor *t = &cpu->t[id];
    if (!t->data) continue;
    const char *name = arena_printf(&scratch, "mode %s, layer %d, %s", mode->name, layer, tensor_info[id].name);
    const char *difference = verify_difference(&scratch, name, t, &device->t[id]);
    if (difference) return FAIL_CHECK(st, "the device differs from the CPU: %s", difference);
    v->values += (int64_t)t->rows * t->cols;
  }
  if (cpu->t[T_CONV_IN].data && cpu->t[T_CONV_IN].scale != device->t[T_CONV_IN].scale)
    return FAIL_CHECK(st,
                      "the device differs from the CPU: mode %s, layer %d: the convolution's input has a scale of %a "
                      "on the CPU, %a on the device",
                      mode->name, layer, (double)cpu->t[T_CONV_IN].scale, (double)device->t[T_CONV_IN].scale);
  return true;
}

static bool verify_mode(Verify *v, const Model *model, const PromptShape *prompt, const Mode *mode, Arena arena,
                        Status *st) {
  Trace ends = {0}, cpu, device;
  block_embed(model, prompt->token, prompt->T, &arena, &ends);
  Tensor x = ends.t[T_EMBEDDING];
  void *stream = x.data;
  v->values = 0;
  device_begin(&v->device, 0, prompt->token, prompt->T);
  for (int layer = 0; layer < model->layers; layer++) {
    Arena room = arena;
    device_queue(&v->device, 0, mode, layer, true);
    block_run(model, layer, mode, &x, &room, &cpu);
    if (layer == 0) cpu.t[T_EMBEDDING] = ends.t[T_EMBEDDING];
    if (layer == model->layers - 1) block_head(model, &cpu.t[T_BLOCK_OUT], &room, &cpu);
    TRY(device_wait(&v->device, st));
    device_take(&v->device, 0, layer, &device);
    TRY(same_trace(v, mode, layer, &cpu, &device, room, st));
    memcpy(stream, cpu.t[T_BLOCK_OUT].data, (size_t)prompt->T * (size_t)model->D * sizeof(float));
    x = cpu.t[T_BLOCK_OUT];
    x.data = stream;
  }
  VerifyLine line = {arena_printf(&arena, "mode %s", mode->name),
                     arena_printf(&arena, "%d layers, T %d", model->layers, prompt->T), v->values};
  v->say(v->context, &line);
  return true;
}

bool verify_open(Verify *v, Status *st) {
  return device_find(BACKEND_CUDA, "verify: there is nothing to hold against the CPU", &v->device, st);
}

bool verify_run(Arena *arena, const Subject *subject, Verify *v, Status *st) {
  const PromptShape *prompt = &subject->prompt[0];
  TRY(device_load(arena, &subject->model, &subject->checkpoint.config, 1, prompt->T, OPERATOR_BYTES, &v->device, st));
  v->arena = *arena;
  bool same = verify_operators(v, st);
  for (int m = 0; same && m < mode_preset_count; m++)
    same = verify_mode(v, &subject->model, prompt, &mode_presets[m], v->arena, st);
  device_free(&v->device);
  return same;
}
