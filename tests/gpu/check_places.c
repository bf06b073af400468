/* A model of which the device holds two layers at a time: what travels there while it computes is
 * what it computes with. Walks in batches and prompt by prompt, on the device and on the CPU: the
 * same bits. */
#include "check.h"

#include "../shipped_model.h"

#include "measure/stats.h"
#include "source/cuda.h"
#include "walk/walk.h"

enum {
  LAYERS = 24,
  TOKENS = 40,
  PROMPTS = 3,
  ON_DEVICE = 0,
  ON_DEVICE_TOO,
  ON_CPU,
  ON_CPU_TOO,
  SIDES
};

typedef struct Compared {
  int layers;
} Compared;

static bool compare(void *context, const WalkPlace *at, const Trace *trace, Arena scratch,
                    Status *st) {
  (void)scratch;
  Compared *compared = context;
  const Tensors *tensors = &trace->family->tensors;
  compared->layers++;
  for (int side = 0; side < 2; side++)
    for (int id = 0; id < tensors->count; id++) {
      const Tensor *a = &trace[side].t[id], *b = &trace[side + ON_CPU].t[id];
      if (!a->data != !b->data || (a->data && !tensor_identical(a, b)))
        return FAIL(st, "prompt %d, layer %d, side %d: %s differs", at->prompt, at->layer, side,
                    tensors->info[id].name);
    }
  return true;
}

/* The least memory in which the device can hold two layers. */
static void load_little(Shipped *s, const Mode *const mode[2], Device *device) {
  DevicePlan plan = {.model = &s->model, .layers = s->layers, .T = TOKENS, .most = (size_t)1 << 20};
  plan.forms = forms_of_both(forms_of_mode(mode[0]), forms_of_mode(mode[1]));
  for (;; plan.most += plan.most / 16) {
    Status st = {0};
    if (device_find(BACKEND_CUDA, "test", device, &st) &&
        device_load(&s->arena, &plan, device, &st))
      break;
    device_free(device);
  }
  if (device->places != 2)
    printf("%d layers fit in %zu bytes: this check has lost its sense\n", device->places,
           plan.most);
}

static bool walk_with(int batch) {
  static const char *const name[2] = {"2-0", "2-4"};
  const Mode *const mode[2] = {mode_preset(name[0]), mode_preset(name[1])};
  Shipped all = shipped_load(REWRITE_QUAMBA), one = all;
  shipped_calibrate(&all, 1, 64);
  const LayersPlan plan = {.forms = shipped_forms, .memory = 0, .together = 2};
  Status st = {0};
  Device device;
  one.layers = ARENA_NEW(&one.arena, Layers, 1);
  cr_assert(layers_open(&one.arena, &one.checkpoint, REWRITE_QUAMBA, &plan, one.layers, &st), "%s",
            st.text);
  one.model = one.layers->model;
  memcpy(one.model.scales, all.model.scales, LAYERS * sizeof *one.model.scales);
  load_little(&one, mode, &device);
  WalkSide side[SIDES];
  for (int s = 0; s < SIDES; s++)
    side[s] = (WalkSide){.source = s < ON_CPU ? source_cuda(&device) : source_cpu(&one.model),
                         .mode = mode[s % 2]};
  PromptShape prompt[PROMPTS];
  shipped_prompts(&all, prompt, PROMPTS, TOKENS);
  Compared compared = {0};
  Visitor visitor = {.context = &compared, .layer = compare};
  Walk walk = shipped_walk(&one, side, SIDES, prompt, PROMPTS, &visitor);
  walk.batch = batch;
  const bool equal = walk_run(&walk, one.arena, &st) && compared.layers == PROMPTS * LAYERS;
  printf("two of %d layers there at a time, %d prompts in batches of %d: %s\n", LAYERS, PROMPTS,
         batch, equal ? "every value equal" : st.text);
  device_free(&device);
  cuda_again();
  arena_release(&one.arena);
  return equal;
}

bool check_places(void) {
  bool equal = true;
  for (int batch = 1; batch <= PROMPTS; batch++) equal = walk_with(batch) && equal;
  return equal;
}
