/* checkpoint: an unquantised Hugging Face checkpoint of a family, checked whole before anything
 * runs. Tensors are views into the mapped files (unaligned ones are copied). Reads config.json,
 * model.safetensors, or model.safetensors.index.json with its shards. Every error names the file
 * and the fault. */
#ifndef DS_MODEL_CHECKPOINT_H
#define DS_MODEL_CHECKPOINT_H
#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/digest.h"
#include "base/file.h"
#include "base/status.h"
#include "family/config.h"
#include "family/trace.h"

typedef enum { WEIGHT_F16, WEIGHT_BF16, WEIGHT_F32, WEIGHT_F64 } WeightType;

typedef struct Weight {
  const char *name; /* full name in the checkpoint */
  WeightType type;
  const void *data; /* aligned for its type */
  size_t count;
  bool mapped; /* a view into its file, not a copy */
  double most; /* the largest of its magnitudes */
} Weight;

/* One of its safetensors files, as it was opened. */
typedef struct CheckpointFile {
  const char *path;
  FileMark mark;
  Bytes map; /* that weights are views into */
} CheckpointFile;

typedef struct Checkpoint {
  const char *folder;
  Config config;
  CheckpointFile *file; /* [files] */
  int files;
  Weight end[END_COUNT];         /* the head is the embedding where tied */
  Weight (*layer)[WEIGHTS_MOST]; /* [config.layers], by the family's table; data is NULL where there
                                  * is none (the bias of the convolution where config.json has
                                  * use_conv_bias false) */
  /* Of the config's values, and of type and bytes of every weight used, in a fixed order: the same
   * whether the weights stand in one file or in shards. */
  Digest digest;
  size_t unused;            /* tensors that hold values and are no weight of this model */
  const char *unused_names; /* the first of them, "a, b, …"; "" where there are none */
  const char *unused_path;  /* the file that the first stands in */
} Checkpoint;

bool checkpoint_open(Arena *arena, const char *folder, Checkpoint *checkpoint, Status *st);
/* Gives the mapped files back, for those who do not leave that to the end of the process. */
void checkpoint_close(Checkpoint *checkpoint);
/* Its weights are read again and again as long as a run goes on: refuses, by name, a file that is
 * no longer the one that was opened. */
bool checkpoint_check(const Checkpoint *checkpoint, Status *st);
/* All `count` values, exactly; by all threads where the caller is not one of several. */
void weight_to_f64(const Weight *weight, double *out);
/* out [count] = those of them from `first` on. */
void weight_range_to_f64(const Weight *weight, size_t first, size_t count, double *out);
#endif
