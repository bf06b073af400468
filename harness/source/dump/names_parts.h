/* names_parts: how one array's name is read; internal to names. */
#ifndef DS_SOURCE_DUMP_NAMES_PARTS_H
#define DS_SOURCE_DUMP_NAMES_PARTS_H
#include "base/file.h"
#include "source/dump/names.h"

enum {
  LAYER_NUMBERS = 1 << 16, /* that a name may hold: a larger one is no layer */
  NAME_LONGEST = 4096
};

typedef struct Named {
  const char *tensor; /* without what stood before the layer's number */
  const char *before; /* that; NULL: nothing did, or it says nothing */
  const char *pass;   /* NULL: it is not told */
  int layer;          /* -1: none */
} Named;

/* The pattern's spelling; fails with what is wrong with it. */
bool pattern_check(const char *pattern, Status *st);
bool pattern_fits(Arena *arena, const char *pattern, const char *text, Named *named);

/* Whether the array is one of this layout, and what it is there. */
typedef bool (*NameReader)(Arena *arena, const DumpArray *array, Named *named);
typedef struct ReadyNames {
  const char *name, *of;
  NameReader read;     /* NULL: the pattern says it */
  const char *pattern; /* "*" in it is a mode, which NAME:MODE names */
} ReadyNames;
extern const ReadyNames ready_names[]; /* ends with a NULL name */
bool names_first_number(Arena *arena, const DumpArray *array, Named *named);

/* Of a/b.npz "a/b". */
const char *path_without_end(Arena *arena, const char *file);
/* Before its last slash; "" where there is none. */
const char *path_folder(Arena *arena, const char *path);
/* A whole number that can be a layer's: up to `end`, or -1. */
int layer_number(const char *text, const char *end);

#endif
