/* Input: a model.safetensors.index.json, beside a.safetensors with the tensors a and
 * backbone.layers.0.x, b.safetensors with b, and out.safetensors, a link that leads out of the
 * folder. Of an accepted index every tensor is found. */
#include "folder.h"
#include "model/shards.h"

#define TENSOR(name, begin, end)                                                                   \
  "\"" name "\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[" #begin "," #end "]}"

static const char a[] = "{" TENSOR("a", 0, 2) "," TENSOR("backbone.layers.0.x", 2, 4) "}",
                  b[] = "{" TENSOR("b", 0, 2) "}";

static Folder folder = {.name = {"model.safetensors.index.json", "a.safetensors", "b.safetensors"}};

static char link_out[96];

static void leave(void) {
  unlink(link_out);
  folder_remove(&folder);
}

static void write_shard(int i, const char *header, const char *values) {
  char file[256];
  const size_t length = strlen(header), bytes = strlen(values);
  memset(file, 0, 8);
  memcpy(file, &(uint16_t){(uint16_t)length}, 2);
  memcpy(file + 8, header, length);
  memcpy(file + 8 + length, values, bytes);
  folder_write(&folder, i, (Bytes){file, 8 + length + bytes});
}

bool fuzz_index(const uint8_t *data, size_t count) {
  Arena arena = fuzz_arena(count, (size_t)1 << 18);
  Shards shards;
  Status st = {0};
  if (!*folder.path) {
    atexit(leave);
    folder_make(&folder);
    write_shard(1, a, "abcd");
    write_shard(2, b, "ef");
    snprintf(link_out, sizeof link_out, "%s/out.safetensors", folder.path);
    FUZZ_CHECK(symlink("/dev/null", link_out) == 0, "no link");
  }
  folder_write(&folder, 0, (Bytes){(const char *)data, count});
  if (!shards_open(&arena, folder.path, &shards, &st)) {
    fuzz_refused(&st, folder.path);
    return false;
  }
  for (int i = 0; i < shards.count; i++) {
    const char *path;
    const bool is_a = !strcmp(shards.shard[i].name, "a.safetensors");
    FUZZ_CHECK(is_a || !strcmp(shards.shard[i].name, "b.safetensors"), "%s", shards.shard[i].name);
    FUZZ_CHECK(shards_take(&shards, is_a ? "a" : "b", &path), "a tensor is not found");
    FUZZ_CHECK(!is_a || shards_take(&shards, "layers.0.x", &path), "layers.0.x is not found");
  }
  shards_close(&shards);
  return true;
}
