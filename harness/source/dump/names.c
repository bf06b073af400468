/* names: every array's layer, tensor and pass, put in order, and what contradicts itself refused.
 */
#include "source/dump/names.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "source/dump/names_parts.h"

const char *path_without_end(Arena *arena, const char *file) {
  const char *slash = strrchr(file, '/'), *dot = strrchr(slash ? slash : file, '.');
  return dot ? arena_printf(arena, "%.*s", (int)(dot - file), file) : file;
}

const char *path_folder(Arena *arena, const char *path) {
  const char *slash = strrchr(path, '/');
  return slash ? arena_printf(arena, "%.*s", (int)(slash - path), path) : "";
}

const char *dump_full_name(Arena *arena, const DumpArray *array) {
  const char *path = path_without_end(arena, array->file);
  if (!*path || strcmp(file_name(path), array->name) == 0) return *path ? path : array->name;
  return arena_printf(arena, "%s/%s", path, array->name);
}

/* --- texts by their first appearance ---------------------------------------------------------- */

typedef struct Text {
  const char *text;
  int place;
} Text;

static int by_text(const void *a, const void *b) {
  const Text *x = a, *y = b;
  const int order = strcmp(x->text, y->text);
  return order ? order : x->place - y->place;
}

static int by_place(const void *a, const void *b) {
  return ((const Text *)a)->place - ((const Text *)b)->place;
}

/* number[i]: which of the different ones text[i] is; NULL is none of them, -1. They come back in
 * the order of their first appearance. */
static const char **number_texts(Arena *arena, const char *const *text, int count, int *number,
                                 int *different) {
  Text *all = ARENA_NEW(arena, Text, count), *first = ARENA_NEW(arena, Text, count);
  int *group = ARENA_NEW(arena, int, count + 1), n = 0;
  *different = 0;
  for (int i = 0; i < count; i++)
    if (text[i]) all[n++] = (Text){text[i], i};
  qsort(all, (size_t)n, sizeof *all, by_text);
  for (int i = 0; i < n; i++)
    if (i == 0 || strcmp(all[i].text, all[i - 1].text) != 0) first[(*different)++] = all[i];
  qsort(first, (size_t)*different, sizeof *first, by_place);
  const char **names = ARENA_NEW(arena, const char *, *different + 1);
  for (int i = 0; i < *different; i++) group[first[i].place] = i, names[i] = first[i].text;
  for (int i = 0; i < count; i++) number[i] = -1;
  for (int i = 0, leader = 0; i < n; i++) {
    if (i == 0 || strcmp(all[i].text, all[i - 1].text) != 0) leader = all[i].place;
    number[all[i].place] = group[leader];
  }
  return names;
}

/* --- reading ---------------------------------------------------------------------------------- */

typedef struct Reading {
  Arena *arena;
  const Dump *dump;
  Named *named; /* [arrays]; the tensor NULL: no name was found */
  int found;
} Reading;

static bool read_pattern(Arena *arena, const DumpArray *array, const char *pattern, Named *named) {
  return pattern_fits(arena, pattern, array->name, named) ||
         pattern_fits(arena, pattern, dump_full_name(arena, array), named);
}

bool dump_fits(Arena scratch, const DumpEntry *entry, const char *pattern) {
  Named unused;
  return pattern_fits(&scratch, pattern, entry->tensor, &unused) ||
         read_pattern(&scratch, entry->array, pattern, &unused);
}

static void read_all(Reading *r, NameReader read, const char *pattern) {
  r->found = 0;
  for (int i = 0; i < r->dump->arrays; i++) {
    const DumpArray *array = &r->dump->array[i];
    Named *named = &r->named[i];
    const bool fits = read ? strlen(array->name) <= NAME_LONGEST && read(r->arena, array, named)
                           : read_pattern(r->arena, array, pattern, named);
    if (!fits) *named = (Named){0};
    r->found += fits;
  }
}

static bool has_layers(const Reading *r) {
  for (int i = 0; i < r->dump->arrays; i++)
    if (r->named[i].tensor && r->named[i].layer >= 0) return true;
  return false;
}

static const char *ready_list(Arena *arena) {
  const char *list = "", *of;
  for (int i = 0; dump_names_ready(i, &of); i++)
    list = arena_printf(arena, "%s%s%s", list, i ? ", " : "", ready_names[i].name);
  return list;
}

/* The mode in each place of the pattern that is for one. */
static const char *with_mode(Arena *arena, const char *pattern, const char *mode) {
  const char *text = "";
  for (const char *star; (star = strchr(pattern, '*')); pattern = star + 1)
    text = arena_printf(arena, "%s%.*s%s", text, (int)(star - pattern), pattern, mode);
  return arena_printf(arena, "%s%s", text, pattern);
}

/* NULL: they are a pattern. */
static const ReadyNames *ready_of(const char *names) {
  const size_t length = strcspn(names, ":");
  for (const ReadyNames *ready = ready_names; ready->name; ready++)
    if (strlen(ready->name) == length && !strncmp(ready->name, names, length)) return ready;
  return NULL;
}

bool dump_names_check(Arena scratch, const char *names, Status *st) {
  const ReadyNames *ready = ready_of(names);
  if (!strcmp(names, DUMP_NAMES_FOUND)) return true;
  if (ready)
    return !strchr(names, ':') || ready->pattern ||
           FAIL(st, "'%s' has no modes, '%.100s' names one", ready->name, names);
  if (!strpbrk(names, "{*"))
    return FAIL(st, "'%.100s' is neither a pattern, which has {layer} and {tensor}, nor one of %s",
                names, ready_list(&scratch));
  return pattern_check(names, st);
}

static void read_said(Reading *r, const char *names) {
  const ReadyNames *ready = ready_of(names);
  const char *mode = strchr(names, ':');
  if (ready && mode)
    read_all(r, NULL, with_mode(r->arena, ready->pattern, mode + 1));
  else
    read_all(r, ready ? ready->read : NULL, ready ? ready->pattern : names);
}

/* The first one that more than half of the arrays are of, and that tells layers. */
static void read_unsaid(Reading *r, const char **called) {
  for (const ReadyNames *ready = ready_names; ready->name; ready++) {
    read_all(r, ready->read, ready->pattern);
    *called = ready->name;
    if (2 * r->found > r->dump->arrays && has_layers(r)) return;
  }
  *called = "first number";
  read_all(r, names_first_number, NULL);
}

static bool read_names(Reading *r, const char *names, const char **called, Status *st) {
  if (names) TRY(dump_names_check(*r->arena, names, st));
  if (names && strcmp(names, DUMP_NAMES_FOUND) != 0)
    read_said(r, *called = names);
  else
    read_unsaid(r, called);
  if (r->found) return true;
  return FAIL(st, "%s: no name of it fits '%.100s'; the first is '%.100s'", r->dump->path, *called,
              dump_full_name(r->arena, r->dump->array));
}

/* What stands before the layer's number belongs to the name where it is not the same in all. */
static void join_before(Reading *r) {
  const char *one = NULL;
  bool several = false;
  for (int i = 0; i < r->dump->arrays; i++) {
    const char *before = r->named[i].before;
    if (!before) continue;
    if (one && strcmp(one, before) != 0) several = true;
    one = before;
  }
  for (int i = 0; several && i < r->dump->arrays; i++)
    if (r->named[i].before)
      r->named[i].tensor = arena_printf(r->arena, "%s.%s", r->named[i].before, r->named[i].tensor);
}

/* --- ranks ------------------------------------------------------------------------------------ */

/* "rank" and a number, anywhere in the path; -1: it is not there. */
static int rank_of(const char *path) {
  for (const char *at = path; (at = strcasestr(at, "rank")); at += 4) {
    const char *digits = at + 4 + strspn(at + 4, "_=-");
    const size_t length = strspn(digits, "0123456789");
    if (length && (at == path || !isalpha((unsigned char)at[-1])))
      return layer_number(digits, digits + length);
  }
  return -1;
}

static bool check_ranks(const Reading *r, Status *st) {
  int one = -1;
  for (int i = 0; i < r->dump->arrays; i++) {
    const int rank = r->named[i].tensor ? rank_of(r->dump->array[i].file) : -1;
    if (rank >= 0 && one >= 0 && rank != one)
      return FAIL(st,
                  "%s: is of several ranks (%d and %d), each of which holds a part of the tensors: "
                  "join them, or name the folder of one",
                  r->dump->path, one, rank);
    if (rank >= 0) one = rank;
  }
  return true;
}

/* --- passes ----------------------------------------------------------------------------------- */

/* The file of keys, or the folder of files without. */
static const char *place_of(Arena *arena, const DumpArray *array) {
  const char *full = dump_full_name(arena, array), *path = path_without_end(arena, array->file);
  return strcmp(full, path) != 0 ? path : path_folder(arena, path);
}

static bool is_told_twice(const Reading *r, Arena scratch) {
  const int count = r->dump->arrays;
  const char **key = ARENA_NEW(&scratch, const char *, count);
  int *number = ARENA_NEW(&scratch, int, count), different, found = 0;
  for (int i = 0; i < count; i++) {
    if (!r->named[i].tensor) continue;
    key[i] = arena_printf(&scratch, "%d:%s", r->named[i].layer, r->named[i].tensor);
    found++;
  }
  number_texts(&scratch, key, count, number, &different);
  return different < found;
}

static const char **number_passes(Reading *r, int *number, int *passes) {
  const int count = r->dump->arrays;
  const char **pass = ARENA_NEW(r->arena, const char *, count);
  bool told = false;
  for (int i = 0; i < count; i++) told |= r->named[i].tensor && r->named[i].pass;
  const bool by_places = !told && is_told_twice(r, *r->arena);
  for (int i = 0; i < count; i++)
    if (r->named[i].tensor)
      pass[i] = by_places          ? place_of(r->arena, &r->dump->array[i])
                : r->named[i].pass ? r->named[i].pass
                                   : "0";
  return number_texts(r->arena, pass, count, number, passes);
}

/* --- order ------------------------------------------------------------------------------------ */

typedef struct Row {
  DumpEntry entry;
  int tensor, place;
} Row;

/* -1 stands before all layers, -2 behind. */
static int layer_place(int layer) { return layer == -2 ? LAYER_NUMBERS : layer; }

static int by_order(const void *a, const void *b) {
  const Row *x = a, *y = b;
  const int p = layer_place(x->entry.layer), q = layer_place(y->entry.layer);
  return x->entry.pass != y->entry.pass ? x->entry.pass - y->entry.pass
         : p != q                       ? p - q
         : x->tensor != y->tensor       ? x->tensor - y->tensor
                                        : x->place - y->place;
}

/* Those of no layer twice: before and behind are one name. */
static int by_name(const void *a, const void *b) {
  const Row *x = a, *y = b;
  const int p = x->entry.layer < 0 ? -1 : x->entry.layer,
            q = y->entry.layer < 0 ? -1 : y->entry.layer;
  return x->entry.pass != y->entry.pass ? x->entry.pass - y->entry.pass
         : x->tensor != y->tensor       ? x->tensor - y->tensor
         : p != q                       ? p - q
                                        : x->place - y->place;
}

static bool has_modes(const char *names) {
  for (const ReadyNames *ready = ready_names; ready->name; ready++)
    if (ready->pattern && !strcmp(ready->name, names)) return true;
  return false;
}

static bool check_twice(Arena arena, const Dump *dump, const char *names, Row *row, int rows,
                        Status *st) {
  qsort(row, (size_t)rows, sizeof *row, by_name);
  for (int i = 1; i < rows; i++) {
    const DumpEntry *a = &row[i - 1].entry, *b = &row[i].entry;
    if (a->pass != b->pass || row[i].tensor != row[i - 1].tensor ||
        (a->layer != b->layer && (a->layer >= 0 || b->layer >= 0)))
      continue;
    const char *of = a->layer < 0 ? "" : arena_printf(&arena, " of layer %d", a->layer);
    return FAIL(
        st,
        "%s: '%.100s' and '%.100s' are both the tensor '%.100s'%s by the names of '%.100s': "
        "give others that tell them apart%s",
        dump->path, dump_full_name(&arena, a->array), dump_full_name(&arena, b->array), a->tensor,
        of, names, has_modes(names) ? ", such as the same with :MODE behind it" : "");
  }
  return true;
}

/* In the order of by_order. */
static bool check_layers(const Dump *dump, const DumpLayout *l, Status *st) {
  int low = LAYER_NUMBERS, next = 0, pass = -1;
  for (int i = 0; i < l->entries; i++)
    if (l->entry[i].layer >= 0 && l->entry[i].layer < low) low = l->entry[i].layer;
  for (int i = 0; i <= l->entries; i++) {
    const DumpEntry *e = i < l->entries ? &l->entry[i] : NULL;
    if (!e || e->pass != pass) {
      if (pass >= 0 && next < l->layers)
        return FAIL(st, "%s: pass '%.100s' ends before layer %d, others have %d", dump->path,
                    l->pass[pass], next, l->layers - 1);
      next = low;
      pass = e ? e->pass : pass;
    }
    if (!e || e->layer < 0 || e->layer == next - 1) continue;
    if (e->layer != next)
      return FAIL(st, "%s: layer %d is missing%s%.100s%s: layer %d follows", dump->path, next,
                  l->passes > 1 ? " in pass '" : "", l->passes > 1 ? l->pass[pass] : "",
                  l->passes > 1 ? "'" : "", e->layer);
    next++;
  }
  return true;
}

/* Tensors of layers, in the order of their first appearance. */
static void list_tensors(Reading *r, DumpLayout *l) {
  const int count = r->dump->arrays;
  const char **text = ARENA_NEW(r->arena, const char *, count);
  int *number = ARENA_NEW(r->arena, int, count);
  for (int i = 0; i < count; i++)
    if (r->named[i].tensor && r->named[i].layer >= 0) text[i] = r->named[i].tensor;
  l->tensor = number_texts(r->arena, text, count, number, &l->tensors);
}

static Row *list_rows(Reading *r, const int *pass, DumpLayout *l) {
  const int count = r->dump->arrays;
  Row *row = ARENA_NEW(r->arena, Row, count);
  const char **text = ARENA_NEW(r->arena, const char *, count);
  int *number = ARENA_NEW(r->arena, int, count), different;
  bool layer_seen = false;
  for (int i = 0; i < count; i++) text[i] = r->named[i].tensor;
  number_texts(r->arena, text, count, number, &different);
  l->left = ARENA_NEW(r->arena, const DumpArray *, count);
  for (int i = 0; i < count; i++) {
    const Named *n = &r->named[i];
    if (!n->tensor) {
      l->left[l->lefts++] = &r->dump->array[i];
      continue;
    }
    layer_seen |= n->layer >= 0;
    if (n->layer >= l->layers) l->layers = n->layer + 1;
    row[l->entries++] = (Row){.entry = {.array = &r->dump->array[i],
                                        .tensor = n->tensor,
                                        .layer = n->layer >= 0 ? n->layer
                                                 : layer_seen  ? -2
                                                               : -1,
                                        .pass = pass[i]},
                              .tensor = number[i],
                              .place = i};
  }
  return row;
}

bool dump_layout(Arena *arena, const Dump *dump, const char *names, DumpLayout *l, Status *st) {
  Reading r = {.arena = arena, .dump = dump, .named = ARENA_NEW(arena, Named, dump->arrays)};
  int *pass = ARENA_NEW(arena, int, dump->arrays);
  *l = (DumpLayout){0};
  TRY(read_names(&r, names, &l->names, st));
  join_before(&r);
  TRY(check_ranks(&r, st));
  l->pass = number_passes(&r, pass, &l->passes);
  Row *row = list_rows(&r, pass, l);
  list_tensors(&r, l);
  TRY(check_twice(*arena, dump, l->names, row, l->entries, st));
  qsort(row, (size_t)l->entries, sizeof *row, by_order);
  l->entry = ARENA_NEW(arena, DumpEntry, l->entries);
  for (int i = 0; i < l->entries; i++) l->entry[i] = row[i].entry;
  return check_layers(dump, l, st);
}
