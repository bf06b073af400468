/* config: the sizes of a model, and what is done to its weights before anything else. */
#ifndef DS_FAMILY_CONFIG_H
#define DS_FAMILY_CONFIG_H
#include <stdbool.h>

/* What is done to a checkpoint's weights: model/rewrite.h. */
typedef enum { REWRITE_QUAMBA, REWRITE_NONE } Rewrite;

/* The weights of a model's ends: what every family has. */
enum { END_EMBEDDING, END_NORM, END_HEAD, END_COUNT };

typedef struct Config {
  int D, E, N, R, K, layers,
      vocab;  /* hidden_size, intermediate_size, state_size, time_step_rank, conv_kernel, … */
  int start;  /* bos_token_id, else eos_token_id; -1: neither is said */
  double eps; /* layer_norm_epsilon */
  double mixer_eps; /* mixer_rms_eps, of norms inside the mixer; 0 where the model has none */
  bool tied;        /* tie_word_embeddings */
  bool tied_said;   /* it stands in the file; else `tied` is the default, true */
  const struct Family *family; /* the one that config.json's model_type names */
} Config;

#endif
