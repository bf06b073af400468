/* arrays: the datasets of any HDF5 file, whoever wrote it. Read with distrust and in a child
 * (base/child.h): hard links, plain numbers of fixed size, contiguous, compact or in chunks, no
 * filter but gzip, shuffle and fletcher32. What is something else is listed with the reason. */
#ifndef DS_STORE_ARRAYS_H
#define DS_STORE_ARRAYS_H
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"

enum { ARRAYS_RANK_MOST = 8 };

typedef enum ArrayKind { ARRAY_FLOAT, ARRAY_SIGNED, ARRAY_UNSIGNED, ARRAY_BOOL } ArrayKind;

typedef struct StoredArray {
  const char *name; /* "group/dataset" */
  const char *why;  /* NULL: it can be read; else why not, and what follows is not known */
  ArrayKind kind;
  int bytes;    /* of an element: 1, 2, 4 or 8 */
  int exponent; /* of a float: bits of its exponent */
  bool big_endian;
  int rank;
  int64_t size[ARRAYS_RANK_MOST]; /* the last index runs fastest */
  int64_t at;   /* where its elements stand in the file, one behind the other; -1: they are packed
                 * there, and arrays_read has them */
  double scale; /* its attribute scale_factor or scale; 0: none */
  bool has_axes;
  char axes[64]; /* its attribute of that name; "": it is no text that is shorter */
  /* Of a tensor in a results file of driftscope's: */
  bool of_f16;    /* 32-bit floats that are float16 values */
  char proof[33]; /* the digest of its stored bytes (base/digest.h); "": it has none */
} StoredArray;

/* In the order in which groups keep their links, else by their names, 2 before 10. In the arena. */
bool arrays_list(Arena *arena, const char *path, StoredArray **array, int *count, Status *st);
/* The `bytes` that all elements of a dataset are. */
bool arrays_read(Arena scratch, const char *path, const char *name, size_t bytes, void *to,
                 Status *st);

#endif
