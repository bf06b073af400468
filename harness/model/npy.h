/* npy: the header of a NumPy array's file, and such arrays of integers, of any width, sign and byte
 * order, in one row: what numpy and datasets write.
 * Format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html */
#ifndef DS_MODEL_NPY_H
#define DS_MODEL_NPY_H
#include <stdint.h>

#include "base/file.h"

typedef struct Npy {
  const unsigned char *data; /* into the file, not necessarily aligned */
  int64_t count;
  int size; /* bytes a value: 1, 2, 4 or 8 */
  bool big_endian, is_signed;
} Npy;

/* Whether it begins as a .npy file. */
bool npy_is(Bytes file);

enum { NPY_RANK_MOST = 8, NPY_TYPE = 16, NPY_SHAPE = 49 };
typedef struct NpyHeader {
  char descr[NPY_TYPE]; /* as written: "<f4" */
  bool records;         /* it is no such text: all else is not known */
  bool fortran;         /* the first index runs fastest */
  int rank;
  int64_t size[NPY_RANK_MOST];
  char shape[NPY_SHAPE]; /* as written, for messages */
  size_t at;             /* of the first value in the file */
} NpyHeader;
/* Where the header of a file ends whose first 12 bytes or more are given; 0: they are not. */
size_t npy_head(Bytes first);
/* Of a file of `size` bytes, of which the first are given: the whole header among them, or it is
 * refused. What the type is, and whether the values are all there, is the caller's to see. */
bool npy_header(const char *path, Bytes head, uint64_t size, NpyHeader *header, Status *st);

/* Refuses, with the fault, other element types than integers, more than one row, and a size that is
 * not the shape's. [n], [1, n] and [n, 1] are one row, in C and in Fortran order. */
bool npy_open(const char *path, Bytes file, Npy *array, Status *st);
/* Value i as 64 bits, sign-extended where it has one. */
uint64_t npy_value(const Npy *array, int64_t i);
/* Writes a file of int32 in one row. */
bool npy_write(const char *path, const int32_t *value, int64_t count, Arena scratch, Status *st);
#endif
