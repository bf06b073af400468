/* print_speed: the answer of `bench` on standard output. */
#ifndef DS_COMMAND_PRINT_SPEED_H
#define DS_COMMAND_PRINT_SPEED_H
#include <stdio.h>

#include "command/floors.h"
#include "measure/tables/cost.h"

/* `where`: the machine that it ran on. floors: of a CPU, else NULL. */
void print_speed(FILE *out, const Speed *row, size_t rows, const char *where, const Floors *floors);
#endif
