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
void cuda_zero(void *device, size_t bytes) { (void)device, (void)bytes; }
void cuda_copy(void *to, const void *from, size_t bytes) { (void)to, (void)from, (void)bytes; }
void *cuda_mark(void) { return NULL; }
void cuda_unmark(void *mark) { (void)mark; }
void cuda_mark_operators(void *mark) { (void)mark; }
void cuda_mark_copies(void *mark) { (void)mark; }
void cuda_wait_mark(void *mark) { (void)mark; }
void cuda_operators_after(void *mark) { (void)mark; }
double cuda_seconds(void *from, void *to) { return (void)from, (void)to, 0; }
void cuda_capture(void) {}
void *cuda_captured(void) { return NULL; }
void cuda_replay(void *graph) { (void)graph; }
void cuda_forget(void *graph) { (void)graph; }
size_t linear_cuda_packed_bytes(int out, int in, Type type) { return (void)out, (void)in, (void)type, 0; }
void linear_cuda_pack(const Linear *cpu, void *panels) { (void)cpu, (void)panels; }

const Ops ops_cuda = {.backend = "cuda"};
