/* parts: which tensor a warp or a block of threads works for (measure/device.h). */
#ifndef DS_MEASURE_PARTS_CUH
#define DS_MEASURE_PARTS_CUH
#include "kernels/device.cuh"

extern "C" {
#include "measure/device.h"
}

/* The last part whose `first` is not beyond `at`. */
__device__ inline const DevicePart *part_of(DeviceParts parts, size_t DevicePart::*first,
                                            size_t at) {
  int low = 0, high = parts.count - 1;
  while (low < high) {
    const int middle = (low + high + 1) / 2;
    if (parts.part[middle].*first <= at)
      low = middle;
    else
      high = middle - 1;
  }
  return &parts.part[low];
}
#endif
