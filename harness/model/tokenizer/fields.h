/* fields: the values of tokenizer.json with their places, so that every refusal says where:
 * "FILE: pre_tokenizer.pretokenizers[1].pattern: …". A value that is null counts as absent. */
#ifndef DS_MODEL_TOKENIZER_FIELDS_H
#define DS_MODEL_TOKENIZER_FIELDS_H
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/status.h"

typedef struct Field {
  const char *file;
  const json_t *value;    /* NULL: absent, or null */
  const struct Field *up; /* NULL: the whole file */
  const char *key;        /* in an object; NULL: item `index` of a list */
  size_t index;
} Field;

/* The key's value in an object; absent where `object` is none. */
Field field_at(const Field *object, const char *key);
Field field_item(const Field *list, size_t index);
/* Records the fault with file and place in front; returns false. */
bool field_fail(const Field *at, Status *st, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* "FILE: PLACE", for messages that come later. */
const char *field_where(Arena *arena, const Field *at);
/* Refuses what is no object, and keys that are not in the list, which ends with NULL. */
bool field_only(const Field *object, const char *const *keys, Status *st);
bool field_list(const Field *list, size_t most, size_t *count, Status *st);
/* The text of a string; refused where it is none. */
bool field_text(const Field *at, const char **text, Status *st);
/* True or false of `object`'s key; `fallback` where it is absent. */
bool field_bool(const Field *object, const char *key, bool fallback, bool *out, Status *st);
/* An integer from 0 to most. */
bool field_count(const Field *at, long long most, int *out, Status *st);
/* The text of `object`'s key "type". */
bool field_type(const Field *object, const char **type, Status *st);
/* Refuses the kind that a type names: "the pre-tokenizer 'Metaspace' is not read; …". */
bool field_unknown(const Field *object, const char *what, const char *type, const char *known,
                   Status *st);

#define FIELD_KEYS(...) ((const char *const[]){__VA_ARGS__, NULL})
#endif
