/* ask: the commands that need no results folder: calibrate, eval, modes, synth. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "command/command.h"
#include "command/flags.h"
#include "command/json_rows.h"
#include "command/plan.h"
#include "command/print_evaluation.h"
#include "command/print_tasks.h"
#include "experiment/experiment.h"
#include "model/synth.h"
#include "study/calibrate.h"
#include "study/choices.h"
#include "study/evaluate.h"
#include "walk/texts.h"

/* What each choice of each scale clips and rounds, a line a choice. */
static void print_choices(const Subject *subject, bool json) {
  const size_t count = choices_count(&subject->model.config);
  if (json) {
    json_t *rows = json_rows(&table_scale_choices, subject->choice, count);
    json_dumpf(rows, stdout, JSON_INDENT(1));
    printf("\n");
    json_decref(rows);
    return;
  }
  printf("%-5s %-6s %-12s %-11s %-11s %-9s %-10s %-10s %s\n", "layer", "scale", "tensor", "choice",
         "value", "beyond", "clipped", "rounded", "both, relative L2");
  for (size_t i = 0; i < count; i++) {
    const ScaleChoice *row = &subject->choice[i];
    printf("%-5d %-6s %-12s %-11s %-11.4e %-9lld %-10.3e %-10.3e %.3e\n", row->layer, row->scale,
           row->tensor, row->choice, row->value, (long long)row->beyond, row->rel_l2_clipped,
           row->rel_l2_rounded, row->rel_l2);
  }
}

bool command_calibrate(Arena *arena, const Options *o, const char *typed, Status *st) {
  (void)typed;
  Spec spec;
  Subject subject;
  Progress progress = progress_start(o->quiet);
  TRY(flags_calibrate(arena, o, &spec, st));
  TRY(flags_apply(o, &spec, st));
  TRY(subject_check(arena, &spec, &subject, st));
  Device device = {0};
  const bool ok = experiment_load_there(arena, &spec, &progress, &device, &subject, st) &&
                  layers_ride_all(subject.layers, st);
  experiment_leave(&device, &subject);
  TRY(ok);
  const Tensors *tensors = &subject.model.config.family->tensors;
  if (o->choices) return print_choices(&subject, o->json), true;
  if (o->json) {
    json_t *layers = json_array();
    for (int layer = 0; layer < subject.model.layers; layer++) {
      json_t *scales = json_object();
      for (int s = 0; s < tensors->scales; s++)
        json_object_set_new(scales, tensors->scale[s],
                            json_pack("{s:f, s:f}", "statistic",
                                      subject.model.scales[layer].statistic[s], "scale",
                                      (double)subject.model.scales[layer].scale[s]));
      json_array_append_new(layers, scales);
    }
    json_dumpf(layers, stdout, JSON_INDENT(1));
    printf("\n");
    json_decref(layers);
    return true;
  }
  printf("%-5s", "layer");
  for (int s = 0; s < tensors->scales; s++) printf(" %-15s", tensors->scale[s]);
  for (int layer = 0; layer < subject.model.layers; layer++) {
    printf("\n%-5d", layer);
    for (int s = 0; s < tensors->scales; s++)
      printf(" %.9e", (double)subject.model.scales[layer].scale[s]);
  }
  printf("\n");
  return true;
}

bool command_eval(Arena *arena, const Options *o, const char *typed, Status *st) {
  (void)typed;
  Spec spec;
  Subject subject;
  EvaluationRows rows;
  TaskRows tasks;
  Progress progress = progress_start(o->quiet);
  TRY(flags_eval(arena, o, &spec, st));
  TRY(flags_apply(o, &spec, st));
  TRY(subject_check(arena, &spec, &subject, st));
  if (!spec.prompt_count) texts_make(arena, &spec, 1, &subject);
  Study study = {.spec = &spec, .subject = &subject, .progress = &progress};
  Device device = {0};
  const bool ok = experiment_load_there(arena, &spec, &progress, &device, &subject, st) &&
                  evaluate(arena, &study, &rows, st) && tasks_run(arena, &study, &tasks, st);
  experiment_leave(&device, &subject);
  progress_clear(&progress);
  TRY(ok);
  if (o->json) return print_evaluation_json(stdout, &rows, &tasks, st);
  if (rows.modes) print_evaluation(stdout, &rows);
  if (rows.modes && tasks.scores) printf("\n");
  print_tasks(stdout, &tasks);
  return true;
}

bool command_modes(Arena *arena, const Options *o, const char *typed, Status *st) {
  (void)typed, (void)st;
  if (!o->json) {
    for (const Family *const *family = families; *family; family++) {
      print_stage_table((*family)->preset, (*family)->presets, 1, *arena);
      printf("\n");
      for (int s = 0; s < (*family)->stages; s++) {
        const Stage *stage = &(*family)->stage[s];
        printf("%-12s ", stage->key);
        for (int v = 0; stage->values[v]; v++) printf("%s%s", v ? ", " : "", stage->values[v]);
        printf(": %s\n", stage->meaning);
      }
    }
    return true;
  }
  json_t *root = json_object();
  for (const Family *const *family = families; *family; family++)
    for (int m = 0; m < (*family)->presets; m++) {
      const Mode *preset = &(*family)->preset[m];
      json_t *mode = json_object();
      for (int s = 0; s < (*family)->stages; s++)
        json_object_set_new(mode, (*family)->stage[s].key,
                            json_string(mode_setting_name(preset, s)));
      json_object_set_new(root, preset->name, mode);
    }
  json_dumpf(root, stdout, JSON_INDENT(2));
  printf("\n");
  json_decref(root);
  return true;
}

static bool read_type(const char *name, WeightType *type, Status *st) {
  static const struct {
    const char *name;
    WeightType type;
  } known[] = {{"f32", WEIGHT_F32}, {"bf16", WEIGHT_BF16}, {"f16", WEIGHT_F16}};
  for (size_t i = 0; name && i < sizeof known / sizeof *known; i++)
    if (!strcmp(name, known[i].name)) return *type = known[i].type, true;
  return !name || FAIL(st, "--type: expected f32, bf16 or f16, found '%.40s'", name);
}

bool command_synth(Arena *arena, const Options *o, const char *typed, Status *st) {
  (void)typed;
  const char *name = o->shape ? o->shape : synth_shapes[0].name;
  const SynthShape *shape = synth_shape(name);
  if (!shape) return FAIL(st, "--shape: '%.40s' is none of the shapes that --help lists", name);
  WeightType type = WEIGHT_F32;
  TRY(read_type(o->type, &type, st));
  const char *folder = o->folder ? o->folder : arena_printf(arena, "results/%s", shape->name);
  Progress progress = progress_start(o->quiet);
  TRY(synth_write(shape, type, o->seed >= 0 ? o->seed : 1, folder, &progress, *arena, st));
  printf("%s\n", folder);
  return true;
}
