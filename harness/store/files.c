/* files: the journal's folder. A file's last bytes, its seal, are the digest of the run, its name
 * and all before them: what is damaged, cut short, another run's or lies under another name is not
 * read. Only files with names of ours are ever removed. */
#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/folder.h"
#include "store/state.h"

#define RUN_JSON "run.json"
enum { RUN_BYTES = 1 << 16 }; /* far more than any run.json has */
#define TEMPORARY ".tmp"
#define NOTE_BEGIN "study."
#define NOTE_END ".note"

/* --- names ------------------------------------------------------------------------------------ */

static const char plain_letters[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";

/* A prompt's name as part of a file's name: what is no plain letter as %XX, byte by byte. */
void part_layer_name(const Store *store, int prompt, int layer, const char *kind,
                     char name[PART_NAME]) {
  char part[3 * NAME_BYTES_MAX + 1], *end = part;
  for (const char *c = store->shape->prompt[prompt].name; *c; c++)
    end += sprintf(end, strchr(plain_letters, *c) ? "%c" : "%%%02X", (unsigned char)*c);
  *end = 0;
  snprintf(name, PART_NAME, "%s.layer_%02d.%s", part, layer, kind);
}

void part_note_name(const char *note, char name[PART_NAME]) {
  int length = snprintf(name, PART_NAME, NOTE_BEGIN "%s" NOTE_END, note);
  assert(length < PART_NAME && part_is_own(name) && "letters, digits, '_', '-' and dots");
  (void)length;
}

/* study.NAME.note */
static bool is_note(const char *name, size_t length) {
  const size_t begin = strlen(NOTE_BEGIN), end = strlen(NOTE_END);
  if (length <= begin + end || memcmp(name, NOTE_BEGIN, begin) != 0) return false;
  for (const char *c = name; c < name + length; c++)
    if (!strchr(plain_letters, *c) && *c != '.') return false;
  return !memcmp(name + length - end, NOTE_END, end);
}

const char *part_note_of(Arena *arena, const char *name) {
  const size_t length = strlen(name), begin = strlen(NOTE_BEGIN), end = strlen(NOTE_END);
  if (!is_note(name, length)) return NULL;
  return arena_printf(arena, "%.*s", (int)(length - begin - end), name + begin);
}

/* PROMPT.layer_NN.kind; h5: the segments of the first version, which --fresh must find. */
static bool is_layer_part(const char *name, size_t length) {
  static const char *const kinds[] = {".entry", ".streams", ".h5"};
  static const char layer[] = ".layer_";
  const char *dot = memchr(name, '.', length), *end = name + length;
  if (!dot || dot == name || dot - name > 3 * NAME_BYTES_MAX) return false;
  for (const char *c = name; c < dot; c++)
    if (*c != '%' && !strchr(plain_letters, *c)) return false;
  if (strncmp(dot, layer, strlen(layer)) != 0) return false;
  const char *at = dot + strlen(layer);
  const size_t digits = strspn(at, "0123456789");
  at += digits;
  for (size_t i = 0; digits >= 2 && at < end && i < sizeof kinds / sizeof *kinds; i++)
    if ((size_t)(end - at) == strlen(kinds[i]) && !memcmp(at, kinds[i], strlen(kinds[i])))
      return true;
  return false;
}

static bool is_one(const char *name, size_t length, const char *what) {
  return length == strlen(what) && !memcmp(name, what, length);
}

static bool is_own(const char *name, size_t length) {
  return is_one(name, length, STRUCTURE_NAME) || is_note(name, length) ||
         is_layer_part(name, length);
}

bool part_is_own(const char *name) { return is_own(name, strlen(name)); }

static bool is_temporary(const char *name) {
  size_t length = strlen(name), end = strlen(TEMPORARY);
  return length > end && !strcmp(name + length - end, TEMPORARY) &&
         (is_own(name, length - end) || is_one(name, length - end, RUN_JSON));
}

/* --- removing --------------------------------------------------------------------------------- */

void part_each(int folder, void (*visit)(int folder, const char *name, void *data), void *data) {
  int again = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *list = again < 0 ? NULL : fdopendir(again);
  if (!list && again >= 0) close(again);
  if (!list) return;
  for (struct dirent *entry; (entry = readdir(list));) visit(folder, entry->d_name, data);
  closedir(list);
}

/* An empty folder under a name of ours is in the way like a file. */
static void remove_one(int folder, const char *name) {
  if (unlinkat(folder, name, 0) != 0 && (errno == EISDIR || errno == EPERM))
    unlinkat(folder, name, AT_REMOVEDIR);
}

static void remove_own(int folder, const char *name, void *data) {
  bool own = *(const bool *)data;
  if (is_temporary(name) || (own && part_is_own(name))) remove_one(folder, name);
}

void part_remove_temporary(int folder) { part_each(folder, remove_own, &(bool){false}); }

void part_remove_all(int folder) {
  remove_one(folder, RUN_JSON); /* first: what is left without it is nobody's */
  part_each(folder, remove_own, &(bool){true});
}

void part_remove(const Store *store, const char *name) { unlinkat(store->lock, name, 0); }

/* --- writing ---------------------------------------------------------------------------------- */

static bool write_failed(Store *store, const char *name, size_t bytes, Status *st) {
  char path[PATH_MAX];
  int error = errno;
  snprintf(path, sizeof path, "%.3000s/%s", store->folder, name);
  errno = error;
  return writer_failed(store, path, "the file itself", bytes, st);
}

/* Whole under a temporary name, then under its own. */
static bool write_whole(Store *store, const char *name, const void *bytes, size_t count,
                        Status *st) {
  char temporary[PART_NAME + sizeof TEMPORARY];
  snprintf(temporary, sizeof temporary, "%s" TEMPORARY, name);
  unlinkat(store->lock, temporary, 0);
  int fd = openat(store->lock, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  bool ok = fd >= 0 && write_at(fd, bytes, count, 0) && (!store->sync || fsync(fd) == 0);
  int error = errno;
  if (fd >= 0 && close(fd) != 0 && ok) ok = false, error = errno;
  if (ok && renameat(store->lock, temporary, store->lock, name) != 0) ok = false, error = errno;
  if (ok && store->sync && fsync(store->lock) != 0) ok = false, error = errno;
  if (ok) return store->written.bytes += (int64_t)count, true;
  if (fd >= 0) unlinkat(store->lock, temporary, 0);
  errno = error;
  return write_failed(store, name, count, st);
}

/* Of the run too: a file that another run left is not this one's. */
static Digest seal_of(const Store *store, const char *name, const void *bytes, size_t count) {
  const Digest all[] = {digest_of(&store->key, sizeof store->key), digest_of(name, strlen(name)),
                        digest_of(bytes, count)};
  return digest_join(all, 3);
}

bool part_write(Store *store, const char *name, char *image, size_t bytes, Status *st) {
  Digest seal = seal_of(store, name, image, bytes);
  memcpy(image + bytes, &seal, PART_SEAL);
  return write_whole(store, name, image, bytes + PART_SEAL, st);
}

/* --- reading ---------------------------------------------------------------------------------- */

/* The whole file, with a NUL behind it; errno where it cannot be read. */
static bool read_whole(Arena *arena, int folder, const char *name, Bytes *content, Status *why) {
  struct stat info;
  int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  bool ok = fd >= 0 && fstat(fd, &info) == 0;
  if (!ok) status_set(why, "%s", strerror(errno));
  if (ok && !S_ISREG(info.st_mode)) ok = FAIL(why, "is not a regular file");
  if (ok && info.st_size >= arena->end - arena->next - 4096)
    ok = FAIL(why, "has %lld bytes, more than the memory there is for it", (long long)info.st_size);
  if (ok) {
    char *data = arena_room(arena, (size_t)info.st_size + 1, 1);
    data[info.st_size] = 0;
    *content = (Bytes){data, (size_t)info.st_size};
    ok = read_at(fd, data, content->count, 0) || FAIL(why, "%s", strerror(errno));
  }
  if (fd >= 0) close(fd);
  return ok;
}

bool part_read(Arena *arena, const Store *store, const char *name, Bytes *body, Status *why) {
  TRY(read_whole(arena, store->lock, name, body, why));
  if (body->count < PART_SEAL) return FAIL(why, "is too short to be whole");
  body->count -= PART_SEAL;
  Digest seal = seal_of(store, name, body->data, body->count);
  return !memcmp(body->data + body->count, &seal, PART_SEAL) ||
         FAIL(why, "its digest differs: it has changed since it was written");
}

/* --- run.json --------------------------------------------------------------------------------- */

/* What the journal belongs to can't be told: what to do about it. */
#define BEGIN_ANEW "; the file is damaged: `run` with --fresh begins anew"

static bool get_digest(const json_t *root, const char *name, const char *folder, Digest *digest,
                       Status *st) {
  const char *hex = json_string_value(json_object_get(root, name));
  if (!hex || strlen(hex) != sizeof digest->hex - 1)
    return FAIL(st, "%s/" RUN_JSON ": '%s' is not a digest of 32 digits" BEGIN_ANEW, folder, name);
  memcpy(digest->hex, hex, sizeof digest->hex);
  return true;
}

static bool get_key(const json_t *root, const char *folder, RunKey *key, Status *st) {
  Digest digest[RUN_KEYS];
  for (int i = 0; i < RUN_KEYS; i++)
    TRY(get_digest(root, run_key_names[i], folder, &digest[i], st));
  memcpy(key, digest, sizeof *key);
  return true;
}

/* The structure's digest stands behind the key, and a run of another key may have none: it is
 * looked at last. */
static bool get_run(const json_t *root, const char *folder, const RunKey *key, Digest *structure,
                    Status *st) {
  RunKey there;
  TRY(get_key(root, folder, &there, st));
  const char *differs = run_key_difference(&there, key);
  if (differs)
    return FAIL(st, "%s: holds an unfinished run with other %s; --fresh begins anew", folder,
                differs);
  return !structure || get_digest(root, "structure", folder, structure, st);
}

static json_t *run_root(Bytes text, const char *folder, Status *st) {
  json_error_t error;
  json_t *root = json_loadb(text.data, text.count, JSON_REJECT_DUPLICATES, &error);
  if (!root)
    status_set(st, "%s/" RUN_JSON ": line %d: %s" BEGIN_ANEW, folder, error.line, error.text);
  return root;
}

bool part_run_of(Bytes text, const char *folder, const RunKey *key, Digest *structure, Status *st) {
  json_t *root = run_root(text, folder, st);
  bool ok = root && get_run(root, folder, key, structure, st);
  json_decref(root);
  return ok;
}

bool part_key(const char *folder, RunKey *key, Arena scratch, Status *st) {
  Bytes text;
  TRY(file_read(&scratch, arena_printf(&scratch, "%s/" RUN_JSON, folder), RUN_BYTES, &text, st));
  json_t *root = run_root(text, folder, st);
  bool ok = root && get_key(root, folder, key, st);
  json_decref(root);
  return ok;
}

bool part_find_run(const char *folder, const RunKey *key, bool *found, Digest *structure,
                   Arena scratch, Status *st) {
  char path[PATH_MAX];
  Bytes text;
  Status why = {0};
  if (snprintf(path, sizeof path, "%s/" RUN_JSON, folder) >= PATH_MAX - PART_NAME)
    return FAIL(st, "%.100s…: the path is too long", folder);
  *found = file_exists(path);
  if (!*found) return true;
  if (!file_read(&scratch, path, RUN_BYTES, &text, &why))
    return FAIL(st, "%s" BEGIN_ANEW, why.text);
  return part_run_of(text, folder, key, structure, st);
}

bool part_write_run(Store *store, const Digest *structure, Status *st) {
  char text[1024], *at = text, *end = text + sizeof text;
  at += snprintf(at, sizeof text, "{\n");
  for (int i = 0; i < RUN_KEYS; i++)
    at += snprintf(at, (size_t)(end - at), "  \"%s\": \"%s\",\n", run_key_names[i],
                   run_key_digest(&store->key, i)->hex);
  at += snprintf(at, (size_t)(end - at), "  \"structure\": \"%s\"\n}\n", structure->hex);
  return write_whole(store, RUN_JSON, text, (size_t)(at - text), st);
}

/* --- what stands of a run, seen from outside -------------------------------------------------- */

static void add_bytes(int folder, const char *name, void *data) {
  struct stat info;
  if ((part_is_own(name) || is_temporary(name)) &&
      fstatat(folder, name, &info, AT_SYMLINK_NOFOLLOW) == 0)
    *(uint64_t *)data += (uint64_t)info.st_size;
}

/* Of a file with holes, what the disk holds of it. */
static uint64_t bytes_on_disk(const char *path) {
  struct stat info;
  if (lstat(path, &info) != 0) return 0;
  uint64_t size = (uint64_t)info.st_size, held = (uint64_t)info.st_blocks * 512;
  return size < held ? size : held;
}

bool store_standing(const char *results, const RunKey *key, bool fresh, uint64_t *bytes,
                    Arena scratch, Status *st) {
  const char *folder = arena_printf(&scratch, "%s.parts", results);
  bool found = false;
  *bytes = bytes_on_disk(arena_printf(&scratch, "%s.partial", results));
  if (!fresh) TRY(part_find_run(folder, key, &found, NULL, scratch, st));
  int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return true;
  part_each(fd, add_bytes, bytes);
  close(fd);
  return true;
}

void store_discard(Arena scratch, const char *results, const RunKey *key) {
  Status ignored = {0};
  bool found;
  int lock = -1;
  const char *folder = arena_printf(&scratch, "%s.parts", results);
  if (file_exists(folder) && folder_lock(folder, true, &lock, &ignored) &&
      part_find_run(folder, key, &found, NULL, scratch, &ignored)) {
    part_remove_all(lock);
    rmdir(folder); /* stays where someone put another file into it */
  }
  folder_unlock(&lock);
}
