/* scan: the launches; kernels/scan_device.cuh says how the kernels go about it. */
#include "kernels/scan_blocked.cuh"
#include "kernels/scan_sequential.cuh"

/* PTX of an older architecture, compiled by the driver, knows nothing of it. */
bool scan_starts_early(void) {
  cudaFuncAttributes of = {};
  return cudaFuncGetAttributes(&of, blocked_kernel<4, 1, 0>) == cudaSuccess && of.ptxVersion >= 90;
}

static_assert(sizeof(Tiles) == scan_sequential_shared(0), "as tiles.h says");
static void launch_sequential(Cuda *cuda, const Args &p, float *scratch) {
  int T = ceil_div(p.u.rows, PIECE) * PIECE, N = ceil_div(p.B.cols, SCAN_STATES) * SCAN_STATES;
  LaidOut laid_out = lay_out<SequentialLayout>(cuda, p, T, N, scratch);
  size_t bytes = scan_sequential_shared(p.B.cols);
  device_shared(cuda, sequential_kernel, bytes, "scan sequential");
  sequential_kernel<<<(unsigned)ceil_div(p.u.cols, SCAN_CHANNELS), SEQUENTIAL_THREADS, bytes,
                      device_stream(cuda)>>>(p, laid_out);
}

template <int ITEMS, int WARPS, int SLOTS>
static void launch_chosen(Cuda *cuda, const Args &p, const ScanTile &tile, float *scratch) {
  LaidOut laid_out =
      lay_out<Chunk<ITEMS, WARPS>>(cuda, p, scan_padded_tokens(p.u.rows), p.B.cols, scratch);
  device_launch_early(cuda, blocked_kernel<ITEMS, WARPS, SLOTS>, ceil_div(p.u.cols, tile.channels),
                      tile.channels * 32 * WARPS, tile.shared, "scan blocked", p, laid_out,
                      tile.channels);
}

static void launch_blocked(Cuda *cuda, const Args &p, float *scratch) {
  ScanChunk chunk = scan_chunk(p.u.rows);
  ScanTile tile = scan_blocked_choice(p.u.rows, p.B.cols, &cuda->card);
  if (chunk.lanes == 32 && chunk.items == 4)
    launch_chosen<4, 1, 0>(cuda, p, tile, scratch);
  else if (chunk.lanes == 32 && chunk.items == 8)
    launch_chosen<8, 1, 0>(cuda, p, tile, scratch);
  else if (chunk.lanes == 32)
    launch_chosen<16, 1, 0>(cuda, p, tile, scratch);
  else if (chunk.lanes == 64 && tile.slots)
    launch_chosen<16, 2, SCAN_SLOTS>(cuda, p, tile, scratch);
  else if (chunk.lanes == 64)
    launch_chosen<16, 2, 0>(cuda, p, tile, scratch);
  else if (tile.slots)
    launch_chosen<16, 4, SCAN_SLOTS>(cuda, p, tile, scratch);
  else
    launch_chosen<16, 4, 0>(cuda, p, tile, scratch);
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
  float *aligned = (float *)(((uintptr_t)scratch + 15) & ~(uintptr_t)15);
  if (order == SCAN_BLOCKED)
    launch_blocked(cuda, p, aligned);
  else
    launch_sequential(cuda, p, aligned);
  device_launched(cuda, order == SCAN_BLOCKED ? "scan blocked" : "scan sequential", T, E);

  ScanKind kind = scan_kind(in, order);
  Tensor *written[] = {out->delta, out->y, out->gated, out->state};
  for (int i = 0; i < 4; i++) {
    written[i]->nans = 0;
    written[i]->kernel = scan_witness(&kind, written[i]->format, BACKEND_CUDA);
  }
}
