/* scan_blocked: the blocked order on a CPU, a chunk of a tile at a time: scan.h's steps 1 to 5,
 * state by state, lane by lane (of scan.c alone). */
#ifndef DS_KERNELS_SCAN_BLOCKED_H
#define DS_KERNELS_SCAN_BLOCKED_H
#include "kernels/scan_work.h"

/* A pair in every channel. */
typedef struct Pairs {
  Row *a, *b;
} Pairs;

/* to = join(first, second), where `to` may be one of them. */
ROOM_FN void join_rows(Pairs first, Pairs second, Pairs to) {
#pragma omp simd
  for (int c = 0; c < WIDTH; c++) {
    ScanPair joined = scan_join((ScanPair){first.a->v[c], first.b->v[c]},
                                (ScanPair){second.a->v[c], second.b->v[c]});
    to.a->v[c] = joined.a;
    to.b->v[c] = joined.b;
  }
}

ROOM_FN void copy_pairs(Pairs from, Pairs to) {
  copy_row(from.a, to.a);
  copy_row(from.b, to.b);
}

/* The pairs of all tokens for state s; behind them, (1, 0) to the end of the last one's lane. */
ROOM_FN void make_pairs(Work w, const float *B, int N, int s, int tokens, ScanChunk chunk,
                        Precision decay) {
  for (int t = 0; t < tokens; t++) {
    float Bs = B[(size_t)t * (size_t)N + (size_t)s];
    exps(&w.delta[t], &w.A[s], w.near[t], &w.a[t]); /* scan_a */
    narrow_lanes(w.a[t].v, WIDTH, decay, 0);
#pragma omp simd
    for (int c = 0; c < WIDTH; c++) w.b[t].v[c] = scan_b(w.delta_u[t].v[c], Bs);
  }
  for (int t = tokens; t % chunk.items; t++)
#pragma omp simd
    for (int c = 0; c < WIDTH; c++) {
      w.a[t].v[c] = 1.0f;
      w.b[t].v[c] = 0.0f;
    }
}

ROOM_FN Pairs lane_pairs(Work w, int lane) { return (Pairs){w.lane_a + lane, w.lane_b + lane}; }

/* Step 1: each lane's fold of its pairs; of a lane past the end, (1, 0). */
ROOM_FN void fold_lanes(Work w, int tokens, ScanChunk chunk) {
  for (int lane = 0; lane < chunk.lanes; lane++) {
    int first = lane * chunk.items;
    Row a, b;
#pragma omp simd
    for (int c = 0; c < WIDTH; c++) {
      a.v[c] = first < tokens ? w.a[first].v[c] : 1.0f;
      b.v[c] = first < tokens ? w.b[first].v[c] : 0.0f;
    }
    for (int t = first + 1; first < tokens && t < first + chunk.items; t++)
      join_rows((Pairs){&a, &b}, (Pairs){&w.a[t], &w.b[t]}, (Pairs){&a, &b});
    copy_pairs((Pairs){&a, &b}, lane_pairs(w, lane));
  }
}

/* Step 2. Downwards, so that lane - distance still has its value of the previous distance. */
ROOM_FN void scan_warps(Work w, int lanes) {
  for (int warp = 0; warp < lanes; warp += SCAN_WARP)
    for (int distance = 1; distance < SCAN_WARP; distance *= 2)
      for (int lane = warp + SCAN_WARP - 1; lane >= warp + distance; lane--)
        join_rows(lane_pairs(w, lane - distance), lane_pairs(w, lane), lane_pairs(w, lane));
}

/* Steps 3 to 5 for state s. */
ROOM_FN void apply_prefixes(Work w, const float *C, int N, int s, int tokens, ScanChunk chunk) {
  Row total_a, total_b, a, b;
  const Pairs total = {&total_a, &total_b},
              own = {&a, &b}; /* of the warps before; a lane's prefix */
  const Pairs running = {&w.carry_a[s], &w.carry_b[s]};
  for (int lane = 0; lane < chunk.lanes; lane++) {
    copy_row(running.b, &b);
    if (lane > 0) {
      /* The lane exclusive; for lane 0 of a warp, the total of the warp before. */
      copy_pairs(lane_pairs(w, lane - 1), own);
      if (lane > SCAN_WARP) join_rows(total, own, own);
      if (lane % SCAN_WARP == 0) copy_pairs(own, total);
      join_rows(running, own, own);
    }
    int first = lane * chunk.items,
        end = first + chunk.items < tokens ? first + chunk.items : tokens;
    for (int t = first; t < end; t++) {
      float Cs = C[(size_t)t * (size_t)N + (size_t)s];
#pragma omp simd
      for (int c = 0; c < WIDTH; c++) {
        b.v[c] = scan_step(w.a[t].v[c], b.v[c], w.b[t].v[c]);
        w.y[t].v[c] = scan_output(w.y[t].v[c], b.v[c], Cs);
      }
    }
    if (first < end) copy_row(&b, &w.h[s]);
  }
  copy_pairs(lane_pairs(w, chunk.lanes - 1), own);
  if (chunk.lanes > SCAN_WARP) join_rows(total, own, own);
  join_rows(running, own, running);
}

ROOM_FN void blocked_in(Work w, const float *B, const float *C, int N, int tokens, ScanChunk chunk,
                        Precision decay) {
  for (int s = 0; s < N; s++) {
    make_pairs(w, B, N, s, tokens, chunk, decay);
    fold_lanes(w, tokens, chunk);
    scan_warps(w, chunk.lanes);
    apply_prefixes(w, C, N, s, tokens, chunk);
  }
}
#endif
