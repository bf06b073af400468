#include "model/tokenizer/fields.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const json_t *or_absent(const json_t *value) { return json_is_null(value) ? NULL : value; }

Field field_at(const Field *object, const char *key) {
  return (Field){object->file, or_absent(json_object_get(object->value, key)), object, key, 0};
}

Field field_item(const Field *list, size_t index) {
  return (Field){list->file, or_absent(json_array_get(list->value, index)), list, NULL, index};
}

/* "pre_tokenizer.pretokenizers[1]", from the outermost on; returns the length. */
static size_t print_place(const Field *at, char *text, size_t size) {
  if (!at->up) return 0;
  size_t used = print_place(at->up, text, size);
  if (used >= size) return used;
  const int more = at->key ? snprintf(text + used, size - used, "%s%.60s", used ? "." : "", at->key)
                           : snprintf(text + used, size - used, "[%zu]", at->index);
  return used + (size_t)more;
}

bool field_fail(const Field *at, Status *st, const char *format, ...) {
  char place[512] = "", fault[1024];
  print_place(at, place, sizeof place);
  va_list args;
  va_start(args, format);
  vsnprintf(fault, sizeof fault, format, args);
  va_end(args);
  return FAIL(st, "%s: %s%s%s", at->file, place, *place ? ": " : "", fault);
}

const char *field_where(Arena *arena, const Field *at) {
  char place[512] = "";
  print_place(at, place, sizeof place);
  return arena_printf(arena, "%s%s%s", at->file, *place ? ": " : "", place);
}

bool field_only(const Field *object, const char *const *keys, Status *st) {
  if (!json_is_object(object->value)) return field_fail(object, st, "is no object");
  const char *key;
  json_t *value;
  json_object_foreach((json_t *)object->value, key, value) {
    const char *const *known = keys;
    while (*known && strcmp(*known, key) != 0) known++;
    if (!*known) return field_fail(object, st, "has the key '%.60s', which is not read", key);
  }
  return true;
}

bool field_list(const Field *list, size_t most, size_t *count, Status *st) {
  if (!json_is_array(list->value)) return field_fail(list, st, "is no list");
  *count = json_array_size(list->value);
  return *count <= most ||
         field_fail(list, st, "holds %zu items, at most %zu are read", *count, most);
}

bool field_text(const Field *at, const char **text, Status *st) {
  *text = json_string_value(at->value);
  return *text || field_fail(at, st, at->value ? "is no string" : "is missing");
}

bool field_bool(const Field *object, const char *key, bool fallback, bool *out, Status *st) {
  const Field at = field_at(object, key);
  if (at.value && !json_is_boolean(at.value))
    return field_fail(&at, st, "is neither true nor false");
  return *out = at.value ? json_is_true(at.value) : fallback, true;
}

bool field_count(const Field *at, long long most, int *out, Status *st) {
  const long long number =
      json_is_integer(at->value) ? (long long)json_integer_value(at->value) : -1;
  if (!json_is_integer(at->value)) return field_fail(at, st, "is no integer");
  if (number < 0 || number > most)
    return field_fail(at, st, "is %lld, expected 0 to %lld", number, most);
  return *out = (int)number, true;
}

bool field_type(const Field *object, const char **type, Status *st) {
  if (!json_is_object(object->value)) return field_fail(object, st, "is no object");
  const Field at = field_at(object, "type");
  return field_text(&at, type, st);
}

bool field_unknown(const Field *object, const char *what, const char *type, const char *known,
                   Status *st) {
  return field_fail(object, st, "the %s '%.60s' is not read; those that are: %s", what, type,
                    known);
}
