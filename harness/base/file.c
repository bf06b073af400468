#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/poison.h"

/* An open descriptor of a regular file and its size. */
static int open_regular(const char *path, size_t *size, Status *st) {
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  struct stat info;
  if (fd < 0 || fstat(fd, &info) != 0) {
    status_set(st, "%s: cannot be opened: %s", path, strerror(errno));
  } else if (!S_ISREG(info.st_mode)) {
    status_set(st, "%s: is not a regular file", path);
  } else {
    *size = (size_t)info.st_size;
    return fd;
  }
  if (fd >= 0) close(fd);
  return -1;
}

bool file_read(Arena *arena, const char *path, size_t limit, Bytes *content, Status *st) {
  size_t size;
  int fd = open_regular(path, &size, st);
  if (fd < 0) return false;
  if (size > limit) {
    close(fd);
    return FAIL(st, "%s: has %zu bytes, more than the %zu allowed here", path, size, limit);
  }
  char *data = arena_alloc(arena, size + 1, 1);
  const bool ok = file_read_at(fd, path, 0, data, size, st);
  close(fd);
  *content = (Bytes){data, size};
  return ok;
}

Bytes file_unmarked(Bytes text) {
  static const char mark[] = "\xef\xbb\xbf";
  const size_t n = sizeof mark - 1;
  return text.count >= n && memcmp(text.data, mark, n) == 0 ? (Bytes){text.data + n, text.count - n}
                                                            : text;
}

/* Bytes between its end and that of its last page. */
static size_t behind(const Bytes *content) {
  const size_t page = (size_t)sysconf(_SC_PAGESIZE);
  return (page - content->count % page) % page;
}

bool file_map(const char *path, Bytes *content, Status *st) {
  size_t size;
  int fd = open_regular(path, &size, st);
  if (fd < 0) return false;
  void *data = size ? mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0) : (void *)"";
  int why = errno;
  close(fd);
  if (data == MAP_FAILED)
    return FAIL(st, "%s: cannot be mapped (%zu bytes): %s", path, size, strerror(why));
  *content = (Bytes){data, size};
  if (size) poison((char *)data + size, behind(content));
  return true;
}

void file_unmap(Bytes *content) {
  if (content->count) {
    unpoison(content->data + content->count, behind(content));
    munmap((void *)content->data, content->count);
  }
  *content = (Bytes){0};
}

void file_ahead(const void *data, size_t count) {
  const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), start = (uintptr_t)data / page * page;
  if (count) madvise((void *)start, (uintptr_t)data + count - start, MADV_WILLNEED);
}

/* Whole pages alone: what shares the first or the last may still be in use. */
void file_forget(const void *data, size_t count) {
  const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE),
                  start = ((uintptr_t)data + page - 1) / page * page,
                  end = ((uintptr_t)data + count) / page * page;
  if (end > start) madvise((void *)start, end - start, MADV_DONTNEED);
}

/* What stands between a file's name and ".tmp": a mark, the process, a number. */
#define TEMPORARY_MARK ".driftscope-"

bool file_is_temporary(const char *name) {
  const char *mark = strstr(name, TEMPORARY_MARK);
  if (!mark) return false;
  mark += strlen(TEMPORARY_MARK);
  size_t process = strspn(mark, "0123456789");
  if (!process || mark[process] != '-') return false;
  mark += process + 1;
  size_t number = strspn(mark, "0123456789");
  return number && !strcmp(mark + number, ".tmp");
}

int file_open_temporary(const char *path, char temporary[PATH_MAX]) {
  /* Names that a killed process of the same number left, or one of another machine has. */
  enum { ATTEMPTS = 1000 };
  for (int i = 0; i < ATTEMPTS; i++) {
    if (snprintf(temporary, PATH_MAX, "%s" TEMPORARY_MARK "%ld-%d.tmp", path, (long)getpid(), i) >=
        PATH_MAX)
      return errno = ENAMETOOLONG, -1;
    int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd >= 0 || errno != EEXIST) return fd;
  }
  return -1;
}

/* What is whole under a temporary name gets its own; else it is removed, and errno told. */
static bool settle_temporary(int fd, bool ok, const char *temporary, const char *path, size_t count,
                             bool sync, Status *st) {
  if (ok && sync) ok = fsync(fd) == 0;
  int why = errno;
  if (fd >= 0 && close(fd) != 0 && ok) ok = false, why = errno;
  if (ok && rename(temporary, path) != 0) ok = false, why = errno;
  if (ok) return true;
  if (fd >= 0) unlink(temporary);
  return FAIL(st, "%s: cannot be written (%zu bytes): %s", path, count, strerror(why));
}

bool file_write(const char *path, const void *bytes, size_t count, bool sync, Status *st) {
  char temporary[PATH_MAX];
  int fd = file_open_temporary(path, temporary);
  bool ok = fd >= 0;
  for (size_t done = 0; ok && done < count;) {
    ssize_t n = write(fd, (const char *)bytes + done, count - done);
    if (n >= 0)
      done += (size_t)n;
    else
      ok = errno == EINTR;
  }
  return settle_temporary(fd, ok, temporary, path, count, sync, st);
}

bool file_write_by(const char *path, void (*write_all)(FILE *out, const void *context),
                   const void *context, Status *st) {
  char temporary[PATH_MAX];
  long written = 0;
  const int fd = file_open_temporary(path, temporary), own = fd < 0 ? -1 : dup(fd);
  FILE *out = own < 0 ? NULL : fdopen(own, "w");
  bool ok = out != NULL;
  if (!out && own >= 0) close(own);
  if (out) {
    write_all(out, context);
    ok = !ferror(out) && fflush(out) == 0;
    int why = errno;
    written = ftell(out);
    if (fclose(out) != 0 && ok) ok = false, why = errno;
    errno = why;
  }
  return settle_temporary(fd, ok, temporary, path, written > 0 ? (size_t)written : 0, false, st);
}

bool file_sync_folder(const char *folder, Status *st) {
  int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  bool ok = fd >= 0 && fsync(fd) == 0;
  int why = errno;
  if (fd >= 0) close(fd);
  return ok || FAIL(st, "%s: cannot be synchronised to disk: %s", folder, strerror(why));
}

bool file_make_folder(const char *path, Status *st) {
  char partial[PATH_MAX];
  if (strlen(path) >= sizeof partial) return FAIL(st, "%s: the path is too long", path);
  strcpy(partial, path);
  for (char *c = partial + 1;; c++) {
    if (*c != '/' && *c != 0) continue;
    char kept = *c;
    *c = 0;
    if (mkdir(partial, 0777) != 0 && errno != EEXIST)
      return FAIL(st, "%s: the folder cannot be made: %s", partial, strerror(errno));
    if (!kept) break;
    *c = kept;
  }
  struct stat info;
  if (stat(path, &info) != 0 || !S_ISDIR(info.st_mode))
    return FAIL(st, "%s: is not a folder", path);
  return true;
}

bool bytes_begin(Bytes bytes, const char *text) {
  const size_t length = strlen(text);
  return bytes.count >= length && !memcmp(bytes.data, text, length);
}

bool bytes_hold(Bytes bytes, const char *text) {
  return memmem(bytes.data, bytes.count, text, strlen(text)) != NULL;
}

Bytes bytes_first(Bytes bytes, size_t most) {
  return (Bytes){bytes.data, bytes.count < most ? bytes.count : most};
}

bool file_exists(const char *path) { return access(path, F_OK) == 0; }

/* Without "." and "folder/.." in it, as far as that names the same file (it does not where `folder`
 * is a link). */
static const char *tidied(Arena *arena, const char *path) {
  char *out = arena_alloc(arena, strlen(path) + 2, 1), *end = out;
  for (const char *part = path; *part;) {
    size_t length = strcspn(part, "/"), skip = length + strspn(part + length, "/");
    char *last = end;
    while (last > out && last[-1] == '/') last--;
    while (last > out && last[-1] != '/') last--;
    const bool up = length == 2 && !memcmp(part, "..", 2),
               after = end > out && strncmp(last, "../", 3) != 0;
    if (up && after) {
      end = last;
    } else if (!(length == 1 && *part == '.')) {
      memcpy(end, part, length);
      end += length;
      if (part[length]) *end++ = '/';
    }
    *end = 0;
    part += skip;
  }
  if (end > out + 1 && end[-1] == '/') *--end = 0;
  if (!*out) strcpy(out, ".");
  struct stat as_written, shorter;
  bool same = stat(path, &as_written) == 0 && stat(out, &shorter) == 0 &&
              as_written.st_dev == shorter.st_dev && as_written.st_ino == shorter.st_ino;
  return same ? out : path;
}

const char *file_resolve(Arena *arena, const char *folder, const char *path) {
  if (path[0] != '/') {
    const char *beside = arena_printf(arena, "%s/%s", folder, path);
    if (file_exists(beside)) return tidied(arena, beside);
  }
  return arena_printf(arena, "%s", path);
}

const char *file_name(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash ? slash + 1 : path;
}

const char *file_stem(Arena *arena, const char *path) {
  const char *name = file_name(path), *dot = strrchr(name, '.');
  return dot && dot > name ? arena_printf(arena, "%.*s", (int)(dot - name), name)
                           : arena_printf(arena, "%s", name);
}

const char *file_folder(Arena *arena, const char *path) {
  const char *slash = strrchr(path, '/');
  if (!slash) return ".";
  return slash == path ? "/" : arena_printf(arena, "%.*s", (int)(slash - path), path);
}

static FileMark mark_of(const struct stat *info) {
  return (FileMark){.device = (uint64_t)info->st_dev,
                    .inode = (uint64_t)info->st_ino,
                    .size = (uint64_t)info->st_size,
                    .changed_ns =
                        (int64_t)info->st_mtim.tv_sec * 1000000000 + info->st_mtim.tv_nsec};
}

FileMark file_mark(const char *path) {
  struct stat info;
  if (stat(path, &info) != 0) return (FileMark){0};
  return mark_of(&info);
}

int file_open(const char *path, FileMark *mark, Status *st) {
  struct stat info;
  size_t size;
  int fd = open_regular(path, &size, st);
  if (fd < 0) return -1;
  if (fstat(fd, &info) == 0) return *mark = mark_of(&info), fd;
  status_set(st, "%s: cannot be opened: %s", path, strerror(errno));
  close(fd);
  return -1;
}

bool file_read_at(int fd, const char *path, uint64_t at, void *to, size_t count, Status *st) {
  for (size_t got = 0; got < count;) {
    ssize_t n = pread(fd, (char *)to + got, count - got, (off_t)(at + got));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0)
      return FAIL(st, "%s: cannot be read: %s", path,
                  n < 0 ? strerror(errno) : "it became shorter while being read");
    got += (size_t)n;
  }
  return true;
}
