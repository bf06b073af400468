/* Input: a structure.bin, without its seal. Of an accepted one the bytes between the tensors all
 * stand behind its head. */
#include "fuzz.h"
#include "journal.h"

static Store *journal_store(void) {
  static Store store;
  static char room[1 << 16];
  if (store.shape) return &store;
  Arena arena = {.next = room, .base = room, .end = room + sizeof room};
  store.shape = journal_shape();
  layout_slots(&arena, &store);
  return &store;
}

Bytes made_structure(Arena *arena) {
  const Store *store = journal_store();
  const size_t head = 2 * sizeof(uint64_t), offsets = store->slots * sizeof(uint64_t), between = 40;
  uint64_t *image = arena_alloc(arena, head + offsets + between, 1), at = between / 2;
  for (size_t i = 0; i < store->slots; at += store->slot[i++].bytes) image[2 + i] = at;
  image[0] = at + between / 2;
  image[1] = store->slots;
  return (Bytes){(const char *)image, head + offsets + between};
}

bool fuzz_structure(const uint8_t *data, size_t count) {
  const char *between;
  unsigned sum = 0;
  Status why = {0};
  char *body = journal_aligned(data, count);
  const bool ok = structure_of(journal_store(), (Bytes){body, count}, &between, &why);
  if (ok)
    for (const char *c = between; c < body + count; c++) sum += (unsigned char)*c;
  else
    fuzz_refused(&why, NULL);
  FUZZ_CHECK(!ok || between <= body + count, "%u", sum);
  journal_free(body, count);
  return ok;
}
