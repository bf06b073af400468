/* shards: the safetensors files of a checkpoint: model.safetensors, or the shards that
 * model.safetensors.index.json names. Index and shards must agree on where every tensor stands.
 * Tensors are found by their plain names: without what wrappers put into them (`_orig_mod.` of
 * torch.compile, `module.` of DataParallel) and without `backbone.` in front. */
#ifndef DS_MODEL_SHARDS_H
#define DS_MODEL_SHARDS_H
#include "model/safetensors.h"

typedef struct Shard {
  SafeTensors file;
  const char *name; /* "model-00001-of-00002.safetensors" */
  bool *taken;      /* per tensor: asked for by shards_take */
} Shard;

typedef struct PlainName {
  const char *name;
  int shard;
  size_t tensor;
} PlainName;

typedef struct Shards {
  Shard *shard;
  int count;
  PlainName *plain; /* sorted by name; no name occurs twice */
  size_t plains;
  const char *searched; /* for messages: the file, or the index and its shards */
} Shards;

bool shards_open(Arena *arena, const char *folder, Shards *shards, Status *st);
/* The tensor of a plain name and the file it stands in; NULL where there is none. */
const SafeTensor *shards_take(Shards *shards, const char *name, const char **path);
void shards_close(Shards *shards); /* unmaps: for refused checkpoints */
#endif
