/* structure: the bytes of the results file outside its tensors, kept from the moment when the file
 * was made.
 *
 *   structure.bin   length of the file, number of slots, the slots' offsets (64 bits each), all
 *                   bytes between the slots
 *
 * At the end HDF5 changes some of these bytes and adds others behind the file's first length.
 * Whatever a kill leaves of that, the first bytes written back and the file cut to its first length
 * are the file as it was, with every tensor in its place. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/state.h"

typedef struct Head {
  uint64_t length, slots;
} Head;

static bool failed(Store *store, const char *object, size_t bytes, Status *st) {
  return writer_failed(store, store->partial, object, bytes, st);
}

/* A file system that cannot is one on which a full disk shows itself later. */
static bool ask_for_room(Store *store, Status *st) {
  if (fallocate(store->file, 0, 0, (off_t)store->length) == 0) return true;
  return errno == EOPNOTSUPP || errno == ENOSYS ||
         failed(store, "the whole file", store->length, st);
}

/* --- the bytes between the slots -------------------------------------------------------------- */

static int by_offset(const void *a, const void *b) {
  const uint64_t x = ((const Slot *)a)->offset, y = ((const Slot *)b)->offset;
  return (x > y) - (x < y);
}

typedef bool (*Move)(int file, char *bytes, size_t count, uint64_t offset);

static bool take(int file, char *bytes, size_t count, uint64_t offset) {
  return read_at(file, bytes, count, offset);
}

static bool give(int file, char *bytes, size_t count, uint64_t offset) {
  return write_at(file, bytes, count, offset);
}

/* Between file and memory, in the order of the file. */
static bool move_between(const Store *store, char *bytes, size_t *count, Move move, Arena scratch) {
  Slot *slot = arena_room(&scratch, store->slots, sizeof *slot);
  uint64_t at = 0;
  *count = 0;
  if (store->slots) memcpy(slot, store->slot, store->slots * sizeof *slot);
  qsort(slot, store->slots, sizeof *slot, by_offset);
  for (size_t i = 0; i <= store->slots; i++) {
    uint64_t next = i < store->slots ? slot[i].offset : store->length;
    if (next < at || next > store->length) return errno = EINVAL, false;
    if (!move(store->file, bytes + *count, next - at, at)) return false;
    *count += next - at;
    at = next + (i < store->slots ? slot[i].bytes : 0);
  }
  return true;
}

static size_t bytes_between(const Store *store) {
  uint64_t tensors = 0;
  for (size_t i = 0; i < store->slots; i++) tensors += store->slot[i].bytes;
  return tensors < store->length ? store->length - tensors : 0;
}

bool structure_keep(Store *store, Digest *digest, Arena scratch, Status *st) {
  struct stat info;
  store->file = open(store->partial, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
  if (store->file < 0 || fstat(store->file, &info) != 0)
    return failed(store, "the file itself", 0, st);
  store->length = (uint64_t)info.st_size;
  TRY(ask_for_room(store, st));
  const size_t offsets = store->slots * sizeof(uint64_t), between = bytes_between(store);
  char *image = arena_room(&scratch, sizeof(Head) + offsets + between + PART_SEAL, 1);
  uint64_t *offset = (uint64_t *)(void *)(image + sizeof(Head));
  size_t moved;
  *(Head *)(void *)image = (Head){store->length, store->slots};
  for (size_t i = 0; i < store->slots; i++) offset[i] = store->slot[i].offset;
  if (!move_between(store, image + sizeof(Head) + offsets, &moved, take, scratch) ||
      moved != between)
    return failed(store, "its structure, read back", between, st);
  if (store->sync && fsync(store->file) != 0) return failed(store, "synchronising", 0, st);
  *digest = digest_of(image, sizeof(Head) + offsets + between);
  return part_write(store, STRUCTURE_NAME, image, sizeof(Head) + offsets + between, st);
}

bool structure_of(Store *store, Bytes body, const char **between, Status *why) {
  Head head;
  if (body.count < sizeof head) return FAIL(why, "is too short to be whole");
  memcpy(&head, body.data, sizeof head);
  const size_t offsets = store->slots * sizeof(uint64_t);
  if (head.slots != store->slots || body.count < sizeof head + offsets)
    return FAIL(why, "holds other tensors");
  if (head.length > INT64_MAX) return FAIL(why, "is of a file that no disk holds");
  store->length = head.length;
  for (size_t i = 0; i < store->slots; i++)
    memcpy(&store->slot[i].offset, body.data + sizeof head + i * sizeof(uint64_t),
           sizeof(uint64_t));
  *between = body.data + sizeof head + offsets;
  return body.count == sizeof head + offsets + bytes_between(store) ||
         FAIL(why, "holds another file's bytes");
}

static bool is_named(const Bytes *body, const Digest *digest, Status *why) {
  const Digest found = digest_of(body->data, body->count);
  return !strcmp(found.hex, digest->hex) || FAIL(why, "it is not the one that run.json names");
}

/* Opened where it is a file of its own; made where somebody removed it. A link is nobody's of
 * ours. */
static bool open_partial(Store *store, Status *st) {
  struct stat info;
  const int kind = O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW;
  if (lstat(store->partial, &info) == 0 && S_ISLNK(info.st_mode)) unlink(store->partial);
  store->file = open(store->partial, kind, 0666);
  return store->file >= 0 || FAIL(st, "%s: cannot be opened: %s", store->partial, strerror(errno));
}

/* The slots' offsets, and the bytes between them. */
static bool look(Store *store, const Digest *digest, const char **between, Arena *arena,
                 Status *st) {
  Status why = {0};
  Bytes body;
  return (part_read(arena, store, STRUCTURE_NAME, &body, &why) && is_named(&body, digest, &why) &&
          structure_of(store, body, between, &why)) ||
         FAIL(st, "%s/" STRUCTURE_NAME ": %s; the file is damaged: `run` with --fresh begins anew",
              store->folder, why.text);
}

bool structure_look(Store *store, const Digest *digest, Arena scratch, Status *st) {
  const char *between;
  return look(store, digest, &between, &scratch, st);
}

bool structure_restore(Store *store, const Digest *digest, Arena scratch, Status *st) {
  const char *between;
  size_t moved;
  TRY(look(store, digest, &between, &scratch, st));
  TRY(open_partial(store, st));
  if (ftruncate(store->file, (off_t)store->length) != 0)
    return failed(store, "the whole file", store->length, st);
  if (!move_between(store, (char *)between, &moved, give, scratch))
    return failed(store, "its structure", bytes_between(store), st);
  if (store->sync && fsync(store->file) != 0) return failed(store, "synchronising", 0, st);
  return ask_for_room(store, st);
}
