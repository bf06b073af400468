#include "base/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"

/* Whoever finishes may remove the folder: a lock on a folder that is no longer there locks
 * nothing. */
static bool still_there(int descriptor, const char *path) {
  struct stat held, named;
  return fstat(descriptor, &held) == 0 && stat(path, &named) == 0 && held.st_dev == named.st_dev &&
         held.st_ino == named.st_ino;
}

/* By the variable that also governs HDF5's own locks, and with the values that HDF5 takes. */
static bool goes_without_locks(void) {
  const char *said = getenv("HDF5_USE_FILE_LOCKING");
  return said && (!strcmp(said, "FALSE") || !strcmp(said, "0") || !strcmp(said, "BEST_EFFORT"));
}

static bool cannot_lock(const char *path, int error, Status *st) {
  if (error == EWOULDBLOCK) return FAIL(st, "%s: is in use by another run", path);
  if (error != ENOLCK && error != ENOSYS && error != EOPNOTSUPP)
    return FAIL(st, "%s: cannot be locked: %s", path, strerror(error));
  if (goes_without_locks()) return true;
  return FAIL(st,
              "%s: cannot be locked: the file system gives no locks (flock: %s), as network file "
              "systems may: name a folder on another one with -o, or set "
              "HDF5_USE_FILE_LOCKING=FALSE and use the folder for one run at a time",
              path, strerror(error));
}

static bool is_link(const char *path) {
  struct stat info;
  return lstat(path, &info) == 0 && S_ISLNK(info.st_mode);
}

/* Who was killed may have left a child that works for it, which holds the lock until it is killed
 * too: an instant. */
static bool lock_soon(int descriptor) {
  enum { ATTEMPTS = 25 };
  const struct timespec instant = {.tv_nsec = 10000000};
  for (int attempt = 0; flock(descriptor, LOCK_EX | LOCK_NB) != 0; attempt++) {
    if (errno != EWOULDBLOCK || attempt == ATTEMPTS) return false;
    nanosleep(&instant, NULL);
  }
  return true;
}

bool folder_lock(const char *path, bool own, int *lock, Status *st) {
  enum { ATTEMPTS = 100 };
  const int kind = O_RDONLY | O_DIRECTORY | O_CLOEXEC | (own ? O_NOFOLLOW : 0);
  *lock = -1;
  for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
    if (own && is_link(path))
      return FAIL(st, "%s: is a symbolic link, not a folder: remove it", path);
    TRY(file_make_folder(path, st));
    int descriptor = open(path, kind);
    if (descriptor < 0 && (errno == ENOENT || (own && is_link(path)))) continue;
    if (descriptor < 0) return FAIL(st, "%s: cannot be opened: %s", path, strerror(errno));
    int error = lock_soon(descriptor) ? 0 : errno;
    bool good = !error || cannot_lock(path, error, st);
    if (good && still_there(descriptor, path)) return *lock = descriptor, true;
    close(descriptor);
    if (!good) return false;
  }
  return FAIL(st, "%s: is removed by other runs again and again", path);
}

/* Not by closing alone: a child that was forked meanwhile has the descriptor too, and keeps the
 * lock with it. */
void folder_unlock(int *lock) {
  if (*lock >= 0) flock(*lock, LOCK_UN), close(*lock);
  *lock = -1;
}

void folder_tidy(const char *path) {
  DIR *list = opendir(path);
  if (!list) return;
  for (struct dirent *entry; (entry = readdir(list));)
    if (file_is_temporary(entry->d_name)) unlinkat(dirfd(list), entry->d_name, 0);
  closedir(list);
}
