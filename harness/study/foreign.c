#include "study/foreign.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/number.h"
#include "study/foreign_parts.h"

/* --- where each tensor stands ----------------------------------------------------------------- */

static const DumpEntry **at(const Foreign *f, const ForeignSide *side, int prompt, int layer,
                            int id) {
  return &side->at[((size_t)prompt * (size_t)f->layers + (size_t)layer) *
                       (size_t)f->tensors->count +
                   (size_t)id];
}

/* The tensor of this name: of layers, or of the ends; ABSENT where the family has none. */
static int id_of(Arena scratch, const Tensors *tensors, const DumpEntry *entry) {
  const char *name = foreign_name(&scratch, entry->tensor);
  const int from = entry->layer >= 0 ? 0 : tensors->layer,
            to = entry->layer >= 0 ? tensors->layer : tensors->count;
  for (int id = from; id < to; id++)
    if (!strcmp(tensors->info[id].name, name)) return id;
  return ABSENT;
}

static bool check_size(const Foreign *f, const Subject *subject, const ForeignSide *side,
                       const DumpEntry *entry, int id, Arena scratch, Status *st) {
  const Config *config = &subject->checkpoint.config;
  const TensorInfo *info = &f->tensors->info[id];
  const int wanted_rows = info->rows == DIM_TOKEN ? subject->prompt[entry->pass].T
                                                  : config->family->width(config, info->rows),
            wanted_cols = config->family->width(config, info->cols);
  int rows, cols;
  TRY(foreign_sizes(side, entry, info->rows == DIM_TOKEN, &rows, &cols, st));
  return (rows == wanted_rows && cols == wanted_cols) ||
         FAIL(st, "%s: is [%d, %d], and %s of %s is [%d, %d]", foreign_place(&scratch, side, entry),
              rows, cols, info->name,
              *config->family->model_type ? "the model" : "other layers or sources", wanted_rows,
              wanted_cols);
}

static bool place_side(Arena *arena, const Foreign *f, const Subject *subject, ForeignSide *side,
                       Status *st) {
  side->at = arena_alloc(arena, (size_t)f->prompts * (size_t)f->layers * (size_t)f->tensors->count,
                         sizeof *side->at);
  if (side->layout.layers > f->layers)
    return FAIL(st, "%s: has %d layer%s, and the model %d", side->path, side->layout.layers,
                plural(side->layout.layers), f->layers);
  if (side->layout.passes != f->prompts)
    return FAIL(st, "%s: has %d passes, and there are %d prompts", side->path, side->layout.passes,
                f->prompts);
  for (int i = 0; i < side->layout.entries; i++) {
    const DumpEntry *entry = &side->layout.entry[i];
    const int id = id_of(*arena, f->tensors, entry);
    if (id == ABSENT) continue;
    TRY(check_size(f, subject, side, entry, id, *arena, st));
    const int layer = entry->layer >= 0                             ? entry->layer
                      : f->tensors->info[id].role == ROLE_EMBEDDING ? 0
                                                                    : f->layers - 1;
    const DumpEntry **place = at(f, side, entry->pass, layer, id);
    if (*place) continue; /* before the first layer and behind the last there may be one each */
    *place = entry;
    side->used++;
  }
  return side->used ||
         FAIL(st, "%s: none of its arrays has the name of a tensor that is compared", side->path);
}

static bool share_tensor(const Foreign *f, const ForeignSide *a, const ForeignSide *b) {
  for (int layer = 0; layer < f->layers; layer++)
    for (int id = 0; id < f->tensors->count; id++)
      if (*at(f, a, 0, layer, id) && *at(f, b, 0, layer, id)) return true;
  return false;
}

/* Two that have nothing in common would be compared in nothing. */
static bool check_pairs(const Spec *spec, const Foreign *f, Status *st) {
  for (int b = 0; b < f->sides; b++)
    for (int a = 0; a < b; a++)
      if (foreign_are_compared(spec, f->side[a].plan->name, f->side[b].plan->name) &&
          !share_tensor(f, &f->side[a], &f->side[b]))
        return FAIL(st,
                    "%s: has no tensor that %s has in the same layer: `dump list` says how each is "
                    "read, 'names' how else",
                    f->side[b].path, f->side[a].path);
  return true;
}

/* What a source has in one prompt it has in all: a results file's prompts are alike. */
static bool check_passes(const Foreign *f, const ForeignSide *side, Arena scratch, Status *st) {
  for (int p = 1; p < f->prompts; p++)
    for (int layer = 0; layer < f->layers; layer++)
      for (int id = 0; id < f->tensors->count; id++) {
        const DumpEntry *here = *at(f, side, p, layer, id), *first = *at(f, side, 0, layer, id);
        if (!here != !first)
          return FAIL(st, "%s: stands in pass %d, and not in pass %d",
                      foreign_place(&scratch, side, here ? here : first), here ? p : 0,
                      here ? 0 : p);
        if (here && dump_format(here->array) != dump_format(first->array))
          return FAIL(st, "%s: is %s, and in pass 0 %s", foreign_place(&scratch, side, here),
                      dump_type_name[here->array->type], dump_type_name[first->array->type]);
      }
  return true;
}

/* --- opening ---------------------------------------------------------------------------------- */

/* Of every file: its name, length and when it was written; of every array what is known before it
 * is read. */
static bool digest_side(const ForeignSide *side, Digest *digest, Arena scratch, Status *st) {
  DigestState state;
  digest_begin(&state);
  for (int i = 0; i < side->dump.arrays; i++) {
    const DumpArray *array = &side->dump.array[i];
    const bool same = i > 0 && !strcmp(array->file, side->dump.array[i - 1].file);
    const char *path =
        *array->file ? arena_printf(&scratch, "%s/%s", side->path, array->file) : side->path;
    struct stat about;
    if (!same && stat(path, &about) != 0) return FAIL(st, "%s: %s", path, strerror(errno));
    const char *text =
        arena_printf(&scratch, "%s %s %d %d %" PRId64 " %" PRId64 ".%09ld", array->file,
                     array->name, (int)array->type, array->rank, same ? 0 : (int64_t)about.st_size,
                     same ? 0 : (int64_t)about.st_mtim.tv_sec, same ? 0 : about.st_mtim.tv_nsec);
    digest_add(&state, text, strlen(text));
    digest_add(&state, array->size, (size_t)array->rank * sizeof *array->size);
  }
  return *digest = digest_end(&state), true;
}

static bool open_side(Arena *arena, const Spec *spec, const SourcePlan *plan, ForeignSide *side,
                      Status *st) {
  *side = (ForeignSide){.plan = plan, .path = file_resolve(arena, spec->folder, plan->dump)};
  TRY(spec_blame(spec, plan, "dump", st, dump_open(arena, side->path, &side->dump, st)));
  TRY(spec_blame(spec, plan, plan->names ? "names" : "dump", st,
                 dump_layout(arena, &side->dump, plan->names, &side->layout, st)));
  return foreign_say(arena, spec, side, st);
}

static bool open_all(Arena *arena, Spec *spec, Subject *subject, Foreign *f, Status *st) {
  Digest *digest = ARENA_NEW(arena, Digest, spec->source_count + 1);
  for (int i = 0; i < spec->source_count; i++) {
    if (!foreign_are_compared(spec, spec->sources[i].name, NULL)) continue;
    ForeignSide *side = &f->side[f->sides++];
    TRY(open_side(arena, spec, &spec->sources[i], side, st));
    TRY(digest_side(side, &digest[f->sides], *arena, st));
  }
  if (!f->sides) return true;
  f->layers = subject->checkpoint.config.layers;
  f->prompts = spec->prompt_count;
  if (!spec->model) TRY(foreign_make_subject(arena, spec, f, subject, st));
  f->tensors = &subject->checkpoint.config.family->tensors;
  for (int s = 0; s < f->sides; s++) {
    TRY(spec_blame(spec, f->side[s].plan, "dump", st,
                   place_side(arena, f, subject, &f->side[s], st) &&
                       check_passes(f, &f->side[s], *arena, st)));
  }
  TRY(check_pairs(spec, f, st));
  f->prompt = subject->prompt;
  TRY(foreign_compare_tokens(arena, spec, f, subject->prompt, st));
  digest[0] = subject->checkpoint.digest;
  subject->checkpoint.digest = digest_join(digest, (size_t)f->sides + 1);
  return true;
}

bool foreign_open(Arena *arena, Spec *spec, Subject *subject, Foreign *foreign, Status *st) {
  *foreign = (Foreign){.side = ARENA_NEW(arena, ForeignSide, spec->source_count)};
  return open_all(arena, spec, subject, foreign, st);
}

/* --- what they have --------------------------------------------------------------------------- */

bool foreign_has(const Foreign *f, int side, int layer, int id, Format *format) {
  const DumpEntry *entry = *at(f, &f->side[side], 0, layer, id);
  if (entry) *format = dump_format(entry->array);
  return entry != NULL;
}

bool foreign_trace(Arena *arena, const Foreign *f, int side, int prompt, int layer, Trace *trace,
                   Status *st) {
  const ForeignSide *of = &f->side[side];
  *trace = (Trace){0};
  for (int id = 0; id < f->tensors->count; id++) {
    const DumpEntry *entry = *at(f, of, prompt, layer, id);
    const bool *keep = f->tensors->info[id].rows == DIM_TOKEN ? of->mask[prompt].keep : NULL;
    if (entry)
      TRY(dump_read(arena, &of->dump, entry->array, foreign_axes(of, entry), keep, &trace->t[id],
                    st));
  }
  return true;
}

/* Of one tensor. Its sizes were found when its place was. */
static ForeignSize size_of(const ForeignSide *side, const DumpEntry *entry, bool of_tokens) {
  Status st = {0};
  int rows = 0, cols = 0;
  (void)foreign_sizes(side, entry, of_tokens, &rows, &cols, &st);
  const size_t elements = (size_t)rows * (size_t)cols;
  return (ForeignSize){elements * format_size(dump_format(entry->array)) + 64, elements,
                       (size_t)rows + (size_t)cols};
}

ForeignSize foreign_size(const Foreign *f) {
  ForeignSize size = {0, 0, 0};
  for (int p = 0; p < f->prompts; p++)
    for (int layer = 0; layer < f->layers; layer++) {
      size_t bytes = 0;
      for (int s = 0; s < f->sides; s++)
        for (int id = 0; id < f->tensors->count; id++) {
          const DumpEntry *entry = *at(f, &f->side[s], p, layer, id);
          if (!entry) continue;
          const ForeignSize one =
              size_of(&f->side[s], entry, f->tensors->info[id].rows == DIM_TOKEN);
          bytes += one.bytes;
          if (one.elements > size.elements) size.elements = one.elements;
          if (one.parts > size.parts) size.parts = one.parts;
        }
      if (bytes > size.bytes) size.bytes = bytes;
    }
  return size;
}
