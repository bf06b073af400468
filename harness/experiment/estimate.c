#include "experiment/estimate.h"

#include <errno.h>
#include <omp.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "family/block.h"
#include "family/witness.h"
#include "measure/stats.h"
#include "model/rewrite.h"
#include "store/store.h"
#include "study/calibrate.h"
#include "study/cost.h"
#include "study/evaluate.h"
#include "study/restore.h"
#include "study/swap.h"

/* Program, libraries, BLAS buffers, HDF5's caches: what a run of nothing keeps resident; measured. */
static const size_t fixed_bytes = (size_t)64 << 20;
/* Headers, attributes and scales of a dataset; measured. */
enum { DATASET_OVERHEAD = 1500, ROW_BYTES = 2 * sizeof(PairStats) };

bool estimate_kept(const Spec *spec, TensorId id, int layer) {
  bool tensor = spec->keep.all_tensors, in_layer = spec->keep.all_layers || id >= T_LAYER_COUNT;
  for (int i = 0; i < spec->keep.tensor_count; i++) tensor |= !strcmp(spec->keep.tensors[i], tensor_info[id].name);
  for (int i = 0; i < spec->keep.layer_count; i++) in_layer |= spec->keep.layers[i] == layer;
  return tensor && in_layer;
}

static int64_t width(const Config *c, int dim, int T) { return dim == DIM_TOKEN ? T : c->family->width(c, dim); }

/* Bytes of one tensor of one side; 0 where the side does not make it. mode NULL: the reference. */
static int64_t tensor_bytes(const Spec *spec, const Config *c, const Mode *mode, TensorId id, int T) {
  const TensorInfo *info = &c->family->tensors.info[id];
  Type type = TYPE_F64;
  if (mode ? !c->family->type(mode, id, &type) : info->modes_only) return 0;
  if (type == TYPE_F16 && spec->keep.f16_as == F16_AS_F32) type = TYPE_F32;
  return width(c, info->rows, T) * width(c, info->cols, T) * (int64_t)type_size(type);
}

static void add_side(const Spec *spec, const Subject *subject, const Mode *mode, int T, Estimate *sum) {
  const Config *c = &subject->checkpoint.config;
  for (int layer = 0; layer < c->layers; layer++)
    for (TensorId id = 0; id < T_COUNT; id++) {
      bool end = id >= T_LAYER_COUNT;
      int64_t bytes = tensor_bytes(spec, c, mode, id, T);
      if (!bytes || !estimate_kept(spec, id, layer) || (end && layer > 0)) continue;
      sum->results_bytes += bytes + DATASET_OVERHEAD;
      sum->tensors++;
    }
}

static int64_t memory(const Spec *spec, const Subject *subject, int longest) {
  const Config *c = &subject->checkpoint.config;
  int threads = spec->threads > 0 ? spec->threads : omp_get_num_procs();
  size_t weights = rewrite_bytes(c) + model_bytes(c);
  size_t proof = spec->rewrite == REWRITE_QUAMBA ? rewrite_bytes(c) : 0;
  size_t calibration = subject->calibration_token ? calibrate_bytes(c, &spec->calibration, threads) : 0;
  size_t side = block_bytes(c, longest), reference = 2 * side;                   /* float64 */
  size_t budget = spec->budget_all || spec->budget_count ? side + reference : 0; /* each block on the other's input */
  size_t walk = (size_t)spec->mode_count * side + reference + budget +
                (size_t)threads * stats_scratch_bytes((size_t)longest * 2 * (size_t)c->E, (size_t)longest);
  size_t most = proof > calibration ? proof : calibration, evaluation = evaluate_bytes(spec, c),
         cost = cost_bytes(spec, c);
  most = most > evaluation ? most : evaluation;
  most = most > cost ? most : cost;
  size_t swap = swap_bytes(spec, c, longest), restore = restore_bytes(spec, c, longest);
  most = most > swap ? most : swap;
  most = most > restore ? most : restore;
  return (int64_t)(fixed_bytes + weights + (walk > most ? walk : most));
}

Estimate estimate_of(const Spec *spec, const Subject *subject) {
  const Config *config = &subject->checkpoint.config;
  Estimate sum = {0};
  int longest = 0;
  for (int p = 0; p < spec->prompt_count; p++) {
    int T = subject->prompt[p].T;
    longest = T > longest ? T : longest;
    for (int m = 0; m < spec->mode_count; m++) add_side(spec, subject, &spec->modes[m], T, &sum);
    add_side(spec, subject, NULL, T, &sum);
    sum.journal_bytes += (int64_t)(segment_stream_bytes(T, config->D, spec->mode_count + 1) * (size_t)config->layers);
  }
  int64_t rows = (int64_t)spec->prompt_count * config->layers * T_LAYER_COUNT;
  sum.results_bytes += rows * (spec->mode_count + 1 + spec->pair_count + spec->compare_all_count) * ROW_BYTES;
  sum.journal_bytes += sum.results_bytes; /* and the streams that a run goes on from */
  sum.memory_bytes = memory(spec, subject, longest);
  return sum;
}

bool estimate_check(const Spec *spec, const Subject *subject, const char *folder, uint64_t standing, size_t room,
                    Status *st) {
  Estimate sum = estimate_of(spec, subject);
  struct statvfs disk;
  if (statvfs(folder, &disk) != 0) return FAIL(st, "%s: %s", folder, strerror(errno));
  int64_t free_bytes = (int64_t)disk.f_bavail * (int64_t)disk.f_frsize, there = (int64_t)standing;
  if (sum.results_bytes + sum.journal_bytes - there > free_bytes)
    return FAIL(st,
                "%s: the run writes %.1f MB, needs %.1f MB beside them until they are joined, of which %.1f MB are "
                "there, and %.1f MB are free (keep fewer tensors or layers, or give another folder with -o)",
                folder, 1e-6 * (double)sum.results_bytes, 1e-6 * (double)sum.journal_bytes, 1e-6 * (double)there,
                1e-6 * (double)free_bytes);
  int64_t machine = (int64_t)sysconf(_SC_PHYS_PAGES) * (int64_t)sysconf(_SC_PAGESIZE);
  if (sum.memory_bytes > machine)
    return FAIL(st, "%s: the run needs %.1f GB of memory and the machine has %.1f GB", spec->path,
                1e-9 * (double)sum.memory_bytes, 1e-9 * (double)machine);
  if (sum.memory_bytes - (int64_t)fixed_bytes > (int64_t)room)
    return FAIL(st,
                "%s: the run needs about %.0f MB of memory, and %.0f MB can be had under this process's limit "
                "(ulimit -v)",
                spec->path, 1e-6 * (double)(sum.memory_bytes - (int64_t)fixed_bytes), 1e-6 * (double)room);
  return true;
}
