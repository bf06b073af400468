/* safetensors: one mapped file, its header parsed by jansson and checked against the file before
 * any view is given.
 * Format: https://github.com/huggingface/safetensors; refusals as its reference implementation, and
 * more (see .c). */
#ifndef DS_MODEL_SAFETENSORS_H
#define DS_MODEL_SAFETENSORS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/file.h"
#include "base/status.h"

enum { SAFETENSORS_MAX_RANK = 8, SHAPE_TEXT = 192 };

typedef struct SafeTensor {
  const char *name;
  const char *dtype; /* as written: "F16" */
  int rank;
  int64_t shape[SAFETENSORS_MAX_RANK];
  size_t begin, bytes;       /* in the data, which begin at data_at of the file */
  const unsigned char *data; /* into the map, not necessarily aligned; NULL without one */
} SafeTensor;

typedef struct SafeTensors {
  const char *path;
  Bytes map;
  size_t data_at, data_bytes;
  SafeTensor *tensor; /* sorted by name */
  size_t count;
  const char *order; /* of its metadata: names in the order in which they were made, a line each;
                      * NULL: it has none */
} SafeTensors;

/* Where the header of a file of `size` bytes ends, of which the first are given: 8, or all. */
bool safetensors_head(const char *path, Bytes first, size_t size, size_t *end, Status *st);
/* Of the bytes of such a file up to there, or more of it: everything but the data. */
bool safetensors_of_head(Arena *arena, const char *path, Bytes head, size_t size, SafeTensors *file,
                         Status *st);
/* Of a file's content, which its views point into; `path` is for messages. */
bool safetensors_of(Arena *arena, const char *path, Bytes content, SafeTensors *file, Status *st);
/* The map stays until file_unmap(&file->map); on failure it is gone. */
bool safetensors_open(Arena *arena, const char *path, SafeTensors *file, Status *st);
const SafeTensor *safetensors_find(const SafeTensors *file,
                                   const char *name); /* NULL where there is none */
/* "[512, 1, 4]" for messages; returns `text`. */
const char *shape_print(const int64_t *shape, int rank, char text[SHAPE_TEXT]);
#endif
