/* witness: what a mode's settings promise of each tensor, and the check that this is what ran. The promise is written
 * here a second time on purpose, tensor by tensor as in the table of stored types, not stage by stage as block.c
 * chooses kernels: a mode that secretly ran another's stages contradicts it. */
#ifndef DS_FAMILY_WITNESS_H
#define DS_FAMILY_WITNESS_H
#include "base/status.h"
#include "family/mode.h"
#include "family/trace.h"

/* The type that this tensor has under this mode; false where the mode does not make it. */
bool witness_type(const Mode *mode, TensorId id, Type *type);
/* Compares types and kernels of a whole layer with the mode's promise; the message names mode, layer, tensor, both. */
bool witness_check(const Mode *mode, int layer, const Trace *trace, Status *st);

#endif
