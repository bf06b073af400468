/* entry: what the journal says of a finished layer, and the streams that the next one starts from.
 * Images are of this very program's structs: a run is gone on with by the program that began it,
 * whose digest is in its key.
 *
 *   PROMPT.layer_NN.entry     head, a record a kept tensor, then tables: head and rows
 *   PROMPT.layer_NN.streams   a head a side, then each stream's values */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/state.h"

typedef struct Head {
  int32_t prompt, layer;
  uint64_t tensors, tables;
} Head;

typedef struct TableHead {
  char name[40];
  uint64_t row_size, count;
} TableHead;

_Static_assert(sizeof(Head) % 8 == 0 && sizeof(EntryTensor) % 8 == 0 && sizeof(TableHead) % 8 == 0,
               "rows stand where their numbers can be read");

/* --- writing ---------------------------------------------------------------------------------- */

static size_t rounded(size_t bytes) { return (bytes + 7) / 8 * 8; }

static size_t rows_bytes(const TableRows *rows) {
  return rounded(rows->count * rows->table->row_size);
}

size_t entry_size(const StoreLayer *what, int kept) {
  size_t bytes = sizeof(Head) + (size_t)kept * sizeof(EntryTensor);
  for (int i = 0; i < what->tables; i++) bytes += sizeof(TableHead) + rows_bytes(&what->rows[i]);
  return bytes;
}

EntryTensor *entry_tensors(char *image) { return (EntryTensor *)(void *)(image + sizeof(Head)); }

bool entry_room(Store *store, size_t bytes, Status *st) {
  if (bytes <= store->entry_bytes) return true;
  char *larger = realloc(store->entry, bytes);
  if (!larger) return FAIL(st, "%s: no memory for %zu bytes of it", store->folder, bytes);
  store->entry = larger;
  store->entry_bytes = bytes;
  return true;
}

bool entry_begin(Store *store, int prompt, int layer, const StoreLayer *what, int kept,
                 TensorStats **stats, Status *st) {
  const size_t bytes = entry_size(what, kept);
  TRY(entry_room(store, bytes + PART_SEAL, st));
  char *at = store->entry;
  *stats = NULL;
  memset(at, 0, bytes);
  *(Head *)(void *)at = (Head){prompt, layer, (uint64_t)kept, (uint64_t)what->tables};
  at += sizeof(Head) + (size_t)kept * sizeof(EntryTensor);
  for (int i = 0; i < what->tables; i++) {
    const TableRows *rows = &what->rows[i];
    TableHead *head = (TableHead *)(void *)at;
    *head = (TableHead){.row_size = rows->table->row_size, .count = rows->count};
    snprintf(head->name, sizeof head->name, "%s", rows->table->name);
    at += sizeof *head;
    if (rows->count) memcpy(at, rows->rows, rows->count * rows->table->row_size);
    if (rows->table == &table_tensor_stats) *stats = (TensorStats *)(void *)at;
    at += rows_bytes(rows);
  }
  return true;
}

/* --- reading ---------------------------------------------------------------------------------- */

/* The table behind `*at`; false where the entry ends before it does. */
static bool next_table(const Bytes *body, size_t *at, TableHead *head, const char **rows) {
  const size_t left = body->count - *at;
  if (left < sizeof *head) return false;
  memcpy(head, body->data + *at, sizeof *head);
  if (head->row_size == 0 || head->count > (left - sizeof *head) / head->row_size) return false;
  *rows = body->data + *at + sizeof *head;
  *at += sizeof *head + rounded(head->count * head->row_size);
  return *at <= body->count;
}

static bool ends(const char kernel[TEXT_KERNEL]) { return memchr(kernel, 0, TEXT_KERNEL) != NULL; }

bool entry_of(Bytes body, int prompt, int layer, Entry *entry, Status *why) {
  Head head;
  if (body.count < sizeof head) return FAIL(why, "is too short to be whole");
  memcpy(&head, body.data, sizeof head);
  if (head.prompt != prompt || head.layer != layer ||
      head.tensors > (body.count - sizeof head) / sizeof(EntryTensor))
    return FAIL(why, "is no entry of this layer");
  *entry = (Entry){.tensor = (const EntryTensor *)(const void *)(body.data + sizeof head),
                   .tensors = head.tensors,
                   .body = body};
  for (size_t i = 0; i < entry->tensors; i++)
    if (!ends(entry->tensor[i].kernel)) return FAIL(why, "has a kernel's name without an end");
  size_t at = sizeof head + head.tensors * sizeof(EntryTensor);
  for (uint64_t i = 0; i < head.tables; i++) {
    TableHead table;
    const char *rows;
    if (!next_table(&body, &at, &table, &rows))
      return FAIL(why, "has tables that reach beyond its end");
  }
  return at == body.count || FAIL(why, "is longer than its tables");
}

bool entry_read(Arena *arena, const Store *store, int prompt, int layer, Entry *entry,
                Status *why) {
  char name[PART_NAME];
  Bytes body;
  part_layer_name(store, prompt, layer, "entry", name);
  return part_read(arena, store, name, &body, why) && entry_of(body, prompt, layer, entry, why);
}

bool entry_take(Arena *arena, const Store *store, int prompt, int layer, Entry *entry, Status *st) {
  char name[PART_NAME];
  Status why = {0};
  if (entry_read(arena, store, prompt, layer, entry, &why)) return true;
  part_layer_name(store, prompt, layer, "entry", name);
  return FAIL(st, "%s/%s: %s", store->folder, name, why.text);
}

const EntryTensor *entry_record(const Entry *entry, const Slot *slot) {
  for (size_t i = 0; i < entry->tensors; i++) {
    const EntryTensor *record = &entry->tensor[i];
    if (record->side == slot->side && record->id == slot->id &&
        record->of_scales == slot->of_scales)
      return record;
  }
  return NULL;
}

const void *entry_rows(const Entry *entry, const Table *table, size_t *count) {
  size_t at = sizeof(Head) + entry->tensors * sizeof(EntryTensor);
  TableHead head;
  const char *rows;
  *count = 0;
  while (at < entry->body.count && next_table(&entry->body, &at, &head, &rows)) {
    if (strcmp(head.name, table->name) != 0 || head.row_size != table->row_size) continue;
    *count = head.count;
    return rows;
  }
  return NULL;
}

/* --- streams ---------------------------------------------------------------------------------- */

typedef struct StreamHead {
  Digest seal; /* of the file's name, all that follows here, and the values: one is read alone */
  int32_t type, rows, cols;
  float scale;
  char kernel[TEXT_KERNEL];
} StreamHead;

static Digest stream_seal(const char *name, const StreamHead *head, Digest values) {
  const size_t told = offsetof(StreamHead, type);
  const Digest all[] = {digest_of(name, strlen(name)),
                        digest_of((const char *)head + told, sizeof *head - told), values};
  return digest_join(all, 3);
}

size_t streams_size(const Tensor *stream, int sides) {
  size_t bytes = (size_t)sides * sizeof(StreamHead);
  for (int s = 0; s < sides; s++) bytes += tensor_bytes(&stream[s]);
  return bytes;
}

static void make_one(const char *name, const Tensor *t, const char *known, StreamHead *head,
                     char *values) {
  assert(t->format == FORMAT_F32 || t->format == FORMAT_F64);
  memset(head, 0, sizeof *head); /* what lies between its members is written too */
  head->type = (int32_t)t->format;
  head->rows = t->rows;
  head->cols = t->cols;
  head->scale = t->scale.value;
  table_text(head->kernel, TEXT_KERNEL, t->kernel ? t->kernel : "");
  tensor_pack(t, values);
  Digest own;
  if (known)
    memcpy(own.hex, known, sizeof own.hex);
  else
    own = digest_of(values, tensor_bytes(t));
  head->seal = stream_seal(name, head, own);
}

/* Their NaNs stay as they are: a run that goes on starts from the very bits. */
void streams_make(char *image, const char *name, const Tensor *stream, const char *const *known,
                  int sides) {
  StreamHead *head = (StreamHead *)(void *)image;
#pragma omp parallel for schedule(dynamic)
  for (int s = 0; s < sides; s++)
    make_one(name, &stream[s], known[s], &head[s],
             image + streams_size(stream, s) + (size_t)(sides - s) * sizeof *head);
}

/* One of a prompt; its values are still to come. */
static bool stream_of(const StoreShape *shape, int prompt, const StreamHead *head, Tensor *stream,
                      Status *why) {
  const int id = tensors_role(shape->tensors, ROLE_BLOCK_OUT);
  if ((head->type != FORMAT_F32 && head->type != FORMAT_F64) ||
      head->rows != shape->prompt[prompt].T ||
      head->cols != shape->dims[shape->tensors->info[id].cols] || !ends(head->kernel))
    return FAIL(why, "holds other streams");
  *stream = tensor_of(NULL, (Format)head->type, head->rows, head->cols, head->scale);
  stream->kernel = head->kernel;
  return true;
}

bool streams_of(const StoreShape *shape, int prompt, Bytes body, Tensor *stream, Status *why) {
  size_t at = (size_t)shape->streams * sizeof(StreamHead);
  for (int s = 0; s < shape->streams; s++) {
    if (body.count < at) return FAIL(why, "holds other streams");
    TRY(stream_of(shape, prompt, (const StreamHead *)(const void *)body.data + s, &stream[s], why));
    stream[s].data = (char *)body.data + at;
    at += tensor_bytes(&stream[s]);
  }
  return at == body.count || FAIL(why, "holds other streams");
}

bool streams_read(Arena *arena, const Store *store, int prompt, int layer, Tensor *stream,
                  Status *why) {
  char name[PART_NAME];
  Bytes body;
  part_layer_name(store, prompt, layer, "streams", name);
  return part_read(arena, store, name, &body, why) &&
         streams_of(store->shape, prompt, body, stream, why);
}

/* A side's alone, of the file of all. */
static bool read_one(Arena *arena, const Store *store, int prompt, int file, const char *name,
                     int side, Tensor *stream, Status *why) {
  StreamHead *head = ARENA_NEW(arena, StreamHead, side + 1);
  uint64_t at = (uint64_t)store->shape->streams * sizeof *head;
  if (!read_at(file, head, (size_t)(side + 1) * sizeof *head, 0))
    return FAIL(why, "%s", strerror(errno));
  for (int s = 0; s <= side; s++) {
    TRY(stream_of(store->shape, prompt, &head[s], stream, why));
    if (s < side) at += tensor_bytes(stream);
  }
  stream->data = arena_room(arena, tensor_bytes(stream), 1);
  if (!read_at(file, (void *)(uintptr_t)stream->data, tensor_bytes(stream), at))
    return FAIL(why, "%s", strerror(errno));
  const Digest seal = stream_seal(name, &head[side], digest_of(stream->data, tensor_bytes(stream)));
  return !memcmp(&seal, &head[side].seal, sizeof seal) ||
         FAIL(why, "its digest differs: it has changed since it was written");
}

bool store_holds_stream(const Store *store, int prompt, int layer) {
  char name[PART_NAME];
  part_layer_name(store, prompt, layer, "streams", name);
  return store->shape->streams_stay && faccessat(store->lock, name, R_OK, 0) == 0;
}

bool store_read_stream(Arena *arena, const Store *store, int prompt, int layer, int side, Tensor *t,
                       Status *st) {
  char name[PART_NAME];
  Status why = {0};
  part_layer_name(store, prompt, layer, "streams", name);
  const int file = openat(store->lock, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  bool ok = file >= 0 || FAIL(&why, "%s", strerror(errno));
  ok = ok && read_one(arena, store, prompt, file, name, side, t, &why);
  if (file >= 0) close(file);
  return ok || FAIL(st, "%s/%s: %s; a new start of the run makes again what does not hold",
                    store->folder, name, why.text);
}
