/* cuda: the device, its stream, memory, copies, graphs and times; errors; which operator a call
 * is. */
#include "kernels/device.cuh"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static cudaStream_t copies(const Cuda *cuda) { return (cudaStream_t)cuda->copies; }
static cudaStream_t ahead(const Cuda *cuda) { return (cudaStream_t)cuda->ahead; }
static cudaEvent_t operators_so_far(const Cuda *cuda) {
  return (cudaEvent_t)cuda->operators_so_far;
}

void device_check(Cuda *cuda, cudaError_t error, const char *what, int rows, int cols) {
  snprintf(cuda->last_queued, sizeof cuda->last_queued, "%s %d x %d", what, rows, cols);
  if (error != cudaSuccess && !cuda->first_error[0])
    snprintf(cuda->first_error, sizeof cuda->first_error, "%s: %s", cuda->last_queued,
             cudaGetErrorString(error));
}

void device_refuse(Cuda *cuda, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  if (!cuda->first_error[0])
    vsnprintf(cuda->first_error, sizeof cuda->first_error, format, arguments);
  va_end(arguments);
}

static bool checked(Cuda *cuda, cudaError_t error, const char *what) {
  if (error != cudaSuccess && !cuda->first_error[0])
    snprintf(cuda->first_error, sizeof cuda->first_error, "%s: %s", what,
             cudaGetErrorString(error));
  return error == cudaSuccess;
}

/* Products a clock and multiprocessor: float32 lanes, and int8 tensor cores without sparsity.
 * Source: the tables of arithmetic throughput in NVIDIA's programming guide and architecture white
 * papers. */
static void peaks(int major, int minor, double multiprocessor_clocks, Cuda *device) {
  static const struct {
    int major, minor, fma, i8_mac;
  } known[] = {
      {7, 5, 64, 1024}, {8, 0, 64, 2048}, {8, 6, 128, 1024}, {8, 9, 128, 1024}, {9, 0, 128, 4096}};
  device->fma_per_s = device->i8_mac_per_s = 0;
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (known[i].major == major && known[i].minor == minor) {
      device->fma_per_s = known[i].fma * multiprocessor_clocks;
      device->i8_mac_per_s = known[i].i8_mac * multiprocessor_clocks;
    }
}

static cudaError_t open_streams(Cuda *cuda) {
  cudaStream_t operators = NULL, back = NULL, there = NULL;
  cudaEvent_t so_far = NULL;
  void *word = NULL;
  cudaError_t error = cudaStreamCreateWithFlags(&operators, cudaStreamNonBlocking);
  if (error == cudaSuccess) error = cudaStreamCreateWithFlags(&back, cudaStreamNonBlocking);
  if (error == cudaSuccess) error = cudaStreamCreateWithFlags(&there, cudaStreamNonBlocking);
  if (error == cudaSuccess) error = cudaEventCreateWithFlags(&so_far, cudaEventDisableTiming);
  if (error == cudaSuccess) error = cudaMalloc(&word, sizeof *cuda->absmax);
  cuda->operators = operators;
  cuda->copies = back;
  cuda->ahead = there;
  cuda->operators_so_far = so_far;
  cuda->absmax = (unsigned *)word;
  return error;
}

static void run(void *context, Call *call);
static void clear(void *context, void *memory, size_t bytes) {
  cuda_zero((Cuda *)context, memory, bytes);
}

bool cuda_open(Cuda *device, int number, char why[256]) {
  memset(device, 0, sizeof *device);
  cudaDeviceProp properties;
  int count = 0, driver = 0, runtime = 0, kilohertz = 0;
  cudaError_t error = cudaGetDeviceCount(&count);
  if (error == cudaSuccess && count == 0) error = cudaErrorNoDevice;
  if (error == cudaSuccess) number %= count;
  if (error == cudaSuccess) error = cudaSetDevice(number);
  if (error == cudaSuccess) error = cudaGetDeviceProperties(&properties, number);
  if (error == cudaSuccess)
    error = cudaDeviceGetAttribute(&kilohertz, cudaDevAttrClockRate, number);
  if (error == cudaSuccess) error = cudaDriverGetVersion(&driver);
  if (error == cudaSuccess) error = cudaRuntimeGetVersion(&runtime);
  if (error == cudaSuccess) error = cudaMemGetInfo(&device->free_bytes, &device->memory_bytes);
  if (error == cudaSuccess) error = open_streams(device);
  if (error != cudaSuccess) {
    snprintf(why, 256, "%s", cudaGetErrorString(error));
    cuda_close(device);
    return false;
  }
  peaks(properties.major, properties.minor, 1e3 * kilohertz * properties.multiProcessorCount,
        device);
  memcpy(device->uuid, &properties.uuid, sizeof device->uuid);
  device->card = (Card){properties.multiProcessorCount, properties.sharedMemPerBlockOptin};
  device->starts_early = properties.major >= 9 && scan_starts_early();
  snprintf(device->name, sizeof device->name, "%.64s, sm_%d%d, driver %d.%d, runtime %d.%d",
           properties.name, properties.major, properties.minor, driver / 1000, driver % 1000 / 10,
           runtime / 1000, runtime % 1000 / 10);
  device->ops.backend = "cuda";
  device->ops.context = device;
  device->ops.run = run;
  device->ops.clear = clear;
  return true;
}

void cuda_close(Cuda *cuda) {
  if (cuda->absmax) checked(cuda, cudaFree(cuda->absmax), "cuda_close");
  if (cuda->operators_so_far) checked(cuda, cudaEventDestroy(operators_so_far(cuda)), "cuda_close");
  if (cuda->copies) checked(cuda, cudaStreamDestroy(copies(cuda)), "cuda_close");
  if (cuda->ahead) checked(cuda, cudaStreamDestroy(ahead(cuda)), "cuda_close");
  if (cuda->operators) checked(cuda, cudaStreamDestroy(device_stream(cuda)), "cuda_close");
  if (cuda->operators)
    checked(cuda, cudaDeviceReset(), "cuda_close"); /* else it takes the exit's time */
  cuda->operators = cuda->copies = cuda->ahead = cuda->operators_so_far = cuda->absmax = NULL;
}

void cuda_look(Cuda *cuda) {
  checked(cuda, cudaMemGetInfo(&cuda->free_bytes, &cuda->memory_bytes), "cuda_look");
}

void *cuda_reserve(Cuda *cuda, size_t bytes) {
  void *memory = NULL;
  bytes = (bytes + 3) & ~(size_t)3; /* see Reader */
  if (cudaMalloc(&memory, bytes) == cudaSuccess) return memory;
  cudaGetLastError(); /* told by the NULL */
  return NULL;
}

void cuda_release(Cuda *cuda, void *memory) { checked(cuda, cudaFree(memory), "cuda_release"); }

/* Large pages: 400 MB take a seventh of the time that cudaMallocHost takes for small ones. A child
 * of this process has no part in them: the page that the device copies to would be its own. */
enum { LARGE_PAGE = 2 << 20, PAGE = 4096, FRONT = PAGE /* which says how many bytes there are */ };

static void give_pinned(char *room, size_t bytes) {
  madvise(room, bytes, MADV_DOFORK);
  free(room);
}

void *cuda_pinned(Cuda *cuda, size_t bytes) {
  const size_t all = (FRONT + bytes + LARGE_PAGE - 1) / LARGE_PAGE * LARGE_PAGE;
  char *room = (char *)aligned_alloc(LARGE_PAGE, all);
  if (!room) return NULL;
  madvise(room, all, MADV_HUGEPAGE);
  madvise(room, all, MADV_DONTFORK);
#pragma omp parallel for
  for (size_t at = 0; at < FRONT + bytes; at += PAGE) ((volatile char *)room)[at] = 0;
  *(size_t *)room = all;
  if (cudaHostRegister(room, all, cudaHostRegisterDefault) == cudaSuccess) return room + FRONT;
  cudaGetLastError();
  give_pinned(room, all);
  return NULL;
}

void cuda_unpin(Cuda *cuda, void *memory) {
  char *room = (char *)memory - FRONT;
  checked(cuda, cudaHostUnregister(room), "cuda_unpin");
  give_pinned(room, *(size_t *)room);
}

void cuda_to_device(Cuda *cuda, void *device, const void *host, size_t bytes) {
  checked(cuda, cudaMemcpyAsync(device, host, bytes, cudaMemcpyHostToDevice, device_stream(cuda)),
          "copy to the device");
}

void cuda_zero(Cuda *cuda, void *device, size_t bytes) {
  checked(cuda, cudaMemsetAsync(device, 0, bytes, device_stream(cuda)), "cuda_zero");
}

void cuda_copy(Cuda *cuda, void *to, const void *from, size_t bytes) {
  checked(cuda, cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, device_stream(cuda)),
          "copy on the device");
}

void cuda_to_host(Cuda *cuda, void *host, const void *device, size_t bytes) {
  cuda->copies_queued = true;
  checked(cuda, cudaEventRecord(operators_so_far(cuda), device_stream(cuda)), "copy to the host");
  checked(cuda, cudaStreamWaitEvent(copies(cuda), operators_so_far(cuda), 0), "copy to the host");
  checked(cuda, cudaMemcpyAsync(host, device, bytes, cudaMemcpyDeviceToHost, copies(cuda)),
          "copy to the host");
}

void cuda_ahead_after_operators(Cuda *cuda) {
  checked(cuda, cudaEventRecord(operators_so_far(cuda), device_stream(cuda)),
          "weights to the device");
  checked(cuda, cudaStreamWaitEvent(ahead(cuda), operators_so_far(cuda), 0),
          "weights to the device");
}

void cuda_to_device_ahead(Cuda *cuda, void *device, const void *host, size_t bytes) {
  cuda_ahead_after_operators(cuda);
  checked(cuda, cudaMemcpyAsync(device, host, bytes, cudaMemcpyHostToDevice, ahead(cuda)),
          "weights to the device");
}

void *cuda_mark(Cuda *cuda) {
  cudaEvent_t event = NULL;
  checked(cuda, cudaEventCreate(&event), "cuda_mark");
  return event;
}
void cuda_unmark(Cuda *cuda, void *mark) {
  checked(cuda, cudaEventDestroy((cudaEvent_t)mark), "cuda_unmark");
}
void cuda_mark_operators(Cuda *cuda, void *mark) {
  checked(cuda, cudaEventRecord((cudaEvent_t)mark, device_stream(cuda)), "cuda_mark");
}
void cuda_mark_copies(Cuda *cuda, void *mark) {
  checked(cuda, cudaEventRecord((cudaEvent_t)mark, copies(cuda)), "cuda_mark");
}
void cuda_mark_ahead(Cuda *cuda, void *mark) {
  checked(cuda, cudaEventRecord((cudaEvent_t)mark, ahead(cuda)), "cuda_mark");
}
void cuda_wait_mark(Cuda *cuda, void *mark) {
  checked(cuda, cudaEventSynchronize((cudaEvent_t)mark), "cuda_wait_mark");
}
void cuda_operators_after(Cuda *cuda, void *mark) {
  checked(cuda, cudaStreamWaitEvent(device_stream(cuda), (cudaEvent_t)mark, 0), "cuda_after");
}
double cuda_seconds(Cuda *cuda, void *from, void *to) {
  float milliseconds = 0;
  checked(cuda, cudaEventElapsedTime(&milliseconds, (cudaEvent_t)from, (cudaEvent_t)to),
          "cuda_seconds");
  return milliseconds * 1e-3;
}

void cuda_capture(Cuda *cuda) {
  cuda->copies_queued = false;
  checked(cuda, cudaStreamBeginCapture(device_stream(cuda), cudaStreamCaptureModeThreadLocal),
          "cuda_capture");
}
void *cuda_captured(Cuda *cuda) {
  cudaGraph_t graph = NULL;
  cudaGraphExec_t made = NULL;
  if (cuda->copies_queued) { /* a graph ends where it began: with the operators */
    checked(cuda, cudaEventRecord(operators_so_far(cuda), copies(cuda)), "cuda_captured");
    checked(cuda, cudaStreamWaitEvent(device_stream(cuda), operators_so_far(cuda), 0),
            "cuda_captured");
  }
  if (checked(cuda, cudaStreamEndCapture(device_stream(cuda), &graph), "cuda_captured"))
    checked(cuda, cudaGraphInstantiate(&made, graph, 0), "cuda_captured");
  if (graph) checked(cuda, cudaGraphDestroy(graph), "cuda_captured");
  return made;
}
void cuda_replay(Cuda *cuda, void *graph) {
  checked(cuda, cudaGraphLaunch((cudaGraphExec_t)graph, device_stream(cuda)), "cuda_replay");
}
void cuda_forget(Cuda *cuda, void *graph) {
  checked(cuda, cudaGraphExecDestroy((cudaGraphExec_t)graph), "cuda_forget");
}

bool cuda_wait(Cuda *cuda, char why[256]) {
  cudaError_t error = cudaStreamSynchronize(device_stream(cuda));
  if (error == cudaSuccess) error = cudaStreamSynchronize(copies(cuda));
  if (error == cudaSuccess) error = cudaStreamSynchronize(ahead(cuda));
  if (error != cudaSuccess && !cuda->first_error[0])
    snprintf(cuda->first_error, sizeof cuda->first_error, "on the device, not after %s: %s",
             cuda->last_queued, cudaGetErrorString(error));
  if (!cuda->first_error[0]) return true;
  snprintf(why, 256, "%s", cuda->first_error);
  cuda->first_error[0] = 0;
  return false;
}

static void run_conv1d(Cuda *cuda, const Call *c) {
  Conv1d w = call_conv1d(c);
  conv1d_cuda(cuda, &w, &c->in[IN_X], c->out[0], c->out[1]);
}

static void run_scan(Cuda *cuda, const Call *c) {
  ScanInputs in = call_scan_inputs(c);
  ScanOutputs out = call_scan_outputs(c);
  scan_cuda(cuda, &in, c->order, &out, c->scratch);
}

/* What stands in no line here (narrow) runs on the CPU alone: cuda_wait says so by its name. */
static void run(void *context, Call *c) {
  Cuda *cuda = (Cuda *)context;
  const Tensor *x = &c->in[IN_X];
  Tensor *y = c->out[0];
  switch (c->kind) {
    case OP_EMBEDDING: embedding_cuda(cuda, c->table, c->token, y); break;
    case OP_RMSNORM: rmsnorm_cuda(cuda, x, (const float *)c->in[IN_GAIN].data, c->eps, y); break;
    case OP_LINEAR: linear_cuda(cuda, &c->linear, x, y); break;
    case OP_CONV1D: run_conv1d(cuda, c); break;
    case OP_SCAN: run_scan(cuda, c); break;
    case OP_HADAMARD: hadamard_cuda(cuda, x, y); break;
    case OP_QUANTISE: quantise_cuda(cuda, x, c->rounding, y); break;
    case OP_QUANTISE_DYNAMIC: quantise_dynamic_cuda(cuda, x, y); break;
    case OP_DEQUANTISE: dequantise_cuda(cuda, x, y); break;
    case OP_RESIDUAL: residual_add_cuda(cuda, x, &c->in[IN_BRANCH], y); break;
    default: device_check(cuda, cudaErrorNotSupported, op_info[c->kind].name, y->rows, y->cols);
  }
}
