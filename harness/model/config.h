/* config: config.json of a Hugging Face `mamba` or `falcon_mamba` checkpoint, or of the authors'
 * own layout (original.h). Keys that change the arithmetic are read or refused; keys of training
 * and generation are passed over, and a key that is null counts as absent. */
#ifndef DS_MODEL_CONFIG_H
#define DS_MODEL_CONFIG_H
#include "model/checkpoint.h"

enum { VOCAB_MOST = 1 << 24 }; /* of both layouts of config.json */

/* `conv_bias`: use_conv_bias. */
bool config_read(Arena *arena, const char *path, Config *config, bool *conv_bias, Status *st);
/* The same of its text; `path` is for messages. */
bool config_of(Arena *arena, const char *path, Bytes text, Config *config, bool *conv_bias,
               Status *st);

/* The end of every refusal of a checkpoint that is no unquantised safetensors one. */
#define CONFIG_WANTED                                                                              \
  "give an unquantised Hugging Face `mamba` or `falcon_mamba` checkpoint in safetensors files: "   \
  "driftscope quantises by itself"
#endif
