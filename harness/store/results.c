/* results: a results file opened, and what is asked of it: texts of its root, rows, its key; or of
 * what this process has of a file that need not stand yet. Tensors are in read_tensor.c. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/name.h"
#include "measure/tables.h"
#include "store/hdf5.h"
#include "store/results_walk.h"

enum { ROOT_TEXT = (1 << 22) + 1, OBJECT_TEXT = 1024 };

static int tables_known(void) {
  int count = 0;
  while (tables[count]) count++;
  return count;
}

/* Texts as they would be read back: a long one may have been cut within a character. */
static void make_plain(const TableRows *of) {
  const Table *table = of->table;
  for (int c = 0; c < table->columns; c++)
    for (size_t i = 0; table->column[c].type == COLUMN_TEXT && i < of->count; i++)
      text_make_plain((char *)(uintptr_t)of->rows + i * table->row_size + table->column[c].offset,
                      "");
}

static void keep_own(const OwnTables *own, TableRows *kept) {
  for (int i = 0; tables[i]; i++)
    for (int k = 0; k < own->count; k++)
      if (own->rows[k].table == tables[i]) kept[i] = own->rows[k], make_plain(&kept[i]);
}

static bool open_results(Arena *keep, const char *path, const OwnTables *own, Results *results,
                         Arena scratch, Status *st) {
  struct stat info;
  Status reason = {0}, *why = &reason;
  *results = (Results){.path = path, .file = -1};
  if (keep) results->kept = ARENA_NEW(keep, TableRows, tables_known());
  if (own) keep_own(own, results->kept);
  if (own && own->count) return results->own = own, true;
  if (stat(path, &info) != 0) return FAIL(st, "%s: cannot be opened: %s", path, strerror(errno));
  if (!S_ISREG(info.st_mode)) return FAIL(st, "%s: is not a regular file", path);
  if (!h5_start(why)) return FAIL(st, "%s: cannot be opened: %s", path, why->text);
  if (H5Fis_hdf5(path) == 0) return FAIL(st, "%s: is not an HDF5 file", path);
  if (!H5(results->file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT)))
    return FAIL(st, "%s: cannot be opened: %s", path, why->text);
  if (results_walk(results, (uint64_t)info.st_size, keep, own != NULL, scratch, st)) return true;
  results_close(results);
  return false;
}

bool results_open(const char *path, Results *results, Arena scratch, Status *st) {
  return open_results(NULL, path, NULL, results, scratch, st);
}

bool results_take(Arena *arena, const char *path, const OwnTables *own, Results *results,
                  Status *st) {
  return open_results(arena, path, own, results, *arena, st);
}

void results_close(Results *results) {
  Status ignored = {0};
  if (results->file >= 0) h5_close(results->file, &ignored);
  results->file = -1;
}

/* As it would be read back. */
static const char *own_text(Arena *arena, const OwnTables *own, const char *name) {
  for (int i = 0; i < own->attributes; i++) {
    const Attribute *a = &own->attribute[i];
    if (strcmp(a->name, name)) continue;
    if (!a->text) return arena_printf(arena, "%.17g", a->number);
    char *text = arena_printf(arena, "%s", a->text);
    return text_make_plain(text, "\n\r\t"), text;
  }
  for (int i = 0; i < RUN_KEYS; i++)
    if (!strcmp(arena_printf(arena, "%s_digest", run_key_names[i]), name))
      return run_key_digest(own->key, i)->hex;
  return NULL;
}

/* A text, or a number as text. */
static bool get_attribute(Arena *arena, hid_t file, const char *name, const char **text,
                          Status *why) {
  Status not_number = {0};
  double number;
  if (!h5_get_scalar(file, name, H5T_IEEE_F64LE, &number, &not_number))
    return h5_get_text(arena, file, name, ROOT_TEXT, text, why);
  *text = arena_printf(arena, "%.17g", number);
  return true;
}

bool results_text(Arena *arena, const Results *results, const char *name, const char **text,
                  Status *st) {
  Status why = {0};
  *text = NULL;
  if (results->own) return *text = own_text(arena, results->own, name), true;
  htri_t there = H5Aexists(results->file, name);
  if (there == 0) return true;
  return (h5_ok(there > 0, &why) && get_attribute(arena, results->file, name, text, &why)) ||
         FAIL(st, "%s: /: %s", results->path, why.text);
}

bool results_columns(const Results *results, const Table *table, bool *there, Status *st) {
  Status why = {0};
  hid_t group = -1;
  bool ok = h5_open_group(results->file, "tables", &group, &why) &&
            h5_get_columns(group, table, there, &why);
  h5_close(group, &why);
  return ok || FAIL(st, "%s: tables/%s: %s", results->path, table->name, why.text);
}

bool results_rows(Arena *arena, const Results *results, const Table *table, void **rows,
                  size_t *count, Status *st) {
  Status why = {0};
  bool unproved; /* counted before */
  hid_t group = -1;
  *rows = NULL;
  *count = 0;
  for (int i = 0; results->kept && tables[i]; i++)
    if (results->kept[i].table == table)
      return *rows = (void *)results->kept[i].rows, *count = results->kept[i].count, true;
  int there = h5_has(results->file, "tables", &why);
  if (there == 0) return true;
  bool ok = there > 0 && h5_open_group(results->file, "tables", &group, &why);
  there = ok ? h5_has(group, table->name, &why) : -1;
  ok = there == 0 || (there > 0 && h5_get_rows(arena, group, table, rows, count, &unproved, &why));
  h5_close(group, &why);
  return ok || FAIL(st, "%s: tables/%s: %s", results->path, table->name, why.text);
}

bool results_key(const Results *results, RunKey *key, Status *st) {
  Digest digests[RUN_KEYS];
  for (int i = 0; i < RUN_KEYS; i++) {
    char name[32], buffer[OBJECT_TEXT];
    Arena small = {.next = buffer, .end = buffer + sizeof buffer, .base = buffer};
    Status why = {0};
    const char *hex;
    snprintf(name, sizeof name, "%s_digest", run_key_names[i]);
    if (!h5_get_text(&small, results->file, name, sizeof(Digest), &hex, &why))
      return FAIL(st, "%s: %s", results->path, why.text);
    if (strlen(hex) != sizeof(Digest) - 1)
      return FAIL(st, "%s: attribute '%s' is not a digest", results->path, name);
    memcpy(digests[i].hex, hex, sizeof(Digest));
  }
  memcpy(key, digests, sizeof digests);
  return true;
}

bool results_key_of(const char *path, RunKey *key, Arena scratch, Status *st) {
  Results results;
  TRY(results_open(path, &results, scratch, st));
  bool ok = results_key(&results, key, st);
  results_close(&results);
  return ok;
}

/* The root's groups are named behind HDF5's signature, and its attributes at the end, where a file
 * that was cut short has none. Who wrote the file anew may have put them anywhere. */
bool results_are_ours(Bytes file) {
  const Bytes head = bytes_first(file, 1 << 10);
  if (!bytes_begin(file, "\x89HDF\r\n\x1a\n")) return file.count == 0;
  return (bytes_hold(head, "prompts") && bytes_hold(head, "tables")) ||
         bytes_hold(file, "spec_digest");
}
