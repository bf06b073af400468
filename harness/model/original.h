/* original: config.json as the authors of Mamba write it (d_model, n_layer, ssm_cfg, …), brought to
 * the keys of the Hugging Face layout, so that one reader reads both.
 * Source: MambaConfig, MixerModel and Mamba of state-spaces/mamba, whose defaults are filled in. */
#ifndef DS_MODEL_ORIGINAL_H
#define DS_MODEL_ORIGINAL_H
#include <jansson.h>
#include <stdbool.h>

#include "base/status.h"

/* Whether the keys are those: no model_type, and one that only this layout has. */
bool original_layout(const json_t *config);
/* Adds the Hugging Face keys, model_type among them. vocab_size is padded, as the model's embedding
 * is. Refuses by name what is no Mamba-1: attention, MLPs between the blocks, Mamba-2, layer norms
 * with a bias. */
bool original_translate(const char *path, json_t *config, Status *st);
#endif
