/* folder: a checkpoint's folder in memory (/dev/shm, or where there is none /tmp), whose files are
 * written anew for every input. */
#ifndef DS_TESTS_FUZZ_FOLDER_H
#define DS_TESTS_FUZZ_FOLDER_H
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz.h"

enum { FOLDER_FILES = 4 };

typedef struct Folder {
  char path[64];
  const char *name[FOLDER_FILES]; /* NULL behind the last */
  int file[FOLDER_FILES];
} Folder;

/* Names are set; files are made empty, once a process. */
static inline void folder_make(Folder *f) {
  if (*f->path) return;
  strcpy(f->path, access("/dev/shm", W_OK) ? "/tmp/driftscope-fuzz-XXXXXX"
                                           : "/dev/shm/driftscope-fuzz-XXXXXX");
  FUZZ_CHECK(mkdtemp(f->path), "no folder");
  for (int i = 0; i < FOLDER_FILES && f->name[i]; i++) {
    char path[128];
    snprintf(path, sizeof path, "%s/%s", f->path, f->name[i]);
    f->file[i] = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    FUZZ_CHECK(f->file[i] >= 0, "%s: cannot be made", path);
  }
}

static inline void folder_write(const Folder *f, int i, Bytes bytes) {
  FUZZ_CHECK(ftruncate(f->file[i], (off_t)bytes.count) == 0 &&
                 pwrite(f->file[i], bytes.data, bytes.count, 0) == (ssize_t)bytes.count,
             "%s/%s: cannot be written", f->path, f->name[i]);
}

static inline void folder_remove(Folder *f) {
  for (int i = 0; *f->path && i < FOLDER_FILES && f->name[i]; i++) {
    char path[128];
    snprintf(path, sizeof path, "%s/%s", f->path, f->name[i]);
    close(f->file[i]);
    unlink(path);
  }
  if (*f->path) rmdir(f->path);
}
#endif
