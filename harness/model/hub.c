#include "model/hub.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

enum { MAX_REVISION = 256 };

/* OWNER/NAME, of letters, digits, '-', '_' and '.', neither of which begins with a dot. */
static bool is_hub_name(const char *model) {
  const char *slash = strchr(model, '/');
  if (!slash || slash == model || !slash[1] || model[0] == '.' || slash[1] == '.') return false;
  for (const char *c = model; *c; c++)
    if (c != slash && !isalnum((unsigned char)*c) && !strchr("-_.", *c)) return false;
  return true;
}

/* NULL: there is none. */
static const char *cache_folder(Arena *arena) {
  const char *cache = getenv("HF_HUB_CACHE"), *hf = getenv("HF_HOME"), *home = getenv("HOME");
  if (cache && *cache) return cache;
  if (hf && *hf) return arena_printf(arena, "%s/hub", hf);
  return home && *home ? arena_printf(arena, "%s/.cache/huggingface/hub", home) : NULL;
}

/* The revision that refs/main names. */
static bool read_revision(Arena *arena, const char *ref, const char **revision, Status *st) {
  Bytes text;
  TRY(file_read(arena, ref, MAX_REVISION, &text, st));
  char *name = arena_printf(arena, "%.*s", (int)text.count, text.data);
  name[strcspn(name, "\r\n \t")] = 0;
  for (const char *c = name; *c; c++)
    if (!isalnum((unsigned char)*c)) *name = 0;
  *revision = name;
  return *name || FAIL(st, "%s: holds no name of a revision", ref);
}

bool hub_resolve(Arena *arena, const char *folder, const char *model, const char **path,
                 Status *st) {
  *path = file_resolve(arena, folder, model);
  if (file_exists(*path) || !is_hub_name(model)) return true;
  const char *cache = cache_folder(arena), *revision, *slash = strchr(model, '/');
  if (!cache || !file_exists(cache)) return true; /* whoever opens it says what is missing */
  const char *home =
      arena_printf(arena, "%s/models--%.*s--%s", cache, (int)(slash - model), model, slash + 1);
  if (!file_exists(home))
    return FAIL(st, "%s: is no folder here, and not in the hub's cache either (no %s)", model,
                home);
  TRY(read_revision(arena, arena_printf(arena, "%s/refs/main", home), &revision, st));
  *path = arena_printf(arena, "%s/snapshots/%s", home, revision);
  return file_exists(*path) ||
         FAIL(st, "%s: its revision is not in the hub's cache (no %s)", model, *path);
}
