#include "model/shards.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/name.h"
#include "base/number.h"
#include "model/json.h"

enum { MAX_INDEX = 32 << 20, MAX_SHARDS = 1024 };

static bool is_pickled(const char *name) {
  return text_ends(name, ".bin") || text_ends(name, ".pt") || text_ends(name, ".pth");
}

/* A state dict of PyTorch's is code as much as data. What makes safetensors of it: tied weights are
 * one storage there, and several parts one model. */
static bool refuse_pickled(const char *folder, const char *name, Status *st) {
  const bool parts = strncmp(name, "pytorch_model", 13) == 0 && text_ends(name, ".bin");
  return FAIL(st,
              "%s/%.100s: PyTorch files are not read; Python makes one that is: python3 -c "
              "\"import glob, torch; from safetensors.torch import save_file; w = {k: v for f in "
              "sorted(glob.glob('%s/%.100s')) for k, v in torch.load(f, map_location='cpu', "
              "weights_only=True).items()}; save_file({k: v.clone().contiguous() for k, v in "
              "w.items()}, '%s/model.safetensors')\"",
              folder, name, folder, parts ? "pytorch_model*.bin" : name, folder);
}

/* There is no file to read: says what there is instead. */
static bool refuse_folder(const char *folder, Status *st) {
  DIR *dir = opendir(folder);
  if (!dir)
    return FAIL(st, "%s: the checkpoint's folder cannot be opened: %s", folder, strerror(errno));
  bool pickled = false;
  for (struct dirent *entry; !pickled && (entry = readdir(dir));) {
    pickled = is_pickled(entry->d_name);
    if (pickled) refuse_pickled(folder, entry->d_name, st);
  }
  closedir(dir);
  return !pickled ? FAIL(st, "%s: has neither model.safetensors nor model.safetensors.index.json",
                         folder)
                  : false;
}

static bool open_shard(Arena *arena, const char *path, const char *name, Shards *shards,
                       Status *st) {
  Shard *shard = &shards->shard[shards->count];
  TRY(safetensors_open(arena, path, &shard->file, st));
  shard->name = arena_printf(arena, "%s", name);
  shard->taken = ARENA_NEW(arena, bool, shard->file.count);
  shards->count++;
  return true;
}

static bool is_inside(const char *place, const char *folder) {
  size_t n = strcmp(folder, "/") == 0 ? 0 : strlen(folder);
  return strncmp(place, folder, n) == 0 && place[n] == '/';
}

/* A snapshot of a hub cache, …/snapshots/REVISION, holds links into …/blobs. */
static bool is_blob(const char *place, const char *home) {
  char blobs[PATH_MAX + 8];
  snprintf(blobs, sizeof blobs, "%s", home);
  for (int up = 0; up < 2; up++) {
    char *slash = strrchr(blobs, '/');
    if (!slash || (up == 1 && strcmp(slash, "/snapshots") != 0)) return false;
    *slash = 0;
  }
  strcat(blobs, "/blobs");
  return is_inside(place, blobs) && !strchr(place + strlen(blobs) + 1, '/');
}

/* An index comes from outside: a name in it must be that of a file in this folder, and not lead out
 * of it by a link, but into the blobs of the hub cache that the folder is a snapshot of. */
static bool check_name(const char *index, const char *folder, const char *name, Status *st) {
  if (!*name || strchr(name, '/') || strstr(name, ".."))
    return FAIL(st, "%s: weight_map names '%.100s', which is not a plain file name", index, name);
  char home[PATH_MAX], place[PATH_MAX], wanted[PATH_MAX];
  if (snprintf(wanted, sizeof wanted, "%s/%s", folder, name) >= (int)sizeof wanted)
    return FAIL(st, "%s: weight_map names '%.100s', whose path is too long", index, name);
  if (!realpath(folder, home))
    return FAIL(st, "%s: cannot be resolved: %s", folder, strerror(errno));
  if (!realpath(wanted, place))
    return FAIL(st, "%s: names the shard '%.100s', which cannot be opened: %s", index, name,
                strerror(errno));
  if (is_inside(place, home) || is_blob(place, home)) return true;
  return FAIL(st,
              "%s: the shard '%.100s' is a link that leads out of the folder; copy the files into "
              "the folder",
              index, name);
}

/* Every tensor of a shard stands where the index says: with the same check the other way round
 * (open_index), none is missing and none occurs twice. */
static bool check_shard(const char *index, const json_t *map, const Shard *shard, Status *st) {
  for (size_t i = 0; i < shard->file.count; i++) {
    const char *name = shard->file.tensor[i].name,
               *said = json_string_value(json_object_get(map, name));
    if (!said || strcmp(said, shard->name) != 0)
      return FAIL(st, "%s: tensor '%.100s' stands in this file, but %s places it %s%.100s",
                  shard->file.path, name, index, said ? "in " : "nowhere", said ? said : "");
  }
  return true;
}

static Shard *shard_named(const Shards *shards, const char *name) {
  for (int i = 0; i < shards->count; i++)
    if (strcmp(shards->shard[i].name, name) == 0) return &shards->shard[i];
  return NULL;
}

static bool open_index(Arena *arena, const char *index, const char *folder, json_t *root,
                       Shards *shards, Status *st) {
  json_t *map = json_object_get(root, "weight_map");
  if (!json_is_object(map)) return FAIL(st, "%s: weight_map is not an object", index);
  const char *tensor;
  json_t *value;
  json_object_foreach(map, tensor, value) {
    const char *name = json_string_value(value);
    if (!name)
      return FAIL(st, "%s: weight_map: the place of '%.100s' is not a string", index, tensor);
    const Shard *shard = shard_named(shards, name);
    if (!shard) {
      if (shards->count == MAX_SHARDS)
        return FAIL(st, "%s: names more than %d shards", index, MAX_SHARDS);
      TRY(check_name(index, folder, name, st));
      TRY(open_shard(arena, arena_printf(arena, "%s/%s", folder, name), name, shards, st));
      shard = &shards->shard[shards->count - 1];
      TRY(check_shard(index, map, shard, st));
    }
    if (!safetensors_find(&shard->file, tensor))
      return FAIL(st, "%s: places tensor '%.100s' in '%.100s', which does not hold it", index,
                  tensor, name);
  }
  shards->searched =
      arena_printf(arena, "%s (with its %d shard%s)", index, shards->count, plural(shards->count));
  return true;
}

/* "_orig_mod.backbone.layers.0.norm.weight" is "layers.0.norm.weight". */
static const char *plain_name(Arena *arena, const char *name) {
  static const char *const wrappers[] = {"_orig_mod.", "module."}, backbone[] = "backbone.";
  char *const plain = arena_alloc(arena, strlen(name) + 1, 1), *end = plain;
  for (bool begins = true; *name;) { /* at the beginning of a part of the name */
    size_t length = 0;
    for (int i = 0; i < 2; i++)
      if (strncmp(name, wrappers[i], strlen(wrappers[i])) == 0) length = strlen(wrappers[i]);
    if (!length && begins && strncmp(name, backbone, strlen(backbone)) == 0)
      length = strlen(backbone), begins = false;
    if (!length) {
      const size_t part = strcspn(name, ".");
      length = part + (name[part] == '.');
      end = (char *)memcpy(end, name, length) + length;
      begins = false;
    }
    name += length;
  }
  return plain;
}

static int by_plain_name(const void *a, const void *b) {
  return strcmp(((const PlainName *)a)->name, ((const PlainName *)b)->name);
}

static const SafeTensor *tensor_at(const Shards *shards, const PlainName *plain) {
  return &shards->shard[plain->shard].file.tensor[plain->tensor];
}

static bool name_plainly(Arena *arena, Shards *shards, Status *st) {
  size_t count = 0;
  for (int i = 0; i < shards->count; i++) count += shards->shard[i].file.count;
  shards->plain = ARENA_NEW(arena, PlainName, count);
  for (int i = 0; i < shards->count; i++)
    for (size_t j = 0; j < shards->shard[i].file.count; j++)
      shards->plain[shards->plains++] =
          (PlainName){plain_name(arena, shards->shard[i].file.tensor[j].name), i, j};
  qsort(shards->plain, count, sizeof *shards->plain, by_plain_name);
  for (size_t i = 1; i < count; i++) {
    const PlainName *a = &shards->plain[i - 1], *b = &shards->plain[i];
    if (strcmp(a->name, b->name) == 0)
      return FAIL(st, "%s: tensors '%.100s' and '%.100s' are both '%.100s' without their prefixes",
                  shards->shard[b->shard].file.path, tensor_at(shards, a)->name,
                  tensor_at(shards, b)->name, a->name);
  }
  return true;
}

static bool open_files(Arena *arena, const char *folder, Shards *shards, Status *st) {
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
  return ok;
}

bool shards_open(Arena *arena, const char *folder, Shards *shards, Status *st) {
  *shards = (Shards){.shard = ARENA_NEW(arena, Shard, MAX_SHARDS)};
  if (open_files(arena, folder, shards, st) && name_plainly(arena, shards, st)) return true;
  shards_close(shards);
  return false;
}

const SafeTensor *shards_take(Shards *shards, const char *name, const char **path) {
  const PlainName key = {.name = name};
  const PlainName *found = bsearch(&key, shards->plain, shards->plains, sizeof key, by_plain_name);
  if (!found) return NULL;
  shards->shard[found->shard].taken[found->tensor] = true;
  *path = shards->shard[found->shard].file.path;
  return tensor_at(shards, found);
}

void shards_close(Shards *shards) {
  for (int i = 0; i < shards->count; i++) file_unmap(&shards->shard[i].file.map);
  shards->count = 0;
}
