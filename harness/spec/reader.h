/* reader: from a document's nodes to a struct, led by the schema's rows. It checks everything that
 * one row can say of one value, and notes the place of each value it reads, so that a later error
 * of meaning has a line and a column too. */
#ifndef DS_SPEC_READER_H
#define DS_SPEC_READER_H
#include <yaml.h>

#include "spec/schema.h"

/* Where a value stands in the file: `owner` is the struct that holds it and `key` its key, or the
 * element of a list or map itself, with key NULL. */
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

/* Fills `out` (zeroed, object->size bytes) from a mapping; with node NULL it gets the defaults
 * alone, and no key is asked for. Strings are copied into the arena. */
bool reader_object(Reader *reader, const Object *object, yaml_node_t *node, const char *label,
                   void *out);
/* NULL where the value was not in the file. */
const Place *place_of(const Place *places, const void *owner, const char *key);
const Place *reader_place(const Reader *reader, const void *owner, const char *key);
/* Always false: "FILE:LINE:COLUMN: key 'KEY': …", or without place and key where place is NULL. */
bool reader_fail(const Reader *reader, const Place *place, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* --- for what reads a shape of its own (own_modes.c) ------------------------------------------ */

/* A map of own modes, each read after those that it is built on. */
bool reader_modes(Reader *reader, const Key *key, yaml_node_t *node, const char *label,
                  void *owner);
/* Their layers, and what runs there, into an OwnMode. */
bool reader_layers(Reader *reader, const Key *key, yaml_node_t *node, const char *label,
                   void *owner);
/* Refuses names that are taken, and stages that contradict each other in some layer. */
struct Spec;
bool own_modes_check(const Reader *reader, const struct Spec *spec);
/* Any value, by its key's row. */
bool reader_value(Reader *reader, const Key *key, yaml_node_t *node, const char *label,
                  void *owner);
yaml_node_t *reader_node(const Reader *reader, int index);
/* Keeps the place of a value for reader_place. */
void reader_note(Reader *reader, const void *owner, const char *key, const char *label,
                 const yaml_node_t *node);
/* Always false: what was expected of such a key, and what stands there. */
bool reader_fail_expected(Reader *reader, const Key *key, const yaml_node_t *node,
                          const char *label);
/* The text of a mapping's key, or NULL with the error set. */
const char *reader_key_text(Reader *reader, const yaml_node_t *node);
/* The pair of a mapping with this key; NULL where there is none. */
const yaml_node_pair_t *reader_find_key(Reader *reader, yaml_node_t *node, const char *key);
/* A key that is a name which the spec gives to `owner`, in the arena. */
bool reader_name(Reader *reader, const yaml_node_t *node, const char *label, const void *owner,
                 const char **name);
/* Refuses a key that stands before this pair already. */
bool reader_check_twice(Reader *reader, yaml_node_t *node, const yaml_node_pair_t *pair,
                        const char *text);
#endif
