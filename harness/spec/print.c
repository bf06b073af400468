/* print: the effective spec as YAML, by the schema's rows. Texts and names always stand in double
 * quotes, so that no other reader of the file takes a mode called 1 for a number. Written twice:
 * once to count, once into the arena. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/name.h"
#include "family/family.h"
#include "spec/schema.h"
#include "spec/spec.h"

typedef struct Sink {
  char *text; /* NULL: only count */
  size_t count;
} Sink;

static void put(Sink *sink, const char *bytes, size_t count) {
  if (sink->text) memcpy(sink->text + sink->count, bytes, count);
  sink->count += count;
}

static void put_text(Sink *sink, const char *text) { put(sink, text, strlen(text)); }

static void put_format(Sink *sink, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void put_format(Sink *sink, const char *format, ...) {
  char number[64];
  va_list args;
  va_start(args, format);
  int count = vsnprintf(number, sizeof number, format, args);
  va_end(args);
  put(sink, number, (size_t)count);
}

/* What YAML prints as it is and libyaml does not take for a line break or a byte order mark. */
static bool printable(uint32_t c) {
  return (c >= 0x20 && c <= 0x7E) ||
         (c >= 0xA0 && c <= 0xFFFD && c != 0x2028 && c != 0x2029 && c != 0xFEFF) || c >= 0x10000;
}

static void put_quoted(Sink *sink, const char *text) {
  put_text(sink, "\"");
  while (*text) {
    uint32_t character;
    int bytes = name_character(text, &character);
    if (character == '"' || character == '\\')
      put_format(sink, "\\%c", (char)character);
    else if (character == '\n')
      put_text(sink, "\\n");
    else if (!printable(character))
      put_format(sink, character < 0x100 ? "\\x%02X" : "\\u%04X", (unsigned)character);
    else if (character == 0xFFFD)
      put_text(sink, "\xEF\xBF\xBD");
    else
      put(sink, text, (size_t)bytes);
    text += bytes;
  }
  put_text(sink, "\"");
}

/* The shortest decimal that reads back as the same double. */
static void put_real(Sink *sink, double value) {
  char number[32];
  for (int digits = 15; digits <= 17; digits++) {
    snprintf(number, sizeof number, "%.*g", digits, value);
    if (strtod(number, NULL) == value) break;
  }
  put_text(sink, number);
}

static void put_bytes(Sink *sink, int64_t bytes) {
  char text[MEMORY_SIZE_TEXT];
  put_text(sink, memory_size_text(bytes, text));
}

static int count_at(const Key *key, const void *owner) {
  return *(const int *)((const char *)owner + key->count_offset);
}

static bool is_set(const Object *object, const Key *key, const void *owner);

static bool is_set_by_name(const Object *object, const char *name, const void *owner) {
  for (int i = 0; i < object->count; i++)
    if (!strcmp(object->keys[i].key, name)) return is_set(object, &object->keys[i], owner);
  return false;
}

/* A real number less than its key allows: nobody gave it. */
static bool is_below(const Key *key, const void *owner) {
  const void *field = (const char *)owner + key->offset;
  return key->kind == KIND_REAL && *(const double *)field < key->low;
}

/* The keys of which one must stand, exactly or at least; NULL where none need. */
static const char *const *needed(const Object *object) {
  return object->exactly_one ? object->exactly_one : object->at_least_one;
}

static bool has_needed(const Object *object, const void *owner) {
  for (const char *const *one = needed(object); one && *one; one++)
    if (is_set_by_name(object, *one, owner)) return true;
  return !needed(object);
}

/* Whether a key has anything to say: a text that is set, a list that is not empty, a number that
 * has a default, is required or is not zero. */
static bool is_set(const Object *object, const Key *key, const void *owner) {
  const void *field = (const char *)owner + key->offset;
  if (key->with && !is_set_by_name(object, key->with, owner) &&
      !(key->or_with && is_set_by_name(object, key->or_with, owner)))
    return false;
  switch (key->kind) {
    case KIND_INT: return key->standard || key->required || *(const int *)field;
    case KIND_BYTES: return *(const int64_t *)field != 0;
    case KIND_INT64:
    case KIND_REAL:
    case KIND_CHOICE: return true;
    case KIND_LIST: return key->names || count_at(key, owner);
    case KIND_MODES:
    case KIND_SAID:
    case KIND_NAMED: return count_at(key, owner);
    case KIND_LAYERS: return ((const OwnMode *)owner)->mode.parts;
    case KIND_PAIR: return ((const Pair *)field)->base;
    case KIND_LIMIT: return ((const Limit *)field)->set;
    case KIND_OBJECT:
      for (int i = 0; i < key->object->count; i++)
        if (key->object->keys[i].required && !is_set(key->object, &key->object->keys[i], field))
          return false;
      /* a spec made of flags has not filled in every object */
      for (int i = 0; i < key->object->count; i++)
        if (is_below(&key->object->keys[i], field)) return false;
      return has_needed(key->object, field);
    default: return *(const char *const *)field;
  }
}

static void put_object(Sink *sink, const Object *object, const void *owner);

static void put_list(Sink *sink, const Key *key, const void *owner);

/* Every part that is not as the mode's own stages say, stage by stage: what its base has there,
 * too. */
static void put_layers(Sink *sink, const OwnMode *own) {
  const char *between = "{";
  for (int i = 0; i < own->mode.parts; i++) {
    const ModePart *part = &own->mode.part[i];
    const Family *family = part->mode.family;
    if (mode_equal(&part->mode, mode_in(&own->mode, MODE_ON))) continue;
    put_text(sink, between);
    put_format(sink, part->first == part->last ? "\"%d\": " : "\"%d-%d\": ", part->first,
               part->last);
    for (int s = 0; s < family->stages; s++) {
      put_text(sink, s ? ", " : "{");
      put_text(sink, family->stage[s].key);
      put_text(sink, ": ");
      put_text(sink, mode_setting_name(&part->mode, s));
    }
    put_text(sink, "}");
    between = ", ";
  }
  put_text(sink, "}");
}

static void put_said(Sink *sink, const Key *key, const void *owner);

static void put_value(Sink *sink, const Key *key, const void *owner) {
  const void *field = (const char *)owner + key->offset;
  switch (key->kind) {
    case KIND_INT:
      if (key->names && *(const int *)field < 0)
        put_text(sink, schema_word(key, -1 - *(const int *)field));
      else
        put_format(sink, "%d", *(const int *)field);
      break;
    case KIND_LIMIT: put_real(sink, ((const Limit *)field)->value); break;
    case KIND_INT64: put_format(sink, "%" PRId64, *(const int64_t *)field); break;
    case KIND_BYTES: put_bytes(sink, *(const int64_t *)field); break;
    case KIND_REAL: put_real(sink, *(const double *)field); break;
    case KIND_CHOICE: put_text(sink, schema_word(key, *(const int *)field)); break;
    case KIND_WORD:
    case KIND_TENSOR: put_text(sink, *(const char *const *)field); break;
    case KIND_PAIR:
      put_text(sink, "[");
      put_quoted(sink, ((const Pair *)field)->base);
      put_text(sink, ", ");
      put_quoted(sink, ((const Pair *)field)->other);
      put_text(sink, "]");
      break;
    case KIND_OBJECT: put_object(sink, key->object, field); break;
    case KIND_LIST: put_list(sink, key, owner); break;
    case KIND_LAYERS: put_layers(sink, owner); break;
    case KIND_SAID: put_said(sink, key, owner); break;
    default: put_quoted(sink, *(const char *const *)field); break;
  }
}

static const char *element(const Key *key, const void *owner, int i) {
  return *(const char *const *)((const char *)owner + key->offset) +
         (size_t)i * schema_item_size(key);
}

static void put_list(Sink *sink, const Key *key, const void *owner) {
  int count = count_at(key, owner);
  bool all = key->names && *(const bool *)((const char *)owner + key->all_offset);
  if (all || (key->names && !count && key->names[1])) {
    put_text(sink, key->names[all ? 0 : 1]);
    return;
  }
  put_text(sink, "[");
  for (int i = 0; i < count; i++) {
    if (i) put_text(sink, ", ");
    put_value(sink, key->item, element(key, owner, i));
  }
  put_text(sink, "]");
}

static void put_said(Sink *sink, const Key *key, const void *owner) {
  const Said *said = *(const Said *const *)((const char *)owner + key->offset);
  if (!said->pattern) {
    put_value(sink, key->item, said);
    return;
  }
  for (int i = 0; i < count_at(key, owner); i++) {
    put_text(sink, i ? ", " : "{");
    put_quoted(sink, said[i].pattern);
    put_text(sink, ": ");
    put_value(sink, key->item, &said[i]);
  }
  put_text(sink, "}");
}

static void put_object(Sink *sink, const Object *object, const void *owner) {
  const char *between = "{";
  for (int i = 0; i < object->count; i++) {
    const Key *key = &object->keys[i];
    if (!is_set(object, key, owner)) continue;
    put_text(sink, between);
    put_text(sink, key->key);
    put_text(sink, ": ");
    put_value(sink, key, owner);
    between = ", ";
  }
  put_text(sink, "}");
}

static void put_named(Sink *sink, const char *name, const Object *object, const void *owner) {
  put_text(sink, "  ");
  put_quoted(sink, name);
  put_text(sink, ": ");
  put_object(sink, object, owner);
  put_text(sink, "\n");
}

/* Lists and maps of structs stand one a line, all else on the line of its key. */
static void put_spec(Sink *sink, const Spec *spec, const Object *own_mode) {
  for (int i = 0; i < schema_spec.count; i++) {
    const Key *key = &schema_spec.keys[i];
    if (!is_set(&schema_spec, key, spec)) continue;
    put_text(sink, key->key);
    const bool lines = key->kind == KIND_LIST &&
                       (key->item->kind == KIND_OBJECT || key->item->kind == KIND_PAIR),
               named = key->kind == KIND_MODES || key->kind == KIND_NAMED;
    put_text(sink, lines || named ? ":\n" : ": ");
    for (int j = 0; lines && j < count_at(key, spec); j++) {
      put_text(sink, "  - ");
      put_value(sink, key->item, element(key, spec, j));
      put_text(sink, "\n");
    }
    for (int j = 0; key->kind == KIND_MODES && j < spec->own_mode_count; j++)
      if (spec_needs_mode(spec, spec->own_modes[j].mode.name))
        put_named(sink, spec->own_modes[j].mode.name, own_mode, &spec->own_modes[j]);
    for (int j = 0; key->kind == KIND_NAMED && j < count_at(key, spec); j++) {
      const void *named_one = element(key, spec, j);
      put_named(sink, *(const char *const *)named_one, key->object, named_one);
    }
    if (lines || named) continue;
    put_value(sink, key, spec);
    put_text(sink, "\n");
  }
}

char *spec_print(Arena *arena, const Spec *spec) {
  const Object *own_mode = schema_own_mode(arena);
  Sink sink = {0};
  put_spec(&sink, spec, own_mode);
  sink = (Sink){.text = arena_alloc(arena, sink.count + 1, 1)};
  put_spec(&sink, spec, own_mode);
  return sink.text;
}
