#include "model/shards.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "model/config.h"
#include "model/json.h"

enum { MAX_INDEX = 32 << 20, MAX_SHARDS = 1024 };

static bool ends_with(const char *name, const char *end) {
  size_t n = strlen(name), m = strlen(end);
  return n >= m && strcmp(name + n - m, end) == 0;
}

/* There is no file to read: says what there is instead. */
static bool refuse_folder(const char *folder, Status *st) {
  DIR *dir = opendir(folder);
  if (!dir) return FAIL(st, "%s: the checkpoint's folder cannot be opened: %s", folder, strerror(errno));
  bool pickled = false;
  for (struct dirent *entry; !pickled && (entry = readdir(dir));) {
    const char *name = entry->d_name;
    pickled = ends_with(name, ".bin") || ends_with(name, ".pt") || ends_with(name, ".pth");
    if (pickled) status_set(st, "%s/%.100s: PyTorch files are not read; %s", folder, name, CONFIG_WANTED);
  }
  closedir(dir);
  return !pickled ? FAIL(st, "%s: has neither model.safetensors nor model.safetensors.index.json", folder) : false;
}

static bool open_shard(Arena *arena, const char *path, const char *name, Shards *shards, Status *st) {
  Shard *shard = &shards->shard[shards->count];
  TRY(safetensors_open(arena, path, &shard->file, st));
  shard->name = arena_printf(arena, "%s", name);
  shard->taken = ARENA_NEW(arena, bool, shard->file.count);
  shards->count++;
  return true;
}

/* An index comes from outside: a name in it must be that of a file in this folder, and not lead out of it by a link. */
static bool check_name(const char *index, const char *folder, const char *name, Status *st) {
  if (!*name || strchr(name, '/') || strstr(name, ".."))
    return FAIL(st, "%s: weight_map names '%.100s', which is not a plain file name", index, name);
  char home[PATH_MAX], place[PATH_MAX], wanted[PATH_MAX];
  if (snprintf(wanted, sizeof wanted, "%s/%s", folder, name) >= (int)sizeof wanted)
    return FAIL(st, "%s: weight_map names '%.100s', whose path is too long", index, name);
  if (!realpath(folder, home)) return FAIL(st, "%s: cannot be resolved: %s", folder, strerror(errno));
  if (!realpath(wanted, place))
    return FAIL(st, "%s: names the shard '%.100s', which cannot be opened: %s", index, name, strerror(errno));
  size_t n = strcmp(home, "/") == 0 ? 0 : strlen(home);
  if (strncmp(place, home, n) == 0 && place[n] == '/') return true;
  return FAIL(st, "%s: the shard '%.100s' is a link that leads out of the folder; copy the files into the folder",
              index, name);
}

/* Every tensor of a shard stands where the index says: with the same check the other way round (open_index), none is
 * missing and none occurs twice. */
static bool check_shard(const char *index, const json_t *map, const Shard *shard, Status *st) {
  for (size_t i = 0; i < shard->file.count; i++) {
    const char *name = shard->file.tensor[i].name, *said = json_string_value(json_object_get(map, name));
    if (!said || strcmp(said, shard->name) != 0)
      return FAIL(st, "%s: tensor '%.100s' stands in this file, but %s places it %s%.100s", shard->file.path, name,
                  index, said ? "in " : "nowhere", said ? said : "");
  }
  return true;
}

static Shard *shard_named(const Shards *shards, const char *name) {
  for (int i = 0; i < shards->count; i++)
    if (strcmp(shards->shard[i].name, name) == 0) return &shards->shard[i];
  return NULL;
}

static bool open_index(Arena *arena, const char *index, const char *folder, json_t *root, Shards *shards, Status *st) {
  json_t *map = json_object_get(root, "weight_map");
  if (!json_is_object(map)) return FAIL(st, "%s: weight_map is not an object", index);
  const char *tensor;
  json_t *value;
  json_object_foreach(map, tensor, value) {
    const char *name = json_string_value(value);
    if (!name) return FAIL(st, "%s: weight_map: the place of '%.100s' is not a string", index, tensor);
    const Shard *shard = shard_named(shards, name);
    if (!shard) {
      if (shards->count == MAX_SHARDS) return FAIL(st, "%s: names more than %d shards", index, MAX_SHARDS);
      TRY(check_name(index, folder, name, st));
      TRY(open_shard(arena, arena_printf(arena, "%s/%s", folder, name), name, shards, st));
      shard = &shards->shard[shards->count - 1];
      TRY(check_shard(index, map, shard, st));
    }
    if (!safetensors_find(&shard->file, tensor))
      return FAIL(st, "%s: places tensor '%.100s' in '%.100s', which does not hold it", index, tensor, name);
  }
  shards->searched = arena_printf(arena, "%s (with its %d shards)", index, shards->count);
  return true;
}

bool shards_open(Arena *arena, const char *folder, Shards *shards, Status *st) {
  *shards = (Shards){.shard = ARENA_NEW(arena, Shard, MAX_SHARDS)};
  const char *whole = arena_printf(arena, "%s/model.safetensors", folder);
  const char *index = arena_printf(arena, "%s/model.safetensors.index.json", folder);
  shards->searched = whole;
  if (file_exists(whole)) return open_shard(arena, whole, "model.safetensors", shards, st);
  if (!file_exists(index)) return refuse_folder(folder, st);
  Bytes text;
  TRY(file_read(arena, index, MAX_INDEX, &text, st));
  json_t *root = json_object_of(index, "index", text, st);
  if (!root) return false;
  bool ok = open_index(arena, index, folder, root, shards, st);
  json_decref(root);
  if (!ok) shards_close(shards);
  return ok;
}

const SafeTensor *shards_take(Shards *shards, const char *name, const char **path) {
  for (int i = 0; i < shards->count; i++) {
    Shard *shard = &shards->shard[i];
    const SafeTensor *t = safetensors_find(&shard->file, name);
    if (!t) continue;
    shard->taken[t - shard->file.tensor] = true;
    *path = shard->file.path;
    return t;
  }
  return NULL;
}

void shards_close(Shards *shards) {
  for (int i = 0; i < shards->count; i++) file_unmap(&shards->shard[i].file.map);
  shards->count = 0;
}
