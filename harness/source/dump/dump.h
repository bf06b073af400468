/* dump: arrays in files that other programs wrote, by name: .safetensors, .npy, .npz, what
 * torch.save writes, HDF5 of any layout, or a folder of such files. Nothing in a file is believed,
 * and nothing of it is executed. An array is read when it is asked for, with pread, so that a dump
 * may be larger than memory, and a file that is cut while it is read is an error like any other. */
#ifndef DS_SOURCE_DUMP_DUMP_H
#define DS_SOURCE_DUMP_DUMP_H
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"
#include "kernels/tensor.h"

enum { DUMP_RANK_MOST = 8 };

/* Element types, as their bits say. */
typedef enum DumpType {
  DUMP_F64,
  DUMP_F32,
  DUMP_F16,
  DUMP_F16_AS_F32, /* float16 values that stand as float32, as in driftscope's results */
  DUMP_BF16,
  DUMP_F8_E4M3, /* the finite one: largest 448, one NaN, no infinity */
  DUMP_F8_E5M2,
  DUMP_I8,
  DUMP_U8,
  DUMP_I16,
  DUMP_U16,
  DUMP_I32,
  DUMP_U32,
  DUMP_I64,
  DUMP_U64,
  DUMP_BOOL,
  DUMP_TYPES
} DumpType;
extern const char *const dump_type_name[DUMP_TYPES]; /* "float32" */

typedef struct DumpArray {
  const char *name; /* its key in the file; of a file that has no keys, the file's name without its
                     * end. Control characters are replaced, and no array of a dump has the name and
                     * the file of another */
  const char *file; /* from the dump's path on: "" where that is the file itself */
  DumpType type;
  int rank;
  int64_t size[DUMP_RANK_MOST];
  float scale;      /* of int8: a finite one above 0 that stands beside it; 0: none */
  const char *axes; /* of HDF5: what its attribute of that name says of its order; NULL: none. Only
                     * who asks for it goes by it */
  const void *way;  /* to its bytes: the readers' own */
} DumpArray;

/* What is there and is no array that could be read. */
typedef struct DumpPassed {
  const char *file, *name; /* as an array's; the name "": the file as it is */
  const char *why;         /* "holds text" */
} DumpPassed;

typedef struct Dump {
  const char *path;
  DumpArray *array; /* in the order of the files' names, 2 before 10, and in a file in that of
                     * the file. What is another's scale is no array of its own */
  int arrays;
  const DumpPassed *passed;
  int passed_over;
} Dump;

/* Which of an array's axes are what. */
typedef struct DumpAxes {
  const char *order; /* "token,channel", "batch,channel,token"; a name may stand several times: such
                      * axes are joined. NULL: the last axis is the channels, the one before it the
                      * tokens, and all others are batches */
  int batch;         /* the one that is taken, of what has such an axis; -1: all, one behind the
                      * other */
} DumpAxes;
/* Fails, with the word, where an order is of other words or lacks a comma. */
bool dump_axes_check(const char *order, Status *st);

/* Of a file or a folder, in the arena. Fails where nothing of it is read, and where a file that
 * begins as one that is read is damaged; another in a folder is passed over. No file stays open:
 * one that is another when an array is read, or was changed, is an error. */
bool dump_open(Arena *arena, const char *path, Dump *dump, Status *st);

/* How an element of a float type is stored; NULL of any other. */
const FormatInfo *dump_float(DumpType type);
/* Of the key "x" in a/b.npz "a/b/x", of a/b.npy "a/b". */
const char *dump_full_name(Arena *arena, const DumpArray *array);

/* Rows (tokens) and columns (channels) that dump_read gives. Fails where the axes are not the
 * array's, or it has no element, or more rows or columns than INT_MAX. */
bool dump_sizes(const Dump *dump, const DumpArray *array, const DumpAxes *axes, int *rows,
                int *cols, Status *st);
/* In which format it comes: float64, float32 and float16 as they are (float16 values as that,
 * however they stand), int8 with its scale, which is 1 where it has none; whatever else as the
 * float32, or for integers of 32 and 64 bits the float64, that its values are. */
Format dump_format(const DumpArray *array);
/* The array as a matrix [rows, cols], whole, in the arena. `keep` [rows]: which rows are taken;
 * NULL: all. Fails where the file is not as it was opened, what is packed is damaged, the digest of
 * a results file's tensor is another, a value is none of its format, or there is no room for it. */
bool dump_read(Arena *arena, const Dump *dump, const DumpArray *array, const DumpAxes *axes,
               const bool *keep, Tensor *t, Status *st);

#endif
