/* safetensors: a file is 8 bytes of little-endian header length, the header (JSON), and the data,
 * which the tensors cover without gap or overlap. Beyond the reference implementation this refuses
 * nesting deeper than 8, more than 100,000 tensors, more than 8 dimensions, keys it does not know
 * and metadata that is not text. Nothing is allocated by a number that the file claims before that
 * number was compared with the file's size. An element type that is not known here is no fault as
 * long as nobody uses the tensor: its size is then what its offsets say. */
#include "model/safetensors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "model/json.h"

enum { MAX_HEADER = 100000000, MAX_TENSORS = 100000, PREFIX = 8 };

static const struct DType {
  const char *name;
  int bytes;
} dtypes[] = {{"BOOL", 1}, {"U8", 1},  {"I8", 1},  {"F8_E4M3", 1}, {"F8_E5M2", 1},
              {"I16", 2},  {"U16", 2}, {"F16", 2}, {"BF16", 2},    {"I32", 4},
              {"U32", 4},  {"F32", 4}, {"F64", 8}, {"I64", 8},     {"U64", 8}};

/* NULL: it is not known. */
static const struct DType *dtype_named(const char *name) {
  for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++)
    if (strcmp(name, dtypes[i].name) == 0) return &dtypes[i];
  return NULL;
}

const char *shape_print(const int64_t *shape, int rank, char text[SHAPE_TEXT]) {
  int at = snprintf(text, SHAPE_TEXT, "[");
  for (int i = 0; i < rank; i++) /* eight numbers of 19 digits fit */
    at += snprintf(text + at, (size_t)(SHAPE_TEXT - at), "%s%lld", i ? ", " : "",
                   (long long)shape[i]);
  snprintf(text + at, (size_t)(SHAPE_TEXT - at), "]");
  return text;
}

/* Where a fault was found: the start of every message. */
#define AT "%s: tensor '%.100s': "

static bool read_shape(const char *path, const json_t *list, SafeTensor *t, Status *st) {
  if (!json_is_array(list)) return FAIL(st, AT "shape is not a list", path, t->name);
  if (json_array_size(list) > SAFETENSORS_MAX_RANK)
    return FAIL(st, AT "has %zu dimensions, at most %d are read", path, t->name,
                json_array_size(list), SAFETENSORS_MAX_RANK);
  t->rank = (int)json_array_size(list);
  for (int i = 0; i < t->rank; i++) {
    const json_t *number = json_array_get(list, (size_t)i);
    if (!json_is_integer(number))
      return FAIL(st, AT "shape holds what is not an integer (place %d)", path, t->name, i);
    t->shape[i] = json_integer_value(number);
    if (t->shape[i] < 0)
      return FAIL(st, AT "shape holds a negative number, %lld", path, t->name,
                  (long long)t->shape[i]);
  }
  return true;
}

/* dtype and shape -> bytes; of a type that is not known, none yet. */
static bool read_size(Arena *arena, const char *path, const json_t *dtype, SafeTensor *t,
                      Status *st) {
  char text[SHAPE_TEXT];
  if (!json_is_string(dtype)) return FAIL(st, AT "dtype is not a string", path, t->name);
  const struct DType *known = dtype_named(json_string_value(dtype));
  if (!known) return t->dtype = arena_printf(arena, "%.20s", json_string_value(dtype)), true;
  t->dtype = known->name;
  t->bytes = (size_t)known->bytes;
  for (int i = 0; i < t->rank; i++)
    if (t->shape[i] == 0) return t->bytes = 0, true; /* whatever the others are */
  for (int i = 0; i < t->rank; i++)
    if (__builtin_mul_overflow(t->bytes, (size_t)t->shape[i], &t->bytes))
      return FAIL(st, AT "the product of shape %s overflows", path, t->name,
                  shape_print(t->shape, t->rank, text));
  return true;
}

static bool read_offsets(const char *path, const json_t *list, size_t data, SafeTensor *t,
                         Status *st) {
  char text[SHAPE_TEXT];
  if (!json_is_array(list) || json_array_size(list) != 2)
    return FAIL(st, AT "data_offsets is not a list of two numbers", path, t->name);
  const json_t *first = json_array_get(list, 0), *second = json_array_get(list, 1);
  if (!json_is_integer(first) || !json_is_integer(second))
    return FAIL(st, AT "data_offsets holds what is not an integer", path, t->name);
  long long begin = json_integer_value(first), end = json_integer_value(second);
  if (begin < 0 || end < 0)
    return FAIL(st, AT "data_offsets holds a negative number: %lld, %lld", path, t->name, begin,
                end);
  if (begin > end)
    return FAIL(st, AT "data_offsets run backwards: %lld, %lld", path, t->name, begin, end);
  if ((size_t)end > data)
    return FAIL(st, AT "ends at byte %lld of the data, but the file holds %zu: is it truncated?",
                path, t->name, end, data);
  if (!dtype_named(t->dtype)) t->bytes = (size_t)(end - begin);
  if ((size_t)(end - begin) != t->bytes)
    return FAIL(st, AT "%s %s needs %zu byte%s, its data_offsets span %lld", path, t->name,
                t->dtype, shape_print(t->shape, t->rank, text), t->bytes, plural((int64_t)t->bytes),
                end - begin);
  t->begin = (size_t)begin;
  return true;
}

static bool read_entry(Arena *arena, const char *path, json_t *entry, size_t data, SafeTensor *t,
                       Status *st) {
  if (!json_is_object(entry)) return FAIL(st, AT "its entry is not an object", path, t->name);
  const char *const known[] = {"dtype", "shape", "data_offsets"};
  const json_t *found[3];
  for (int i = 0; i < 3; i++)
    if (!(found[i] = json_object_get(entry, known[i])))
      return FAIL(st, AT "%s is missing", path, t->name, known[i]);
  const char *key;
  json_t *value;
  json_object_foreach(entry, key, value) {
    if (value != found[0] && value != found[1] && value != found[2])
      return FAIL(st, AT "unknown key '%.100s'", path, t->name, key);
  }
  TRY(read_shape(path, found[1], t, st));
  TRY(read_size(arena, path, found[0], t, st));
  return read_offsets(path, found[2], data, t, st);
}

static bool check_metadata(const char *path, json_t *metadata, Status *st) {
  if (!json_is_object(metadata)) return FAIL(st, "%s: __metadata__ is not an object", path);
  const char *key;
  json_t *value;
  json_object_foreach(metadata, key, value) {
    if (!json_is_string(value))
      return FAIL(st, "%s: __metadata__: '%.100s' is not a string", path, key);
  }
  return true;
}

/* An empty tensor before the one that begins where it stands. */
static int by_place(const void *a, const void *b) {
  const SafeTensor *x = a, *y = b;
  int place = (x->begin > y->begin) - (x->begin < y->begin);
  return place ? place : (x->bytes > y->bytes) - (x->bytes < y->bytes);
}

static int by_name(const void *a, const void *b) {
  return strcmp(((const SafeTensor *)a)->name, ((const SafeTensor *)b)->name);
}

/* Together the tensors are the data: from 0 to its end, none beside or upon another. */
static bool check_cover(const SafeTensors *file, Status *st) {
  const size_t data = file->data_bytes;
  size_t at = 0;
  for (size_t i = 0; i < file->count; i++) {
    const SafeTensor *t = &file->tensor[i];
    if (t->begin != at)
      return FAIL(st,
                  AT "begins at byte %zu of the data, but what stands before it ends at %zu: %s",
                  file->path, t->name, t->begin, at, t->begin > at ? "a gap" : "an overlap");
    at += t->bytes;
  }
  if (at != data)
    return FAIL(st,
                "%s: the tensors end at byte %zu of the data, which has %zu byte%s: %zu trailing "
                "byte%s%s%.100s%s",
                file->path, at, data, plural((int64_t)data), data - at,
                plural((int64_t)(data - at)), file->count ? " after tensor '" : "",
                file->count ? file->tensor[file->count - 1].name : "", file->count ? "'" : "");
  return true;
}

static bool read_header(Arena *arena, json_t *header, SafeTensors *file, Status *st) {
  const json_t *metadata = json_object_get(header, "__metadata__");
  size_t count = json_object_size(header) - (metadata ? 1 : 0);
  if (count > MAX_TENSORS)
    return FAIL(st, "%s: holds %zu tensors, at most %d are read", file->path, count, MAX_TENSORS);
  file->tensor = ARENA_NEW(arena, SafeTensor, count);
  const char *name;
  json_t *entry;
  json_object_foreach(header, name, entry) {
    if (entry == metadata) {
      TRY(check_metadata(file->path, entry, st));
      const char *order = json_string_value(json_object_get(entry, "order"));
      if (order) file->order = arena_printf(arena, "%s", order);
      continue;
    }
    SafeTensor *t = &file->tensor[file->count++];
    t->name = arena_printf(arena, "%s", name);
    TRY(read_entry(arena, file->path, entry, file->data_bytes, t, st));
  }
  qsort(file->tensor, file->count, sizeof *file->tensor, by_place);
  TRY(check_cover(file, st));
  qsort(file->tensor, file->count, sizeof *file->tensor, by_name);
  return true;
}

bool safetensors_head(const char *path, Bytes first, size_t size, size_t *end, Status *st) {
  if (size < PREFIX)
    return FAIL(st, "%s: has %zu byte%s, too few for a safetensors file", path, size,
                plural((int64_t)size));
  uint64_t length = 0;
  for (int i = PREFIX - 1; i >= 0; i--) length = length << 8 | (unsigned char)first.data[i];
  if (length > MAX_HEADER)
    return FAIL(st, "%s: header length %llu, at most %d are read: is it a safetensors file?", path,
                (unsigned long long)length, MAX_HEADER);
  if (length > size - PREFIX)
    return FAIL(st, "%s: header length %llu, but only %zu byte%s follow%s: the file is truncated",
                path, (unsigned long long)length, size - PREFIX, plural((int64_t)(size - PREFIX)),
                size - PREFIX == 1 ? "s" : "");
  *end = PREFIX + length;
  return true;
}

bool safetensors_of_head(Arena *arena, const char *path, Bytes head, size_t size, SafeTensors *file,
                         Status *st) {
  *file = (SafeTensors){.path = arena_printf(arena, "%s", path)};
  TRY(safetensors_head(path, head, size, &file->data_at, st));
  file->data_bytes = size - file->data_at;
  const Bytes text = {head.data + PREFIX, file->data_at - PREFIX};
  if (text.count == 0 || text.data[0] != '{')
    return FAIL(st, "%s: header is not a JSON object: it does not begin with '{'", path);
  json_t *header = json_object_of(path, "header", text, st);
  if (!header) return false;
  bool ok = read_header(arena, header, file, st);
  json_decref(header);
  return ok;
}

bool safetensors_of(Arena *arena, const char *path, Bytes content, SafeTensors *file, Status *st) {
  const bool ok = safetensors_of_head(arena, path, content, content.count, file, st);
  file->map = content;
  for (size_t i = 0; ok && i < file->count; i++)
    file->tensor[i].data =
        (const unsigned char *)content.data + file->data_at + file->tensor[i].begin;
  return ok;
}

bool safetensors_open(Arena *arena, const char *path, SafeTensors *file, Status *st) {
  Bytes content;
  TRY(file_map(path, &content, st));
  if (safetensors_of(arena, path, content, file, st)) return true;
  file_unmap(&file->map);
  return false;
}

const SafeTensor *safetensors_find(const SafeTensors *file, const char *name) {
  SafeTensor key = {.name = name};
  return bsearch(&key, file->tensor, file->count, sizeof key, by_name);
}
