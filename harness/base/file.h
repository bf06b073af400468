/* file: reading whole files, writing small ones whole or not at all, and finding a path that a spec
 * names. */
#ifndef DS_BASE_FILE_H
#define DS_BASE_FILE_H
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/status.h"

typedef struct Bytes {
  const char *data; /* followed by one NUL that is not counted where read by file_read */
  size_t count;
} Bytes;

/* Whether they begin with a text, and hold one anywhere; at most so many of them. */
bool bytes_begin(Bytes bytes, const char *text);
bool bytes_hold(Bytes bytes, const char *text);
Bytes bytes_first(Bytes bytes, size_t most);

/* The file's content in the arena; refused above `limit` bytes, and if it is not a regular file. */
bool file_read(Arena *arena, const char *path, size_t limit, Bytes *content, Status *st);
/* `text` without the byte-order mark of UTF-8 that editors and shells put in front. */
Bytes file_unmarked(Bytes text);
/* A read-only mapping of a regular file; an empty file maps to {"", 0}. Lives until the process
 * ends or file_unmap. */
bool file_map(const char *path, Bytes *content, Status *st);
void file_unmap(Bytes *content);
/* Of a range of a file's mapping: its pages are read in the background; and they are no longer this
 * process's memory until they are looked at again. Advice: nothing fails, and no byte changes (of
 * other memory than a mapping they would be lost). */
void file_ahead(const void *data, size_t count);
void file_forget(const void *data, size_t count);
/* What a file is, for whoever reads it again and again: another one, or the same changed, is told
 * by it. Zero where there is none. */
typedef struct FileMark {
  uint64_t device, inode, size;
  int64_t changed_ns;
} FileMark;
FileMark file_mark(const char *path);
/* A descriptor of a regular file and its mark; -1, with the reason. */
int file_open(const char *path, FileMark *mark, Status *st);
/* All of these bytes of it, or none. */
bool file_read_at(int fd, const char *path, uint64_t at, void *to, size_t count, Status *st);
/* Writes under a temporary name of its own beside `path`, then renames; `sync` adds fsync of the
 * file. Nothing is left behind on failure. */
bool file_write(const char *path, const void *bytes, size_t count, bool sync, Status *st);
/* The same of what a function writes to a stream. */
bool file_write_by(const char *path, void (*write_all)(FILE *out, const void *context),
                   const void *context, Status *st);
/* A new file beside `path`, of a name that nobody else has, for what is written piece by piece; -1
 * and errno where none can be made. */
int file_open_temporary(const char *path, char temporary[PATH_MAX]);
/* Whether this is such a temporary name, without its folder. */
bool file_is_temporary(const char *name);
bool file_sync_folder(const char *folder, Status *st);
/* mkdir -p */
bool file_make_folder(const char *path, Status *st);
bool file_exists(const char *path);
/* `path` as it is when absolute; else relative to `folder` where that exists, without detours
 * ("a/../b" is "b"); else as it is. In the arena. */
const char *file_resolve(Arena *arena, const char *folder, const char *path);
const char *file_name(const char *path);                 /* behind its last slash */
const char *file_stem(Arena *arena, const char *path);   /* that without its ending */
const char *file_folder(Arena *arena, const char *path); /* dirname, "." where there is none */

#endif
