/* reader: one function for each shape of node. A mapping is looked at twice: its own keys in the
 * file's order (unknown, twice), then the table's rows in the table's order (value, default,
 * missing). */
#include "spec/reader.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "family/family.h"
#include "spec/document.h"
#include "spec/nearest.h"
#include "spec/scalar.h"
#include "spec/spec.h"

const Place *place_of(const Place *places, const void *owner, const char *key) {
  for (const Place *place = places; place; place = place->next)
    if (place->owner == owner && (place->key && key ? !strcmp(place->key, key) : place->key == key))
      return place;
  return NULL;
}

const Place *reader_place(const Reader *reader, const void *owner, const char *key) {
  return place_of(reader->places, owner, key);
}

bool reader_fail(const Reader *reader, const Place *place, const char *format, ...) {
  char what[sizeof reader->st->text];
  va_list args;
  va_start(args, format);
  vsnprintf(what, sizeof what, format, args);
  va_end(args);
  if (!place || reader->made) return FAIL(reader->st, "%s: %s", reader->path, what);
  size_t line = place->mark.line + 1, column = place->mark.column + 1;
  if (!place->label) return FAIL(reader->st, "%s:%zu:%zu: %s", reader->path, line, column, what);
  return FAIL(reader->st, "%s:%zu:%zu: key '%.100s': %s", reader->path, line, column, place->label,
              what);
}

void reader_note(Reader *reader, const void *owner, const char *key, const char *label,
                 const yaml_node_t *node) {
  Place *place = ARENA_NEW(reader->arena, Place, 1);
  *place = (Place){owner, key, label, node->start_mark, reader->places};
  reader->places = place;
}

yaml_node_t *reader_node(const Reader *reader, int index) {
  return yaml_document_get_node(reader->document, index);
}

static bool is_plain(const yaml_node_t *node) {
  return node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

bool reader_fail_expected(Reader *reader, const Key *key, const yaml_node_t *node,
                          const char *label) {
  const Place place = {.label = label, .mark = node->start_mark};
  const char *expected = scalar_expected(reader->arena, key);
  if (node->type == YAML_SEQUENCE_NODE) {
    int count = (int)(node->data.sequence.items.top - node->data.sequence.items.start);
    return reader_fail(reader, &place, "expected %s, found a list of %d", expected, count);
  }
  if (node->type == YAML_MAPPING_NODE)
    return reader_fail(reader, &place, "expected %s, found a mapping", expected);
  const char *text = document_text(node);
  if (is_plain(node) && !*text)
    return reader_fail(reader, &place, "expected %s, found nothing", expected);
  if (key->kind == KIND_NAME && strlen(text) > NAME_BYTES_MAX)
    return reader_fail(reader, &place, "expected %s, found one of %zu: '%.100s'", expected,
                       strlen(text), text);
  if (key->kind == KIND_TEXT && key->max && scalar_characters(text) > key->max)
    return reader_fail(reader, &place, "expected %s, found one of %" PRId64 ": '%.100s'", expected,
                       scalar_characters(text), text);
  Nearest near = nearest_to(text);
  for (int i = 0; schema_word(key, i); i++) nearest_offer(&near, schema_word(key, i));
  /* One of three letters is no slip: by "gpu" nobody means cpu, and all words stand there anyway.
   */
  if (near.best && (strlen(text) > 3 || strlen(near.best) != strlen(text)))
    return reader_fail(reader, &place, "expected %s, found '%.100s'; did you mean '%s'?", expected,
                       text, near.best);
  return reader_fail(reader, &place, "expected %s, found %s'%.100s'", expected,
                     is_plain(node) ? "" : "the quoted text ", text);
}

static bool reader_scalar(Reader *reader, const Key *key, const yaml_node_t *node,
                          const char *label, void *owner) {
  const char *text = document_text(node);
  if (strlen(text) != node->data.scalar.length) {
    const Place place = {.label = label, .mark = node->start_mark};
    return reader_fail(reader, &place, "holds a NUL character");
  }
  return scalar_read(key, arena_printf(reader->arena, "%s", text), is_plain(node), owner) ||
         reader_fail_expected(reader, key, node, label);
}

static bool reader_list(Reader *reader, const Key *key, yaml_node_t *node, const char *label,
                        void *owner) {
  const yaml_node_item_t *item = node->data.sequence.items.start;
  int64_t count = node->data.sequence.items.top - item;
  if (count < key->min || count > schema_items_most(key))
    return reader_fail_expected(reader, key, node, label);
  size_t size = schema_item_size(key);
  char *elements = arena_alloc(reader->arena, (size_t)count, size);
  for (int64_t i = 0; i < count; i++) {
    reader_note(reader, elements + (size_t)i * size, NULL, label, reader_node(reader, item[i]));
    TRY(reader_value(reader, key->item, reader_node(reader, item[i]), label,
                     elements + (size_t)i * size));
  }
  *(void **)((char *)owner + key->offset) = elements;
  *(int *)((char *)owner + key->count_offset) = (int)count;
  return true;
}

/* The only element of a list or map, without it. */
static bool reader_single(Reader *reader, const Key *key, yaml_node_t *node, const char *label,
                          void *owner) {
  void *element = arena_alloc(reader->arena, 1, schema_item_size(key));
  reader_note(reader, element, NULL, label, node);
  *(void **)((char *)owner + key->offset) = element;
  *(int *)((char *)owner + key->count_offset) = 1;
  return reader_value(reader, key->item, node, label, element);
}

static bool reader_pair(Reader *reader, const Key *key, yaml_node_t *node, const char *label,
                        Pair *pair) {
  static const Key base = {.key = "base", .kind = KIND_MODE_NAME, .offset = offsetof(Pair, base)};
  static const Key other = {
      .key = "other", .kind = KIND_MODE_NAME, .offset = offsetof(Pair, other)};
  const yaml_node_item_t *item = node->data.sequence.items.start;
  if (node->data.sequence.items.top - item != 2)
    return reader_fail_expected(reader, key, node, label);
  TRY(reader_value(reader, &base, reader_node(reader, item[0]), label, pair));
  return reader_value(reader, &other, reader_node(reader, item[1]), label, pair);
}

const char *reader_key_text(Reader *reader, const yaml_node_t *node) {
  const Place place = {.mark = node->start_mark};
  if (node->type != YAML_SCALAR_NODE) {
    reader_fail(reader, &place, "a list or mapping as a key");
    return NULL;
  }
  if (strlen(document_text(node)) != node->data.scalar.length) {
    reader_fail(reader, &place, "a key that holds a NUL character");
    return NULL;
  }
  return document_text(node);
}

/* The first pair of the mapping with this key, before `end`; NULL where there is none. */
static const yaml_node_pair_t *find_pair(Reader *reader, yaml_node_t *node,
                                         const yaml_node_pair_t *end, const char *key) {
  for (const yaml_node_pair_t *pair = node->data.mapping.pairs.start; pair < end; pair++)
    if (!strcmp(document_text(reader_node(reader, pair->key)), key)) return pair;
  return NULL;
}

const yaml_node_pair_t *reader_find_key(Reader *reader, yaml_node_t *node, const char *key) {
  return find_pair(reader, node, node->data.mapping.pairs.top, key);
}

bool reader_check_twice(Reader *reader, yaml_node_t *node, const yaml_node_pair_t *pair,
                        const char *text) {
  const yaml_node_pair_t *first = find_pair(reader, node, pair, text);
  if (!first) return true;
  const Place place = {.label = text, .mark = reader_node(reader, pair->key)->start_mark};
  return reader_fail(reader, &place, "stands twice, first in line %zu",
                     reader_node(reader, first->key)->start_mark.line + 1);
}

bool reader_name(Reader *reader, const yaml_node_t *node, const char *label, const void *owner,
                 const char **name) {
  const char *text = reader_key_text(reader, node);
  if (!text) return false;
  reader_note(reader, owner, NULL, label, node);
  if (!name_valid(text))
    return reader_fail_expected(reader, &(Key){.kind = KIND_NAME}, node, label);
  return *name = arena_printf(reader->arena, "%s", text), true;
}

static bool reader_named(Reader *reader, const Key *key, yaml_node_t *node, const char *label,
                         void *owner) {
  const yaml_node_pair_t *pair = node->data.mapping.pairs.start,
                         *end = node->data.mapping.pairs.top;
  const Place here = {.label = label, .mark = node->start_mark};
  const size_t size = key->object->size;
  if (end - pair > key->max)
    return reader_fail(reader, &here, "has more than %d names", (int)key->max);
  char *all = arena_alloc(reader->arena, (size_t)(end - pair), size), *one = all;
  for (; pair < end; pair++, one += size) {
    TRY(reader_name(reader, reader_node(reader, pair->key), label, one, (const char **)one));
    TRY(reader_check_twice(reader, node, pair, *(const char **)one));
    TRY(reader_object(reader, key->object, reader_node(reader, pair->value), label, one));
  }
  *(void **)((char *)owner + key->offset) = all;
  *(int *)((char *)owner + key->count_offset) = (int)(end - node->data.mapping.pairs.start);
  return true;
}

static bool reader_said(Reader *reader, const Key *key, yaml_node_t *node, const char *label,
                        void *owner) {
  const yaml_node_pair_t *pair = node->data.mapping.pairs.start,
                         *end = node->data.mapping.pairs.top;
  if (end == pair || end - pair > key->max) return reader_fail_expected(reader, key, node, label);
  Said *all = ARENA_NEW(reader->arena, Said, end - pair), *one = all;
  for (; pair < end; pair++, one++) {
    const yaml_node_t *name = reader_node(reader, pair->key);
    const char *text = reader_key_text(reader, name);
    if (!text) return false;
    one->pattern = arena_printf(reader->arena, "%s", text);
    reader_note(reader, one, NULL, label, name);
    TRY(reader_check_twice(reader, node, pair, text));
    TRY(reader_value(reader, key->item, reader_node(reader, pair->value), label, one));
  }
  *(void **)((char *)owner + key->offset) = all;
  *(int *)((char *)owner + key->count_offset) = (int)(one - all);
  return true;
}

bool reader_value(Reader *reader, const Key *key, yaml_node_t *node, const char *label,
                  void *owner) {
  void *field = (char *)owner + key->offset;
  if (key->key) reader_note(reader, owner, key->key, label, node);
  if (key->kind == KIND_OBJECT) return reader_object(reader, key->object, node, label, field);
  switch (node->type) {
    case YAML_SCALAR_NODE:
      if (key->kind == KIND_SAID && key->single)
        return reader_single(reader, key, node, label, owner);
      return reader_scalar(reader, key, node, label, owner);
    case YAML_SEQUENCE_NODE:
      if (key->kind == KIND_LIST) return reader_list(reader, key, node, label, owner);
      if (key->kind == KIND_PAIR) return reader_pair(reader, key, node, label, field);
      break;
    case YAML_MAPPING_NODE:
      if (key->kind == KIND_MODES) return reader_modes(reader, key, node, label, owner);
      if (key->kind == KIND_NAMED) return reader_named(reader, key, node, label, owner);
      if (key->kind == KIND_SAID) return reader_said(reader, key, node, label, owner);
      if (key->kind == KIND_LAYERS) return reader_layers(reader, key, node, label, owner);
      if (key->kind == KIND_LIST && key->single)
        return reader_single(reader, key, node, label, owner);
      break;
    default: break;
  }
  return reader_fail_expected(reader, key, node, label);
}

static bool check_keys(Reader *reader, const Object *object, yaml_node_t *node) {
  for (const yaml_node_pair_t *pair = node->data.mapping.pairs.start;
       pair < node->data.mapping.pairs.top; pair++) {
    const char *text = reader_key_text(reader, reader_node(reader, pair->key));
    if (!text) return false;
    const Place place = {.mark = reader_node(reader, pair->key)->start_mark};
    Nearest near = nearest_to(text);
    const char *list = "";
    bool known = false;
    for (int i = 0; i < object->count && !known; i++) {
      known = !strcmp(object->keys[i].key, text);
      nearest_offer(&near, object->keys[i].key);
      list = arena_printf(reader->arena, "%s%s%s", list, i ? ", " : "", object->keys[i].key);
    }
    const char *instead = schema_former(object, text);
    if (!known && instead)
      return reader_fail(reader, &place, "key '%.100s' is no more; %s", text, instead);
    if (!known && near.best)
      return reader_fail(reader, &place, "unknown key '%.100s'; did you mean '%s'?", text,
                         near.best);
    if (!known)
      return reader_fail(reader, &place, "unknown key '%.100s'; known here: %s", text, list);
    TRY(reader_check_twice(reader, node, pair, text));
  }
  return true;
}

/* Exactly one, or at least one, of some keys, as the object says. */
static bool check_choice(Reader *reader, yaml_node_t *node, const Place *here,
                         const char *const *names, bool exactly) {
  const char *list = "", *found = NULL;
  for (int i = 0; names && names[i]; i++) {
    list = arena_printf(reader->arena, "%s%s%s", list,
                        !i             ? ""
                        : names[i + 1] ? ", "
                                       : " or ",
                        names[i]);
    const yaml_node_pair_t *pair = reader_find_key(reader, node, names[i]);
    if (pair && found && exactly) {
      const Place second = {.label = names[i], .mark = reader_node(reader, pair->key)->start_mark};
      return reader_fail(reader, &second, "stands beside '%s': only one of the two can be", found);
    }
    if (pair) found = names[i];
  }
  return !names || found ||
         reader_fail(reader, here, "needs %s %s", exactly ? "one of" : "at least one of", list);
}

static bool read_key(Reader *reader, const Key *key, yaml_node_t *node,
                     const yaml_node_pair_t *pair, void *out) {
  if (key->with && !reader_find_key(reader, node, key->with) &&
      !(key->or_with && reader_find_key(reader, node, key->or_with))) {
    const Place place = {.label = key->key, .mark = reader_node(reader, pair->key)->start_mark};
    if (key->or_with)
      return reader_fail(reader, &place, "has no sense without '%s' or '%s'", key->with,
                         key->or_with);
    return reader_fail(reader, &place, "has no sense without '%s'", key->with);
  }
  return reader_value(reader, key, reader_node(reader, pair->value), key->key, out);
}

static void set_default(Reader *reader, const Key *key, void *out) {
  if (key->kind == KIND_OBJECT) {
    bool set = reader_object(reader, key->object, NULL, key->key, (char *)out + key->offset);
    assert(set && "without a node nothing is asked for");
  } else if (key->standard) {
    bool set = scalar_read(key, key->standard, true, out);
    assert(set && "a default is a valid value of its key");
  }
}

bool reader_object(Reader *reader, const Object *object, yaml_node_t *node, const char *label,
                   void *out) {
  if (!node) {
    for (int i = 0; i < object->count; i++) set_default(reader, &object->keys[i], out);
    return true;
  }
  if (node->type != YAML_MAPPING_NODE)
    return reader_fail_expected(reader, &(Key){.kind = KIND_OBJECT}, node, label);
  TRY(check_keys(reader, object, node));
  const Place here = {.label = label, .mark = node->start_mark};
  const Place *missing_at = label ? &here : NULL; /* of the spec itself, the file is place enough */
  for (int i = 0; i < object->count; i++) {
    const Key *key = &object->keys[i];
    const yaml_node_pair_t *pair = reader_find_key(reader, node, key->key);
    if (pair)
      TRY(read_key(reader, key, node, pair, out));
    else if (key->required)
      return reader_fail(reader, missing_at, "required key '%s' is missing", key->key);
    else
      set_default(reader, key, out);
  }
  TRY(check_choice(reader, node, missing_at, object->exactly_one, true));
  return check_choice(reader, node, missing_at, object->at_least_one, false);
}
