/* witness: the check that what ran is what a mode's settings promise of each tensor, by the
 * family's two functions for type and kernel. */
#ifndef DS_FAMILY_WITNESS_H
#define DS_FAMILY_WITNESS_H
#include "base/status.h"
#include "family/family.h"

/* Compares types and kernels of a whole layer with the mode's promise; the message names mode,
 * layer, tensor, both. */
bool witness_check(const Mode *mode, int layer, const Trace *trace, Status *st);

#endif
