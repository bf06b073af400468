/* writer: finished layers on their way to the disk, one at a time, while HDF5 is not open: first
 * the tensors, then the streams, then the entry: where the entry stands, all of it does. A thread
 * of its own writes while the walk goes on; but tensors, which are nearly all of it, only where the
 * next layer is computed on a device meanwhile (StoreShape.later). Else their threads have nothing
 * else to do, and each piece goes from their caches to the file (settle.c). */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/progress.h"
#include "store/state.h"

/* --- bytes at their place, and what is said where they do not get there ----------------------- */

bool write_at(int file, const void *bytes, size_t count, uint64_t offset) {
  for (size_t done = 0; done < count;) {
    ssize_t n = pwrite(file, (const char *)bytes + done, count - done, (off_t)(offset + done));
    if (n == 0) errno = EIO;
    if (n == 0 || (n < 0 && errno != EINTR)) return false;
    if (n > 0) done += (size_t)n;
  }
  return true;
}

bool read_at(int file, void *bytes, size_t count, uint64_t offset) {
  for (size_t done = 0; done < count;) {
    ssize_t n = pread(file, (char *)bytes + done, count - done, (off_t)(offset + done));
    if (n == 0) errno = ENODATA; /* it is shorter than it was */
    if (n == 0 || (n < 0 && errno != EINTR)) return false;
    if (n > 0) done += (size_t)n;
  }
  return true;
}

/* Where the file lies or would lie. */
static uint64_t bytes_free(const char *path) {
  char folder[PATH_MAX];
  const char *slash = strrchr(path, '/');
  snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path) + 1 : 1, slash ? path : ".");
  struct statvfs disk;
  return statvfs(folder, &disk) == 0 ? (uint64_t)disk.f_bavail * disk.f_frsize : 0;
}

bool store_write_failed(const char *path, const char *object, size_t bytes, const Status *why,
                        Status *st) {
  char wanted[48] = "";
  if (strstr(why->text, LOCKING_VARIABLE))
    return FAIL(st, "%s: cannot be opened: %s", path, why->text);
  if (bytes) snprintf(wanted, sizeof wanted, " of %zu bytes", bytes);
  return FAIL(st, "%s: cannot be written: %s (%s%s, %llu bytes free)", path, why->text, object,
              wanted, (unsigned long long)bytes_free(path));
}

bool writer_failed(Store *store, const char *path, const char *object, size_t bytes, Status *st) {
  Status why = {0};
  status_set(&why, "%s", strerror(errno));
  store_write_failed(path, object, bytes, &why, &store->failed);
  return FAIL(st, "%s", store->failed.text);
}

/* --- the thread: one layer -------------------------------------------------------------------- */

bool writer_failed_at(Store *store, const Slot *slot, Status *st) {
  char object[GROUP_PATH + 1 + DATASET_NAME];
  const int error = errno;
  layout_group(store->shape, slot, object);
  strcat(object, "/");
  layout_name(store->shape, slot, object + strlen(object));
  errno = error;
  return writer_failed(store, store->partial, object, slot->bytes, st);
}

static bool write_copy(Store *store, const JobTensor *what, Status *st) {
  if (!write_at(store->file, what->data, what->slot->bytes, what->slot->offset))
    return writer_failed_at(store, what->slot, st);
  return store->written.bytes += (int64_t)what->slot->bytes, true;
}

static bool write_layer(Store *store, Status *st) {
  const Job *job = &store->job;
  char name[PART_NAME];
  for (int i = 0; i < job->tensors; i++)
    if (job->tensor[i].data) TRY(write_copy(store, &job->tensor[i], st));
  if (store->sync && fdatasync(store->file) != 0)
    return writer_failed(store, store->partial, "synchronising", 0, st);
  if (job->streams) {
    part_layer_name(store, job->prompt, job->layer, "streams", name);
    TRY(part_write(store, name, job->streams, job->streams_bytes, st));
  }
  part_layer_name(store, job->prompt, job->layer, "entry", name);
  TRY(part_write(store, name, store->entry, job->entry_bytes, st));
  store->done[job->prompt] = job->layer + 1;
  if (job->layer == 0 || store->shape->streams_stay) return true;
  /* nobody starts from these any more */
  part_layer_name(store, job->prompt, job->layer - 1, "streams", name);
  return part_remove(store, name), true;
}

static void *work(void *data) {
  Store *store = data;
  pthread_mutex_lock(&store->mutex);
  for (;;) {
    while (store->state == WRITER_IDLE) pthread_cond_wait(&store->changed, &store->mutex);
    if (store->state == WRITER_LEAVING) break;
    pthread_mutex_unlock(&store->mutex);
    Status st = {0}; /* the first failure stays in store->failed */
    double start = clock_s();
    write_layer(store, &st);
    pthread_mutex_lock(&store->mutex);
    store->written.time_s += clock_s() - start;
    store->state = WRITER_IDLE;
    pthread_cond_broadcast(&store->changed);
  }
  pthread_mutex_unlock(&store->mutex);
  return NULL;
}

/* --- seen from outside ------------------------------------------------------------------------ */

bool writer_start(Store *store, Status *st) {
  pthread_mutex_init(&store->mutex, NULL);
  pthread_cond_init(&store->changed, NULL);
  int error = pthread_create(&store->thread, NULL, work, store);
  store->started = !error;
  return !error ||
         FAIL(st, "%s: no thread can be started to write it: %s", store->partial, strerror(error));
}

bool writer_wait(Store *store, Status *st) {
  TRY(make_wait(store, st));
  pthread_mutex_lock(&store->mutex);
  while (store->state == WRITER_BUSY) pthread_cond_wait(&store->changed, &store->mutex);
  pthread_mutex_unlock(&store->mutex);
  return !store->failed.failed || FAIL(st, "%s", store->failed.text);
}

static void set_state(Store *store, WriterState state) {
  pthread_mutex_lock(&store->mutex);
  store->state = state;
  pthread_cond_broadcast(&store->changed);
  pthread_mutex_unlock(&store->mutex);
}

void writer_stop(Store *store) {
  Status ignored = {0};
  if (!store->started) return;
  writer_wait(store, &ignored);
  set_state(store, WRITER_LEAVING);
  pthread_join(store->thread, NULL);
  pthread_mutex_destroy(&store->mutex);
  pthread_cond_destroy(&store->changed);
  store->started = false;
}

StoreWritten store_written(Store *store) {
  Status ignored = {0};
  writer_wait(store, &ignored);
  return store->written;
}

static JobTensor *next_job(Store *store, Arena *arena, const Tensor *from, const Slot *slot,
                           int row, bool digested) {
  Job *job = &store->job;
  JobTensor *to = &job->tensor[job->tensors++];
  *to = (JobTensor){.from = *from,
                    .row = row,
                    .digested = digested,
                    .slot = slot,
                    .record = slot ? job->kept++ : -1};
  if (slot && store->shape->later) to->data = arena_room(arena, slot->bytes, 1);
  return to;
}

/* A tensor's scales as a tensor: that of a view begins at a whole group. */
static Tensor scales_of(const Tensor *t, const Slot *slot) {
  assert(t->scale.skipped == 0);
  Tensor scales =
      tensor_of((void *)(uintptr_t)t->scale.values, FORMAT_F32, slot->rows, slot->cols, 0);
  if (slot->scale.axis == SCALE_GROUP) scales.stride = t->scale.stride;
  return scales;
}

static void take_scales(Store *store, EntryTensor *record, Arena *arena, const Tensor *t,
                        const Slot *slot) {
  const Tensor scales = scales_of(t, slot);
  const JobTensor *to = next_job(store, arena, &scales, slot, -1, false);
  record[to->record] =
      (EntryTensor){.side = slot->side, .id = (int32_t)slot->id, .of_scales = true};
}

/* A tensor is what the shape says of it; what the file has a place for, comes. */
static void take_tensors(Store *store, Arena *arena, const StoreLayer *what) {
  const Job *job = &store->job;
  EntryTensor *record = entry_tensors(store->entry);
  for (int i = 0; i < what->tensors; i++) {
    const StoreTensor *from = &what->tensor[i];
    const StoreMade *made = &store->shape->side[from->side].layer[job->layer];
    const Slot *slot = layout_find(store, job->prompt, job->layer, from->side, from->id);
    const JobTensor *to = next_job(store, arena, from->t, slot, from->row, from->digested);
    assert(made->makes[from->id] && from->t->format == made->format[from->id]);
    assert(from->t->scale.axis == made->scale[from->id].axis &&
           from->t->scale.group == made->scale[from->id].group);
    if (!slot) continue;
    assert(from->t->rows == slot->rows && from->t->cols == slot->cols);
    record[to->record] =
        (EntryTensor){.side = from->side, .id = (int32_t)from->id, .scale = from->t->scale.value};
    table_text(record[to->record].kernel, TEXT_KERNEL, from->t->kernel ? from->t->kernel : "");
    if (slot->scale.axis != SCALE_NONE) take_scales(store, record, arena, from->t, slot + 1);
  }
}

/* Of the tensors given, those that the file has a place for; and those of which it has one for
 * their scales. */
static int count_kept(const Store *store, int prompt, int layer, const StoreLayer *what,
                      int *scales) {
  int kept = 0;
  *scales = 0;
  for (int i = 0; i < what->tensors; i++) {
    const Slot *slot = layout_find(store, prompt, layer, what->tensor[i].side, what->tensor[i].id);
    kept += slot != NULL;
    *scales += slot && slot->scale.axis != SCALE_NONE;
  }
  return kept;
}

/* A stream is one of the layer's tensors: without a NaN its row's digest is that of its very
 * bits. */
static const char **known_of(const Store *store, const StoreLayer *what, Arena *arena) {
  const TensorStats *rows = store->job.stats;
  const char **known = ARENA_NEW(arena, const char *, store->shape->streams);
  for (int s = 0; s < store->shape->streams; s++)
    for (int i = 0; i < what->tensors && !known[s]; i++) {
      const StoreTensor *of = &what->tensor[i];
      if (of->row >= 0 && of->t->data == what->stream[s].data && !rows[of->row].nonfinite)
        known[s] = rows[of->row].digest;
    }
  return known;
}

bool store_put_layer(Store *store, int prompt, int layer, const StoreLayer *what, Status *st) {
  int scales;
  const int kept = count_kept(store, prompt, layer, what, &scales) + scales;
  size_t slots;
  layout_layer(store, prompt, layer, &slots);
  assert((size_t)kept == slots && "every tensor that has a place is given, with its scales");
  TRY(writer_wait(store, st));
  Arena arena = store->room;
  Job *job = &store->job;
  *job = (Job){.prompt = prompt, .layer = layer};
  TRY(entry_begin(store, prompt, layer, what, kept, &job->stats, st));
  job->tensor = ARENA_NEW(&arena, JobTensor, what->tensors + scales);
  job->entry_bytes = entry_size(what, kept);
  take_tensors(store, &arena, what);
  TRY(settle_all(store, st));
  if (what->stream && (layer + 1 < store->shape->layers || store->shape->streams_stay)) {
    char name[PART_NAME];
    part_layer_name(store, prompt, layer, "streams", name);
    job->streams_bytes = streams_size(what->stream, store->shape->streams);
    job->streams = arena_room(&arena, job->streams_bytes + PART_SEAL, 1);
    streams_make(job->streams, name, what->stream, known_of(store, what, &arena),
                 store->shape->streams);
  }
  set_state(store, WRITER_BUSY);
  return true;
}
