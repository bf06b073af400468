/* find_zip: what a zip archive is: NumPy's (.npz), each array a .npy file, or torch.save's. */
#include <string.h>

#include "base/name.h"
#include "source/dump/parts.h"

static bool find_npz(Found *found, const DumpFile *file, const ZipList *list, Status *st) {
  for (int i = 0; i < list->count; i++) {
    const char *name = list->member[i].name;
    if (!text_ends(name, ".npy")) {
      found_pass(found, file, name, "is no .npy file");
      continue;
    }
    const char *stem = arena_printf(found->arena, "%.*s", (int)strlen(name) - 4, name),
               *path = arena_printf(found->arena, "%s/%s", file->path, name);
    TRY(find_npy_in(found, &list->member[i].blob, stem, path, st));
  }
  return true;
}

/* The one nearest to the root. */
static const ZipMember *pickle_of(const ZipList *list) {
  const ZipMember *found = NULL;
  for (int i = 0; i < list->count; i++) {
    const char *name = list->member[i].name;
    if (strcmp(name, TORCH_PICKLE) != 0 && !text_ends(name, "/" TORCH_PICKLE)) continue;
    if (!found || strlen(name) < strlen(found->name)) found = &list->member[i];
  }
  return found;
}

static bool holds_npy(const ZipList *list) {
  for (int i = 0; i < list->count; i++)
    if (text_ends(list->member[i].name, ".npy")) return true;
  return false;
}

bool find_zip(Found *found, const DumpFile *file, Status *st) {
  ZipList list;
  TRY(zip_members(found->arena, file, &list, st));
  const ZipMember *pickle = pickle_of(&list);
  if (pickle) return find_torch(found, file, &list, pickle, st);
  if (holds_npy(&list)) return find_npz(found, file, &list, st);
  return found_other(found, file, st,
                     "is a zip archive without arrays, neither NumPy's nor torch.save's");
}
