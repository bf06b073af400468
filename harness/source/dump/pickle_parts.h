/* pickle_parts: the machine that reads a pickle; internal to pickle. */
#ifndef DS_SOURCE_DUMP_PICKLE_PARTS_H
#define DS_SOURCE_DUMP_PICKLE_PARTS_H
#include "source/dump/pickle.h"

typedef struct Machine {
  Arena *arena;
  const char *path;
  const char *at, *end;
  Pickled **stack; /* NULL in it is a mark */
  int depth, room;
  Pickled **memo;
  int memos, memo_room;
  Status *st;
} Machine;

#define BAD(m, ...) FAIL((m)->st, __VA_ARGS__)

void pickle_push(Machine *m, Pickled *value);
Pickled *pickle_push_new(Machine *m, PickledKind kind);
/* Into a list, a dictionary, or what a tensor stands on. */
void pickle_add(Machine *m, Pickled *list, Pickled *const *value, int count);
bool pickle_stack_bad(Machine *m);

/* Each puts what it makes on the stack: the class of that name; a storage, of what persistent_id
 * made of it; what a class makes of a tuple of values. */
void pickle_push_class(Machine *m, const char *module, const char *name);
bool pickle_push_storage(Machine *m, const Pickled *id);
bool pickle_call(Machine *m, const Pickled *class, const Pickled *with);

#endif
