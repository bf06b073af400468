/* find_zip: what a zip archive holds: NumPy's arrays (.npz), each a .npy file. */
#include <string.h>

#include "source/dump/parts.h"

static bool ends(const char *name, const char *end) {
  const size_t n = strlen(name), m = strlen(end);
  return n >= m && !strcmp(name + n - m, end);
}

static bool find_npz(Found *found, const DumpFile *file, const ZipMember *member, int members,
                     Status *st) {
  for (int i = 0; i < members; i++) {
    const char *name = member[i].name;
    if (!ends(name, ".npy")) {
      found_pass(found, file, name, "is no .npy file");
      continue;
    }
    const char *stem = arena_printf(found->arena, "%.*s", (int)strlen(name) - 4, name),
               *path = arena_printf(found->arena, "%s/%s", file->path, name);
    TRY(find_npy_in(found, &member[i].blob, stem, path, st));
  }
  return true;
}

bool find_zip(Found *found, const DumpFile *file, Status *st) {
  ZipMember *member;
  int members;
  TRY(zip_members(found->arena, file, &member, &members, st));
  return find_npz(found, file, member, members, st);
}
