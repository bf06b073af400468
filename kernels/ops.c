#include "kernels/ops.h"

#include <stddef.h>

#include "kernels/hadamard.h"
#include "kernels/residual.h"
#include "kernels/rmsnorm.h"

#define ONE(name) +1 /* NOLINT(bugprone-macro-parentheses): a term of a sum */
_Static_assert(sizeof(Ops) == offsetof(Ops, embedding) + (0 OPS_EACH(ONE)) * sizeof(void (*)(void)),
               "OPS_EACH names every operator of Ops");
#undef ONE

#define ITSELF(name) .name = name, /* NOLINT(bugprone-macro-parentheses): a member's name */
const Ops ops_cpu = {.backend = "cpu", OPS_EACH(ITSELF)};
#undef ITSELF
