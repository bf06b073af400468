/* schema: every key of a spec as one row of a table: what runs, and the spec's own keys, in
 * schema.c, what is asked of it in schema_studies.c. The walker (reader.c), the effective spec
 * (print.c) and the JSON schema (json_schema.c) all follow these rows, so a key is added there and
 * nowhere else. */
#ifndef DS_SPEC_SCHEMA_H
#define DS_SPEC_SCHEMA_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "family/mode.h"

/* What a value is, and the C type of its field. */
typedef enum Kind {
  KIND_TEXT,      /* const char *: at least `min` characters, and where `max` is set, at most */
  KIND_NAME,      /* const char *: a name that the spec gives (name_valid) */
  KIND_MODE_NAME, /* const char *: the name of a mode, or fp64 */
  KIND_SHAPE,     /* const char *: TxE or TxExN */
  KIND_WORD,      /* const char *: one of `names` */
  KIND_TENSOR,    /* const char *: a name of family/trace.h's table */
  KIND_CHOICE,    /* int: the index of the value in `names` */
  KIND_INT,       /* int, from min to max; or one of `names`, as -1, -2, … */
  KIND_INT64,     /* int64_t, from min to max */
  KIND_BYTES,     /* int64_t, at least min, as "8 GB" (base/memory.h); 0: not given */
  KIND_REAL,      /* double, from low to high */
  KIND_LIMIT,     /* Limit: the same, and whether it is there */
  KIND_PAIR,      /* Pair: a list of exactly two names of modes */
  KIND_OBJECT,    /* the struct of `object`, in place */
  KIND_LIST,      /* pointer to min … max values of `item`, their count at count_offset; or one of
                     `names` */
  KIND_NAMED,     /* pointer to structs of `object` that begin with their name, their count at
                     count_offset: a map from name to settings */
  KIND_MODES,     /* the same with OwnMode: a map from name to settings */
  KIND_SAID,      /* pointer to Saids, their count at count_offset: a map from names of tensors to
                     values of `item`; or where `single` one value for all */
  KIND_LAYERS,    /* of an OwnMode, its OwnLayers: a map from layers to a mode's name or settings */
} Kind;

typedef struct Key {
  const char *key;
  Kind kind;
  size_t offset; /* of the field in the struct that holds it */
  bool required;
  const char *standard; /* the default, as it would be written; NULL: the field stays as it is */
  int64_t min, max;
  double low, high;
  const char *const *names; /* ends with NULL; of a list: words in its place, of which the first
                               sets the bool all_offset */
  size_t count_offset, all_offset;
  bool single; /* one item may stand without the list or map */
  const struct Key *item;
  const struct Object *object;
  const char *with, *or_with; /* keys without one of which this one has no sense */
  const char *meaning;
} Key;

/* A mapping with known keys, and the struct it fills. */
typedef struct Object {
  size_t size;
  const Key *keys;
  int count;
  /* So many of these keys must stand; each NULL, or ends with NULL. */
  const char *const *exactly_one, *const *at_least_one;
} Object;

extern const Object schema_spec;
/* The keys of an own mode: base, then each stage of the family, then layers; and of settings in
 * some layers: the stages. In the arena, since they are made from that table. */
const Object *schema_own_mode(Arena *arena);
const Object *schema_own_layers(Arena *arena);
/* So many items may stand in a KIND_LIST: of tensors as many as there are. */
int64_t schema_items_most(const Key *list);
/* The i-th valid word of a KIND_WORD, KIND_TENSOR or KIND_CHOICE, or a list's i-th word; NULL
 * behind the last. */
const char *schema_word(const Key *key, int i);
/* What to do in place of a key that an earlier version had here; NULL: none had it. */
const char *schema_former(const Object *object, const char *key);
/* Bytes of one element of a list or map. */
size_t schema_item_size(const Key *list);
#endif
