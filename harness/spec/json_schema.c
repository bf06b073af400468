/* json_schema: the schema's rows as a JSON schema (draft 2020-12), by which editors complete and
 * check the keys of a spec. What it says is a subset of what spec_parse checks. Names are also
 * allowed as integers, and true and false as booleans: a JSON schema sees `[0, 2-0]` as a number
 * and a text. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "spec/schema.h"
#include "spec/spec.h"

/* Characters, where spec_parse counts bytes. */
#define NAME_PATTERN "^(?!\\.{1,2}$)[^/\\u0000-\\u001f\\u007f-\\u009f]{1,39}$"
#define LAYERS_PATTERN "^(0|[1-9][0-9]{0,3})(-(0|[1-9][0-9]{0,3}))?$"

static json_t *value_schema(Arena *arena, const Key *key);

static json_t *words(const Key *key) {
  json_t *list = json_array();
  for (int i = 0; schema_word(key, i); i++) {
    const char *word = schema_word(key, i);
    json_array_append_new(list, json_string(word));
    if (!strcmp(word, "true") || !strcmp(word, "false"))
      json_array_append_new(list, json_boolean(word[0] == 't'));
    if (word[strspn(word, "0123456789")] == 0)
      json_array_append_new(list, json_integer(atoll(word)));
  }
  return list;
}

static json_t *reserved_names(void) {
  json_t *array = json_array();
  for (int i = 0; mode_reserved_name(i); i++)
    json_array_append_new(array, json_string(mode_reserved_name(i)));
  return array;
}

/* [{"required": [a]}, {"required": [b]}, …] */
static json_t *alternatives(const char *const *list) {
  json_t *array = json_array();
  for (; *list; list++) json_array_append_new(array, json_pack("{s:[s]}", "required", *list));
  return array;
}

static json_t *standard_value(const Key *key) {
  if ((key->kind == KIND_INT && !key->names) || key->kind == KIND_INT64)
    return json_integer(atoll(key->standard));
  if (key->kind == KIND_REAL) return json_real(strtod(key->standard, NULL));
  return json_string(key->standard);
}

static json_t *object_schema(Arena *arena, const Object *object) {
  json_t *properties = json_object(), *required = json_array(), *dependent = json_object();
  json_t *either = json_object();
  for (int i = 0; i < object->count; i++) {
    const Key *key = &object->keys[i];
    json_t *property = value_schema(arena, key);
    json_object_set_new(property, "description", json_string(key->meaning));
    if (key->standard) json_object_set_new(property, "default", standard_value(key));
    json_object_set_new(properties, key->key, property);
    if (key->required) json_array_append_new(required, json_string(key->key));
    if (key->with && !key->or_with)
      json_object_set_new(dependent, key->key, json_pack("[s]", key->with));
    if (key->or_with)
      json_object_set_new(either, key->key,
                          json_pack("{s:[{s:[s]}, {s:[s]}]}", "anyOf", "required", key->with,
                                    "required", key->or_with));
  }
  json_t *schema = json_pack("{s:s, s:b, s:o, s:o}", "type", "object", "additionalProperties", 0,
                             "properties", properties, "required", required);
  if (json_object_size(dependent)) json_object_set(schema, "dependentRequired", dependent);
  json_decref(dependent);
  if (json_object_size(either)) json_object_set(schema, "dependentSchemas", either);
  json_decref(either);
  if (object->exactly_one) json_object_set_new(schema, "oneOf", alternatives(object->exactly_one));
  if (object->at_least_one)
    json_object_set_new(schema, "anyOf", alternatives(object->at_least_one));
  return schema;
}

static json_t *list_schema(Arena *arena, const Key *key) {
  json_t *list = json_pack("{s:s, s:I, s:I, s:o}", "type", "array", "minItems",
                           (json_int_t)key->min, "maxItems", (json_int_t)schema_items_most(key),
                           "items", value_schema(arena, key->item));
  if (key->single) return json_pack("{s:[o, o]}", "anyOf", value_schema(arena, key->item), list);
  return key->names ? json_pack("{s:[{s:o}, o]}", "anyOf", "enum", words(key), list) : list;
}

/* A map from names to settings. */
static json_t *named_schema(Arena *arena, const Key *key, const Object *object) {
  return json_pack("{s:s, s:I, s:{s:s, s:{s:o}}, s:o}", "type", "object", "maxProperties",
                   (json_int_t)key->max, "propertyNames", "pattern", NAME_PATTERN, "not", "enum",
                   reserved_names(), "additionalProperties", object_schema(arena, object));
}

/* A map from names of tensors. */
static json_t *said_schema(Arena *arena, const Key *key) {
  json_t *map =
      json_pack("{s:s, s:i, s:I, s:o}", "type", "object", "minProperties", 1, "maxProperties",
                (json_int_t)key->max, "additionalProperties", value_schema(arena, key->item));
  return key->single ? json_pack("{s:[o, o]}", "anyOf", value_schema(arena, key->item), map) : map;
}

static json_t *layers_schema(Arena *arena) {
  return json_pack("{s:s, s:{s:s}, s:{s:[o, o]}}", "type", "object", "propertyNames", "pattern",
                   LAYERS_PATTERN, "additionalProperties", "anyOf",
                   value_schema(arena, &(Key){.kind = KIND_MODE_NAME}),
                   object_schema(arena, schema_own_layers(arena)));
}

static json_t *value_schema(Arena *arena, const Key *key) {
  switch (key->kind) {
    case KIND_TEXT: {
      json_t *text = json_pack("{s:s, s:I}", "type", "string", "minLength", (json_int_t)key->min);
      if (key->max) json_object_set_new(text, "maxLength", json_integer((json_int_t)key->max));
      return text;
    }
    case KIND_NAME:
    case KIND_MODE_NAME:
      return json_pack("{s:[s, s], s:s}", "type", "string", "integer", "pattern", NAME_PATTERN);
    case KIND_SHAPE:
      return json_pack("{s:s, s:s}", "type", "string", "pattern",
                       "^[1-9][0-9]{0,8}(x[1-9][0-9]{0,8}){1,2}$");
    case KIND_INT:
    case KIND_INT64: {
      json_t *number = json_pack("{s:s, s:I, s:I}", "type", "integer", "minimum",
                                 (json_int_t)key->min, "maximum", (json_int_t)key->max);
      return key->names ? json_pack("{s:[{s:o}, o]}", "anyOf", "enum", words(key), number) : number;
    }
    case KIND_BYTES:
      return json_pack("{s:[{s:s, s:I}, {s:s, s:s}]}", "anyOf", "type", "integer", "minimum",
                       (json_int_t)key->min, "type", "string", "pattern",
                       "^[0-9]+(\\.[0-9]+)? ?([kMGT]B|[KMGT]iB|B)?$");
    case KIND_LIMIT:
    case KIND_REAL:
      return json_pack("{s:s, s:f, s:f}", "type", "number", "minimum", key->low, "maximum",
                       key->high);
    case KIND_PAIR: {
      json_t *item = value_schema(arena, &(Key){.kind = KIND_MODE_NAME});
      return json_pack("{s:s, s:i, s:i, s:o}", "type", "array", "minItems", 2, "maxItems", 2,
                       "items", item);
    }
    case KIND_OBJECT: return object_schema(arena, key->object);
    case KIND_LIST: return list_schema(arena, key);
    case KIND_NAMED: return named_schema(arena, key, key->object);
    case KIND_MODES: return named_schema(arena, key, schema_own_mode(arena));
    case KIND_SAID: return said_schema(arena, key);
    case KIND_LAYERS: return layers_schema(arena);
    default: return json_pack("{s:o}", "enum", words(key));
  }
}

char *spec_schema(Arena *arena) {
  json_t *schema = object_schema(arena, &schema_spec);
  json_t *head = json_pack("{s:s, s:s}", "$schema", "https://json-schema.org/draft/2020-12/schema",
                           "title", "driftscope experiment");
  json_object_update(head, schema);
  char *text = json_dumps(head, JSON_INDENT(2) | JSON_REAL_PRECISION(15));
  if (!text) { /* jansson passes a failed allocation on to here */
    arena->exhausted(0, (size_t)(arena->end - arena->base));
    abort();
  }
  char *result = arena_printf(arena, "%s\n", text);
  free(text);
  json_decref(schema);
  json_decref(head);
  return result;
}
