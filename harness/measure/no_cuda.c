/* no_cuda: the kernels of measure/device.cu and observe.cu in a program built without CUDA: never
 * reached, since whoever gets no device asks it for nothing. */
#include "measure/device.h"
#include "measure/observe.h"

void device_tensors(Cuda *cuda, DeviceParts parts) { (void)cuda, (void)parts; }
void device_pairs(Cuda *cuda, DeviceParts parts) { (void)cuda, (void)parts; }
void device_clips(Cuda *cuda, DeviceParts parts) { (void)cuda, (void)parts; }
void device_tops(Cuda *cuda, DeviceParts parts) { (void)cuda, (void)parts; }
void observe_parts(Cuda *cuda, const ObserveParts *parts) { (void)cuda, (void)parts; }
