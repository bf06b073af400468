/* cuda: the device, its stream, memory, copies, graphs and times; errors; the table of operators. */
#include "kernels/device.cuh"
#include <stdio.h>

/* Operators in order on one stream; copies to the host on another, which waits for the operators before them only. */
static cudaStream_t operators, copies;
static cudaEvent_t operators_so_far;
static bool copies_queued; /* since cuda_capture */
static int processors = 1;
static char first_error[256], last_queued[64];

cudaStream_t device_stream(void) { return operators; }
int device_processors(void) { return processors; }

void device_check(cudaError_t error, const char *what, int rows, int cols) {
  snprintf(last_queued, sizeof last_queued, "%s %d x %d", what, rows, cols);
  if (error != cudaSuccess && !first_error[0])
    snprintf(first_error, sizeof first_error, "%s: %s", last_queued, cudaGetErrorString(error));
}

static bool checked(cudaError_t error, const char *what) {
  if (error != cudaSuccess && !first_error[0])
    snprintf(first_error, sizeof first_error, "%s: %s", what, cudaGetErrorString(error));
  return error == cudaSuccess;
}

/* Products a clock and multiprocessor: float32 lanes, and int8 tensor cores without sparsity. Source: the tables of
 * arithmetic throughput in NVIDIA's programming guide and architecture white papers. */
static void peaks(int major, int minor, double multiprocessor_clocks, Cuda *device) {
  static const struct {
    int major, minor, fma, i8_mac;
  } known[] = {{7, 5, 64, 1024}, {8, 0, 64, 2048}, {8, 6, 128, 1024}, {8, 9, 128, 1024}, {9, 0, 128, 4096}};
  device->fma_per_s = device->i8_mac_per_s = 0;
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (known[i].major == major && known[i].minor == minor) {
      device->fma_per_s = known[i].fma * multiprocessor_clocks;
      device->i8_mac_per_s = known[i].i8_mac * multiprocessor_clocks;
    }
}

bool cuda_open(Cuda *device, char why[256]) {
  cudaDeviceProp properties;
  int count = 0, driver = 0, runtime = 0, kilohertz = 0;
  cudaError_t error = cudaGetDeviceCount(&count);
  if (error == cudaSuccess && count == 0) error = cudaErrorNoDevice;
  if (error == cudaSuccess) error = cudaSetDevice(0);
  if (error == cudaSuccess) error = cudaGetDeviceProperties(&properties, 0);
  if (error == cudaSuccess) error = cudaDeviceGetAttribute(&kilohertz, cudaDevAttrClockRate, 0);
  if (error == cudaSuccess) error = cudaDriverGetVersion(&driver);
  if (error == cudaSuccess) error = cudaRuntimeGetVersion(&runtime);
  if (error == cudaSuccess) error = cudaMemGetInfo(&device->free_bytes, &device->memory_bytes);
  if (error == cudaSuccess && !operators) {
    error = cudaStreamCreateWithFlags(&operators, cudaStreamNonBlocking);
    if (error == cudaSuccess) error = cudaStreamCreateWithFlags(&copies, cudaStreamNonBlocking);
    if (error == cudaSuccess) error = cudaEventCreateWithFlags(&operators_so_far, cudaEventDisableTiming);
  }
  if (error != cudaSuccess) {
    snprintf(why, 256, "%s", cudaGetErrorString(error));
    return false;
  }
  peaks(properties.major, properties.minor, 1e3 * kilohertz * properties.multiProcessorCount, device);
  processors = properties.multiProcessorCount;
  snprintf(device->name, sizeof device->name, "%.64s, sm_%d%d, driver %d.%d, runtime %d.%d", properties.name,
           properties.major, properties.minor, driver / 1000, driver % 1000 / 10, runtime / 1000, runtime % 1000 / 10);
  return true;
}

void *cuda_reserve(size_t bytes) {
  void *memory = NULL;
  bytes = (bytes + 3) & ~(size_t)3; /* see Reader */
  if (cudaMalloc(&memory, bytes) == cudaSuccess) return memory;
  cudaGetLastError(); /* told by the NULL */
  return NULL;
}

void cuda_release(void *memory) { checked(cudaFree(memory), "cuda_release"); }

void *cuda_pinned(size_t bytes) {
  void *memory = NULL;
  if (cudaMallocHost(&memory, bytes) == cudaSuccess) return memory;
  cudaGetLastError();
  return NULL;
}

void cuda_unpin(void *memory) { checked(cudaFreeHost(memory), "cuda_unpin"); }

void cuda_to_device(void *device, const void *host, size_t bytes) {
  checked(cudaMemcpyAsync(device, host, bytes, cudaMemcpyHostToDevice, operators), "copy to the device");
}

void cuda_zero(void *device, size_t bytes) { checked(cudaMemsetAsync(device, 0, bytes, operators), "cuda_zero"); }

void cuda_copy(void *to, const void *from, size_t bytes) {
  checked(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, operators), "copy on the device");
}

void cuda_to_host(void *host, const void *device, size_t bytes) {
  copies_queued = true;
  checked(cudaEventRecord(operators_so_far, operators), "copy to the host");
  checked(cudaStreamWaitEvent(copies, operators_so_far, 0), "copy to the host");
  checked(cudaMemcpyAsync(host, device, bytes, cudaMemcpyDeviceToHost, copies), "copy to the host");
}

void *cuda_mark(void) {
  cudaEvent_t event = NULL;
  checked(cudaEventCreate(&event), "cuda_mark");
  return event;
}
void cuda_unmark(void *mark) { checked(cudaEventDestroy((cudaEvent_t)mark), "cuda_unmark"); }
void cuda_mark_operators(void *mark) { checked(cudaEventRecord((cudaEvent_t)mark, operators), "cuda_mark"); }
void cuda_mark_copies(void *mark) { checked(cudaEventRecord((cudaEvent_t)mark, copies), "cuda_mark"); }
void cuda_wait_mark(void *mark) { checked(cudaEventSynchronize((cudaEvent_t)mark), "cuda_wait_mark"); }
void cuda_operators_after(void *mark) { checked(cudaStreamWaitEvent(operators, (cudaEvent_t)mark, 0), "cuda_after"); }
double cuda_seconds(void *from, void *to) {
  float milliseconds = 0;
  checked(cudaEventElapsedTime(&milliseconds, (cudaEvent_t)from, (cudaEvent_t)to), "cuda_seconds");
  return milliseconds * 1e-3;
}

void cuda_capture(void) {
  copies_queued = false;
  checked(cudaStreamBeginCapture(operators, cudaStreamCaptureModeThreadLocal), "cuda_capture");
}
void *cuda_captured(void) {
  cudaGraph_t graph = NULL;
  cudaGraphExec_t made = NULL;
  if (copies_queued) { /* a graph ends where it began: with the operators */
    checked(cudaEventRecord(operators_so_far, copies), "cuda_captured");
    checked(cudaStreamWaitEvent(operators, operators_so_far, 0), "cuda_captured");
  }
  if (checked(cudaStreamEndCapture(operators, &graph), "cuda_captured"))
    checked(cudaGraphInstantiate(&made, graph, 0), "cuda_captured");
  if (graph) checked(cudaGraphDestroy(graph), "cuda_captured");
  return made;
}
void cuda_replay(void *graph) { checked(cudaGraphLaunch((cudaGraphExec_t)graph, operators), "cuda_replay"); }
void cuda_forget(void *graph) { checked(cudaGraphExecDestroy((cudaGraphExec_t)graph), "cuda_forget"); }

bool cuda_wait(char why[256]) {
  cudaError_t error = cudaStreamSynchronize(operators);
  if (error == cudaSuccess) error = cudaStreamSynchronize(copies);
  if (error != cudaSuccess && !first_error[0])
    snprintf(first_error, sizeof first_error, "on the device, not after %s: %s", last_queued,
             cudaGetErrorString(error));
  if (!first_error[0]) return true;
  snprintf(why, 256, "%s", first_error);
  first_error[0] = 0;
  return false;
}

extern "C" const Ops ops_cuda = {.backend = "cuda",
                                 .clear = cuda_zero,
                                 .embedding = embedding_cuda,
                                 .rmsnorm = rmsnorm_cuda,
                                 .linear = linear_cuda,
                                 .conv1d = conv1d_cuda,
                                 .scan = scan_cuda,
                                 .hadamard = hadamard_cuda,
                                 .quantise = quantise_cuda,
                                 .quantise_dynamic = quantise_dynamic_cuda,
                                 .dequantise = dequantise_cuda,
                                 .narrow = NULL, /* modes that need it run on the CPU */
                                 .residual_add = residual_add_cuda};
