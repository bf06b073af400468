/* make: the results file and what the journal keeps of it, made by a process beside this one. HDF5
 * ends a process where memory fails it, and takes 0.2 ms for a dataset: meanwhile this one may make
 * its first layer. What is made is told at the end: the slots' offsets, then how long the file is.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "store/state.h"

typedef struct Made {
  uint64_t length;
  Digest structure;
} Made;

static bool make(FILE *out, void *context, Status *st) {
  Store *store = context;
  const Arena scratch = store->maker_scratch;
  Made made = {0};
  TRY(layout_make(store, scratch, st) && structure_keep(store, &made.structure, scratch, st));
  made.length = store->length;
  for (size_t i = 0; i < store->slots; i++)
    fwrite(&store->slot[i].offset, sizeof store->slot->offset, 1, out);
  fwrite(&made, sizeof made, 1, out);
  return true;
}

/* What another run left, or one that had not begun. NAME.partial goes by its name, whatever is in
 * it: nobody else gives such a name, and what a killed process left there has no form. */
static void clear(const Store *store) {
  part_remove_all(store->lock);
  if (unlink(store->partial) != 0)
    rmdir(store->partial); /* an empty folder is in the way like a file */
}

bool make_begin(Store *store, Arena scratch, Status *st) {
  clear(store);
  store->maker_scratch = scratch;
  store->maker = child_begin(make, store);
  store->making = true;
  const bool is_beside = store->shape->made_beside && store->maker.child > 0;
  return is_beside || make_wait(store, st);
}

static bool take(Store *store, const char *told, size_t count, Made *made, Status *st) {
  const size_t offsets = store->slots * sizeof store->slot->offset;
  if (count != offsets + sizeof *made)
    return FAIL(st, "%s: no memory for its layout", store->partial);
  for (size_t i = 0; i < store->slots; i++)
    memcpy(&store->slot[i].offset, told + i * sizeof store->slot->offset,
           sizeof store->slot->offset);
  memcpy(made, told + offsets, sizeof *made);
  store->length = made->length;
  if (store->file < 0) store->file = open(store->partial, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
  return store->file >= 0 || writer_failed(store, store->partial, "the file itself", 0, st);
}

/* run.json is what makes it a run: it comes last. */
static bool finish(Store *store, Status *st) {
  Made made;
  Arena room = store->room;
  const char *told;
  size_t count;
  TRY(child_end(&room, store->partial, make, store, store->maker, &told, &count, st) &&
      take(store, told, count, &made, st));
  if (store->sync) TRY(file_sync_folder(file_folder(&room, store->results), st));
  return part_write_run(store, &made.structure, st);
}

bool make_wait(Store *store, Status *st) {
  if (!store->making) return true;
  store->making = false;
  if (finish(store, st)) return true;
  status_set(&store->failed, "%s", st->text);
  clear(store);
  return false;
}

void make_leave(Store *store) {
  if (!store->making) return;
  store->making = false;
  child_leave(store->maker);
  clear(store);
}

/* They come in pieces that double (base/child.h). */
size_t make_told_bytes(size_t slots) {
  return 4 * (slots * sizeof(uint64_t) + sizeof(Made) + sizeof(Status)) + ((size_t)1 << 18);
}
