/* scalar: numbers are JSON's (and .5 and 1., which every reader takes alike), in decimal, the whole
 * of the text and in range: what else YAML or strtol would take (08, 0x10, 1_0, +5, 1e3 for an
 * integer) is refused, since other readers of the same file take it for another number. */
#include "spec/scalar.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "spec/spec.h"

static const char *skip_digits(const char *c) {
  while (*c >= '0' && *c <= '9') c++;
  return c;
}

/* Behind an optional minus and an integer without needless zeros; NULL where there is none. */
static const char *skip_integer(const char *c) {
  if (*c == '-') c++;
  if (*c == '0') return c + 1;
  const char *end = skip_digits(c);
  return end > c ? end : NULL;
}

/* As YAML's core schema has it: digits may lack before the point or behind it, not both. */
static bool is_real(const char *text) {
  const char *begin = text + (*text == '-'), *c = *begin == '.' ? begin : skip_integer(text);
  if (c && *c == '.') {
    const char *fraction = c + 1;
    c = skip_digits(fraction);
    if (c == fraction && *begin == '.') return false;
  }
  if (c && (*c == 'e' || *c == 'E')) {
    c += 1 + (c[1] == '+' || c[1] == '-');
    const char *exponent = c;
    c = skip_digits(c);
    if (c == exponent) return false;
  }
  return c && *c == 0;
}

static bool integer_read(const Key *key, const char *text, int64_t *value) {
  const char *end = skip_integer(text);
  if (!end || *end) return false;
  errno = 0;
  *value = strtoll(text, NULL, 10);
  return errno == 0 && *value >= key->min && *value <= key->max;
}

static bool real_read(const Key *key, const char *text, double *value) {
  if (!is_real(text)) return false;
  char *end;
  *value = strtod(text, &end);
  return *end == 0 && isfinite(*value) && *value >= key->low && *value <= key->high;
}

static int word_index(const Key *key, const char *text) {
  for (int i = 0; schema_word(key, i); i++)
    if (!strcmp(schema_word(key, i), text)) return i;
  return -1;
}

/* TxE or TxExN: two or three integers from 1, each within an int. */
static bool is_shape(const char *text) {
  int count = 0;
  for (const char *c = text;; c++) {
    const char *end = skip_digits(c);
    if (end == c || end - c > 9 || *c == '0') return false;
    count++;
    c = end;
    if (*c == 0) return count == 2 || count == 3;
    if (*c != 'x') return false;
  }
}

int64_t scalar_characters(const char *text) {
  int64_t count = 0;
  for (; *text; text++) count += ((unsigned char)*text & 0xC0) != 0x80; /* not what follows */
  return count;
}

/* A text that stays as it is, where its kind takes it. */
static bool text_read(const Key *key, const char *text, const char **field) {
  const int64_t characters = key->kind == KIND_TEXT ? scalar_characters(text) : 0;
  const bool good = key->kind == KIND_TEXT
                        ? characters >= key->min && (!key->max || characters <= key->max)
                    : key->kind == KIND_NAME  ? name_valid(text)
                    : key->kind == KIND_SHAPE ? is_shape(text)
                                              : *text != 0;
  if (good) *field = text;
  return good;
}

bool scalar_read(const Key *key, const char *text, bool plain, void *owner) {
  void *field = (char *)owner + key->offset;
  int64_t integer;
  int index;
  switch (key->kind) {
    case KIND_TEXT:
    case KIND_NAME:
    case KIND_MODE_NAME:
    case KIND_SHAPE: return text_read(key, text, field);
    case KIND_WORD:
    case KIND_TENSOR:
      if ((index = word_index(key, text)) < 0) return false;
      *(const char **)field = schema_word(key, index);
      return true;
    case KIND_CHOICE:
      if ((index = word_index(key, text)) < 0) return false;
      *(int *)field = index;
      return true;
    case KIND_INT:
      if ((index = word_index(key, text)) >= 0) {
        *(int *)field = -1 - index;
        return true;
      }
      if (!plain || !integer_read(key, text, &integer)) return false;
      *(int *)field = (int)integer;
      return true;
    case KIND_INT64: return plain && integer_read(key, text, (int64_t *)field);
    case KIND_BYTES: return memory_size(text, (int64_t *)field) && *(int64_t *)field >= key->min;
    case KIND_REAL: return plain && real_read(key, text, (double *)field);
    case KIND_LIMIT:
      return plain && (((Limit *)field)->set = real_read(key, text, &((Limit *)field)->value));
    case KIND_LIST: /* a word in its place */
      if ((index = word_index(key, text)) < 0) return false;
      *(bool *)((char *)owner + key->all_offset) = index == 0;
      return true;
    default: return false;
  }
}

static const char *words(Arena *arena, const Key *key) {
  const char *list = "";
  for (int i = 0; schema_word(key, i); i++)
    list = arena_printf(arena, "%s%s%s", list, i ? ", " : "", schema_word(key, i));
  return list;
}

const char *scalar_expected(Arena *arena, const Key *key) {
  switch (key->kind) {
    case KIND_TEXT:
      if (key->max)
        return arena_printf(arena, "a text of %s%" PRId64 " characters",
                            key->min ? "1 to " : "at most ", key->max);
      return key->min ? "a text that is not empty" : "a text";
    case KIND_NAME:
      return arena_printf(arena,
                          "a name of 1 to %d bytes of UTF-8 without '/' and control characters, "
                          "neither . nor ..",
                          NAME_BYTES_MAX);
    case KIND_MODE_NAME: return "the name of a mode";
    case KIND_SHAPE: return "a shape such as 512x1536 or 512x1536x16";
    case KIND_INT:
      if (key->names)
        return arena_printf(arena, "%s, or an integer from %" PRId64 " to %" PRId64,
                            words(arena, key), key->min, key->max);
      return arena_printf(arena, "an integer from %" PRId64 " to %" PRId64, key->min, key->max);
    case KIND_INT64:
      return arena_printf(arena, "an integer from %" PRId64 " to %" PRId64, key->min, key->max);
    case KIND_BYTES:
      return arena_printf(arena, "bytes, at least %s, such as 8 GB, 512 MB or 1.5 GiB",
                          memory_size_text(key->min, (char[MEMORY_SIZE_TEXT]){0}));
    case KIND_REAL:
    case KIND_LIMIT: return arena_printf(arena, "a number from %g to %g", key->low, key->high);
    case KIND_PAIR: return "a list of two modes, such as [2-0, 2-4]";
    case KIND_OBJECT: return "a mapping of keys";
    case KIND_NAMED: return "a mapping from names to settings";
    case KIND_MODES: return "a mapping from names to modes";
    case KIND_SAID:
      return arena_printf(arena, "%s%sa mapping from names of tensors to %s",
                          key->single ? scalar_expected(arena, key->item) : "",
                          key->single ? ", or " : "",
                          key->single ? "such" : scalar_expected(arena, key->item));
    case KIND_LAYERS: return "a mapping from layers to modes or stages, such as {0-3: fp32}";
    case KIND_LIST:
      return arena_printf(arena, "%s%sa list of %" PRId64 " to %" PRId64,
                          key->names ? words(arena, key) : "", key->names ? ", or " : "", key->min,
                          schema_items_most(key));
    default: return arena_printf(arena, "one of %s", words(arena, key));
  }
}
