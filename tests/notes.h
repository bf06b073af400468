/* notes: a keeper of what a study's prompts leave, in memory, that fails when it holds so many: how
 * a study is stopped and gone on with. */
#ifndef DS_TESTS_NOTES_H
#define DS_TESTS_NOTES_H
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "walk/walk.h"

typedef struct Kept {
  char name[64];
  void *bytes;
  size_t size;
} Kept;
typedef struct Notes {
  Kept kept[16];
  int count, most; /* keeps so many, then fails */
} Notes;

static inline bool notes_find(void *context, Arena *arena, const char *name, const void **bytes,
                              size_t *size, Status *st) {
  (void)arena, (void)st;
  Notes *notes = context;
  *bytes = NULL;
  for (int i = 0; i < notes->count; i++)
    if (!strcmp(notes->kept[i].name, name))
      *bytes = notes->kept[i].bytes, *size = notes->kept[i].size;
  return true;
}

static inline bool notes_keep(void *context, const char *name, const void *bytes, size_t size,
                              Status *st) {
  Notes *notes = context;
  if (notes->count == notes->most) return FAIL(st, "stopped");
  Kept *kept = &notes->kept[notes->count++];
  snprintf(kept->name, sizeof kept->name, "%s", name);
  kept->bytes = memcpy(malloc(size), bytes, size);
  kept->size = size;
  return true;
}

static inline Keeper notes_keeper(Notes *notes) {
  return (Keeper){.context = notes, .find = notes_find, .keep = notes_keep};
}
#endif
