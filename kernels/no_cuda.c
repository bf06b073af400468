/* no_cuda: the door to a device in a program built without CUDA: there is none, and the reason says why. */
#include "kernels/cuda.h"

#include <string.h>

static const char reason[] = "this program was built without CUDA (no nvcc was found when it was made)";

bool cuda_open(Cuda *device, char why[256]) {
  memset(device, 0, sizeof *device);
  strcpy(why, reason);
  return false;
}

/* Never reached: whoever gets no device asks it for nothing. */
void *cuda_reserve(size_t bytes) { return (void)bytes, NULL; }
void cuda_release(void *memory) { (void)memory; }
void *cuda_pinned(size_t bytes) { return (void)bytes, NULL; }
void cuda_unpin(void *memory) { (void)memory; }
void cuda_to_device(void *device, const void *host, size_t bytes) { (void)device, (void)host, (void)bytes; }
void cuda_to_host(void *host, const void *device, size_t bytes) { (void)host, (void)device, (void)bytes; }
bool cuda_wait(char why[256]) { return strcpy(why, reason), false; }

const Ops ops_cuda = {.backend = "cuda"};
