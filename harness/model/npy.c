/* npy: magic, version, little-endian length of the header (2 bytes in version 1, 4 in 2 and 3),
 * header, values. */
#include "model/npy.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char magic[] = "\x93NUMPY";
enum { MAGIC = sizeof magic - 1, SHAPE_SHOWN = 48 };

/* A cursor over a header, which is the text of a Python dictionary. */
typedef struct Cursor {
  const char *at, *end;
} Cursor;

typedef struct Header {
  char descr[16];
  int64_t count;
  char shape[SHAPE_SHOWN + 1]; /* as written, for messages */
} Header;

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

/* A tuple of which at most one number is not 1: its product is the count. */
static bool one_row(Cursor *c, int64_t *count) {
  int dimensions = 0, long_ones = 0;
  bool comma = false;
  *count = 1;
  if (!skip(c, "(")) return false;
  while (!skip(c, ")")) {
    int64_t number;
    if ((dimensions > 0 && !comma) || !whole_number(c, &number)) return false;
    dimensions++;
    if (number != 1) *count = number, long_ones++;
    comma = skip(c, ",");
  }
  return (dimensions > 1 || comma) && long_ones <= 1;
}

static bool read_shape(const char *path, Cursor *c, Header *header, Status *st) {
  while (c->at < c->end && *c->at == ' ') c->at++;
  const char *begin = c->at, *close = begin;
  while (close < c->end && *close != ')') close++;
  int shown = (int)(close - begin < SHAPE_SHOWN - 1 ? close - begin + 1 : SHAPE_SHOWN);
  if (close == c->end) shown = 0;
  snprintf(header->shape, sizeof header->shape, "%.*s", shown, begin);
  return one_row(c, &header->count) ||
         FAIL(st, "%s: the .npy file has shape %s; one row of ids is read, (n,) or (1, n)", path,
              header->shape);
}

/* {'descr': '<i4', 'fortran_order': False, 'shape': (n,), }, keys in any order, each once, and
 * nothing after it but white space. */
static bool read_header(const char *path, Cursor c, Header *header, Status *st) {
  bool descr = false, order = false, shape = false, closed = false;
  if (!skip(&c, "{")) return FAIL(st, "%s: the .npy header is not a dictionary", path);
  while (!(closed = skip(&c, "}"))) {
    char key[16];
    if (!quoted(&c, key, sizeof key) || !skip(&c, ":")) break;
    if (strcmp(key, "descr") == 0 && !descr) {
      if (!quoted(&c, header->descr, sizeof header->descr))
        return FAIL(st,
                    "%s: the .npy file holds records or an element type that is not read; expected "
                    "integers",
                    path);
      descr = true;
    } else if (strcmp(key, "fortran_order") == 0 && !order) {
      if (!skip(&c, "False") && !skip(&c, "True")) break; /* of one row the order says nothing */
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

bool npy_open(const char *path, Bytes file, Npy *array, Status *st) {
  const unsigned char *byte = (const unsigned char *)file.data;
  if (file.count < 10) return FAIL(st, "%s: the .npy file is cut off in its first 10 bytes", path);
  if (byte[6] < 1 || byte[6] > 3 || byte[7] != 0)
    return FAIL(st, "%s: .npy version %d.%d, expected 1.0, 2.0 or 3.0", path, byte[6], byte[7]);
  size_t start = byte[6] == 1 ? 10 : 12;
  if (file.count < start)
    return FAIL(st, "%s: the .npy file is cut off in its first 12 bytes", path);
  size_t length = (size_t)byte[8] | (size_t)byte[9] << 8;
  if (start == 12) length |= (size_t)byte[10] << 16 | (size_t)byte[11] << 24;
  if (length > file.count - start)
    return FAIL(st, "%s: the .npy header has %zu bytes, but only %zu follow", path, length,
                file.count - start);
  Header header;
  TRY(read_header(path, (Cursor){file.data + start, file.data + start + length}, &header, st));
  *array = (Npy){.data = byte + start + length, .count = header.count};
  if (!element_type(header.descr, array))
    return FAIL(st,
                "%s: the .npy file holds elements of type '%s', expected integers; convert it with "
                "numpy.save(file, ids.astype('int32'))",
                path, header.descr);
  size_t bytes = file.count - start - length, size = (size_t)array->size;
  if (bytes % size != 0 || (size_t)array->count != bytes / size)
    return FAIL(st, "%s: the .npy shape is %s, %zu bytes of '%s' follow", path, header.shape, bytes,
                header.descr);
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
