#include "kernels/ops.h"

#include "kernels/hadamard.h"
#include "kernels/residual.h"
#include "kernels/rmsnorm.h"

const Ops ops_cpu = {.backend = "cpu",
                     .embedding = embedding,
                     .rmsnorm = rmsnorm,
                     .linear = linear,
                     .conv1d = conv1d,
                     .scan = scan,
                     .hadamard = hadamard,
                     .quantise = quantise,
                     .quantise_dynamic = quantise_dynamic,
                     .dequantise = dequantise,
                     .narrow = narrow,
                     .residual_add = residual_add};
