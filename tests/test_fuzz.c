/* The seeds of every target, and every input that once was a finding, through the functions that
 * `make check-fuzz` mutates inputs for: none ends the process. A seed whose name begins with "good"
 * is accepted, and so reaches all that is behind its parser. */
#include <dirent.h>

#include "fuzz/fuzz.h"
#include "model_files.h"

TestSuite(fuzz, .init = test_files_begin, .fini = test_files_end);

static int run_folder(const Fuzzed *target, const char *folder, const char *end) {
  struct dirent **entry;
  const int entries = scandir(folder, &entry, NULL, alphasort);
  int files = 0;
  cr_assert(entries > 0, "%s: no seeds", folder);
  for (int i = 0; i < entries; i++) {
    Bytes bytes;
    Status st = {0};
    const char *path = arena_printf(&test_arena, "%s/%s", folder, entry[i]->d_name);
    const size_t length = strlen(entry[i]->d_name);
    const bool good = !strncmp(entry[i]->d_name, "good", 4),
               other = entry[i]->d_name[0] == '.' || length < strlen(end) ||
                       strcmp(entry[i]->d_name + length - strlen(end), end) != 0;
    free(entry[i]);
    if (other) continue;
    cr_assert(file_read(&test_arena, path, (size_t)1 << 20, &bytes, &st), "%s", st.text);
    fprintf(stderr, "%s\n", path); /* shown where the target ends the process */
    const bool accepted = target->run((const uint8_t *)bytes.data, bytes.count);
    cr_expect(accepted || !good, "%s: is refused", path);
    files++;
  }
  free(entry);
  return files;
}

Test(fuzz, seeds_and_past_findings_are_read_or_refused) {
  for (const Fuzzed *target = fuzz_targets; target->name; target++) {
    const char *folder = arena_printf(&test_arena, "tests/fuzz/seeds/%s", target->name);
    cr_expect(target->made || run_folder(target, folder, "") > 0, "%s: no seeds", folder);
    if (!target->made) continue;
    const Bytes made = target->made(&test_arena);
    cr_expect(target->run((const uint8_t *)made.data, made.count), "%s: refuses what is written",
              target->name);
  }
  cr_expect(run_folder(fuzz_find("spec"), "experiments", ".yaml") > 5);
}
