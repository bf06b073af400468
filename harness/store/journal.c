/* journal: the folder NAME.h5.parts, its lock, run.json, and what of a run is already there. */
#include <dirent.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/file.h"
#include "base/folder.h"
#include "base/name.h"
#include "store/parts.h"

/* ---- run.json ---- */

static bool key_path(const char *folder, char path[PATH_BYTES], Status *st) {
  return snprintf(path, PATH_BYTES, "%s/run.json", folder) < PATH_BYTES - 8 ||
         FAIL(st, "%.100s…: the path is too long", folder);
}

/* What the journal belongs to can't be told: what to do about it. */
#define BEGIN_ANEW "; the file is damaged: --fresh begins anew"

bool parts_read_key(const char *folder, RunKey *key, bool *found, Status *st) {
  char path[PATH_BYTES];
  TRY(key_path(folder, path, st));
  *found = file_exists(path);
  if (!*found) return true;
  json_error_t error;
  json_t *root = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
  if (!root) return FAIL(st, "%s: line %d: %s" BEGIN_ANEW, path, error.line, error.text);
  Digest digests[RUN_KEYS];
  bool ok = true;
  for (int i = 0; i < RUN_KEYS && ok; i++) {
    const char *hex = json_string_value(json_object_get(root, run_key_names[i]));
    if (hex && strlen(hex) == sizeof(Digest) - 1)
      memcpy(digests[i].hex, hex, sizeof(Digest));
    else
      ok = FAIL(st, "%s: '%s' is not a digest of 32 digits" BEGIN_ANEW, path, run_key_names[i]);
  }
  json_decref(root);
  if (ok) memcpy(key, digests, sizeof digests);
  return ok;
}

static bool write_key(const Journal *journal, const RunKey *key, Status *st) {
  char path[PATH_BYTES], text[512];
  TRY(key_path(journal->folder, path, st));
  int length =
      snprintf(text, sizeof text,
               "{\n  \"spec\": \"%s\",\n  \"weights\": \"%s\",\n  \"text\": \"%s\",\n  \"program\": \"%s\"\n}\n",
               key->spec.hex, key->weights.hex, key->text.hex, key->program.hex);
  TRY(file_write(path, text, (size_t)length, journal->sync, st));
  return !journal->sync || file_sync_folder(journal->folder, st);
}

/* ---- the folder's files ---- */

static const char plain_letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";

/* A prompt's name as part of a file's name: what is no plain letter as %XX, byte by byte. */
static void file_part(const char *name, char part[3 * NAME_BYTES_MAX + 1]) {
  for (; *name; name++) part += sprintf(part, strchr(plain_letters, *name) ? "%c" : "%%%02X", (unsigned char)*name);
  *part = 0;
}

bool parts_segment_path(const Journal *journal, int prompt, int layer, char path[PATH_BYTES], Status *st) {
  char part[3 * NAME_BYTES_MAX + 1];
  file_part(journal->shape.prompt[prompt].name, part);
  int length = snprintf(path, PATH_BYTES, "%s/%s.layer_%02d.h5", journal->folder, part, layer);
  return length < PATH_BYTES - 8 || FAIL(st, "%.100s…: the path is too long", journal->folder);
}

static bool is_temporary(const char *name) {
  size_t length = strlen(name);
  return length > 4 && !strcmp(name + length - 4, ".tmp");
}

static bool is_segment(const char *name) {
  const char *dot = strchr(name, '.');
  if (!dot || dot == name || dot - name > 3 * NAME_BYTES_MAX) return false;
  for (const char *c = name; c < dot; c++)
    if (*c != '%' && !strchr(plain_letters, *c)) return false;
  if (strncmp(dot, ".layer_", 7)) return false;
  size_t digits = strspn(dot + 7, "0123456789");
  return digits >= 2 && !strcmp(dot + 7 + digits, ".h5");
}

static void remove_matching(const char *folder, bool (*matches)(const char *name)) {
  DIR *list = opendir(folder);
  if (!list) return;
  for (struct dirent *entry; (entry = readdir(list));)
    if (matches(entry->d_name)) unlinkat(dirfd(list), entry->d_name, 0);
  closedir(list);
}

void parts_remove(const char *folder) {
  char path[PATH_BYTES];
  Status ignored = {0};
  remove_matching(folder, is_segment);
  remove_matching(folder, is_temporary);
  if (key_path(folder, path, &ignored)) unlink(path);
  rmdir(folder); /* stays where someone put another file into it */
}

/* ---- lock, opening, closing ---- */

/* Whether an unfinished run stands there; one of another key is an error. */
static bool find_unfinished(const char *folder, const RunKey *key, bool *found, Status *st) {
  RunKey there = {0};
  TRY(parts_read_key(folder, &there, found, st));
  const char *differs = *found ? run_key_difference(&there, key) : NULL;
  return !differs || FAIL(st, "%s: holds an unfinished run with other %s; --fresh begins anew", folder, differs);
}

/* What an earlier run left: gone on with, refused, or removed. Segments without run.json come from a run that was being
 * removed. */
static bool settle(const Journal *journal, const RunKey *key, bool fresh, Status *st) {
  char path[PATH_BYTES];
  bool found = false;
  if (access(journal->folder, W_OK | X_OK) != 0)
    return FAIL(st, "%s: cannot be written to: %s", journal->folder, strerror(errno));
  remove_matching(journal->folder, is_temporary);
  TRY(key_path(journal->folder, path, st));
  if (fresh)
    unlink(path);
  else
    TRY(find_unfinished(journal->folder, key, &found, st));
  if (found) return true;
  remove_matching(journal->folder, is_segment);
  TRY(!journal->sync || file_sync_folder(journal->folder, st));
  return write_key(journal, key, st);
}

bool journal_open(Arena *arena, const char *results, const RunKey *key, const JournalShape *shape, bool fresh,
                  bool sync, int deflate, Journal *journal, Status *st) {
  *journal = (Journal){.results = results, .lock = -1, .sync = sync, .deflate = deflate, .shape = *shape};
  journal->folder = arena_printf(arena, "%s.parts", results);
  for (int i = 0; i < shape->prompts; i++)
    if (!name_valid(shape->prompt[i].name))
      return FAIL(st, "%s: the prompt name '%.100s' cannot be a file's name", results, shape->prompt[i].name);
  TRY(folder_lock(journal->folder, true, &journal->lock, st));
  if (settle(journal, key, fresh, st)) {
    unlink(arena_printf(arena, "%s.partial", results)); /* a joined file that was not finished */
    return true;
  }
  journal_close(journal);
  return false;
}

void journal_close(Journal *journal) { folder_unlock(&journal->lock); }

void journal_discard(Arena scratch, const char *results, const RunKey *key) {
  Status ignored = {0};
  RunKey there = {0};
  bool found = false;
  const char *folder = arena_printf(&scratch, "%s.parts", results);
  int lock = -1;
  if (file_exists(folder) && folder_lock(folder, true, &lock, &ignored) &&
      parts_read_key(folder, &there, &found, &ignored) && (!found || !run_key_difference(&there, key)))
    parts_remove(folder);
  folder_unlock(&lock);
}

/* ---- what is there ---- */

static uint64_t file_bytes(int folder, const char *name) {
  struct stat info;
  return fstatat(folder, name, &info, AT_SYMLINK_NOFOLLOW) == 0 ? (uint64_t)info.st_size : 0;
}

bool journal_standing(const char *results, const RunKey *key, bool fresh, uint64_t *bytes, Arena scratch, Status *st) {
  const char *folder = arena_printf(&scratch, "%s.parts", results);
  bool found = false;
  *bytes = file_bytes(AT_FDCWD, arena_printf(&scratch, "%s.partial", results));
  if (!fresh) TRY(find_unfinished(folder, key, &found, st));
  DIR *list = opendir(folder);
  if (!list) return true;
  for (struct dirent *entry; (entry = readdir(list));)
    if (is_segment(entry->d_name) || is_temporary(entry->d_name)) *bytes += file_bytes(dirfd(list), entry->d_name);
  closedir(list);
  return true;
}

bool parts_open(const Journal *journal, int prompt, int layer, char path[PATH_BYTES], hid_t *file, Status *st) {
  Status reason = {0}, *why = &reason;
  *file = -1;
  TRY(parts_segment_path(journal, prompt, layer, path, st));
  if (!file_exists(path)) return FAIL(st, "%s: is missing", path);
  return H5(*file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT)) || FAIL(st, "%s: cannot be read: %s", path, why->text);
}

/* Every dataset that may stand under this name: absent, or there with the digest it was written with. */
static bool tensor_holds(hid_t group, const char *name, Arena scratch, Status *why) {
  Tensor t;
  Digest digest;
  int there = h5_has(group, name, why);
  return there == 0 || (there > 0 && h5_get_tensor(&scratch, group, name, &t, &digest, why));
}

static bool rows_hold(hid_t group, const Table *table, Arena scratch, Status *why) {
  void *rows;
  size_t count;
  int there = h5_has(group, table->name, why);
  return there == 0 || (there > 0 && h5_get_rows(&scratch, group, table, &rows, &count, why));
}

static bool segment_holds(const JournalShape *shape, hid_t file, Arena scratch, Status *why) {
  hid_t modes = -1, streams = -1, rows = -1;
  bool ok = h5_open_group(file, "modes", &modes, why) && h5_open_group(file, "streams", &streams, why) &&
            h5_open_group(file, "tables", &rows, why);
  for (int m = 0; ok && m < shape->modes; m++) {
    hid_t mode = -1;
    ok = tensor_holds(streams, shape->mode[m], scratch, why) && h5_open_group(modes, shape->mode[m], &mode, why);
    for (int id = 0; ok && id < T_COUNT; id++) ok = tensor_holds(mode, tensor_info[id].name, scratch, why);
    ok = h5_close(mode, why) && ok;
  }
  for (int i = 0; ok && tables[i]; i++) ok = rows_hold(rows, tables[i], scratch, why);
  ok = h5_close(modes, why) && ok;
  ok = h5_close(streams, why) && ok;
  return h5_close(rows, why) && ok;
}

int journal_layers_done(const Journal *journal, int prompt, Arena scratch) {
  int layer = 0;
  for (; layer < journal->shape.layers; layer++) {
    char path[PATH_BYTES];
    hid_t file;
    Status why = {0};
    bool ok =
        parts_open(journal, prompt, layer, path, &file, &why) && segment_holds(&journal->shape, file, scratch, &why);
    h5_close(file, &why);
    if (ok) continue;
    unlink(path);
    break;
  }
  return layer;
}

/* ---- writing: room on disk, messages ---- */

uint64_t store_bytes_free(const char *path) {
  char folder[PATH_BYTES];
  const char *slash = strrchr(path, '/');
  snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path) + 1 : 1, slash ? path : ".");
  struct statvfs disk;
  return statvfs(folder, &disk) == 0 ? (uint64_t)disk.f_bavail * disk.f_frsize : 0;
}

bool store_write_failed(const char *path, const char *object, size_t bytes, const Status *why, Status *st) {
  char wanted[48] = "";
  if (strstr(why->text, LOCKING_VARIABLE)) return FAIL(st, "%s: cannot be opened: %s", path, why->text);
  if (bytes) snprintf(wanted, sizeof wanted, " of %zu bytes", bytes);
  return FAIL(st, "%s: cannot be written: %s (%s%s, %llu bytes free)", path, why->text, object, wanted,
              (unsigned long long)store_bytes_free(path));
}

bool store_sync_file(const char *path, Status *st) {
  int descriptor = open(path, O_RDONLY | O_CLOEXEC);
  bool ok = descriptor >= 0 && fsync(descriptor) == 0;
  int error = errno;
  if (descriptor >= 0) close(descriptor);
  return ok || FAIL(st, "%s: cannot be synchronised to disk: %s", path, strerror(error));
}
