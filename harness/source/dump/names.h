/* names: which array of a dump is which tensor of which layer. By a pattern, such as
 * "layers.{layer}.mixer.{tensor}", in which "{layer}" is a number, "{tensor}" a name and "{pass}"
 * the number of a step, of which the dump may have several; or by the name of a ready one; or,
 * where nothing is said, by the ready one that fits, and else by the first whole number in each
 * name, which is its layer, and the rest of the name. */
#ifndef DS_SOURCE_DUMP_NAMES_H
#define DS_SOURCE_DUMP_NAMES_H
#include "source/dump/dump.h"

typedef struct DumpEntry {
  const DumpArray *array;
  const char *tensor;
  int layer; /* of the model, from 0; -1: of no layer, before the first one's in the dump's order;
              * -2: of none, and after */
  int pass;  /* from 0 */
} DumpEntry;

typedef struct DumpLayout {
  const char *names; /* the pattern, or the ready one's name; "first number" */
  DumpEntry *entry;  /* by pass, layer, tensor (in the order of their first appearance) */
  int entries;
  int layers, passes;
  const char **tensor; /* those of layers, in the order of their first appearance */
  int tensors;
  const DumpArray **left; /* that no name was found for; those that are taken for others' scale or
                           * as a mask are none of them */
  int lefts;
} DumpLayout;

/* `names`: a pattern or a ready one; NULL: found out. Fails where two arrays are the same tensor of
 * the same layer and pass, a layer that others have is missing a number in between, nothing fits
 * the pattern, or the dump is of several ranks. */
bool dump_layout(Arena *arena, const Dump *dump, const char *names, DumpLayout *layout, Status *st);

/* The i-th ready one: its name, and for people what it is of; NULL behind the last. */
const char *dump_names_ready(int i, const char **of);

#endif
