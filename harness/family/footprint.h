/* footprint: the bytes that a mode needs to run a model, from its stage settings and the types they
 * store; nothing is measured. Counted is what has to be carried from one operator to the next in an
 * inference that keeps no trace, so conv1d before its SiLU, delta and the scan before its gate are
 * not: they live inside one operator. block_out takes the place of block_in. */
#ifndef DS_FAMILY_FOOTPRINT_H
#define DS_FAMILY_FOOTPRINT_H
#include <stdint.h>

#include "family/family.h"

typedef struct Footprint {
  int64_t weight_bytes;     /* of every layer and both ends; int8 weights 1 byte, float32 ones 4 */
  int64_t scale_bytes;      /* scales of weights and activations, 4 bytes each */
  int64_t activation_bytes; /* a token: every tensor that a layer makes, of the layer where they are
                               most */
  int64_t peak_activation_bytes; /* a token: what is live at the same time, at most, in any layer */
  int64_t state_bytes; /* a sequence: scan state as the mode stores it and the last K - 1 inputs of
                          conv1d, all layers */
} Footprint;

Footprint footprint_of(const Model *model, const Mode *mode);

#endif
