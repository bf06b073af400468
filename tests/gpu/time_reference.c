/* time_reference: microseconds of each operator of the float64 reference at the 130M shape, in a
 * graph of COPIES; the least of REPLAYS. */
#include "check.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reference/cuda64.h"

enum { COPIES = 10, REPLAYS = 7, D = 768, E = 1536, N = 16, R = 48, HEAD = 8192, MOST = 2048 };

static Cuda64 device;
static Ops64 ops;
static double *in, *weight, *out; /* [MOST, 2E], [2E, E] and more, [MOST, HEAD] */
static int T;

static double *room(size_t n) {
  double *there = cuda_reserve(&cuda, n * sizeof *there), *here = malloc(n * sizeof *here);
  if (!there || !here) {
    fprintf(stderr, "no memory\n");
    exit(2);
  }
  for (size_t i = 0; i < n; i++) here[i] = (double)(i * 7919 % 1009) / 1009 - 0.5;
  cuda_to_device(&cuda, there, here, n * sizeof *there);
  char why[256];
  if (!cuda_wait(&cuda, why)) printf("FAILED: %s\n", why);
  free(here);
  return there;
}

static void run_in_proj(void) { ops.linear(ops.context, in, D, T, D, weight, 2 * E, out, 2 * E); }
static void run_x_proj(void) {
  ops.linear(ops.context, in, E, T, E, weight, R + 2 * N, out, R + 2 * N);
}
static void run_dt_proj(void) { ops.linear(ops.context, in, R + 2 * N, T, R, weight, E, out, E); }
static void run_out_proj(void) { ops.linear(ops.context, in, E, T, E, weight, D, out, D); }
static void run_head(void) { ops.linear(ops.context, in, D, T, D, weight, HEAD, out, HEAD); }
static void run_rmsnorm(void) { ops.rmsnorm(ops.context, in, D, NULL, 1e-5, T, D, out, D); }
static void run_conv1d(void) {
  ops.conv1d(ops.context, in, 2 * E, T, E, 4, weight, weight, out, out + (size_t)T * E);
}
static void run_scan(void) {
  const size_t n = (size_t)T * E;
  const Scan64 s = {.T = T,
                    .E = E,
                    .N = N,
                    .u = in,
                    .dt = in,
                    .B = weight,
                    .C = weight + N,
                    .BC_stride = R + 2 * N,
                    .z = in + E,
                    .z_stride = 2 * E,
                    .A_log = weight,
                    .D = weight,
                    .dt_bias = weight,
                    .delta = out,
                    .y = out + n,
                    .gated = out + 2 * n,
                    .state = out + 3 * n};
  ops.scan(ops.context, &s);
}
static void run_hadamard(void) { ops.hadamard(ops.context, in, T, E, out); }
static void run_columns(void) { ops.hadamard_columns(ops.context, out, D, E); }

/* products: fused multiply-adds. */
static void time_one(const char *name, const char *only, void (*call)(void), double products) {
  char why[256];
  double best = INFINITY;
  if (!strstr(name, only)) return;
  void *from = cuda_mark(&cuda), *to = cuda_mark(&cuda);
  cuda_capture(&cuda);
  for (int i = 0; i < COPIES; i++) call();
  void *graph = cuda_captured(&cuda);
  for (int i = 0; i < REPLAYS; i++) {
    cuda_mark_operators(&cuda, from);
    cuda_replay(&cuda, graph);
    cuda_mark_operators(&cuda, to);
    if (!cuda_wait(&cuda, why) || device.first_error[0])
      printf("FAILED: %s: %s\n", name, device.first_error[0] ? device.first_error : why);
    best = fmin(best, cuda_seconds(&cuda, from, to) / COPIES);
  }
  printf("%-30s T %5d  %8.2f us", name, T, best * 1e6);
  if (products > 0) printf("  %6.2f T fma/s", products / best * 1e-12);
  printf("\n");
  fflush(stdout);
  cuda_forget(&cuda, graph);
  cuda_unmark(&cuda, from);
  cuda_unmark(&cuda, to);
}

void time_reference(const char *only) {
  static const int lengths[] = {1, 32, 171, 512, MOST};
  device = cuda64_on(cuda.operators);
  ops = ops64_cuda(&device);
  in = room((size_t)MOST * 2 * E);
  weight = room((size_t)HEAD * D);
  out = room((size_t)MOST * HEAD);
  for (int i = 0; i < 5; i++) {
    T = lengths[i];
    time_one("reference in_proj", only, run_in_proj, (double)T * D * 2 * E);
    time_one("reference x_proj", only, run_x_proj, (double)T * E * (R + 2 * N));
    time_one("reference dt_proj", only, run_dt_proj, (double)T * R * E);
    time_one("reference out_proj", only, run_out_proj, (double)T * E * D);
    time_one("reference head, 8192 rows", only, run_head, (double)T * D * HEAD);
    time_one("reference rmsnorm", only, run_rmsnorm, 0);
    time_one("reference conv1d", only, run_conv1d, 0);
    time_one("reference scan", only, run_scan, 0);
    time_one("reference hadamard", only, run_hadamard, 0);
  }
  time_one("reference hadamard columns", only, run_columns, 0);
  cuda_release(&cuda, in);
  cuda_release(&cuda, weight);
  cuda_release(&cuda, out);
}
