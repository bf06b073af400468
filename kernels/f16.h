/* f16: IEEE binary16 as its 16 bits. Round to nearest even, overflow to infinity, subnormals kept, NaN canonical 0x7e00. */
#ifndef DS_KERNELS_F16_H
#define DS_KERNELS_F16_H
#include <stdint.h>
#include "kernels/room.h"

ROOM_FN uint16_t f16_of(float x);
ROOM_FN float f32_of_f16(uint16_t h);
#endif
