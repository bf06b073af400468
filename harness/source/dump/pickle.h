/* pickle: what torch.save describes its tensors with, read as data. Nothing is executed: of
 * Python's names only those of the table in pickle_calls.c are known, each a kind of value here;
 * any other, and whatever is made of it, is one value that has nothing but this name. */
#ifndef DS_SOURCE_DUMP_PICKLE_H
#define DS_SOURCE_DUMP_PICKLE_H
#include "base/file.h"
#include "source/dump/dump.h"

typedef enum PickledKind {
  PICKLED_OTHER, /* None, a bool, bytes, a device: nothing that an array is made of */
  PICKLED_FLOAT,
  PICKLED_NUMBER,
  PICKLED_TEXT,
  PICKLED_LIST, /* or a tuple */
  PICKLED_DICT,
  PICKLED_CLASS,
  PICKLED_FOREIGN, /* a class or function that is not known, or what is made of it */
  PICKLED_STORAGE,
  PICKLED_TENSOR
} PickledKind;

/* Numbers that have another meaning by their kind. */
typedef struct Pickled {
  PickledKind kind;
  int64_t number;        /* of a storage: elements, or bytes where it is untyped; of a tensor: its
                          * first element in the storage */
  double real;           /* of a float */
  const char *text;      /* of a storage: its key; of a class, what is foreign, and a tensor that is
                          * not read: the name of what it is */
  struct Pickled **item; /* of a dictionary key and value in turns; of a tensor: its storage */
  int items, room;
  int type;  /* a DumpType; of a tensor, a storage or a class of either; -1: one that is not read */
  int role;  /* of a class */
  bool made; /* of what is foreign: no class or function, but what came of one */
  int rank;  /* of a tensor */
  int64_t size[DUMP_RANK_MOST], stride[DUMP_RANK_MOST];
} Pickled;

/* In the arena. Lists and dictionaries may hold themselves. */
bool pickle_read(Arena *arena, const char *path, Bytes pickle, const Pickled **root, Status *st);

#endif
