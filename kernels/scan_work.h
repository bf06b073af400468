/* scan_work: the rows that a thread works in while it scans a tile (of scan.c alone). */
#ifndef DS_KERNELS_SCAN_WORK_H
#define DS_KERNELS_SCAN_WORK_H
#include "kernels/scan.h"
#include "kernels/scan_rows.h"

enum { SEQUENTIAL_CHUNK = 128 };

/* Working memory of one tile: [N] rows per state, [chunk] rows per token, [lanes] rows per lane. */
typedef struct Work {
  Row *A, *h, *carry_a,
      *carry_b;             /* [N]; h of the last token; the running prefix, blocked order alone */
  Row *delta, *delta_u, *y; /* [chunk] */
  Row *a, *b, *lane_a, *lane_b; /* [chunk] and [lanes], blocked order alone */
  Row *far;                     /* [1]: by channel, the A of the largest |A| */
  bool *near;                   /* [chunk]: of a token, its exps are exp32_near */
} Work;

ROOM_FN int chunk_tokens(int T, ScanOrder order) {
  ScanChunk chunk = scan_chunk(T);
  return order == SCAN_BLOCKED ? chunk.lanes * chunk.items : SEQUENTIAL_CHUNK;
}

ROOM_FN size_t up_to(size_t n, size_t whole) { return (n + whole - 1) / whole * whole; }

/* Of one thread. */
ROOM_FN size_t work_bytes(int T, int N, ScanOrder order) {
  size_t chunk = (size_t)chunk_tokens(T, order);
  size_t rows =
      4 * (size_t)N + 1 + 3 * chunk + (order == SCAN_BLOCKED ? 2 * chunk + 2 * SCAN_MAX_LANES : 0);
  return up_to(rows * sizeof(Row) + chunk, sizeof(Row));
}

ROOM_FN Work work_at(void *memory, int T, int N, ScanOrder order) {
  size_t n = (size_t)N, chunk = (size_t)chunk_tokens(T, order);
  Row *rows = memory;
  Work w = {.A = rows, .h = rows + n, .carry_a = rows + 2 * n, .carry_b = rows + 3 * n};
  w.far = rows + 4 * n;
  w.delta = w.far + 1;
  w.delta_u = w.delta + chunk;
  w.y = w.delta_u + chunk;
  Row *end = w.y + chunk;
  if (order == SCAN_BLOCKED) {
    w.a = end;
    w.b = w.a + chunk;
    w.lane_a = w.b + chunk;
    w.lane_b = w.lane_a + SCAN_MAX_LANES;
    end = w.lane_b + SCAN_MAX_LANES;
  }
  w.near = (bool *)end;
  return w;
}
#endif
