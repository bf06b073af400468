/* no_cuda: the kernels of measure's .cu files in a program built without CUDA: never reached, since
 * whoever gets no device asks it for nothing. */
#include "measure/device.h"
#include "measure/observe.h"
#include "measure/positions.h"

void device_tensors(Cuda *cuda, DeviceParts parts) { (void)cuda, (void)parts; }
void device_digests(Cuda *cuda, DeviceParts parts, uint64_t *sums) {
  (void)cuda, (void)parts, (void)sums;
}
void device_pairs(Cuda *cuda, DeviceParts parts) { (void)cuda, (void)parts; }
void device_orders(Cuda *cuda, DeviceParts parts) { (void)cuda, (void)parts; }
void device_clips(Cuda *cuda, DeviceParts parts) { (void)cuda, (void)parts; }
void device_tops(Cuda *cuda, DeviceParts parts) { (void)cuda, (void)parts; }
void observe_parts(Cuda *cuda, const ObserveParts *parts) { (void)cuda, (void)parts; }
void evaluation_positions_queue(Cuda *cuda, const Tensor *reference, const Tensor *logits,
                                const int32_t *target, EvaluationPosition *at) {
  (void)cuda, (void)reference, (void)logits, (void)target, (void)at;
}
