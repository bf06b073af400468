/* segment: one file a prompt and finished layer: written under a temporary name, closed, renamed. After the first
 * failure the file is closed once and removed, and nothing more is written: HDF5's handle of a file whose write failed
 * must not be used again. */
#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "kernels/f16.h"
#include "store/parts.h"

static bool failed(Segment *segment, const char *object, size_t bytes, const Status *why, Status *st) {
  store_write_failed(segment->temporary, object, bytes, why, st);
  segment_abandon(segment);
  return false;
}

void segment_abandon(Segment *segment) {
  if (segment->file < 0) return;
  H5Fclose(segment->file); /* its failure is no news */
  segment->file = -1;
  unlink(segment->temporary);
}

static bool make_groups(hid_t file, const JournalShape *shape, Status *why) {
  static const char *const fixed[] = {"streams", "tables"};
  char name[64];
  bool ok = true;
  for (int i = 0; ok && i < shape->modes + 2; i++) {
    hid_t group = -1;
    snprintf(name, sizeof name, "%s%s", i < 2 ? "" : "modes/", i < 2 ? fixed[i] : shape->mode[i - 2]);
    ok = h5_make_path(file, name, &group, why);
    ok = h5_close(group, why) && ok;
  }
  return ok;
}

bool segment_create(const Journal *journal, int prompt, int layer, Segment *segment, Status *st) {
  *segment = (Segment){.journal = journal, .prompt = prompt, .layer = layer, .file = -1};
  Status why = {0};
  TRY(parts_segment_path(journal, prompt, layer, segment->path, st));
  snprintf(segment->temporary, sizeof segment->temporary, "%.*s.tmp", PATH_BYTES - 8, segment->path);
  segment->file = h5_create_file(segment->temporary, &why);
  if (segment->file < 0) { /* HDF5 may have made the file before it failed */
    store_write_failed(segment->temporary, "the file itself", 0, &why, st);
    return unlink(segment->temporary), false;
  }
  return make_groups(segment->file, &journal->shape, &why) || failed(segment, "groups", 0, &why, st);
}

/* ---- the form in which a tensor is stored: whole, float16 widened where asked for, NaN canonical ---- */

static void canonical(Tensor *t) {
  size_t n = (size_t)t->rows * (size_t)t->cols;
  uint16_t *h = t->data;
  uint32_t *f = t->data;
  uint64_t *d = t->data;
  if (t->type == TYPE_F16)
    for (size_t i = 0; i < n; i++) h[i] = (h[i] & 0x7fffu) > 0x7c00u ? 0x7e00u : h[i];
  if (t->type == TYPE_F32)
    for (size_t i = 0; i < n; i++) f[i] = (f[i] & 0x7fffffffu) > 0x7f800000u ? 0x7fc00000u : f[i];
  if (t->type == TYPE_F64)
    for (size_t i = 0; i < n; i++)
      d[i] = (d[i] & 0x7fffffffffffffffu) > 0x7ff0000000000000u ? 0x7ff8000000000000u : d[i];
}

/* A copy with its rows next to each other; in the arena. */
static Tensor whole(Arena *arena, const Tensor *t, bool widen) {
  widen = widen && t->type == TYPE_F16;
  Tensor copy = *t;
  size_t size = type_size(t->type), row_bytes = (size_t)t->cols * size;
  copy.type = widen ? TYPE_F32 : t->type;
  copy.stride = t->cols;
  copy.data = arena_alloc(arena, (size_t)t->rows * (size_t)t->cols, type_size(copy.type));
  for (size_t r = 0; r < (size_t)t->rows; r++) {
    const char *row = (const char *)t->data + r * (size_t)t->stride * size;
    if (!widen) memcpy((char *)copy.data + r * row_bytes, row, row_bytes);
    for (size_t c = 0; widen && c < (size_t)t->cols; c++)
      ((float *)copy.data)[r * (size_t)t->cols + c] = f32_of_f16(((const uint16_t *)row)[c]);
  }
  return copy;
}

static size_t tensor_bytes(const Tensor *t) { return (size_t)t->rows * (size_t)t->cols * type_size(t->type); }

static bool known_mode(const JournalShape *shape, const char *mode) {
  for (int i = 0; i < shape->modes; i++)
    if (!strcmp(shape->mode[i], mode)) return true;
  return false;
}

static bool put(Segment *segment, const char *group_path, const char *name, const Tensor *t, bool of_f16,
                const Digest *digest, Status *st) {
  Status why = {0};
  hid_t group = -1, dataset = -1;
  char object[128];
  if (segment->file < 0) return FAIL(st, "%s: was given up after an earlier failure", segment->temporary);
  bool ok = h5_make_path(segment->file, group_path, &group, &why) &&
            h5_put_tensor(group, name, t, of_f16, digest, 0, &dataset, &why);
  ok = h5_close(dataset, &why) && ok;
  ok = h5_close(group, &why) && ok;
  snprintf(object, sizeof object, "%s/%s", group_path, name);
  return ok || failed(segment, object, tensor_bytes(t), &why, st);
}

bool segment_put_tensor(Segment *segment, const char *mode, TensorId id, const Tensor *t, bool keep, bool f16_as_f32,
                        Digest *digest, Arena scratch, Status *st) {
  const JournalShape *shape = &segment->journal->shape;
  int dims[DIM_COUNT];
  memcpy(dims, shape->dims, sizeof dims);
  dims[DIM_TOKEN] = shape->prompt[segment->prompt].T;
  assert(known_mode(shape, mode) && t->rows == dims[tensor_info[id].rows] && t->cols == dims[tensor_info[id].cols]);
  Tensor own = whole(&scratch, t, false);
  canonical(&own);
  *digest = digest_of(own.data, tensor_bytes(&own));
  if (!keep) return true;
  char group[64];
  snprintf(group, sizeof group, "modes/%s", mode);
  bool of_f16 = t->type == TYPE_F16;
  if (!of_f16 || !f16_as_f32) return put(segment, group, tensor_info[id].name, &own, of_f16, digest, st);
  Tensor wide = whole(&scratch, &own, true);
  Digest wide_digest = digest_of(wide.data, tensor_bytes(&wide));
  return put(segment, group, tensor_info[id].name, &wide, true, &wide_digest, st);
}

/* Its NaNs stay as they are: a run that goes on starts from the very bits. */
bool segment_put_stream(Segment *segment, const char *mode, const Tensor *t, Arena scratch, Status *st) {
  assert(known_mode(&segment->journal->shape, mode) && (t->type == TYPE_F32 || t->type == TYPE_F64));
  Tensor stored = whole(&scratch, t, false);
  Digest digest = digest_of(stored.data, tensor_bytes(&stored));
  return put(segment, "streams", mode, &stored, false, &digest, st);
}

uint64_t segment_stream_bytes(int T, int D, int sides) {
  return (uint64_t)T * (uint64_t)D * ((uint64_t)(sides - 1) * sizeof(float) + sizeof(double));
}

bool segment_put_rows(Segment *segment, const Table *table, const void *rows, size_t count, Status *st) {
  Status why = {0};
  hid_t group = -1;
  if (segment->file < 0) return FAIL(st, "%s: was given up after an earlier failure", segment->temporary);
  if (count == 0) return true;
  bool ok = h5_make_path(segment->file, "tables", &group, &why) && h5_put_rows(group, table, rows, count, 0, &why);
  ok = h5_close(group, &why) && ok;
  return ok || failed(segment, table->name, count * table->row_size, &why, st);
}

bool segment_commit(Segment *segment, Status *st) {
  Status reason = {0}, *why = &reason;
  if (segment->file < 0) return FAIL(st, "%s: was given up after an earlier failure", segment->temporary);
  if (!H5(H5Fflush(segment->file, H5F_SCOPE_LOCAL))) return failed(segment, "metadata", 0, why, st);
  hid_t file = segment->file;
  segment->file = -1;
  bool ok = H5(H5Fclose(file)) || store_write_failed(segment->temporary, "closing", 0, why, st);
  ok = ok && (!segment->journal->sync || store_sync_file(segment->temporary, st));
  struct stat info;
  if (ok && stat(segment->temporary, &info) != 0)
    ok = FAIL(st, "%s: %s", segment->temporary, strerror(errno));
  else if (ok)
    segment->bytes = (int64_t)info.st_size;
  if (ok && rename(segment->temporary, segment->path) != 0)
    ok = FAIL(st, "%s: cannot be renamed to its final name: %s", segment->temporary, strerror(errno));
  if (ok) return !segment->journal->sync || file_sync_folder(segment->journal->folder, st);
  unlink(segment->temporary);
  return false;
}

/* ---- reading back ---- */

bool journal_read_stream(Arena *arena, const Journal *journal, int prompt, int layer, const char *mode, Tensor *t,
                         Status *st) {
  char path[PATH_BYTES];
  hid_t file = -1, streams = -1;
  Status why = {0};
  Digest digest;
  TRY(parts_open(journal, prompt, layer, path, &file, st));
  bool ok = h5_open_group(file, "streams", &streams, &why) && h5_get_tensor(arena, streams, mode, t, &digest, &why);
  h5_close(streams, &why);
  h5_close(file, &why);
  return ok || FAIL(st, "%s: streams/%s: %s", path, mode, why.text);
}

/* The rows of one segment; count 0 where it has none. */
static bool rows_of(Arena *arena, const Journal *journal, int prompt, int layer, const Table *table, void **rows,
                    size_t *count, Status *st) {
  char path[PATH_BYTES];
  hid_t file = -1, group = -1;
  Status why = {0};
  *count = 0;
  TRY(parts_open(journal, prompt, layer, path, &file, st));
  bool ok = h5_open_group(file, "tables", &group, &why);
  int there = ok ? h5_has(group, table->name, &why) : -1;
  ok = there == 0 || (there > 0 && h5_get_rows(arena, group, table, rows, count, &why));
  h5_close(group, &why);
  h5_close(file, &why);
  return ok || FAIL(st, "%s: tables/%s: %s", path, table->name, why.text);
}

/* Read twice: counted first, so that the result is one piece. */
bool journal_read_rows(Arena *arena, const Journal *journal, const Table *table, void **rows, size_t *count,
                       Status *st) {
  const JournalShape *shape = &journal->shape;
  char *all = NULL;
  size_t total = 0, got = 0;
  for (int pass = 0; pass < 2; pass++) {
    if (pass) all = arena_alloc(arena, total, table->row_size);
    for (int i = 0; i < shape->prompts * shape->layers; i++) {
      Arena scratch = *arena;
      void *part = NULL;
      size_t n;
      TRY(rows_of(&scratch, journal, i / shape->layers, i % shape->layers, table, &part, &n, st));
      if (!pass) total += n;
      if (pass && got + n > total) return FAIL(st, "%s: table %s grew while it was read", journal->folder, table->name);
      if (pass && n) memcpy(all + got * table->row_size, part, n * table->row_size), got += n;
    }
  }
  *rows = all;
  *count = total;
  return true;
}
