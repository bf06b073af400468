/* generic: the family of a model that nobody described: its tensors are those that stand in a dump
 * (source/dump), with the sizes that they have there. It has no modes, no weights, and nothing that
 * could be run; whoever measures, stores and reports needs its tensors alone. */
#ifndef DS_FAMILY_GENERIC_H
#define DS_FAMILY_GENERIC_H
#include "family/family.h"

typedef struct GenericTensor {
  const char *name;
  int rows, cols; /* rows GENERIC_TOKENS: a token each */
  Role role;
} GenericTensor;
enum { GENERIC_TOKENS = 0 };

/* Those of a layer first, in the order of computation, so many; then those of the ends. In the
 * arena, and points to the names. Fails where there are more than TENSORS_MOST, or more different
 * sizes than DIMS_MOST. */
bool family_generic(Arena *arena, const GenericTensor *tensor, int of_layer, int count,
                    const Family **family, Status *st);

#endif
