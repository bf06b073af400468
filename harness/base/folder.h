/* folder: the folder that a command writes into: locked, so that one command at a time does, and
 * free of what a killed one left half written. */
#ifndef DS_BASE_FOLDER_H
#define DS_BASE_FOLDER_H
#include <stdbool.h>

#include "base/status.h"

/* Makes the folder and takes its lock (flock: the kernel drops it when the process ends, however it
 * ends); "is in use by another run" where somebody has it. `own`: a folder that the program makes
 * and removes by itself, which must not be a symbolic link, since what is removed in it would then
 * be somebody else's. A file system without locks is an error, unless the environment says
 * HDF5_USE_FILE_LOCKING=FALSE, by which HDF5 itself goes without. folder_unlock gives the
 * lock back also where a child that was forked meanwhile still has the descriptor. */
bool folder_lock(const char *path, bool own, int *lock, Status *st);
void folder_unlock(int *lock);
/* Removes the temporary files of file_write that a killed process left in it; to be called under
 * its lock. */
void folder_tidy(const char *path);

#endif
