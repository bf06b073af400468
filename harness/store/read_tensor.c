/* read_tensor: a tensor of a results file with what it is scaled by: one scale_factor, or the
 * dataset of its scales beside it, of the one size that its axis gives it. */
#include <stdio.h>
#include <string.h>

#include "base/name.h"
#include "store/hdf5.h"
#include "store/store.h"

enum { AXIS_TEXT = 16, AXIS_ROOM = 256, SCALES_NAME = NAME_BYTES_MAX + sizeof SCALES_OF };

static bool find_axis(const char *text, ScaleAxis *axis) {
  for (*axis = SCALE_ROW; *axis < SCALE_AXES; (*axis)++)
    if (!strcmp(text, scale_axis_name[*axis])) return true;
  return false;
}

/* By its attributes; what it has to be as long as is the tensor's. */
static bool get_form(const Stored *scales, const Stored *tensor, Scale *scale, Status *why) {
  char room[AXIS_ROOM];
  Arena small = {.next = room, .end = room + sizeof room, .base = room};
  const char *text;
  int32_t group = 0;
  TRY(h5_get_text(&small, scales->dataset, "axis", AXIS_TEXT, &text, why));
  if (!find_axis(text, &scale->axis))
    return FAIL(why, "attribute 'axis' is '%s', not row, column or group", text);
  if (scale->axis != SCALE_GROUP) return true;
  TRY(h5_get_scalar(scales->dataset, "group", H5T_STD_I32LE, &group, why));
  scale->group = group;
  return (group >= 1 && (hsize_t)group <= tensor->dims[1]) ||
         FAIL(why, "attribute 'group' is %d, in rows of %llu", group,
              (unsigned long long)tensor->dims[1]);
}

static bool check_size(const Stored *scales, const Stored *tensor, Scale *scale, Status *why) {
  const hsize_t rows = tensor->dims[0], cols = tensor->dims[1];
  const int rank = scale->axis == SCALE_GROUP ? 2 : 1;
  hsize_t want[2] = {scale->axis == SCALE_COLUMN ? cols : rows, 1};
  if (scale->axis == SCALE_GROUP)
    want[1] = (hsize_t)(scale->stride = group_scales((int)cols, scale->group));
  return (scales->rank == rank && scales->dims[0] == want[0] && scales->dims[1] == want[1]) ||
         FAIL(why, "is not of the size that scales by %s of its tensor have",
              scale_axis_name[scale->axis]);
}

bool h5_open_scales(hid_t at, const char *name, const Stored *tensor, Stored *scales, Scale *scale,
                    Status *why) {
  char beside[SCALES_NAME];
  *scale = (Scale){0};
  *scales = (Stored){.dataset = -1, .type = -1};
  snprintf(beside, sizeof beside, "%s" SCALES_OF, name);
  const int there = h5_has(at, beside, why);
  if (there <= 0) return there == 0;
  TRY(h5_open_stored(at, beside, scales, why));
  bool ok =
      (H5Tequal(scales->type, H5T_IEEE_F32LE) > 0 || FAIL(why, "does not hold 32-bit floats")) &&
      (H5Aexists(tensor->dataset, "scale_factor") == 0 ||
       FAIL(why, "its tensor has a scale_factor too")) &&
      get_form(scales, tensor, scale, why) && check_size(scales, tensor, scale, why);
  if (!ok) h5_close_stored(scales);
  return ok;
}

/* --- the whole of a tensor -------------------------------------------------------------------- */

static bool get_values(Arena *arena, const Stored *stored, void **data, Status *why) {
  Digest digest;
  return h5_has_digest(stored) ? h5_get_data(arena, stored, data, &digest, why)
                               : h5_get_unproved(arena, stored, data, why);
}

static bool get_scale(Arena *arena, hid_t at, const char *name, const Stored *tensor, Tensor *t,
                      Status *why) {
  Stored scales;
  void *values = NULL;
  TRY(h5_open_scales(at, name, tensor, &scales, &t->scale, why));
  if (t->scale.axis == SCALE_NONE)
    return t->format != FORMAT_I8 ||
           h5_get_scalar(tensor->dataset, "scale_factor", H5T_IEEE_F32LE, &t->scale.value, why);
  bool ok = get_values(arena, &scales, &values, why);
  t->scale.values = values;
  h5_close_stored(&scales);
  return ok;
}

static bool get_tensor(Arena *arena, hid_t at, const char *name, Tensor *t, Status *why) {
  Stored stored;
  Format format = FORMAT_F32;
  void *data = NULL;
  TRY(h5_open_stored(at, name, &stored, why));
  bool ok = (h5_tensor_type(stored.type, &format) ||
             FAIL(why, "has an element type that no tensor has")) &&
            (stored.rank == 2 || FAIL(why, "does not have 2 dimensions")) &&
            get_values(arena, &stored, &data, why);
  *t = tensor_of(data, format, (int)stored.dims[0], (int)stored.dims[1], 0);
  ok = ok && get_scale(arena, at, name, &stored, t, why);
  h5_close_stored(&stored);
  return ok;
}

/* The group at this path, by hard links all the way. */
static bool open_path(hid_t file, const char *path, hid_t *group, Status *why) {
  bool ok = H5(*group = H5Gopen2(file, "/", H5P_DEFAULT));
  while (ok && *path) {
    char part[NAME_BYTES_MAX + 1];
    const size_t length = strcspn(path, "/");
    hid_t next = -1;
    snprintf(part, sizeof part, "%.*s", (int)length, path);
    path += length + (path[length] == '/');
    ok = h5_open_group(*group, part, &next, why);
    h5_close(*group, why);
    *group = next;
  }
  return ok;
}

bool results_tensor(Arena *arena, const Results *results, const char *group, const char *name,
                    Tensor *t, Status *st) {
  Status why = {0};
  hid_t at = -1;
  bool ok = open_path(results->file, group, &at, &why) && get_tensor(arena, at, name, t, &why);
  h5_close(at, &why);
  return ok || FAIL(st, "%s: %s/%s: %s", results->path, group, name, why.text);
}
