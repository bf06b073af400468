/* command: the commands of the command line. One command, one function; what it prints goes to
 * standard output, what goes wrong into the status, which main prints. */
#ifndef DS_COMMAND_COMMAND_H
#define DS_COMMAND_COMMAND_H
#include "base/arena.h"
#include "base/status.h"
#include "command/options.h"

typedef struct Command {
  Usage usage;
  const char *summary; /* for the list of commands */
  bool (*run)(Arena *arena, const Options *options, const char *typed, Status *st);
} Command;
extern const Command commands[];
extern const int command_count;

/* `typed`: the command line, for the record. */
bool command_run(Arena *arena, const Options *o, const char *typed, Status *st);
bool command_compare(Arena *arena, const Options *o, const char *typed, Status *st);
bool command_micro(Arena *arena, const Options *o, const char *typed, Status *st);
bool command_validate(Arena *arena, const Options *o, const char *typed, Status *st);
bool command_merge(Arena *arena, const Options *o, const char *typed, Status *st);
bool command_report(Arena *arena, const Options *o, const char *typed, Status *st);
bool command_calibrate(Arena *arena, const Options *o, const char *typed, Status *st);
bool command_eval(Arena *arena, const Options *o, const char *typed, Status *st);
bool command_modes(Arena *arena, const Options *o, const char *typed, Status *st);
bool command_bench(Arena *arena, const Options *o, const char *typed, Status *st);
bool command_synth(Arena *arena, const Options *o, const char *typed, Status *st);
bool command_completion(Arena *arena, const Options *o, const char *typed, Status *st);
bool command_tokens(Arena *arena, const Options *o, const char *typed, Status *st);
bool command_dump(Arena *arena, const Options *o, const char *typed, Status *st);
bool command_verify(Arena *arena, const Options *o, const char *typed, Status *st);

/* Whether the command knows what to do with several ranks, where there are any; those beside rank 0
 * are quiet. */
bool command_spreads(const Command *command, Options *o, Status *st);

/* How many files of somebody else the command reads with these options, and which; if any, it runs
 * in a child (base/child.h). */
int command_foreign(const Command *command, const Options *o, const char *files[2]);

#endif
