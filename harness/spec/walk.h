/* walk: from a document's nodes to a struct, led by the schema's rows. It checks everything that one row can say of one
 * value, and notes the place of each value it reads, so that a later error of meaning has a line and a column too. */
#ifndef DS_SPEC_WALK_H
#define DS_SPEC_WALK_H
#include <yaml.h>

#include "spec/schema.h"

/* Where a value stands in the file: `owner` is the struct that holds it and `key` its key, or the element of a list or
 * map itself, with key NULL. */
typedef struct Place {
  const void *owner;
  const char *key;
  const char *label; /* the key that an error names */
  yaml_mark_t mark;
  struct Place *next;
} Place;

typedef struct Walk {
  Arena *arena;
  const char *path;
  yaml_document_t *document;
  Place *places;
  Status *st;
} Walk;

/* Fills `out` (zeroed, object->size bytes) from a mapping; with node NULL it gets the defaults alone, and no key is
 * asked for. Strings are copied into the arena. */
bool walk_object(Walk *walk, const Object *object, yaml_node_t *node, const char *label, void *out);
/* NULL where the value was not in the file. */
const Place *walk_place(const Walk *walk, const void *owner, const char *key);
/* Always false: "FILE:LINE:COLUMN: key 'KEY': …", or without place and key where place is NULL. */
bool walk_fail(const Walk *walk, const Place *place, const char *format, ...) __attribute__((format(printf, 3, 4)));
#endif
