/* dump: what of a dump is which tensor of which layer, and what of it is none. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/number.h"
#include "command/command.h"
#include "command/flags.h"
#include "model/safetensors.h"
#include "source/dump/names.h"

static const char *layer_text(const DumpEntry *entry, char text[16]) {
  snprintf(text, 16, entry->layer < 0 ? "-" : "%d", entry->layer);
  return text;
}

/* The longest of them, but not more than what leaves a line readable. */
static int width_of(const DumpLayout *layout) {
  enum { MOST = 40 };
  size_t most = strlen("tensor");
  for (int i = 0; i < layout->entries; i++)
    if (strlen(layout->entry[i].tensor) > most) most = strlen(layout->entry[i].tensor);
  return most < MOST ? (int)most : MOST;
}

/* Shape, type, scale and where it stands, which end a line. An array alone in its file is called as
 * that is. */
static void print_array(const DumpArray *a) {
  char shape[SHAPE_TEXT], scale[32] = "";
  const char *file = file_name(a->file);
  const bool alone = !strncmp(file, a->name, strlen(a->name)) && file[strlen(a->name)] == '.';
  if (a->scale > 0) snprintf(scale, sizeof scale, "scale %.9g", (double)a->scale);
  if (a->type == DUMP_I8 && !(a->scale > 0)) snprintf(scale, sizeof scale, "no scale");
  printf("  %-18s %-11s %-16s %s%s%s\n", shape_print(a->size, a->rank, shape),
         dump_type_name[a->type], scale, a->file, *a->file && !alone ? ": " : "",
         alone ? "" : a->name);
}

static void print_passed(const Dump *dump) {
  if (dump->passed_over) printf("not read:\n");
  for (int i = 0; i < dump->passed_over; i++) {
    const DumpPassed *p = &dump->passed[i];
    printf("  %s%s%s: %s\n", p->file, *p->file && *p->name ? ": " : "", p->name, p->why);
  }
}

static void print_layout(const Dump *dump, const DumpLayout *l) {
  const int width = width_of(l);
  printf("%s: %d array%s, %d named by %s", dump->path, dump->arrays, plural(dump->arrays),
         l->entries, l->names);
  if (l->layers)
    printf("; layers to %d, of %d tensor%s", l->layers - 1, l->tensors, plural(l->tensors));
  if (l->passes > 1) printf("; %d passes", l->passes);
  putchar('\n');
  for (int i = 0; i < l->entries; i++) {
    const DumpEntry *e = &l->entry[i];
    char layer[16];
    if (l->passes > 1 && (i == 0 || e->pass != l->entry[i - 1].pass))
      printf("pass %s:\n", l->pass[e->pass]);
    printf("%5s %-*s", layer_text(e, layer), width, e->tensor);
    print_array(e->array);
  }
  if (l->lefts) printf("of no name:\n");
  for (int i = 0; i < l->lefts; i++) print_array(l->left[i]);
}

static void print_masks(const DumpLayout *l, const DumpMask *mask) {
  for (int p = 0; p < l->passes; p++)
    if (mask[p].array)
      printf("mask %s%s%s: %d of %d token%s %s padding\n", mask[p].array->name,
             l->passes > 1 ? " of pass " : "", l->passes > 1 ? l->pass[p] : "",
             mask[p].tokens - mask[p].kept, mask[p].tokens, plural(mask[p].tokens),
             mask[p].tokens - mask[p].kept == 1 ? "is" : "are");
}

/* --- JSON ------------------------------------------------------------------------------------- */

static json_t *array_json(const DumpArray *a) {
  json_t *shape = json_array();
  for (int i = 0; i < a->rank; i++) json_array_append_new(shape, json_integer(a->size[i]));
  return json_pack("{s:s, s:s, s:o, s:s, s:o}", "name", a->name, "file", a->file, "shape", shape,
                   "type", dump_type_name[a->type], "scale",
                   a->scale > 0 ? json_real((double)a->scale) : json_null());
}

static json_t *entry_json(const DumpLayout *l, const DumpEntry *e) {
  json_t *row = array_json(e->array);
  json_object_set_new(row, "pass", json_string(l->pass[e->pass]));
  json_object_set_new(row, "layer", e->layer < 0 ? json_null() : json_integer(e->layer));
  json_object_set_new(row, "tensor", json_string(e->tensor));
  return row;
}

static json_t *masks_json(const DumpLayout *l, const DumpMask *mask) {
  json_t *masks = json_array();
  for (int p = 0; p < l->passes; p++)
    if (mask[p].array)
      json_array_append_new(masks, json_pack("{s:s, s:s, s:i, s:i}", "pass", l->pass[p], "name",
                                             mask[p].array->name, "tokens", mask[p].tokens,
                                             "padding", mask[p].tokens - mask[p].kept));
  return masks;
}

static void print_json(const Dump *dump, const DumpLayout *l, const DumpMask *mask) {
  json_t *entries = json_array(), *left = json_array(), *passed = json_array();
  for (int i = 0; i < l->entries; i++) json_array_append_new(entries, entry_json(l, &l->entry[i]));
  for (int i = 0; i < l->lefts; i++) json_array_append_new(left, array_json(l->left[i]));
  for (int i = 0; i < dump->passed_over; i++)
    json_array_append_new(passed, json_pack("{s:s, s:s, s:s}", "file", dump->passed[i].file, "name",
                                            dump->passed[i].name, "why", dump->passed[i].why));
  json_t *root =
      json_pack("{s:s, s:s, s:o, s:o, s:o, s:o}", "dump", dump->path, "names", l->names, "arrays",
                entries, "of_no_name", left, "not_read", passed, "masks", masks_json(l, mask));
  json_dumpf(root, stdout, JSON_INDENT(1));
  putchar('\n');
  json_decref(root);
}

bool command_dump(Arena *arena, const Options *o, const char *typed, Status *st) {
  Dump dump;
  DumpLayout layout;
  DumpMask *mask;
  (void)typed;
  if (strcmp(o->argument[0], "list") != 0)
    return FAIL(st, "dump: expected list, found '%.40s'", o->argument[0]);
  TRY(dump_open(arena, o->argument[1], &dump, st));
  if (o->dumps_named > 1) return FAIL(st, "--names: given twice, and there is one dump");
  if (!flags_names(*arena, o, st) || !dump_layout(arena, &dump, o->names[0], &layout, st)) {
    for (int i = 0; !o->json && i < dump.arrays; i++) print_array(&dump.array[i]);
    return false;
  }
  const bool masked = dump_masks(arena, &dump, &layout, NULL, -1, &mask, st);
  if (o->json) return masked && (print_json(&dump, &layout, mask), true);
  print_layout(&dump, &layout);
  print_passed(&dump);
  if (masked) print_masks(&layout, mask);
  return masked;
}
