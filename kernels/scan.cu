/* scan: the launches; kernels/scan_device.cuh says how the kernels go about it. */
#include "kernels/scan_blocked.cuh"
#include "kernels/scan_sequential.cuh"

/* PTX of an older architecture, compiled by the driver, knows nothing of it. */
bool scan_starts_early(void) {
  cudaFuncAttributes of = {};
  return cudaFuncGetAttributes(&of, sequential_kernel) == cudaSuccess && of.ptxVersion >= 90;
}

static_assert(sizeof(Tiles) == scan_sequential_shared(0), "as tiles.h says");
static void launch_sequential(Cuda *cuda, const Args &p, float *scratch) {
  int T = ceil_div(p.u.rows, TILE) * TILE, N = ceil_div(p.B.cols, SCAN_STATES) * SCAN_STATES;
  LaidOut laid_out = lay_out<SequentialLayout>(cuda, p, T, N, scratch);
  size_t bytes = scan_sequential_shared(p.B.cols) - sizeof(Tiles);
  device_launch_early(cuda, sequential_kernel, ceil_div(p.u.cols, SCAN_CHANNELS),
                      SEQUENTIAL_THREADS, bytes, "scan sequential", p, laid_out);
}

template <int ITEMS, int WARPS>
static void launch_blocked(Cuda *cuda, const Args &p, float *scratch) {
  ScanTile tile = scan_blocked_choice(p.u.rows, p.B.cols, &cuda->card);
  LaidOut laid_out =
      lay_out<Chunk<ITEMS, WARPS>>(cuda, p, scan_padded_tokens(p.u.rows), p.B.cols, scratch);
  device_launch_early(cuda, blocked_kernel<ITEMS, WARPS>, ceil_div(p.u.cols, tile.channels),
                      tile.channels * 32 * WARPS, tile.shared, "scan blocked", p, laid_out,
                      tile.channels);
}

static void launch(Cuda *cuda, const Args &p, ScanOrder order, float *scratch) {
  ScanChunk chunk = scan_chunk(p.u.rows);
  if (order == SCAN_SEQUENTIAL)
    launch_sequential(cuda, p, scratch);
  else if (chunk.lanes == 32 && chunk.items == 4)
    launch_blocked<4, 1>(cuda, p, scratch);
  else if (chunk.lanes == 32 && chunk.items == 8)
    launch_blocked<8, 1>(cuda, p, scratch);
  else if (chunk.lanes == 32)
    launch_blocked<16, 1>(cuda, p, scratch);
  else if (chunk.lanes == 64)
    launch_blocked<16, 2>(cuda, p, scratch);
  else
    launch_blocked<16, 4>(cuda, p, scratch);
}

void scan_cuda(Cuda *cuda, const ScanInputs *in, ScanOrder order, const ScanOutputs *out,
               void *scratch) {
  int T = in->u->rows, E = in->u->cols, N = in->B->cols;
  assert(in->dt->rows == T && in->dt->cols == E && in->z->rows == T && in->z->cols == E &&
         in->B->rows == T);
  assert(in->C->rows == T && in->C->cols == N && in->A_log->rows == E && in->A_log->cols == N);
  assert(in->D->cols == E && in->dt_bias->cols == E && out->state->rows == E &&
         out->state->cols == N);
  assert(out->delta->format == FORMAT_F32 && out->y->format == FORMAT_F32 &&
         out->state->format == FORMAT_F32);
  assert(out->gated->format == FORMAT_F32 || out->gated->format == FORMAT_F16);
  assert(!in->precision.softplus && !in->precision.decay &&
         !in->precision.state); /* narrower stages: the CPU's alone */
  const Tensor *large[] = {in->u,     in->dt,     in->B,  in->C,     in->z,
                           in->A_log, out->delta, out->y, out->gated};
  for (size_t i = 0; i < sizeof large / sizeof *large; i++) assert(device_addressable(large[i]));
  Args p = {*in->u, *in->dt,      *in->B,      *in->C,  *in->z,      *in->A_log,
            *in->D, *in->dt_bias, *out->delta, *out->y, *out->gated, *out->state};
  launch(cuda, p, order, (float *)(((uintptr_t)scratch + 15) & ~(uintptr_t)15));
  device_launched(cuda, order == SCAN_BLOCKED ? "scan blocked" : "scan sequential", T, E);

  ScanKind kind = scan_kind(in, order);
  Tensor *written[] = {out->delta, out->y, out->gated, out->state};
  for (int i = 0; i < 4; i++) {
    written[i]->nans = 0;
    written[i]->kernel = scan_witness(&kind, written[i]->format, BACKEND_CUDA);
  }
}
