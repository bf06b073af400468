/* no_cuda: the door to a device in a program built without CUDA: there is none, and the reason says
 * why. */
#include "kernels/cuda.h"
#include "kernels/prepare.h"

#include <string.h>

static const char reason[] =
    "this program was built without CUDA (no nvcc was found when it was made)";

bool cuda_open(Cuda *cuda, int number, char why[256]) {
  (void)number;
  memset(cuda, 0, sizeof *cuda);
  strcpy(why, reason);
  return false;
}
void cuda_close(Cuda *cuda) { (void)cuda; }
void cuda_look(Cuda *cuda) { (void)cuda; }

/* Never reached: whoever gets no device asks it for nothing. */
void *cuda_reserve(Cuda *cuda, size_t bytes) { return (void)cuda, (void)bytes, NULL; }
void cuda_release(Cuda *cuda, void *memory) { (void)cuda, (void)memory; }
void *cuda_pinned(Cuda *cuda, size_t bytes) { return (void)cuda, (void)bytes, NULL; }
void cuda_unpin(Cuda *cuda, void *memory) { (void)cuda, (void)memory; }
void cuda_to_device(Cuda *cuda, void *device, const void *host, size_t bytes) {
  (void)cuda, (void)device, (void)host, (void)bytes;
}
void cuda_to_host(Cuda *cuda, void *host, const void *device, size_t bytes) {
  (void)cuda, (void)host, (void)device, (void)bytes;
}
void cuda_to_device_ahead(Cuda *cuda, void *device, const void *host, size_t bytes) {
  (void)cuda, (void)device, (void)host, (void)bytes;
}
void cuda_ahead_after_operators(Cuda *cuda) { (void)cuda; }
bool cuda_wait(Cuda *cuda, char why[256]) { return (void)cuda, strcpy(why, reason), false; }
void cuda_zero(Cuda *cuda, void *device, size_t bytes) { (void)cuda, (void)device, (void)bytes; }
void cuda_copy(Cuda *cuda, void *to, const void *from, size_t bytes) {
  (void)cuda, (void)to, (void)from, (void)bytes;
}
void *cuda_mark(Cuda *cuda) { return (void)cuda, NULL; }
void cuda_unmark(Cuda *cuda, void *mark) { (void)cuda, (void)mark; }
void cuda_mark_operators(Cuda *cuda, void *mark) { (void)cuda, (void)mark; }
void cuda_mark_copies(Cuda *cuda, void *mark) { (void)cuda, (void)mark; }
void cuda_mark_ahead(Cuda *cuda, void *mark) { (void)cuda, (void)mark; }
void cuda_wait_mark(Cuda *cuda, void *mark) { (void)cuda, (void)mark; }
void cuda_operators_after(Cuda *cuda, void *mark) { (void)cuda, (void)mark; }
double cuda_seconds(Cuda *cuda, void *from, void *to) {
  return (void)cuda, (void)from, (void)to, 0;
}
void cuda_capture(Cuda *cuda) { (void)cuda; }
void *cuda_captured(Cuda *cuda) { return (void)cuda, NULL; }
void cuda_replay(Cuda *cuda, void *graph) { (void)cuda, (void)graph; }
void cuda_forget(Cuda *cuda, void *graph) { (void)cuda, (void)graph; }
size_t linear_cuda_packed_bytes(int out, int in, Format format) {
  return (void)out, (void)in, (void)format, 0;
}
void linear_cuda_pack(const Linear *cpu, void *panels) { (void)cpu, (void)panels; }
void prepare_widen(Cuda *cuda, const void *stored, Stored as, size_t n, double *values) {
  (void)cuda, (void)stored, (void)as, (void)n, (void)values;
}
void prepare_range(Cuda *cuda, const double *values, size_t n, PreparedRange *range) {
  (void)cuda, (void)values, (void)n, (void)range;
}
void prepare_ranges_back(Cuda *cuda, PreparedRange *host, const PreparedRange *range, int count) {
  (void)cuda, (void)host, (void)range, (void)count;
}
void prepare_values(Cuda *cuda, const double *values, size_t n, float scale, float *f32,
                    int8_t *i8) {
  (void)cuda, (void)values, (void)n, (void)scale, (void)f32, (void)i8;
}
void prepare_linear(Cuda *cuda, const double *values, int out, int in, float scale, float *f32,
                    int8_t *i8) {
  (void)cuda, (void)values, (void)out, (void)in, (void)scale, (void)f32, (void)i8;
}
