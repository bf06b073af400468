/* child: what reads a file of somebody else goes on in a child process. HDF5 and the libraries
 * behind it were not written for hostile files: a child that dies costs one line, not the
 * program. */
#ifndef DS_BASE_CHILD_H
#define DS_BASE_CHILD_H
#include "base/status.h"

enum { CHILD_HERE = -1, CHILD_NONE = -2 };

/* Before any thread is started, and before anything is printed. Returns CHILD_HERE in the child,
 * which goes on with the work: without core files, with 2 GiB of address space beyond what is
 * reserved already, and with a limit of processor time that grows with the files. In the parent it
 * waits for the child and returns the child's exit status, or CHILD_NONE with the message of its
 * death. `files`: one or two that are read. */
int child_start(const char *const *files, int count, Status *st);

/* In the child: the file is read, and what follows may take as long as it likes. */
void child_has_read(void);
#endif
