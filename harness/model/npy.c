/* npy: magic, version, little-endian length of the header (2 bytes in version 1, 4 in 2 and 3),
 * header, values. */
#include "model/npy.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/number.h"

static const char magic[] = "\x93NUMPY";
enum { MAGIC = sizeof magic - 1 };

/* A cursor over a header, which is the text of a Python dictionary. */
typedef struct Cursor {
  const char *at, *end;
} Cursor;

bool npy_is(Bytes file) { return file.count >= MAGIC && memcmp(file.data, magic, MAGIC) == 0; }

static bool skip(Cursor *c, const char *word) {
  while (c->at < c->end && *c->at == ' ') c->at++;
  size_t n = strlen(word);
  if ((size_t)(c->end - c->at) < n || memcmp(c->at, word, n) != 0) return false;
  c->at += n;
  return true;
}

/* A quoted key or value, without its quotes. */
static bool quoted(Cursor *c, char *text, size_t room) {
  char quote = skip(c, "'") ? '\'' : skip(c, "\"") ? '"' : 0;
  if (!quote) return false;
  const char *close = memchr(c->at, quote, (size_t)(c->end - c->at));
  if (!close || (size_t)(close - c->at) >= room) return false;
  memcpy(text, c->at, (size_t)(close - c->at));
  text[close - c->at] = 0;
  c->at = close + 1;
  return true;
}

static bool whole_number(Cursor *c, int64_t *number) {
  while (c->at < c->end && *c->at == ' ') c->at++;
  const char *begin = c->at;
  *number = 0;
  for (; c->at < c->end && isdigit((unsigned char)*c->at); c->at++)
    if (__builtin_mul_overflow(*number, 10, number) ||
        __builtin_add_overflow(*number, *c->at - '0', number))
      return false;
  return c->at > begin;
}

static bool tuple(Cursor *c, NpyHeader *header) {
  bool comma = false;
  if (!skip(c, "(")) return false;
  for (header->rank = 0; !skip(c, ")"); header->rank++) {
    int64_t number;
    if ((header->rank > 0 && !comma) || header->rank == NPY_RANK_MOST || !whole_number(c, &number))
      return false;
    header->size[header->rank] = number;
    comma = skip(c, ",");
  }
  return header->rank != 1 || comma;
}

static bool read_shape(const char *path, Cursor *c, NpyHeader *header, Status *st) {
  while (c->at < c->end && *c->at == ' ') c->at++;
  const char *begin = c->at, *close = begin;
  while (close < c->end && *close != ')') close++;
  int shown = (int)(close - begin < NPY_SHAPE - 2 ? close - begin + 1 : NPY_SHAPE - 1);
  if (close == c->end) shown = 0;
  snprintf(header->shape, sizeof header->shape, "%.*s", shown, begin);
  return tuple(c, header) || FAIL(st,
                                  "%s: the .npy file has the shape %s, which cannot be read; "
                                  "expected at most %d whole numbers",
                                  path, header->shape, NPY_RANK_MOST);
}

/* {'descr': '<i4', 'fortran_order': False, 'shape': (n,), }, keys in any order, each once, and
 * nothing after it but white space. */
static bool read_header(const char *path, Cursor c, NpyHeader *header, Status *st) {
  bool descr = false, order = false, shape = false, closed = false;
  if (!skip(&c, "{")) return FAIL(st, "%s: the .npy header is not a dictionary", path);
  while (!(closed = skip(&c, "}"))) {
    char key[16];
    if (!quoted(&c, key, sizeof key) || !skip(&c, ":")) break;
    if (strcmp(key, "descr") == 0 && !descr) {
      if (!quoted(&c, header->descr, sizeof header->descr)) return header->records = true;
      descr = true;
    } else if (strcmp(key, "fortran_order") == 0 && !order) {
      header->fortran = skip(&c, "True");
      if (!header->fortran && !skip(&c, "False")) break;
      order = true;
    } else if (strcmp(key, "shape") == 0 && !shape) {
      TRY(read_shape(path, &c, header, st));
      shape = true;
    } else {
      return FAIL(st, "%s: the .npy header has the key '%s' unexpectedly", path, key);
    }
    if (!skip(&c, ",") && (c.at == c.end || *c.at != '}')) break;
  }
  while (closed && c.at < c.end && isspace((unsigned char)*c.at)) c.at++;
  if (!closed || c.at != c.end) return FAIL(st, "%s: the .npy header cannot be read", path);
  return (descr && order && shape) ||
         FAIL(st, "%s: the .npy header lacks descr, fortran_order or shape", path);
}

/* Where the header's own length stands, and so where its text begins. */
static size_t text_start(const unsigned char *byte) { return byte[6] == 1 ? 10 : 12; }

static size_t text_length(const unsigned char *byte) {
  const size_t low = (size_t)byte[8] | (size_t)byte[9] << 8;
  return byte[6] == 1 ? low : low | (size_t)byte[10] << 16 | (size_t)byte[11] << 24;
}

size_t npy_head(Bytes first) {
  const unsigned char *byte = (const unsigned char *)first.data;
  return first.count < 12 ? 0 : text_start(byte) + text_length(byte);
}

bool npy_header(const char *path, Bytes head, uint64_t size, NpyHeader *header, Status *st) {
  const unsigned char *byte = (const unsigned char *)head.data;
  *header = (NpyHeader){0};
  if (head.count < 10) return FAIL(st, "%s: the .npy file is cut off in its first 10 bytes", path);
  if (!npy_is(head)) return FAIL(st, "%s: does not begin as a .npy file", path);
  if (byte[6] < 1 || byte[6] > 3 || byte[7] != 0)
    return FAIL(st, "%s: .npy version %d.%d, expected 1.0, 2.0 or 3.0", path, byte[6], byte[7]);
  const size_t start = text_start(byte);
  if (head.count < start)
    return FAIL(st, "%s: the .npy file is cut off in its first 12 bytes", path);
  const size_t length = text_length(byte);
  if (length > size - start)
    return FAIL(st, "%s: the .npy header has %zu byte%s, but only %llu follow", path, length,
                plural((int64_t)length), (unsigned long long)size - start);
  if (length > head.count - start)
    return FAIL(st, "%s: the .npy header has %zu bytes, of which %zu are read", path, length,
                head.count - start);
  header->at = start + length;
  return read_header(path, (Cursor){head.data + start, head.data + start + length}, header, st);
}

/* "<i4": byte order, sign, bytes; '|' where one byte has no order. */
static bool element_type(const char *descr, Npy *array) {
  const char order = descr[0], sign = order ? descr[1] : 0, size = sign ? descr[2] : 0;
  if ((sign != 'i' && sign != 'u') || !size || !strchr("1248", size) || descr[3]) return false;
  if (order != '<' && order != '>' && !(order == '|' && size == '1')) return false;
  array->size = size - '0';
  array->big_endian = order == '>';
  array->is_signed = sign == 'i';
  return true;
}

/* The product of a shape of which at most one number is not 1. */
static bool one_row(const NpyHeader *header, int64_t *count) {
  int long_ones = 0;
  *count = 1;
  for (int i = 0; i < header->rank; i++)
    if (header->size[i] != 1) *count = header->size[i], long_ones++;
  return header->rank > 0 && long_ones <= 1;
}

bool npy_open(const char *path, Bytes file, Npy *array, Status *st) {
  NpyHeader header;
  *array = (Npy){0};
  TRY(npy_header(path, file, file.count, &header, st));
  if (header.records)
    return FAIL(st,
                "%s: the .npy file holds records or an element type that is not read; expected "
                "integers",
                path);
  array->data = (const unsigned char *)file.data + header.at;
  if (!one_row(&header, &array->count))
    return FAIL(st, "%s: the .npy file has shape %s; one row of ids is read, (n,) or (1, n)", path,
                header.shape);
  if (!element_type(header.descr, array))
    return FAIL(st,
                "%s: the .npy file holds elements of type '%s', expected integers; convert it with "
                "numpy.save(file, ids.astype('int32'))",
                path, header.descr);
  size_t bytes = file.count - header.at, size = (size_t)array->size;
  if (bytes % size != 0 || (size_t)array->count != bytes / size)
    return FAIL(st, "%s: the .npy shape is %s, %zu byte%s of '%s' follow%s", path, header.shape,
                bytes, plural((int64_t)bytes), header.descr, bytes == 1 ? "s" : "");
  return true;
}

uint64_t npy_value(const Npy *array, int64_t i) {
  const unsigned char *byte = array->data + i * array->size;
  uint64_t value = 0;
  for (int b = 0; b < array->size; b++)
    value |= (uint64_t)byte[array->big_endian ? array->size - 1 - b : b] << 8 * b;
  const int unused = 64 - 8 * array->size;
  return array->is_signed ? (uint64_t)((int64_t)(value << unused) >> unused) : value;
}

/* numpy.lib.format wants the values to begin at a multiple of 64. */
bool npy_write(const char *path, const int32_t *value, int64_t count, Arena scratch, Status *st) {
  enum { HEAD = 128, LENGTH = HEAD - 10 };
  const size_t bytes = (size_t)count * sizeof *value;
  char *file = arena_alloc(&scratch, HEAD + bytes, 1);
  memcpy(file, "\x93NUMPY\1\0", MAGIC + 2);
  file[8] = LENGTH;
  const int n =
      snprintf(file + 10, LENGTH,
               "{'descr': '<i4', 'fortran_order': False, 'shape': (%" PRId64 ",), }", count);
  memset(file + 10 + n, ' ', (size_t)(LENGTH - n - 1));
  file[HEAD - 1] = '\n';
  for (int64_t i = 0; i < count; i++)
    for (int b = 0; b < 4; b++) file[HEAD + 4 * i + b] = (char)((uint32_t)value[i] >> 8 * b);
  return file_write(path, file, HEAD + bytes, false, st);
}
