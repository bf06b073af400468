/* layout: which tensors a results file holds, and the file made whole before there is one number
 * for it: groups, datasets with their storage, attributes with room, dimension scales attached.
 *
 * All scales stand in the prompt's group, since a scale elsewhere makes the file unreadable for
 * netCDF; a width is a scale without values, as netCDF writes a dimension that is not a variable.
 * They are attached after all tensors of the prompt are there: each attached scale is a longer list
 * in the scale's header, and between datasets the lists that are given up would leave holes of 100
 * MB in the file of a run of ten modes. */
#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "store/dimensions.h"

#define WIDTH_ONLY "This is a netCDF dimension but not a netCDF variable.%10d"

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

static int length(const StoreShape *shape, int prompt, int dim) {
  return dim == DIM_TOKEN ? shape->prompt[prompt].T : shape->dims[dim];
}

static Slot slot_of(const StoreShape *shape, int prompt, int layer, int side, int id) {
  Format own = shape->side[side].layer[layer].format[id];
  Slot slot = {
      .prompt = prompt, .layer = layer, .side = side, .id = id, .of_f16 = own == FORMAT_F16};
  slot.widened = slot.of_f16 && shape->f16_as_f32;
  slot.format = slot.widened ? FORMAT_F32 : own;
  slot.rows = length(shape, prompt, shape->tensors->info[id].rows);
  slot.cols = length(shape, prompt, shape->tensors->info[id].cols);
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

static bool shape_has(const StoreShape *shape, int prompt) {
  return !shape->here || shape->here[prompt];
}

/* Counts them where `into` is NULL. */
static size_t layer_slots(const StoreShape *shape, int prompt, int layer, Slot *into) {
  size_t count = 0;
  if (!shape_has(shape, prompt)) return 0;
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

bool group_open(GroupOpen *open, hid_t file, const char *path, Status *why) {
  if (open->group >= 0 && !strcmp(open->path, path)) return true;
  if (!group_close(open, why)) return false;
  snprintf(open->path, sizeof open->path, "%s", path);
  return h5_make_path(file, path, &open->group, why);
}

bool group_close(GroupOpen *open, Status *why) {
  const hid_t group = open->group;
  open->group = -1;
  return h5_close(group, why);
}

void layout_name(const StoreShape *shape, const Slot *slot, char name[DATASET_NAME]) {
  snprintf(name, DATASET_NAME, "%s%s", shape->tensors->info[slot->id].name,
           slot->of_scales ? SCALES_OF : "");
}

/* --- what a prompt's group holds beside the sides --------------------------------------------- */

typedef struct Making {
  const Store *store;
  const Tensors *tensors;
  hid_t file;
  GroupOpen open; /* of the last slot */
  Dimensions
      along; /* of the prompt: the tensors' dimensions in their order, then those of groups */
} Making;

static bool failed(const Making *making, const char *object, size_t bytes, const Status *why,
                   Status *st) {
  return store_write_failed(making->store->partial, object, bytes, why, st);
}

/* The groups of a row, where scales have that axis, are a dimension too: "dt_bc_groups_of_16". */
static void groups_name(const Making *making, const Slot *slot, char name[DIMENSION_NAME]) {
  snprintf(name, DIMENSION_NAME, "%.*s_groups_of_%d", NAME_BYTES_MAX,
           making->tensors->dim[making->tensors->info[slot->id].cols], slot->scale.group);
}

static bool is_of_groups(const Slot *slot) {
  return slot->of_scales && slot->scale.axis == SCALE_GROUP;
}

/* A dimension scale of so many, without values but for those of `positions`. */
static bool put_scale(Making *making, hid_t group, const char *name, int n,
                      const int32_t *positions, Status *why) {
  char text[80];
  const hsize_t dims[] = {(hsize_t)n};
  hid_t scale = -1;
  assert(n >= 1);
  snprintf(text, sizeof text, WIDTH_ONLY, n);
  if (!h5_put_array(group, name, positions ? H5T_STD_I32LE : H5T_IEEE_F32LE, 1, dims, positions,
                    &scale, why))
    return h5_close(scale, why), false;
  return dimensions_add(&making->along, name, scale, positions ? name : text, why) &&
         (!positions || h5_put_text(scale, "long_name", "position in the prompt", why));
}

static bool put_groups(Making *making, const Slot *slot, Status *why) {
  char path[GROUP_PATH], name[DIMENSION_NAME];
  hid_t group = -1;
  groups_name(making, slot, name);
  if (dimensions_find(&making->along, name) >= 0) return true;
  snprintf(path, sizeof path, "prompts/%s", making->store->shape->prompt[slot->prompt].name);
  bool ok = h5_make_path(making->file, path, &group, why) &&
            put_scale(making, group, name, slot->cols, NULL, why);
  return h5_close(group, why) && ok;
}

static bool put_token_ids(Making *making, hid_t group, const PromptShape *prompt, Status *why) {
  const hsize_t dims[] = {(hsize_t)prompt->T};
  hid_t dataset = -1;
  Digest digest = digest_of(prompt->token, (size_t)prompt->T * sizeof *prompt->token);
  bool ok = h5_put_array(group, "token_id", H5T_STD_I32LE, 1, dims, prompt->token, &dataset, why) &&
            h5_put_text(dataset, "digest", digest.hex, why) &&
            h5_put_text(dataset, "long_name", "token id", why) &&
            dimensions_attach(&making->along, dataset, 1, (int[]){DIM_TOKEN}, why);
  return h5_close(dataset, why) && ok;
}

static bool put_prompt(Making *making, int prompt, Arena scratch, Status *st) {
  const StoreShape *shape = making->store->shape;
  const PromptShape *what = &shape->prompt[prompt];
  Status why = {0};
  hid_t group = -1;
  char path[GROUP_PATH];
  int32_t *positions = ARENA_NEW(&scratch, int32_t, what->T);
  for (int t = 0; t < what->T; t++) positions[t] = t;
  snprintf(path, sizeof path, "prompts/%s", what->name);
  bool ok = h5_make_path(making->file, path, &group, &why);
  for (int dim = 0; ok && dim < making->tensors->dims; dim++)
    ok = put_scale(making, group, making->tensors->dim[dim], length(shape, prompt, dim),
                   dim == DIM_TOKEN ? positions : NULL, &why);
  ok = ok && (!what->token || put_token_ids(making, group, what, &why));
  ok = h5_close(group, &why) && ok;
  return ok || failed(making, path, (size_t)what->T * sizeof *positions, &why, st);
}

/* --- tensors ---------------------------------------------------------------------------------- */

static bool put_tensor_attributes(hid_t dataset, const TensorInfo *info, const Slot *slot,
                                  Status *why) {
  const float none = 0;
  return h5_put_room(dataset, "kernel", TEXT_KERNEL, why) &&
         h5_put_room(dataset, "digest", sizeof(Digest) - 1, why) &&
         (!slot->of_f16 || h5_put_text(dataset, "format", "float16", why)) &&
         (!slot_has_factor(slot) ||
          h5_put_scalar(dataset, "scale_factor", H5T_IEEE_F32LE, &none, why)) &&
         h5_put_text(dataset, "long_name", info->long_name, why) &&
         h5_put_text(dataset, "units", "1", why);
}

static bool put_scales_attributes(hid_t dataset, const TensorInfo *info, const Slot *slot,
                                  Status *why) {
  char long_name[128];
  const int32_t group = slot->scale.group;
  snprintf(long_name, sizeof long_name, "scales of %s", info->long_name);
  return h5_put_room(dataset, "digest", sizeof(Digest) - 1, why) &&
         h5_put_text(dataset, "axis", scale_axis_name[slot->scale.axis], why) &&
         (slot->scale.axis != SCALE_GROUP ||
          h5_put_scalar(dataset, "group", H5T_STD_I32LE, &group, why)) &&
         h5_put_text(dataset, "long_name", long_name, why) &&
         h5_put_text(dataset, "units", "1", why);
}

/* Its place taken, its attributes with room for what is known at the end. */
static bool put_dataset(hid_t group, const char *name, const TensorInfo *info, Slot *slot,
                        Status *why) {
  const hsize_t dims[] = {(hsize_t)slot->rows, (hsize_t)slot->cols};
  hid_t dataset = -1;
  bool ok =
      h5_make_array(group, name, h5_type(slot->format), slot->rank, dims, &dataset, why) &&
      (slot->of_scales ? put_scales_attributes : put_tensor_attributes)(dataset, info, slot, why);
  haddr_t offset = ok ? H5Dget_offset(dataset) : HADDR_UNDEF;
  if (ok && offset == HADDR_UNDEF) ok = FAIL(why, "HDF5 gave it no place in the file");
  slot->offset = offset;
  return h5_close(dataset, why) && ok;
}

static bool put_tensor(Making *making, Slot *slot, Status *st) {
  Status why = {0};
  char path[GROUP_PATH], name[DATASET_NAME], object[sizeof path + sizeof name];
  layout_group(making->store->shape, slot, path);
  layout_name(making->store->shape, slot, name);
  bool ok = (!is_of_groups(slot) || put_groups(making, slot, &why)) &&
            group_open(&making->open, making->file, path, &why) &&
            put_dataset(making->open.group, name, &making->tensors->info[slot->id], slot, &why);
  snprintf(object, sizeof object, "%s/%s", path, name);
  return ok || failed(making, object, slot->bytes, &why, st);
}

/* Scales have the dimensions of the tensor that they go along. */
static bool attach(Making *making, hid_t dataset, const Slot *slot, Status *why) {
  const TensorInfo *info = &making->tensors->info[slot->id];
  int along[] = {info->rows, info->cols};
  if (slot->of_scales && slot->scale.axis == SCALE_COLUMN) along[0] = info->cols;
  if (is_of_groups(slot)) {
    char name[DIMENSION_NAME];
    groups_name(making, slot, name);
    along[1] = dimensions_find(&making->along, name);
  }
  return dimensions_attach(&making->along, dataset, slot->rank, along, why);
}

static bool attach_scales(Making *making, const Slot *slot, Status *st) {
  Status reason = {0}, *why = &reason;
  hid_t dataset = -1;
  char path[GROUP_PATH], name[DATASET_NAME];
  layout_group(making->store->shape, slot, path);
  layout_name(making->store->shape, slot, name);
  bool ok = group_open(&making->open, making->file, path, why) &&
            H5(dataset = H5Dopen2(making->open.group, name, H5P_DEFAULT)) &&
            attach(making, dataset, slot, why);
  ok = h5_close(dataset, why) && ok;
  return ok || failed(making, path, 0, why, st);
}

static bool make_prompt(Making *making, int prompt, Arena scratch, Status *st) {
  const Store *store = making->store;
  const int layers = store->shape->layers;
  const size_t begin = store->first[prompt * layers], end = store->first[(prompt + 1) * layers];
  int groups = 0;
  Status why = {0};
  for (size_t i = begin; i < end; i++) groups += is_of_groups(&store->slot[i]);
  dimensions_begin(&scratch, making->tensors->dims + groups,
                   DIMENSION_RANK_MOST * (end - begin) + 1, &making->along);
  bool ok = put_prompt(making, prompt, scratch, st);
  for (size_t i = begin; ok && i < end; i++) ok = put_tensor(making, &store->slot[i], st);
  for (size_t i = begin; ok && i < end; i++) ok = attach_scales(making, &store->slot[i], st);
  const bool made = ok;
  ok = group_close(&making->open, &why) && ok;
  ok = dimensions_end(&making->along, ok, scratch, &why) && ok;
  return ok || (made ? failed(making, "dimension scales", 0, &why, st) : false);
}

bool layout_make(Store *store, Arena scratch, Status *st) {
  Making making = {.store = store, .tensors = store->shape->tensors, .open = {.group = -1}};
  Status reason = {0}, *why = &reason;
  making.file = h5_create_file(store->partial, why);
  bool ok = making.file >= 0 || failed(&making, "the file itself", 0, why, st);
  for (int p = 0; ok && p < store->shape->prompts; p++)
    ok = !shape_has(store->shape, p) || make_prompt(&making, p, scratch, st);
  ok =
      ok && (H5(H5Fflush(making.file, H5F_SCOPE_LOCAL)) || failed(&making, "metadata", 0, why, st));
  if (making.file >= 0) { /* closed once, whatever came of it */
    bool closed = H5(H5Fclose(making.file));
    ok = ok && (closed || failed(&making, "closing", 0, why, st));
  }
  return ok;
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
      if (!shape->side[side].layer[layer].makes[id] || !made_in(shape, id, layer)) continue;
      Slot slot = slot_of(shape, prompt, layer, side, id);
      *held += ROUNDING;
      if (!is_kept(shape, layer, side, id)) continue;
      if (shape->later) *held += slot.bytes;
      add_dataset(size, &slot);
      if (slot.scale.axis == SCALE_NONE) continue;
      const Slot scales = slot_of_scales(&slot);
      *held += ROUNDING + (shape->later ? scales.bytes : 0);
      add_dataset(size, &scales);
      if (is_of_groups(&scales))
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
    if (!shape_has(shape, p)) continue;
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
