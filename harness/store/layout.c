/* layout: which tensors a results file holds, under which names, and what that takes. */
#include <stdio.h>
#include <string.h>

#include "store/state.h"

/* --- the slots -------------------------------------------------------------------------------- */

/* A tensor of the model's ends is one of the layer that it is made in. */
static bool made_in(const StoreShape *shape, int id, int layer) {
  if (id < shape->tensors->layer) return true;
  return layer == (shape->tensors->info[id].role == ROLE_EMBEDDING ? 0 : shape->layers - 1);
}

/* The order of computation, so that the order of creation is that of the run: the embedding before
 * all others. */
static int in_order(const Tensors *tensors, int i) {
  const int embedding = tensors_role(tensors, ROLE_EMBEDDING);
  return embedding == ABSENT || i > embedding ? i : i == 0 ? embedding : i - 1;
}

bool layout_makes(const StoreShape *shape, int layer, int side, int id) {
  return shape->side[side].layer[layer].makes[id] && made_in(shape, id, layer);
}

static bool is_kept(const StoreShape *shape, int layer, int side, int id) {
  return layout_makes(shape, layer, side, id) && shape->kept[layer * shape->tensors->count + id];
}

int layout_length(const StoreShape *shape, int prompt, int dim) {
  return dim == DIM_TOKEN ? shape->prompt[prompt].T : shape->dims[dim];
}

static Slot slot_of(const StoreShape *shape, int prompt, int layer, int side, int id) {
  Format own = shape->side[side].layer[layer].format[id];
  Slot slot = {
      .prompt = prompt, .layer = layer, .side = side, .id = id, .of_f16 = own == FORMAT_F16};
  slot.widened = slot.of_f16 && shape->f16_as_f32;
  slot.format = slot.widened ? FORMAT_F32 : own;
  slot.rows = layout_length(shape, prompt, shape->tensors->info[id].rows);
  slot.cols = layout_length(shape, prompt, shape->tensors->info[id].cols);
  slot.bytes = (uint64_t)slot.rows * (uint64_t)slot.cols * format_size(slot.format);
  slot.rank = 2;
  slot.scale = shape->side[side].layer[layer].scale[id];
  return slot;
}

/* That of its scales. */
static Slot slot_of_scales(const Slot *tensor) {
  Slot slot = {.prompt = tensor->prompt,
               .layer = tensor->layer,
               .side = tensor->side,
               .id = tensor->id,
               .of_scales = true,
               .scale = tensor->scale,
               .format = FORMAT_F32,
               .rank = tensor->scale.axis == SCALE_GROUP ? 2 : 1,
               .rows = tensor->scale.axis == SCALE_COLUMN ? tensor->cols : tensor->rows,
               .cols = tensor->scale.axis == SCALE_GROUP
                           ? group_scales(tensor->cols, tensor->scale.group)
                           : 1};
  slot.bytes = (uint64_t)slot.rows * (uint64_t)slot.cols * sizeof(float);
  return slot;
}

bool layout_has(const StoreShape *shape, int prompt) { return !shape->here || shape->here[prompt]; }

/* Counts them where `into` is NULL. */
static size_t layer_slots(const StoreShape *shape, int prompt, int layer, Slot *into) {
  size_t count = 0;
  if (!layout_has(shape, prompt)) return 0;
  for (int side = 0; side < shape->sides; side++)
    for (int i = 0; i < shape->tensors->count; i++) {
      const int id = in_order(shape->tensors, i);
      if (!is_kept(shape, layer, side, id)) continue;
      const Slot slot = slot_of(shape, prompt, layer, side, id);
      const bool scales = slot.scale.axis != SCALE_NONE;
      if (into) into[count] = slot;
      if (into && scales) into[count + 1] = slot_of_scales(&slot);
      count += scales ? 2 : 1;
    }
  return count;
}

void layout_slots(Arena *arena, Store *store) {
  const StoreShape *shape = store->shape;
  int units = shape->prompts * shape->layers;
  size_t *first = ARENA_NEW(arena, size_t, units + 1);
  for (int i = 0; i < units; i++)
    first[i + 1] = first[i] + layer_slots(shape, i / shape->layers, i % shape->layers, NULL);
  store->slots = first[units];
  store->slot = ARENA_NEW(arena, Slot, store->slots);
  for (int i = 0; i < units; i++)
    layer_slots(shape, i / shape->layers, i % shape->layers, store->slot + first[i]);
  store->first = first;
}

Slot *layout_layer(const Store *store, int prompt, int layer, size_t *count) {
  const size_t *first = &store->first[prompt * store->shape->layers + layer];
  *count = first[1] - first[0];
  return store->slot + first[0];
}

const Slot *layout_find(const Store *store, int prompt, int layer, int side, int id) {
  size_t count;
  const Slot *slot = layout_layer(store, prompt, layer, &count);
  for (size_t i = 0; i < count; i++)
    if (slot[i].side == side && slot[i].id == id && !slot[i].of_scales) return &slot[i];
  return NULL;
}

void layout_group(const StoreShape *shape, const Slot *slot, char path[GROUP_PATH]) {
  int end = snprintf(path, GROUP_PATH, "prompts/%s/%s", shape->prompt[slot->prompt].name,
                     shape->side[slot->side].name);
  if (slot->id < shape->tensors->layer)
    snprintf(path + end, GROUP_PATH - (size_t)end, "/layer_%02d", slot->layer);
}

void layout_name(const StoreShape *shape, const Slot *slot, char name[DATASET_NAME]) {
  snprintf(name, DATASET_NAME, "%s%s", shape->tensors->info[slot->id].name,
           slot->of_scales ? SCALES_OF : "");
}

/* --- what it takes ---------------------------------------------------------------------------- */

enum {
  FILE_OVERHEAD = 4096,             /* superblock and root group; a prompt's group and scales */
  DATASET_OVERHEAD = 1100,          /* headers, attributes and scales of a dataset; measured */
  STREAMS_OVERHEAD = 256,           /* of a file of streams, and of each stream in it */
  ROUNDING = 64 + sizeof(JobTensor) /* of a piece of an arena, and what stands of it beside */
};

static uint64_t most(uint64_t a, uint64_t b) { return a > b ? a : b; }

static void add_dataset(StoreSize *size, const Slot *slot) {
  size->file_bytes += slot->bytes + DATASET_OVERHEAD;
  size->tensors++;
}

/* What a prompt's layer adds to the file; `held`: what the writer's copy of it takes. */
static void add_layer(const StoreShape *shape, int prompt, int layer, StoreSize *size,
                      uint64_t *held) {
  *held = 0;
  for (int side = 0; side < shape->sides; side++)
    for (int id = 0; id < shape->tensors->count; id++) {
      if (!layout_makes(shape, layer, side, id)) continue;
      Slot slot = slot_of(shape, prompt, layer, side, id);
      *held += ROUNDING;
      if (!is_kept(shape, layer, side, id)) continue;
      if (shape->later) *held += slot.bytes;
      add_dataset(size, &slot);
      if (slot.scale.axis == SCALE_NONE) continue;
      const Slot scales = slot_of_scales(&slot);
      *held += ROUNDING + (shape->later ? scales.bytes : 0);
      add_dataset(size, &scales);
      if (slot_of_groups(&scales))
        size->file_bytes += DATASET_OVERHEAD; /* their dimension, made once */
    }
}

static uint64_t streams_bytes(const StoreShape *shape, int prompt) {
  const int id = tensors_role(shape->tensors, ROLE_BLOCK_OUT);
  const uint64_t values =
      (uint64_t)shape->prompt[prompt].T * (uint64_t)shape->dims[shape->tensors->info[id].cols];
  uint64_t bytes = STREAMS_OVERHEAD;
  for (int side = 0; side < shape->streams; side++)
    bytes += values * format_size(shape->side[side].layer[0].format[id]) + STREAMS_OVERHEAD;
  return bytes;
}

/* Where they do not stay, the old streams go when the new are there. */
StoreSize store_size(const StoreShape *shape) {
  StoreSize size = {.file_bytes = FILE_OVERHEAD};
  uint64_t structure = FILE_OVERHEAD * (1 + (uint64_t)shape->prompts), passing = 0;
  for (int p = 0; p < shape->prompts; p++) {
    if (!layout_has(shape, p)) continue;
    const uint64_t streams = streams_bytes(shape, p);
    passing = most(passing, 2 * streams);
    size.streams_bytes += (uint64_t)shape->layers * streams;
    size.file_bytes += FILE_OVERHEAD;
    for (int layer = 0; layer < shape->layers; layer++) {
      uint64_t held;
      add_layer(shape, p, layer, &size, &held);
      size.memory_bytes = most(size.memory_bytes, held + streams + 2 * ROUNDING);
    }
  }
  structure += (uint64_t)size.tensors * DATASET_OVERHEAD;
  size.memory_bytes = most(size.memory_bytes, make_told_bytes((size_t)size.tensors));
  size.journal_bytes = structure + (shape->streams_stay ? size.streams_bytes : passing);
  return size;
}
