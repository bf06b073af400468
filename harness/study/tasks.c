#include "study/tasks.h"

#include "family/block.h"
#include "measure/interval.h"
#include "measure/tasks.h"

typedef struct Asker {
  const TaskSet *set;
  int sides;
  Continued *left; /* [requests][sides] */
} Asker;

static bool take_end(void *context, const WalkPlace *at, int side, const WalkEnd *end,
                     Arena scratch, Status *st) {
  (void)st;
  Asker *a = context;
  const TaskRequest *request = &a->set->request[at->prompt];
  Continued *of = &a->left[at->prompt * a->sides + side];
  of->code_points = request->code_points;
  task_continued(&end[side].logits, request->token + request->T + 1 - request->continued,
                 request->continued, of, scratch);
  return true;
}

static void *left(void *context, int request, size_t *bytes) {
  Asker *a = context;
  *bytes = (size_t)a->sides * sizeof *a->left;
  return &a->left[request * a->sides];
}

/* --- rows ------------------------------------------------------------------------------------- */

static void put_sample(const Asker *a, int side, int question, TaskSample *row, Arena scratch) {
  const TaskQuestion *q = &a->set->question[question];
  Continued *choice = ARENA_NEW(&scratch, Continued, q->count);
  row->sample = question;
  for (int i = 0; i < q->count; i++) {
    choice[i] = a->left[(q->first + i) * a->sides + side];
    row->truncated += a->set->request[q->first + i].truncated;
  }
  task_sample(a->set->kind, choice, q->count, q->gold, row);
}

static void put_pairs(const TaskSample *const *mode, int modes, int samples, bool norm,
                      TaskRows *rows, Arena scratch) {
  TaskPair *first = &rows->pair[rows->pairs];
  int count = 0;
  for (int a = 0; a < modes; a++)
    for (int b = a + 1; b < modes; b++) first[count++] = task_pair(mode[a], mode[b], samples, norm);
  double *p = ARENA_NEW(&scratch, double, count);
  for (int i = 0; i < count; i++) p[i] = first[i].p;
  interval_holm(p, (size_t)count, p, scratch);
  for (int i = 0; i < count; i++) first[i].holm = p[i];
  rows->pairs += count;
}

static void put_rows(const Asker *a, const Spec *spec, TaskRows *rows, Arena scratch) {
  const TaskSet *set = a->set;
  const TaskSample **mode = ARENA_NEW(&scratch, const TaskSample *, a->sides);
  for (int s = 0; s < a->sides; s++) {
    TaskSample *first = &rows->sample[rows->samples];
    const char *name = s ? spec->evaluation.modes[s - 1] : MODE_REFERENCE;
    mode[s] = first;
    for (int q = 0; q < set->questions; q++) {
      table_text(first[q].task, sizeof first[q].task, set->name);
      table_text(first[q].mode, sizeof first[q].mode, name);
      put_sample(a, s, q, &first[q], scratch);
    }
    rows->samples += set->questions;
    TaskScore *score = &rows->score[rows->scores++];
    *score = task_score(set->kind, first, set->questions);
    table_text(score->task, sizeof score->task, set->name);
    table_text(score->mode, sizeof score->mode, name);
    table_text(score->headline, sizeof score->headline, task_headline(set->kind, set->name));
  }
  put_pairs(mode, a->sides, set->questions, false, rows, scratch);
  if (set->kind == TASK_CHOICES) put_pairs(mode, a->sides, set->questions, true, rows, scratch);
}

/* --- the study -------------------------------------------------------------------------------- */

static bool ask(Arena *arena, const Study *study, int number, WalkSide *side, int sides,
                TaskRows *rows, Status *st) {
  const TaskSet *set = &study->subject->task[number];
  Asker asker = {.set = set, .sides = sides};
  asker.left = ARENA_NEW(arena, Continued, set->requests * sides);
  PromptShape *prompt = ARENA_NEW(arena, PromptShape, set->requests);
  for (int i = 0; i < set->requests; i++)
    prompt[i] =
        (PromptShape){.name = set->name, .token = set->request[i].token, .T = set->request[i].T};
  Visitor visitor = {.context = &asker, .end = take_end, .left = left};
  visitor.looks_at = subject_ends(study->subject);
  TRY(study_walk(study, side, sides, prompt, set->requests, &visitor, true,
                 arena_printf(arena, "task_%d", number), *arena, st));
  if (!study_is_part(study)) put_rows(&asker, study->spec, rows, *arena);
  return true;
}

static void make_room(Arena *arena, const Subject *subject, int sides, TaskRows *rows) {
  int samples = 0;
  for (int t = 0; t < subject->tasks; t++) samples += subject->task[t].questions;
  rows->score = ARENA_NEW(arena, TaskScore, subject->tasks * sides);
  rows->pair = ARENA_NEW(arena, TaskPair, subject->tasks * sides * (sides - 1));
  rows->sample = ARENA_NEW(arena, TaskSample, samples * sides);
}

bool tasks_run(Arena *arena, const Study *study, TaskRows *rows, Status *st) {
  const Spec *spec = study->spec;
  const Subject *subject = study->subject;
  *rows = (TaskRows){0};
  if (!subject->tasks) return true;
  const int sides = spec->evaluation.mode_count + 1;
  WalkSide *side = ARENA_NEW(arena, WalkSide, sides);
  side[0] = (WalkSide){.source = subject_reference(subject)};
  for (int s = 1; s < sides; s++)
    side[s] = (WalkSide){.source = subject_modes(subject),
                         .mode = spec_mode(spec, spec->evaluation.modes[s - 1])};
  int requests = 0;
  for (int t = 0; t < subject->tasks; t++)
    requests += study_share(study, subject->task[t].requests);
  make_room(arena, subject, sides, rows);
  progress_phase(study->progress, "tasks", requests * subject->model.layers);
  for (int t = 0; t < subject->tasks; t++) TRY(ask(arena, study, t, side, sides, rows, st));
  progress_done(study->progress, "%s of %s, %s and the float64 reference",
                progress_count(study->progress, requests, "request").text,
                progress_count(study->progress, subject->tasks, "task").text,
                progress_count(study->progress, sides - 1, "mode").text);
  return true;
}

size_t tasks_bytes(const Spec *spec, const Subject *subject) {
  const Config *config = &subject->checkpoint.config;
  const size_t sides = 1 + (size_t)spec->evaluation.mode_count;
  size_t most = 0, kept = 0;
  for (int t = 0; t < subject->tasks; t++) {
    const TaskSet *set = &subject->task[t];
    const int T = set->longest;
    const size_t walk = walk_bytes(block_bytes(config, T), T, config->D, (int)sides, 2) +
                        task_continued_bytes(T, config->vocab);
    if (walk > most) most = walk;
    kept += (size_t)set->requests * (sides * sizeof(Continued) + sizeof(PromptShape)) +
            (size_t)set->questions * sides * sizeof(TaskSample) +
            sides * sides * (sizeof(TaskPair) + sizeof(TaskScore));
  }
  return subject->tasks ? most + kept : 0;
}
