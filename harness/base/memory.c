#include "base/memory.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/process.h"

/* --- what the system and its control groups leave --------------------------------------------- */

static size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

static FILE *open_under(const char *root, const char *folder, const char *name) {
  char path[PATH_MAX];
  const int length = snprintf(path, sizeof path, "%s/%s/%s", root, folder, name);
  return length > 0 && length < PATH_MAX ? fopen(path, "re") : NULL;
}

/* The number behind `key` and white space at the start of a line; behind none where key is "".
 * False where there is none: no such file or line, "max". */
static bool read_number(const char *root, const char *folder, const char *name, const char *key,
                        size_t *value) {
  FILE *file = open_under(root, folder, name);
  char line[512];
  bool found = false;
  const size_t n = strlen(key);
  while (file && !found && fgets(line, sizeof line, file)) {
    const char *number = line + n + strspn(line + (strncmp(line, key, n) ? 0 : n), " \t:");
    if (strncmp(line, key, n) || *number < '0' || *number > '9') continue;
    *value = (size_t)strtoull(number, NULL, 10);
    found = true;
  }
  if (file) fclose(file);
  return found;
}

/* How one version of control groups names things. */
typedef struct Version {
  const char *mount, *limit[2], *used, *reclaimable;
} Version;

static const Version unified = {
    "sys/fs/cgroup", {"memory.max", "memory.high"}, "memory.current", "inactive_file"};
static const Version legacy = {"sys/fs/cgroup/memory",
                               {"memory.limit_in_bytes", NULL},
                               "memory.usage_in_bytes",
                               "total_inactive_file"};

/* What one group has left. */
static size_t left_of_group(const char *root, const char *folder, const Version *v) {
  size_t limit = SIZE_MAX, used = 0, reclaimable = 0, value;
  for (int i = 0; i < 2 && v->limit[i]; i++)
    if (read_number(root, folder, v->limit[i], "", &value)) limit = smaller(limit, value);
  if (limit == SIZE_MAX || !read_number(root, folder, v->used, "", &used)) return limit;
  if (read_number(root, folder, "memory.stat", v->reclaimable, &reclaimable))
    used -= smaller(used, reclaimable);
  return limit - smaller(limit, used);
}

/* The least of a group and all above it. Where the path belongs to a world outside of this
 * container, the last step is the container's own group all the same. */
static size_t left_of_groups(const char *root, const char *path, const Version *v) {
  char folder[PATH_MAX];
  size_t left = SIZE_MAX;
  if (strstr(path, "..") || strlen(v->mount) + strlen(path) >= sizeof folder) path = "";
  snprintf(folder, sizeof folder, "%s%s", v->mount, path);
  for (;;) {
    left = smaller(left, left_of_group(root, folder, v));
    char *slash = strrchr(folder, '/');
    if (strlen(folder) <= strlen(v->mount) || !slash) return left;
    *slash = 0;
  }
}

/* Whether "memory" is one of the names in "cpu,memory". */
static bool has_memory(const char *controllers, size_t length) {
  const char *word = "memory";
  for (const char *c = controllers; c + strlen(word) <= controllers + length; c++)
    if (!strncmp(c, word, strlen(word)) && (c == controllers || c[-1] == ',') &&
        (c + strlen(word) == controllers + length || c[strlen(word)] == ','))
      return true;
  return false;
}

/* Lines "0::/path" of version 2, "4:cpu,memory:/path" of version 1. */
static size_t left_of_all_groups(const char *root) {
  size_t left = smaller(left_of_groups(root, "", &unified), left_of_groups(root, "", &legacy));
  FILE *file = open_under(root, "proc/self", "cgroup");
  char line[PATH_MAX];
  while (file && fgets(line, sizeof line, file)) {
    char *names = strchr(line, ':'), *path = names ? strchr(names + 1, ':') : NULL;
    if (!path) continue;
    path++;
    path[strcspn(path, "\n")] = 0;
    const size_t length = (size_t)(path - names) - 2;
    if (length == 0) left = smaller(left, left_of_groups(root, path, &unified));
    if (has_memory(names + 1, length)) left = smaller(left, left_of_groups(root, path, &legacy));
  }
  if (file) fclose(file);
  return left;
}

size_t memory_free(const char *root, size_t reserved) {
  size_t available = 0;
  const size_t kilobyte = 1024;
  const bool known = read_number(root, "proc", "meminfo", "MemAvailable", &available);
  const size_t system = known ? available * kilobyte : SIZE_MAX, room = process_room();
  const size_t own = reserved < SIZE_MAX - room ? room + reserved : SIZE_MAX;
  return smaller(smaller(system, left_of_all_groups(root)), own);
}

/* --- sizes as text ---------------------------------------------------------------------------- */

typedef struct Unit {
  const char *name;
  int64_t bytes;
} Unit;

/* The largest first. */
static const Unit units[] = {{"TiB", (int64_t)1 << 40},
                             {"TB", 1000000000000},
                             {"GiB", (int64_t)1 << 30},
                             {"GB", 1000000000},
                             {"MiB", (int64_t)1 << 20},
                             {"MB", 1000000},
                             {"KiB", (int64_t)1 << 10},
                             {"kB", 1000},
                             {"B", 1}};
enum { UNITS = sizeof units / sizeof *units };

bool memory_size(const char *text, int64_t *bytes) {
  const char *digits = "0123456789";
  const size_t whole = strspn(text, digits), point = text[whole] == '.';
  const size_t fraction = point ? strspn(text + whole + 1, digits) : 0;
  const char *unit = text + whole + point + fraction;
  if (!whole || whole > 18 || (point && !fraction) || fraction > 18) return false;
  if (*unit == ' ' && unit[1]) unit++;
  int64_t factor = *unit ? 0 : 1;
  for (int i = 0; i < UNITS && *unit; i++)
    if (!strcmp(unit, units[i].name)) factor = units[i].bytes;
  if (!factor || (point && factor == 1)) return false;
  const int64_t count = strtoll(text, NULL, 10), room = INT64_MAX - (point ? factor : 0);
  if (count > room / factor) return false;
  /* Below one unit a double is exact to less than a byte. */
  *bytes =
      count * factor + (point ? (int64_t)(strtod(text + whole, NULL) * (double)factor + 0.5) : 0);
  return true;
}

const char *memory_size_text(int64_t bytes, char text[MEMORY_SIZE_TEXT]) {
  int i = 0;
  while (bytes % units[i].bytes) i++;
  if (bytes == 0 || units[i].bytes == 1)
    snprintf(text, MEMORY_SIZE_TEXT, "%" PRId64, bytes);
  else
    snprintf(text, MEMORY_SIZE_TEXT, "%" PRId64 " %s", bytes / units[i].bytes, units[i].name);
  return text;
}
