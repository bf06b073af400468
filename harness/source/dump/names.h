/* names: which array of a dump is which tensor of which layer. By a pattern, such as
 * "layers.{layer}.mixer.{tensor}", in which "{layer}" is a whole number, "{tensor}" and "{pass}"
 * any text, and "*" what does not matter; several stand one behind the other with "|" between, and
 * the first that fits holds. Or by the name of a ready one, where that is of several modes with one
 * of them behind it ("quamba:2-0", "driftscope:fp64"); or, where nothing is said, by the ready one
 * that fits, and else by the first whole number in each name, which is its layer, and the rest of
 * the name.
 *
 * A pattern is held against an array's name, and then against that behind its file's: of the key
 * "x" in a/b.npz "a/b/x", of a/b.npy "a/b". Passes (steps, prompts) have numbers in the order of
 * their first appearance; where no name tells them, and several files hold the same names, each
 * file (or of files of one array, each folder) is one. */
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
  int layers; /* behind the last one's number; a dump may begin at a later one than 0 */
  int passes;
  const char **pass;   /* what each is called: a step's number, or a file; "0" where there is one */
  const char **tensor; /* those of layers, in the order of their first appearance */
  int tensors;
  const DumpArray **left; /* that no name was found for; those that are taken for others' scale or
                           * as a mask are none of them */
  int lefts;
} DumpLayout;

/* Whether names are a pattern, a ready one, or the word for those that are found out; what is wrong
 * is said without who said them. */
#define DUMP_NAMES_FOUND "auto"
bool dump_names_check(Arena scratch, const char *names, Status *st);

/* `names`: as dump_names_check has them; NULL: found out. Fails where two arrays are the same
 * tensor of the same layer and pass, a pass lacks a layer between the first and the last that there
 * are, nothing fits the pattern, or the dump is of several ranks. */
bool dump_layout(Arena *arena, const Dump *dump, const char *names, DumpLayout *layout, Status *st);

/* Whether a pattern is that of an entry: of its tensor's name, or of its array's, alone or behind
 * its file's. */
bool dump_fits(Arena scratch, const DumpEntry *entry, const char *pattern);

/* The rows of a pass that are no padding. */
typedef struct DumpMask {
  const DumpArray *array; /* NULL: it has no mask, and what follows is 0 */
  const bool *keep;       /* [tokens] */
  int tokens, kept;
} DumpMask;
/* Of every pass, in the arena [passes]. `name`: a pattern as dump_fits has it, which one array of
 * each pass must be of; NULL: DUMP_MASK, where it is there and can be one. A mask is [tokens] or
 * [batch, tokens] of bools or whole numbers, 0 where a row is padding, of which at least one is
 * not; `batch` as of DumpAxes. */
#define DUMP_MASK "attention_mask"
bool dump_masks(Arena *arena, const Dump *dump, const DumpLayout *layout, const char *name,
                int batch, DumpMask **mask, Status *st);

/* The i-th ready one: its name, and for people what it is of; NULL behind the last. */
const char *dump_names_ready(int i, const char **of);

#endif
