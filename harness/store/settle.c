/* settle: a layer's tensors in the form that the file has: their rows next to each other, float16
 * widened where that was asked for, NaN canonical; their digests; and their way to the file, or
 * into the copy that the writer's thread takes. Piece by piece, each once through the cache. */
#include <errno.h>
#include <string.h>

#include "base/progress.h"
#include "kernels/f16.h"
#include "kernels/room.h"
#include "store/state.h"

/* A quarter of a second-level cache; a call that writes a piece costs little beside its bytes. */
enum { PIECE = 1 << 17 };

/* NaN canonical. */
ROOM_CLONES static void copy_f16(const uint16_t *from, size_t n, uint16_t *to) {
  for (size_t i = 0; i < n; i++) to[i] = (from[i] & 0x7fffu) > 0x7c00u ? 0x7e00u : from[i];
}
ROOM_CLONES static void copy_f32(const uint32_t *from, size_t n, uint32_t *to) {
  for (size_t i = 0; i < n; i++)
    to[i] = (from[i] & 0x7fffffffu) > 0x7f800000u ? 0x7fc00000u : from[i];
}
ROOM_CLONES static void copy_f64(const uint64_t *from, size_t n, uint64_t *to) {
  for (size_t i = 0; i < n; i++)
    to[i] = (from[i] & 0x7fffffffffffffffu) > 0x7ff0000000000000u ? 0x7ff8000000000000u : from[i];
}

static void copy_canonical(Format format, const void *from, size_t n, void *to) {
  switch (format) {
    case FORMAT_F16: copy_f16(from, n, to); break;
    case FORMAT_F32: copy_f32(from, n, to); break;
    case FORMAT_F64: copy_f64(from, n, to); break;
    default: memcpy(to, from, n * format_size(format)); break;
  }
}

/* A piece, its rows next to each other. */
static void pack_canonical(const Tensor *t, char *to) {
  const bool whole = t->stride == t->cols;
  const size_t rows = whole ? 1 : (size_t)t->rows,
               n = (whole ? (size_t)t->rows : 1) * (size_t)t->cols, size = format_size(t->format);
  for (size_t r = 0; r < rows; r++)
    copy_canonical(t->format, (const char *)t->data + r * (size_t)t->stride * size, n,
                   to + r * n * size);
}

static void widen(const uint16_t *half, size_t n, float *wide) {
  for (size_t i = 0; i < n; i++) wide[i] = f32_of_f16(half[i]);
}

/* Two digests: of the tensor's own bytes, for its row, and of those that are stored. */
typedef struct Settled {
  DigestState own, stored;
} Settled;

/* Some of its elements, to `to` as they are stored, which they may be already; `half`: room where
 * they are widened, or NULL; `digested`: its own is known. */
static void settle_piece(const Tensor *piece, uint16_t *half, void *to, bool digested,
                         Settled *digests) {
  const size_t n = tensor_elements(piece), size = format_size(piece->format);
  void *copy = half ? (void *)half : to;
  if (copy != piece->data) pack_canonical(piece, copy);
  if (!digested) digest_add(&digests->own, copy, n * size);
  if (!half) return;
  widen(half, n, to);
  digest_add(&digests->stored, to, n * sizeof(float));
}

/* Whether its elements stand as they are digested and stored: no NaN is among them. */
static bool is_settled(const Job *job, const JobTensor *what) {
  const bool has_no_nan =
      what->from.format == FORMAT_I8 || (what->row >= 0 && job->stats[what->row].nonfinite == 0);
  return has_no_nan && what->from.stride == what->from.cols;
}

/* A file takes one piece at a time: threads that wait for it in the kernel may wait there in a
 * loop, and who judges rows beside them would not run. */
static bool write_alone(int file, const void *bytes, size_t count, uint64_t offset) {
  bool ok;
#pragma omp critical(settle_writes)
  ok = write_at(file, bytes, count, offset);
  return ok;
}

/* False, with errno, where a piece cannot be written. */
static bool settle(const Store *store, const JobTensor *what, Digest *own, Digest *stored) {
  _Alignas(64) char room[PIECE];
  uint16_t half[PIECE / sizeof(float)] = {0};
  const Tensor *from = &what->from;
  const bool widened = what->slot && what->slot->widened;
  const size_t n = tensor_elements(from),
               size = widened ? sizeof(float) : format_size(from->format);
  Settled digests;
  digest_begin(&digests.own);
  digest_begin(&digests.stored);
  for (size_t first = 0, count; first < n; first += count) {
    const Tensor piece = tensor_block(from, first, (int)(PIECE / size), &count);
    char *to = what->data                                  ? (char *)what->data + first * size
               : !widened && is_settled(&store->job, what) ? (char *)(uintptr_t)piece.data
                                                           : room;
    settle_piece(&piece, widened ? half : NULL, to, what->digested, &digests);
    if (what->slot && !what->data &&
        !write_alone(store->file, to, count * size, what->slot->offset + first * size))
      return false;
  }
  if (what->digested)
    memcpy(own->hex, store->job.stats[what->row].digest, sizeof own->hex);
  else
    *own = digest_end(&digests.own);
  *stored = widened ? digest_end(&digests.stored) : *own;
  return true;
}

/* Nothing is to be done with what is digested and not kept. */
static bool needs_settling(const JobTensor *what) { return !what->digested || what->slot; }

bool settle_all(Store *store, Status *st) {
  const double start = clock_s();
  const Job *job = &store->job;
  EntryTensor *record = entry_tensors(store->entry);
  int first = job->tensors, error = 0;
  int64_t bytes = 0;
  bool any = false;
  for (int i = 0; i < job->tensors; i++) any |= needs_settling(&job->tensor[i]);
#pragma omp parallel for schedule(dynamic) reduction(+ : bytes) if (any)
  for (int i = 0; i < job->tensors; i++) {
    const JobTensor *what = &job->tensor[i];
    Digest own, stored;
    if (!needs_settling(what)) continue;
    if (!settle(store, what, &own, &stored)) {
      const int why = errno;
#pragma omp critical(settle_failed)
      if (i < first) first = i, error = why;
      continue;
    }
    if (what->slot && !what->data) bytes += (int64_t)what->slot->bytes;
    if (what->record >= 0) record[what->record].digest = stored;
    if (what->row < 0) continue;
    TensorStats *row = &job->stats[what->row];
    memset(row->digest, 0, sizeof row->digest);
    memcpy(row->digest, own.hex, sizeof own.hex);
  }
  store->written.bytes += bytes;
  if (!store->shape->later) store->written.time_s += clock_s() - start;
  errno = error;
  return first == job->tensors || writer_failed_at(store, job->tensor[first].slot, st);
}
