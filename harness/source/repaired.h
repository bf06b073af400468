/* repaired: the source of a mode in which, in one layer, single elements of the layer's tensors
 * have other values for whoever reads them. */
#ifndef DS_SOURCE_REPAIRED_H
#define DS_SOURCE_REPAIRED_H
#include "source/source.h"

typedef struct Element {
  int tensor;   /* id of the family's table, of a layer */
  int row, col; /* token and channel */
  float value;
} Element;

/* Computes as `plain` does, which is of the same model's modes, but in `layer`: there, at the call
 * and on the CPU, each element has its value for every operator after the one that made it,
 * whatever the type of its tensor: an int8 tensor whose grid ends at 1.9 hands on 2.668. What only
 * changes the format (quantise, dequantise, narrow) hands the value on as it is, neither clipped
 * nor rounded. An element set to the value that it has already changes nothing. Where `plain`
 * computes ahead, so does this one in the layers behind `layer`.
 *
 * In the trace a float tensor shows the new value, an int8 one the nearest code of its grid.
 * Tensors that nothing reads (conv1d, delta and scan of mamba1) change nothing else. A tensor that
 * the block handed on to several readers (conv1d_silu int8, which is x_proj_in and scan_in too) is
 * set for all of them by the name of the first, and for one of them by its own.
 *
 * `element` [count] is copied; model, its layer and T must fit them, which is the caller's to see
 * to. */
Source source_repaired(Arena *arena, const Model *model, const Source *plain, int layer,
                       const Element *element, int count);

/* Bytes of its arena that `layer` takes beside block_bytes, at most. */
size_t source_repaired_bytes(const Config *config, int T, int count);

#endif
