/* process: what a process is given by whoever starts it, and must look at before it does anything:
 * descriptors, environment, limits. */
#ifndef DS_BASE_PROCESS_H
#define DS_BASE_PROCESS_H
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

/* Descriptors 0 to 2 that are closed are opened so that using them fails: else the next file that
 * is opened would be standard output. */
void process_fill_descriptors(void);
/* Starts the program once more with what OpenMP reads before main, where that is not set: threads
 * that wait for the next parallel loop look for it a moment, which costs less than to be woken, and
 * then sleep (to spin on halves the speed of a shared machine).
 * Returns where nothing is to be set, or where the program that runs is not the one that would
 * be started (valgrind, an emulator, a loader called by name). */
void process_restart(char **argv);
/* A mapped file that becomes shorter while it is read, or whose disk fails, ends the program with
 * one line that names it and this exit status, whatever thread reads it; finished layers are on
 * disk. */
void process_end_on_bus_error(int exit_status);
/* From here on SIGINT, SIGTERM and SIGXCPU, unless they are ignored, end the process as they do,
 * and with one line: "stopped by SIGINT" and what process_stop_means says. Nothing else is done
 * then, in whatever place it comes. */
void process_tell_stop(void);
/* What a stop means from now on, such as that the same command goes on; kept. */
void process_stop_means(const char *text);
/* Which signal it was is noted there, and no line said: somebody else says it. */
void process_note_stop(atomic_int *number);
/* In a child: its parent says it. */
void process_stop_silently(void);
/* "SIGINT" or "SIGTERM"; of SIGXCPU what it means too. */
const char *process_stop_name(int number);
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
