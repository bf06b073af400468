#include "command/plan.h"

#include <stdio.h>
#include <string.h>

#include "base/columns.h"
#include "base/number.h"
#include "experiment/estimate.h"
#include "experiment/experiment.h"
#include "study/events.h"
#include "study/foreign.h"
#include "study/grid.h"
#include "study/micro/micro.h"
#include "walk/subject.h"

/* A cell of the column that `head` stands over: as wide as that name, at least ten. */
static void print_cell(const char *text, const char *head) {
  int width = columns_of(head) > 10 ? columns_of(head) : 10, room = width - columns_of(text);
  printf(" %s%*s", text, room > 0 ? room : 0, "");
}

/* "0-3", "17", "18-23". */
static const char *part_text(Arena *arena, const Mode *mode, int first, int layers) {
  const int next = mode_next(mode, first),
            last = next == ABSENT || next > layers ? layers - 1 : next - 1;
  if (!mode->parts) return "all";
  return first == last ? arena_printf(arena, "%d", first)
                       : arena_printf(arena, "%d-%d", first, last);
}

/* A line of the table: of stage s; or, where that is ABSENT, of the layers. */
static void print_line(const Mode *modes, int count, int layers, int s, Arena scratch) {
  printf("%-12s", s == ABSENT ? "layers" : modes->family->stage[s].key);
  for (int m = 0; m < count; m++)
    for (int at = 0; at != ABSENT && at < layers; at = mode_next(&modes[m], at))
      print_cell(s == ABSENT ? part_text(&scratch, &modes[m], at, layers)
                             : mode_setting_name(mode_in(&modes[m], at), s),
                 modes[m].name);
  printf("\n");
}

void print_stage_table(const Mode *modes, int count, int layers, Arena scratch) {
  bool by_layer = false;
  printf("%-12s", "stage");
  for (int m = 0; m < count; m++)
    for (int at = 0; at != ABSENT && at < layers; at = mode_next(&modes[m], at)) {
      print_cell(modes[m].name, modes[m].name);
      by_layer |= modes[m].parts > 0;
    }
  printf("\n");
  if (by_layer) print_line(modes, count, layers, ABSENT, scratch);
  for (int s = 0; count && s < modes->family->stages; s++)
    print_line(modes, count, layers, s, scratch);
}

/* A line for each mode and length: its alphas. */
static void print_grid(const Spec *spec, Arena scratch) {
  const GridPlan *grid = &spec->grid;
  if (!spec_grids(spec)) return;
  printf("# grid: %lld point%s\n", (long long)spec_grid_points(spec),
         plural(spec_grid_points(spec)));
  for (int m = 0; m < grid->mode_count; m++)
    for (int l = 0; l < (grid->length_count ? grid->length_count : 1); l++) {
      const char *length =
          grid->length_count
              ? arena_printf(&scratch, "%d token%s", grid->lengths[l], plural(grid->lengths[l]))
              : "whole prompts";
      printf("# grid: mode %s, %s%s", grid->modes[m], length, grid->alpha_count ? ", alpha" : "");
      for (int a = 0; a < grid->alpha_count; a++) printf("%s %.15g", a ? "," : "", grid->alphas[a]);
      printf("\n");
    }
}

static bool print_checked(Arena *arena, const Spec *spec, const Subject *subject,
                          const Foreign *foreign, Status *st) {
  TRY(micro_check(spec, subject, *arena, st));
  TRY(events_check(spec, subject, st));
  TRY(grid_check(spec, subject, st));
  const bool device = subject->device;
  Estimate sum = estimate_of(spec, subject, foreign, device, *arena);
  printf("# %s: the effective spec, with every default\n%s\n# modes by stage\n", spec->path,
         spec_print(arena, spec));
  const Config *c = &subject->checkpoint.config;
  if (spec->mode_count) print_stage_table(spec->modes, spec->mode_count, c->layers, *arena);
  if (spec->model)
    printf("\n# model: %d layer%s%s\n", c->layers, plural(c->layers),
           strchr(family_sizes(arena, c), ','));
  for (int s = 0; s < foreign->sides; s++)
    printf("# source %s: %s, %d array%s, %d of them used, %d layer%s, names: %s\n",
           foreign->side[s].plan->name, foreign->side[s].path, foreign->side[s].dump.arrays,
           plural(foreign->side[s].dump.arrays), foreign->side[s].used,
           foreign->side[s].layout.layers, plural(foreign->side[s].layout.layers),
           foreign->side[s].layout.names);
  for (int i = 0; i < spec->prompt_count; i++)
    printf("# prompt %s: %d token%s\n", subject->prompt[i].name, subject->prompt[i].T,
           plural(subject->prompt[i].T));
  print_grid(spec, *arena);
  printf("# results file: %lld tensor%s, %.1f MB, %.1f MB more on disk until it is finished\n"
         "# memory%s: about %.0f MB",
         (long long)sum.tensors, plural(sum.tensors), 1e-6 * (double)sum.results_bytes,
         1e-6 * (double)sum.journal_bytes, device ? " beside a device" : "",
         1e-6 * (double)sum.memory.needed);
  if (sum.memory.needed > sum.memory.least)
    printf("; at least %.0f MB, where no layer stays", 1e-6 * (double)sum.memory.least);
  printf("\n");
  if (sum.streams_bytes)
    printf(
        "# where the disk has room, %.1f MB besides until then: what left each layer, for studies "
        "that begin there\n",
        1e-6 * (double)sum.streams_bytes);
  if (sum.memory.least > sum.memory.allowed)
    printf("# a run would be refused: it may have %.0f MB\n", 1e-6 * (double)sum.memory.allowed);
  if (spec->keep.tensor_count == 0 && !spec->keep.all_tensors) {
    Spec all = *spec;
    all.keep.all_tensors = all.keep.all_layers = true;
    sum = estimate_of(&all, subject, foreign, device, *arena);
    printf("# with keep: {tensors: all} it would be %lld tensor%s, %.1f GB\n",
           (long long)sum.tensors, plural(sum.tensors), 1e-9 * (double)sum.results_bytes);
  }
  return true;
}

bool print_plan(Arena *arena, const Spec *given, Status *st) {
  Spec spec = *given;
  Subject subject;
  Foreign foreign;
  Device device = {0};
  TRY(subject_check(arena, given, &subject, st));
  if (experiment_finds_device(&spec)) subject.device = &device;
  TRY(foreign_open(arena, &spec, &subject, &foreign, st));
  return print_checked(arena, &spec, &subject, &foreign, st);
}
