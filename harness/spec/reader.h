/* reader: from a document's nodes to a struct, led by the schema's rows. It checks everything that one row can say of
 * one value, and notes the place of each value it reads, so that a later error of meaning has a line and a column too.
 */
#ifndef DS_SPEC_READER_H
#define DS_SPEC_READER_H
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

typedef struct Reader {
  Arena *arena;
  const char *path;
  yaml_document_t *document;
  Place *places;
  bool made; /* the text was made of flags: nobody has seen its lines and keys */
  Status *st;
} Reader;

/* Fills `out` (zeroed, object->size bytes) from a mapping; with node NULL it gets the defaults alone, and no key is
 * asked for. Strings are copied into the arena. */
bool reader_object(Reader *reader, const Object *object, yaml_node_t *node, const char *label, void *out);
/* NULL where the value was not in the file. */
const Place *place_of(const Place *places, const void *owner, const char *key);
const Place *reader_place(const Reader *reader, const void *owner, const char *key);
/* Always false: "FILE:LINE:COLUMN: key 'KEY': …", or without place and key where place is NULL. */
bool reader_fail(const Reader *reader, const Place *place, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
#endif
