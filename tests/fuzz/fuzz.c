#include "fuzz.h"

#include <string.h>

#include "base/name.h"

FuzzTarget fuzz_safetensors, fuzz_config, fuzz_index, fuzz_checkpoint, fuzz_spec, fuzz_tokens,
    fuzz_calibration, fuzz_run, fuzz_entry, fuzz_streams, fuzz_structure, fuzz_tokenizer, fuzz_npy,
    fuzz_npz, fuzz_pickle, fuzz_names, fuzz_hdf5, fuzz_listing;
Bytes made_calibration(Arena *arena), made_entry(Arena *arena), made_streams(Arena *arena),
    made_run(Arena *arena), made_structure(Arena *arena), made_hdf5(Arena *arena),
    made_listing(Arena *arena);

const Fuzzed fuzz_targets[] = {{"safetensors", fuzz_safetensors, NULL},
                               {"config", fuzz_config, NULL},
                               {"index", fuzz_index, NULL},
                               {"checkpoint", fuzz_checkpoint, NULL},
                               {"spec", fuzz_spec, NULL},
                               {"tokens", fuzz_tokens, NULL},
                               {"tokenizer", fuzz_tokenizer, NULL},
                               {"calibration", fuzz_calibration, made_calibration},
                               {"run", fuzz_run, made_run},
                               {"entry", fuzz_entry, made_entry},
                               {"streams", fuzz_streams, made_streams},
                               {"structure", fuzz_structure, made_structure},
                               {"npy", fuzz_npy, NULL},
                               {"npz", fuzz_npz, NULL},
                               {"pickle", fuzz_pickle, NULL},
                               {"names", fuzz_names, NULL},
                               {"hdf5", fuzz_hdf5, made_hdf5},
                               {"listing", fuzz_listing, made_listing},
                               {0}};

const Fuzzed *fuzz_find(const char *name) {
  for (const Fuzzed *f = fuzz_targets; f->name; f++)
    if (!strcmp(f->name, name)) return f;
  return NULL;
}

static void exhausted(size_t wanted, size_t reserved) {
  FUZZ_CHECK(false, "%zu more bytes are wanted than %zu that an input of this size is worth",
             wanted, reserved);
}

/* 1 KiB a byte: a list of the shortest values, each a struct and a line of a message. */
enum { TIMES = 1024 };

Arena fuzz_arena(size_t count, size_t least) {
  static Arena all;
  Status st = {0};
  const size_t bytes = least + count * TIMES;
  if (!all.base) FUZZ_CHECK(arena_reserve(&all, (size_t)1 << 32, exhausted, &st), "%s", st.text);
  Arena arena = all;
  FUZZ_CHECK(bytes <= (size_t)(all.end - all.base), "an input of %zu bytes", count);
  arena.end = arena.base + bytes;
  return arena;
}

void fuzz_refused(const Status *st, const char *path) {
  FUZZ_CHECK(st->failed && *st->text, "refused without a word");
  FUZZ_CHECK(!path || !strncmp(st->text, path, strlen(path)), "no file first: %s", st->text);
  for (const char *c = st->text; *c;) {
    uint32_t character;
    const int bytes = name_character(c, &character);
    FUZZ_CHECK(character >= 32 && character != 127 && (character != 0xFFFD || bytes == 3),
               "not a line of UTF-8 at byte %td: %s", c - st->text, st->text);
    c += bytes;
  }
}

Bytes fuzz_part(Bytes *rest) {
  static const char between[] = "\n%%\n";
  const size_t n = sizeof between - 1;
  const char *end = rest->count ? memmem(rest->data, rest->count, between, n) : NULL;
  const Bytes part = {rest->data, end ? (size_t)(end - rest->data) : rest->count};
  const size_t taken = part.count + (end ? n : 0);
  *rest = (Bytes){rest->data + taken, rest->count - taken};
  return part;
}

char *fuzz_exact(Bytes bytes) {
  char *copy = malloc(bytes.count ? bytes.count : 1);
  if (bytes.count) memcpy(copy, bytes.data, bytes.count);
  return copy;
}

char *fuzz_ended(Bytes bytes) {
  char *copy = malloc(bytes.count + 1);
  if (bytes.count) memcpy(copy, bytes.data, bytes.count);
  copy[bytes.count] = 0;
  return copy;
}
