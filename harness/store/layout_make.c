/* layout_make: the file made whole before there is one number for it: groups, datasets with their
 * storage, attributes with room, dimension scales attached.
 *
 * All scales stand in the prompt's group, since a scale elsewhere makes the file unreadable for
 * netCDF; a width is a scale without values, as netCDF writes a dimension that is not a variable.
 * They are attached after all tensors of the prompt are there: each attached scale is a longer list
 * in the scale's header, and between datasets the lists that are given up would leave holes of 100
 * MB in the file of a run of ten modes. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "store/dimensions.h"

#define WIDTH_ONLY "This is a netCDF dimension but not a netCDF variable.%10d"

/* --- groups ----------------------------------------------------------------------------------- */

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

/* --- what a prompt's group holds beside the sides --------------------------------------------- */

typedef struct Making {
  const Store *store;
  const Tensors *tensors;
  hid_t file;
  GroupOpen open;   /* of the last slot */
  Dimensions along; /* of the prompt: the tensors' dimensions in their order, then those of
                     * groups */
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
    ok = put_scale(making, group, making->tensors->dim[dim], layout_length(shape, prompt, dim),
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
  bool ok = (!slot_of_groups(slot) || put_groups(making, slot, &why)) &&
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
  if (slot_of_groups(slot)) {
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
  for (size_t i = begin; i < end; i++) groups += slot_of_groups(&store->slot[i]);
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
    ok = !layout_has(store->shape, p) || make_prompt(&making, p, scratch, st);
  ok =
      ok && (H5(H5Fflush(making.file, H5F_SCOPE_LOCAL)) || failed(&making, "metadata", 0, why, st));
  if (making.file >= 0) { /* closed once, whatever came of it */
    bool closed = H5(H5Fclose(making.file));
    ok = ok && (closed || failed(&making, "closing", 0, why, st));
  }
  return ok;
}
