/* synth: a checkpoint of a published shape, or a small one, with made weights, for time, memory and
 * scale without a download. The same seed gives the same bytes.
 *
 * Initial values as state-spaces/mamba draws them (mixer_seq_simple.py, mamba_simple.py) and
 * transformers' Mamba:
 *   embedding   normal, standard deviation 0.02; the head is tied to it, or drawn like it
 *   in_proj, x_proj, conv1d   uniform within 1 / sqrt(inputs); out_proj the same over sqrt(layers)
 *   dt_proj     uniform within 1 / sqrt(R); its bias the inverse softplus of steps log-uniform in
 *               0.001 … 0.1
 *   A_log       log(1 … N);  D and the gains of the norms: 1
 * On top, what quantisation meets in trained models: a few channels of every norm's gain and of
 * every convolution are much larger than the rest. */
#ifndef DS_MODEL_SYNTH_H
#define DS_MODEL_SYNTH_H
#include <stdint.h>

#include "base/arena.h"
#include "base/progress.h"
#include "base/status.h"
#include "family/config.h"
#include "model/checkpoint.h"

typedef struct SynthShape {
  const char *name; /* "mamba-130m" */
  int D, layers, vocab;
  size_t file_bytes;      /* of weights in one file, at most; a single tensor may be larger */
  const char *model_type; /* NULL: the first family's */
  bool untied;            /* the head has weights of its own, drawn as the embedding's */
} SynthShape;
extern const SynthShape synth_shapes[];
extern const int synth_shape_count;
const SynthShape *synth_shape(const char *name); /* NULL where there is none */

/* Of such a model. */
Config synth_config(const SynthShape *shape);
/* config.json, and the weights in model.safetensors or, above file_bytes, in shards with their
 * index, as float32 or rounded from it to nearest even (WEIGHT_BF16, WEIGHT_F16). config.json comes
 * last: a folder without it is no checkpoint. A folder that has one is refused. By all threads,
 * each with a megabyte; the bytes do not depend on them. */
bool synth_write(const SynthShape *shape, WeightType type, int64_t seed, const char *folder,
                 Progress *progress, Arena scratch, Status *st);

#endif
