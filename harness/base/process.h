/* process: what a process is given by whoever starts it, and must look at before it does anything:
 * descriptors, environment, limits. */
#ifndef DS_BASE_PROCESS_H
#define DS_BASE_PROCESS_H
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

/* Descriptors 0 to 2 that are closed are opened so that using them fails: else the next file that
 * is opened would be standard output. */
void process_fill_descriptors(void);
/* Starts the program once more with what OpenMP reads before main, where that is not set: threads
 * that wait for the next parallel loop sleep (spinning halves the speed of a shared machine).
 * Returns where nothing is to be set, or where the program that runs is not the one that would
 * be started (valgrind, an emulator, a loader called by name). */
void process_restart(char **argv);
/* A mapped file that becomes shorter while it is read, or whose disk fails, ends the program with
 * one line that names it and this exit status, whatever thread reads it; finished layers are on
 * disk. */
void process_end_on_bus_error(int exit_status);
/* Bytes of address space that can still be had under the limits of the process (ulimit -v, ulimit
 * -d); SIZE_MAX where there is none. */
size_t process_room(void);
/* Sees to it that this thread and those to come have the stack that they need, whatever `ulimit -s`
 * says; refused where the system does not give it. */
bool process_have_stack(Status *st);
/* Bytes of address space that a new thread's stack takes: what ulimit -s says, 8 MiB where it says
 * nothing. */
size_t process_stack(void);
/* Bytes that were resident at the peak. */
int64_t process_peak(void);

#endif
