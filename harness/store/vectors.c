#include "store/vectors.h"

#include <math.h>
#include <string.h>
#include <sys/stat.h>

#include "base/child.h"
#include "base/name.h"
#include "store/hdf5.h"

enum { CASES_MAX = 4096, AXES_TEXT = 64 };

/* A dimension: its letter here, and its name in `axes`. */
typedef struct Axis {
  char letter;
  const char *name;
} Axis;
static const Axis axis[] = {{'T', "token"}, {'E', "channel"}, {'N', "state"}, {'K', "tap"}};

typedef struct Vector {
  const char *name, *memory,
      *stored; /* dimensions as the kernels take them, and as the layout has them */
  Format format;
  bool optional;
} Vector;

static const Vector conv1d[CONV_VECTORS] = {
    [CONV_X] = {"x", "TE", "ET", FORMAT_I8, false},
    [CONV_WEIGHT] = {"weight", "EK", "EK", FORMAT_I8, false},
    [CONV_BIAS] = {"bias", "E", "E", FORMAT_I8, false},
    [CONV_Y] = {"y_silu", "TE", "ET", FORMAT_I8, true},
    [CONV_Y_IEEE] = {"y_silu_ieee", "TE", "ET", FORMAT_I8, true},
};
static const Vector scan[SSM_VECTORS] = {
    [SSM_U] = {"u", "TE", "ET", FORMAT_I8, false},
    [SSM_DT] = {"dt", "TE", "ET", FORMAT_I8, false},
    [SSM_A_LOG] = {"A_log", "EN", "EN", FORMAT_I8, false},
    [SSM_B] = {"B", "TN", "NT", FORMAT_I8, false},
    [SSM_C] = {"C", "TN", "NT", FORMAT_I8, false},
    [SSM_D] = {"D", "E", "E", FORMAT_I8, false},
    [SSM_Z] = {"z", "TE", "ET", FORMAT_I8, false},
    [SSM_DT_BIAS] = {"dt_bias", "E", "E", FORMAT_I8, false},
    [SSM_Y] = {"y_gated", "TE", "TE", FORMAT_F16, true},
    [SSM_Y_IEEE] = {"y_gated_ieee", "TE", "TE", FORMAT_F16, true},
    [SSM_STATE_Q8] = {"state_q8", "EN", "EN", FORMAT_I8, true},
};

static bool is_scan(const char *op) { return !strcmp(op, "scan"); }
static const Vector *vectors_of(const char *op) { return is_scan(op) ? scan : conv1d; }
static int vectors_count(const char *op) { return is_scan(op) ? SSM_VECTORS : CONV_VECTORS; }

const char *vectors_name(const char *op, int which) { return vectors_of(op)[which].name; }

/* Lengths of the dimensions of a case, by letter; 0: not known yet. */
typedef struct Lengths {
  int of[128];
} Lengths;

/* Whether dimensions `letters` can have these lengths. */
static bool fits(const Lengths *l, const char *letters, const hsize_t *dims) {
  for (int i = 0; letters[i]; i++) {
    int known = l->of[(int)letters[i]];
    if (known && known != (int)dims[i]) return false;
  }
  return true;
}

/* "token,channel" or "token, channel" as "TE"; false where a name is unknown. */
static bool letters_of(const char *axes, char letters[3]) {
  int count = 0;
  while (*axes && count < 2) {
    size_t length = strcspn(axes, ",");
    for (size_t i = 0; i < sizeof axis / sizeof *axis; i++)
      if (strlen(axis[i].name) == length && !strncmp(axes, axis[i].name, length))
        letters[count++] = axis[i].letter;
    axes += length + (axes[length] == ',');
    axes += strspn(axes, " ");
  }
  letters[count] = 0;
  return !*axes && count > 0;
}

/* The stored order of a dataset's dimensions. */
static bool stored_order(Arena scratch, const Stored *stored, const Vector *v,
                         const Lengths *lengths, char letters[3], Status *why) {
  const char *memory = v->memory, *axes;
  if (stored->rank != (int)strlen(memory))
    return FAIL(why, "has %d dimensions, not %zu", stored->rank, strlen(memory));
  strcpy(letters, v->stored);
  bool told = H5Aexists(stored->dataset, "axes") != 0;
  TRY(!told || h5_get_any_text(&scratch, stored->dataset, "axes", AXES_TEXT, &axes, why));
  if (told && !letters_of(axes, letters)) return FAIL(why, "attribute 'axes' is '%.64s'", axes);
  if (told && (strlen(letters) != strlen(memory) || !strchr(memory, letters[0]) ||
               (memory[1] && (!strchr(memory, letters[1]) || letters[0] == letters[1]))))
    return FAIL(why, "attribute 'axes' is '%.64s', not the dimensions of '%s'", axes, v->name);
  char turned[3] = {letters[1], letters[0], 0};
  if (!told && memory[1] && !fits(lengths, letters, stored->dims) &&
      fits(lengths, turned, stored->dims))
    strcpy(letters, turned);
  if (fits(lengths, letters, stored->dims)) return true;
  return FAIL(why, "is [%llu, %llu], which does not fit the other datasets",
              (unsigned long long)stored->dims[0], (unsigned long long)stored->dims[1]);
}

static bool get_scale(const Stored *stored, float *scale, Status *why) {
  double wide = 0;
  Status narrow = {0};
  if (h5_get_scalar(stored->dataset, "scale", H5T_IEEE_F32LE, scale, &narrow))
    wide = (double)*scale;
  else
    TRY(h5_get_scalar(stored->dataset, "scale", H5T_IEEE_F64LE, &wide, why));
  *scale = (float)wide;
  return (isfinite(*scale) && *scale > 0) || FAIL(why, "attribute 'scale' is %g", wide);
}

/* As stored, and then as the kernels take it. */
static bool get_data(Arena *arena, const Stored *stored, const Vector *v, bool turn, Tensor *t,
                     Status *why) {
  size_t room = (size_t)(arena->end - arena->next), size = format_size(v->format);
  if (stored->bytes > room / 3)
    return FAIL(why, "has %zu bytes, more than the memory there is for it", stored->bytes);
  int rows = (int)stored->dims[0], cols = (int)stored->dims[1];
  char *data = arena_room(arena, stored->bytes, 1);
  if (!H5(H5Dread(stored->dataset, stored->type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data)))
    return false;
  *t = tensor_of(data, v->format, stored->rank == 1 ? 1 : rows, stored->rank == 1 ? rows : cols, 0);
  if (!turn) return true;
  char *turned = arena_room(arena, stored->bytes, 1);
  for (size_t r = 0; r < (size_t)rows; r++)
    for (size_t c = 0; c < (size_t)cols; c++)
      memcpy(turned + size * (c * (size_t)rows + r), data + size * (r * (size_t)cols + c), size);
  *t = tensor_of(turned, v->format, cols, rows, 0);
  return true;
}

static bool get_vector(Arena *arena, hid_t group, const Vector *v, Lengths *lengths, Tensor *t,
                       Status *why) {
  Stored stored;
  char order[3];
  float scale = 0;
  TRY(h5_open_stored(group, v->name, &stored, why));
  bool ok = (H5Tequal(stored.type, h5_type(v->format)) > 0 ||
             FAIL(why, "is not %s", v->format == FORMAT_I8 ? "int8" : "float16")) &&
            stored_order(*arena, &stored, v, lengths, order, why) &&
            (v->format != FORMAT_I8 || get_scale(&stored, &scale, why)) &&
            get_data(arena, &stored, v, order[0] != v->memory[0], t, why);
  for (int i = 0; ok && order[i]; i++) lengths->of[(int)order[i]] = (int)stored.dims[i];
  t->scale.value = scale;
  h5_close_stored(&stored);
  return ok;
}

/* The weights first: they tell channels apart from tokens. */
static bool get_vectors(Arena *arena, hid_t group, const char *op, VectorCase *c, Status *why) {
  const Vector *v = vectors_of(op);
  Lengths lengths = {0};
  int count = vectors_count(op), first = is_scan(op) ? SSM_A_LOG : CONV_WEIGHT, outputs = 0;
  for (int i = 0; i < count; i++) {
    int which = i == 0 ? first : i <= first ? i - 1 : i;
    Status reason = {0};
    int there = h5_has(group, v[which].name, &reason);
    if (there == 0 && v[which].optional) continue;
    if (there < 0 || !get_vector(arena, group, &v[which], &lengths, &c->t[which], &reason))
      return FAIL(why, "%s: %s", v[which].name, reason.text);
    outputs += v[which].optional;
  }
  return outputs || FAIL(why, "has no output to compare with");
}

/* One member of the root; skipped where it is no group or has no such operator. */
static bool get_case(Arena *arena, hid_t file, const char *name, const char *op, VectorCase *c,
                     bool *found, Status *why) {
  hid_t group = -1, inside = -1;
  *found = false;
  if (!h5_is_group(file, name)) return true;
  TRY(h5_open_group(file, name, &group, why));
  int there = h5_has(group, op, why);
  bool ok = there == 0 || (there > 0 && h5_open_group(group, op, &inside, why) &&
                           get_vectors(arena, inside, op, c, why));
  *found = ok && there > 0;
  h5_close(inside, why);
  h5_close(group, why);
  return ok;
}

static char *plain(Arena *arena, const char *name) {
  char *copy = arena_printf(arena, "%s", name);
  text_make_plain(copy, "");
  return copy;
}

static bool get_cases(Arena *arena, hid_t file, const char *path, const char *op, VectorCase *cases,
                      int *count, Status *st) {
  Status reason = {0}, *why = &reason;
  H5G_info_t root;
  if (!H5(H5Gget_info(file, &root))) return FAIL(st, "%s: cannot be read: %s", path, why->text);
  if (root.nlinks > CASES_MAX) return FAIL(st, "%s: has more than %d cases", path, CASES_MAX);
  for (hsize_t i = 0; i < root.nlinks; i++) {
    char name[256];
    bool found;
    ssize_t length = H5Lget_name_by_idx(file, ".", H5_INDEX_NAME, H5_ITER_INC, i, name, sizeof name,
                                        H5P_DEFAULT);
    if (!h5_ok(length >= 0, why)) return FAIL(st, "%s: cannot be read: %s", path, why->text);
    if ((size_t)length >= sizeof name)
      return FAIL(st, "%s: %.100s…: the name is too long", path, name);
    if (!get_case(arena, file, name, op, &cases[*count], &found, why))
      return FAIL(st, "%s: %.100s/%s: %s", path, name, op, why->text);
    if (found) cases[(*count)++].name = plain(arena, name);
  }
  return *count || FAIL(st, "%s: holds no case with vectors of %s", path, op);
}

bool vectors_read(Arena *arena, const char *path, const char *op, VectorCase **cases, int *count,
                  Status *st) {
  struct stat info;
  Status reason = {0}, *why = &reason;
  hid_t file;
  *count = 0;
  if (stat(path, &info) != 0) return FAIL(st, "%s: cannot be opened: %s", path, strerror(errno));
  if (!S_ISREG(info.st_mode)) return FAIL(st, "%s: is not a regular file", path);
  if (!h5_start(why)) return FAIL(st, "%s: cannot be opened: %s", path, why->text);
  if (H5Fis_hdf5(path) <= 0) return FAIL(st, "%s: is not an HDF5 file", path);
  if (!H5(file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT)))
    return FAIL(st, "%s: cannot be opened: %s", path, why->text);
  *cases = ARENA_NEW(arena, VectorCase, CASES_MAX);
  bool ok = get_cases(arena, file, path, op, *cases, count, st);
  h5_close(file, why);
  child_has_read();
  child_take_time();
  return ok;
}
