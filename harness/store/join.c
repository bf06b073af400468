/* join: the segments into NAME.h5.partial, with dimension scales, tables and attributes, and its final name at the end.
 *
 * Tensors are read, checked and written again, never copied by HDF5 (H5Ocopy leaves garbage in DIMENSION_LIST), never
 * linked: a result travels alone. All scales stand in the prompt's group, since a scale elsewhere makes the file
 * unreadable for netCDF; a width is a scale without values, as netCDF writes a dimension that is not a variable. */
#include <assert.h>
#include <hdf5_hl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "store/parts.h"

#define WIDTH_ONLY "This is a netCDF dimension but not a netCDF variable.%10d"

enum { GROUP_BYTES = 160 };

typedef struct Place {
  int layer, mode;
  TensorId id;
} Place;

typedef struct Join {
  const Journal *journal;
  char partial[PATH_BYTES];
  hid_t file;
  /* of the prompt being written: */
  int prompt;
  hid_t scale[DIM_COUNT];
  Place *kept;
  int kept_count;
} Join;

static bool failed(const Join *join, const char *object, size_t bytes, const Status *why, Status *st) {
  return store_write_failed(join->partial, object, bytes, why, st);
}

/* ---- what a prompt's group holds beside the modes ---- */

static bool label(const Join *join, hid_t dataset, unsigned i, Dim dim, Status *why) {
  return H5(H5DSset_label(dataset, i, dim_names[dim])) && H5(H5DSattach_scale(dataset, join->scale[dim], i));
}

static bool put_scale(Join *join, hid_t group, Dim dim, int length, const int32_t *positions, Status *why) {
  char name[80];
  hsize_t n = (hsize_t)length;
  snprintf(name, sizeof name, WIDTH_ONLY, length);
  assert(length >= 1);
  bool token = dim == DIM_TOKEN;
  return h5_put_array(group, dim_names[dim], token ? H5T_STD_I32LE : H5T_IEEE_F32LE, 1, &n, token ? positions : NULL, 0,
                      &join->scale[dim], why) &&
         H5(H5DSset_scale(join->scale[dim], token ? dim_names[dim] : name)) &&
         (!token || h5_put_text(join->scale[dim], "long_name", "position in the prompt", why));
}

static bool put_token_ids(const Join *join, hid_t group, const PromptShape *prompt, Status *why) {
  hsize_t n = (hsize_t)prompt->T;
  hid_t dataset = -1;
  Digest digest = digest_of(prompt->token, (size_t)prompt->T * sizeof *prompt->token);
  bool ok = h5_put_array(group, "token_id", H5T_STD_I32LE, 1, &n, prompt->token, 0, &dataset, why) &&
            h5_put_text(dataset, "digest", digest.hex, why) && h5_put_text(dataset, "long_name", "token id", why) &&
            label(join, dataset, 0, DIM_TOKEN, why);
  return h5_close(dataset, why) && ok;
}

static bool put_prompt(Join *join, const PromptShape *prompt, Arena scratch, Status *st) {
  Status why = {0};
  hid_t group = -1;
  char path[64];
  int32_t *positions = ARENA_NEW(&scratch, int32_t, prompt->T);
  for (int t = 0; t < prompt->T; t++) positions[t] = t;
  snprintf(path, sizeof path, "prompts/%s", prompt->name);
  bool ok = h5_make_path(join->file, path, &group, &why);
  for (int dim = 0; ok && dim < DIM_COUNT; dim++)
    ok = put_scale(join, group, dim, dim == DIM_TOKEN ? prompt->T : join->journal->shape.dims[dim], positions, &why);
  ok = ok && put_token_ids(join, group, prompt, &why);
  ok = h5_close(group, &why) && ok;
  return ok || failed(join, path, (size_t)prompt->T * sizeof *positions, &why, st);
}

static bool close_scales(Join *join, Status *st) {
  Status why = {0};
  bool ok = true;
  for (int dim = 0; dim < DIM_COUNT; dim++) {
    ok = h5_close(join->scale[dim], &why) && ok;
    join->scale[dim] = -1;
  }
  return ok || failed(join, "dimension scales", 0, &why, st);
}

/* ---- tensors ---- */

/* The group that a tensor belongs to. */
static void group_path(const Join *join, const Place *at, char path[GROUP_BYTES]) {
  const JournalShape *shape = &join->journal->shape;
  int length = snprintf(path, GROUP_BYTES, "prompts/%s/%s", shape->prompt[join->prompt].name, shape->mode[at->mode]);
  if (at->id < T_LAYER_COUNT) snprintf(path + length, GROUP_BYTES - (size_t)length, "/layer_%02d", at->layer);
}

static bool put_tensor(const Join *join, const Place *at, const Tensor *t, bool of_f16, const Digest *digest,
                       Status *st) {
  const TensorInfo *info = &tensor_info[at->id];
  Status why = {0};
  hid_t group = -1, dataset = -1;
  char path[GROUP_BYTES], object[GROUP_BYTES + 32];
  group_path(join, at, path);
  bool ok = h5_make_path(join->file, path, &group, &why) &&
            h5_put_tensor(group, info->name, t, of_f16, digest, join->journal->deflate, &dataset, &why) &&
            h5_put_text(dataset, "long_name", info->long_name, &why) && h5_put_text(dataset, "units", "1", &why);
  ok = h5_close(dataset, &why) && ok;
  ok = h5_close(group, &why) && ok;
  snprintf(object, sizeof object, "%s/%s", path, info->name);
  return ok || failed(join, object, (size_t)t->rows * (size_t)t->cols * type_size(t->type), &why, st);
}

/* One tensor from a segment, where it was kept. */
static bool move_tensor(Join *join, hid_t from, const char *segment, Place at, Arena scratch, Status *st) {
  const char *name = tensor_info[at.id].name;
  Status why = {0};
  Tensor t;
  Digest digest;
  int there = h5_has(from, name, &why);
  if (there == 0) return true;
  if (there < 0 || !h5_get_tensor(&scratch, from, name, &t, &digest, &why))
    return FAIL(st, "%s: %s: %s; a new start of the run makes this layer again", segment, name, why.text);
  join->kept[join->kept_count++] = at;
  return put_tensor(join, &at, &t, h5_is_of_f16(from, name), &digest, st);
}

/* The order of computation, so that the order of creation is that of the run. */
static bool move_mode(Join *join, hid_t modes, const char *segment, int layer, int mode, Arena scratch, Status *st) {
  const char *name = join->journal->shape.mode[mode];
  hid_t from = -1;
  Status why = {0};
  bool ok = h5_open_group(modes, name, &from, &why) || FAIL(st, "%s: %s: %s", segment, name, why.text);
  ok = ok && move_tensor(join, from, segment, (Place){layer, mode, T_EMBEDDING}, scratch, st);
  for (int id = 0; ok && id < T_COUNT; id++)
    ok = id == T_EMBEDDING || move_tensor(join, from, segment, (Place){layer, mode, id}, scratch, st);
  h5_close(from, &why);
  return ok;
}

static bool move_segment(Join *join, int layer, Arena scratch, Status *st) {
  char path[PATH_BYTES];
  hid_t file, modes = -1;
  Status why = {0};
  TRY(parts_open(join->journal, join->prompt, layer, path, &file, st));
  bool ok = h5_open_group(file, "modes", &modes, &why) || FAIL(st, "%s: modes: %s", path, why.text);
  for (int m = 0; ok && m < join->journal->shape.modes; m++) ok = move_mode(join, modes, path, layer, m, scratch, st);
  h5_close(modes, &why);
  h5_close(file, &why);
  return ok;
}

/* After all tensors of the prompt are written: each attached scale is a longer list in the scale's header, and between
 * data the lists that are given up would leave holes of 100 MB in the file of a run of ten modes. */
static bool attach_scales(const Join *join, const Place *at, Status *st) {
  const TensorInfo *info = &tensor_info[at->id];
  Status reason = {0}, *why = &reason;
  hid_t group = -1, dataset = -1;
  char path[GROUP_BYTES];
  group_path(join, at, path);
  bool ok = h5_make_path(join->file, path, &group, why) && H5(dataset = H5Dopen2(group, info->name, H5P_DEFAULT)) &&
            label(join, dataset, 0, info->rows, why) && label(join, dataset, 1, info->cols, why);
  ok = h5_close(dataset, why) && ok;
  ok = h5_close(group, why) && ok;
  return ok || failed(join, path, 0, why, st);
}

static bool write_prompt(Join *join, int prompt, Arena scratch, Status *st) {
  const JournalShape *shape = &join->journal->shape;
  join->prompt = prompt;
  join->kept = ARENA_NEW(&scratch, Place, shape->layers * shape->modes * T_COUNT);
  join->kept_count = 0;
  bool ok = put_prompt(join, &shape->prompt[prompt], scratch, st);
  for (int layer = 0; ok && layer < shape->layers; layer++) ok = move_segment(join, layer, scratch, st);
  for (int i = 0; ok && i < join->kept_count; i++) ok = attach_scales(join, &join->kept[i], st);
  return close_scales(join, st) && ok;
}

/* ---- tables and attributes ---- */

/* A copy whose bytes depend on the values alone: zeros between and behind the fields, NaN canonical. */
static const void *settled_rows(Arena *arena, const TableRows *rows) {
  const Table *table = rows->table;
  char *copy = arena_alloc(arena, rows->count, table->row_size);
  for (size_t at = 0; at < rows->count * table->row_size; at += table->row_size)
    for (int i = 0; i < table->columns; i++) {
      const Column *column = &table->column[i];
      const char *from = (const char *)rows->rows + at + column->offset;
      char *to = copy + at + column->offset;
      memcpy(to, from, column->type == COLUMN_TEXT ? strnlen(from, column->size - 1) : column->size);
      double value;
      if (column->type == COLUMN_F64 && (memcpy(&value, from, sizeof value), isnan(value)))
        memcpy(to, &(uint64_t){0x7ff8000000000000u}, sizeof value);
    }
  return copy;
}

static bool put_table(const Join *join, const TableRows *rows, Arena scratch, Status *st) {
  Status why = {0};
  hid_t group = -1;
  if (rows->count == 0) return true;
  const void *settled = settled_rows(&scratch, rows);
  bool ok = h5_make_path(join->file, "tables", &group, &why) &&
            h5_put_rows(group, rows->table, settled, rows->count, join->journal->deflate, &why);
  ok = h5_close(group, &why) && ok;
  return ok || failed(join, rows->table->name, rows->count * rows->table->row_size, &why, st);
}

static bool put_attributes(const Join *join, const Attribute *attributes, int count, Status *st) {
  Status why = {0};
  RunKey key;
  bool found = false, ok = true;
  TRY(parts_read_key(join->journal->folder, &key, &found, st));
  if (!found) return FAIL(st, "%s: has no run.json any more", join->journal->folder);
  const int32_t version = FORMAT_VERSION;
  if (!h5_put_scalar(join->file, "format_version", H5T_STD_I32LE, &version, &why))
    return failed(join, "format_version", sizeof version, &why, st);
  for (int i = 0; ok && i < RUN_KEYS; i++) {
    char name[32];
    snprintf(name, sizeof name, "%s_digest", run_key_names[i]);
    ok = h5_put_text(join->file, name, run_key_digest(&key, i)->hex, &why) ||
         failed(join, name, sizeof key.spec, &why, st);
  }
  for (int i = 0; ok && i < count; i++) {
    const Attribute *a = &attributes[i];
    ok = (a->text ? h5_put_text(join->file, a->name, a->text, &why)
                  : h5_put_scalar(join->file, a->name, H5T_IEEE_F64LE, &a->number, &why)) ||
         failed(join, a->name, a->text ? strlen(a->text) : sizeof a->number, &why, st);
  }
  return ok;
}

/* ---- the whole ---- */

/* What the segments hold for going on alone, and the result does not. */
static uint64_t stream_bytes(const JournalShape *shape) {
  uint64_t bytes = 0;
  for (int p = 0; p < shape->prompts; p++)
    bytes += (uint64_t)shape->layers * segment_stream_bytes(shape->prompt[p].T, shape->dims[DIM_D_MODEL], shape->modes);
  return bytes;
}

/* Never more than the result will take: a join that fails for want of room loses nothing but its time, one that is
 * refused where there was room is a nuisance. What compression leaves is not known before. */
static bool check_room(const Journal *journal, const char *partial, Status *st) {
  const JournalShape *shape = &journal->shape;
  uint64_t wanted = 0, streams = stream_bytes(shape), available = store_bytes_free(partial);
  if (journal->deflate > 0) return true;
  for (int i = 0; i < shape->prompts * shape->layers; i++) {
    char path[PATH_BYTES];
    struct stat info;
    TRY(parts_segment_path(journal, i / shape->layers, i % shape->layers, path, st));
    if (stat(path, &info) != 0) return FAIL(st, "%s: %s", path, strerror(errno));
    wanted += (uint64_t)info.st_size;
  }
  wanted -= wanted > streams ? streams : wanted;
  return wanted <= available || FAIL(st,
                                     "%s: needs about %llu bytes beside the segments, %llu are free: %llu are missing; "
                                     "the run goes on from here when "
                                     "there is room",
                                     partial, (unsigned long long)wanted, (unsigned long long)available,
                                     (unsigned long long)(wanted - available));
}

static bool write_all(Join *join, const Attribute *attributes, int attribute_count, const TableRows *rows,
                      int row_count, Arena scratch, Status *st) {
  bool ok = put_attributes(join, attributes, attribute_count, st);
  for (int p = 0; ok && p < join->journal->shape.prompts; p++) ok = write_prompt(join, p, scratch, st);
  for (int i = 0; ok && i < row_count; i++) ok = put_table(join, &rows[i], scratch, st);
  return ok;
}

bool journal_join(Journal *journal, const Attribute *attributes, int attribute_count, const TableRows *rows,
                  int row_count, Arena scratch, Status *st) {
  Join join = {.journal = journal, .file = -1};
  Status reason = {0}, *why = &reason;
  for (int dim = 0; dim < DIM_COUNT; dim++) join.scale[dim] = -1;
  if (snprintf(join.partial, PATH_BYTES, "%s.partial", journal->results) >= PATH_BYTES)
    return FAIL(st, "%.100s…: the path is too long", journal->results);
  TRY(check_room(journal, join.partial, st));
  join.file = h5_create_file(join.partial, why);
  if (join.file < 0) { /* HDF5 may have made the file before it failed */
    failed(&join, "the file itself", 0, why, st);
    return unlink(join.partial), false;
  }
  bool ok = write_all(&join, attributes, attribute_count, rows, row_count, scratch, st);
  ok = ok && (H5(H5Fflush(join.file, H5F_SCOPE_LOCAL)) || failed(&join, "metadata", 0, why, st));
  bool closed = H5(H5Fclose(join.file)); /* once, and its handle is not used again */
  ok = ok && (closed || failed(&join, "closing", 0, why, st)) && (!journal->sync || store_sync_file(join.partial, st));
  if (ok && rename(join.partial, journal->results) != 0)
    ok = FAIL(st, "%s: cannot be renamed to its final name: %s", join.partial, strerror(errno));
  if (!ok) return unlink(join.partial), false;
  TRY(!journal->sync || file_sync_folder(file_folder(&scratch, journal->results), st));
  parts_remove(journal->folder);
  return true;
}
