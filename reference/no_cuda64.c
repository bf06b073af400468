/* no_cuda64: the reference on a device in a program built without CUDA: there is none, and the
 * reason says why. */
#include <string.h>

#include "reference/cuda64.h"

Cuda64 cuda64_on(void *stream) {
  Cuda64 cuda = {.stream = stream};
  strcpy(cuda.first_error, "this program was built without CUDA (no nvcc was found when it was "
                           "made)");
  return cuda;
}

Ops64 ops64_cuda(Cuda64 *cuda) { return (Ops64){.backend = "cuda", .context = cuda}; }
