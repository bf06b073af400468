#include "measure/tasks.h"

#include <assert.h>
#include <ctype.h>
#include <math.h>
#include <string.h>

#include "measure/evaluation.h"
#include "measure/interval.h"

const char *const task_kinds[] = {
    [TASK_TARGET] = "target", [TASK_CHOICES] = "choices", [TASK_CONTEXTS] = "contexts", NULL};

/* --- one sample ------------------------------------------------------------------------------- */

size_t task_continued_bytes(int count, int vocab) {
  return (size_t)count * sizeof(EvaluationPosition) + evaluation_positions_bytes(vocab);
}

void task_continued(const Tensor *logits, const int32_t *token, int count, Continued *c,
                    Arena scratch) {
  const Tensor last = tensor_rows(logits, logits->rows - count, count);
  EvaluationPosition *at = ARENA_NEW(&scratch, EvaluationPosition, count);
  evaluation_positions(NULL, &last, token, at, scratch);
  c->log_p = 0;
  c->greedy = true;
  for (int i = 0; i < count; i++) {
    c->log_p -= at[i].nats;
    c->greedy &= at[i].right;
  }
}

/* The first of the largest; -1 where one is NaN. */
static int largest(const double *value, int n) {
  int top = 0;
  for (int i = 0; i < n; i++) {
    if (isnan(value[i])) return -1;
    if (value[i] > value[top]) top = i;
  }
  return top;
}

static double margin_of(const double *log_p, int choices, int gold) {
  double best = -INFINITY;
  for (int i = 0; i < choices; i++)
    if (i != gold) best = fmax(best, log_p[i]);
  return log_p[gold] - best;
}

void task_sample(TaskKind kind, const Continued *choice, int choices, int gold, TaskSample *row) {
  assert(choices > 0 && choices <= TASK_CHOICES_MOST);
  double log_p[TASK_CHOICES_MOST], norm[TASK_CHOICES_MOST];
  for (int i = 0; i < choices; i++) {
    log_p[i] = choice[i].log_p;
    norm[i] = choice[i].log_p / choice[i].code_points;
  }
  row->gold = gold;
  row->log_p = choice[gold].log_p;
  row->margin = NAN;
  row->answer = largest(log_p, choices);
  row->answer_norm = row->right_norm = -1;
  if (kind == TASK_TARGET) {
    row->right = row->answer < 0 ? -1 : choice[0].greedy;
    row->answer = row->right == 1 ? 0 : -1;
    return;
  }
  row->right = row->answer < 0 ? -1 : row->answer == gold;
  if (row->answer >= 0) row->margin = margin_of(log_p, choices, gold);
  if (kind == TASK_CONTEXTS) return;
  row->answer_norm = largest(norm, choices);
  row->right_norm = row->answer_norm < 0 ? -1 : row->answer_norm == gold;
}

/* --- a mode, and two -------------------------------------------------------------------------- */

static int right_of(const TaskSample *row, bool norm) {
  return norm ? row->right_norm : row->right;
}

static void put_share(const TaskSample *row, int samples, bool norm, double *share, double *low,
                      double *high) {
  int64_t right = 0, n = 0;
  for (int i = 0; i < samples; i++)
    if (right_of(&row[i], norm) >= 0) n++, right += right_of(&row[i], norm);
  const Interval interval = n ? interval_wilson(right, n) : (Interval){NAN, NAN};
  *share = n ? (double)right / (double)n : NAN;
  *low = interval.low;
  *high = interval.high;
}

TaskScore task_score(TaskKind kind, const TaskSample *row, int samples) {
  TaskScore score = {.samples = samples, .perplexity = NAN};
  double sum = 0;
  table_text(score.kind, sizeof score.kind, task_kinds[kind]);
  for (int i = 0; i < samples; i++) {
    score.left_out += row[i].right < 0;
    score.truncated += row[i].truncated > 0;
    if (row[i].right >= 0) sum += row[i].log_p;
  }
  put_share(row, samples, false, &score.acc, &score.acc_low, &score.acc_high);
  put_share(row, samples, true, &score.acc_norm, &score.acc_norm_low, &score.acc_norm_high);
  if (kind == TASK_TARGET && samples > score.left_out)
    score.perplexity = exp(-sum / (samples - score.left_out));
  return score;
}

TaskPair task_pair(const TaskSample *base, const TaskSample *other, int samples, bool norm) {
  TaskPair pair = {.holm = NAN, .diff = NAN};
  table_text(pair.task, sizeof pair.task, base->task);
  table_text(pair.base, sizeof pair.base, base->mode);
  table_text(pair.other, sizeof pair.other, other->mode);
  table_text(pair.metric, sizeof pair.metric, norm ? "acc_norm" : "acc");
  for (int i = 0; i < samples; i++) {
    const int a = right_of(&base[i], norm), b = right_of(&other[i], norm);
    if (a < 0 || b < 0) continue;
    pair.samples++;
    pair.base_only += a > b;
    pair.other_only += b > a;
  }
  const int more = pair.other_only - pair.base_only;
  if (pair.samples) pair.diff = (double)more / pair.samples;
  pair.p = interval_mcnemar(pair.base_only, pair.other_only);
  pair.samples_needed = interval_mcnemar_needed(pair.base_only, pair.other_only, pair.samples);
  const bool told = pair.p <= 1 - interval_level;
  table_text(pair.answer, sizeof pair.answer,
             pair.base_only + pair.other_only == 0 ? "identical"
             : !told                               ? "undecided"
             : more > 0                            ? "better"
                                                   : "worse");
  return pair;
}

static bool mentions(const char *name, const char *word) {
  const size_t length = strlen(word);
  for (; *name; name++) {
    size_t i = 0;
    while (i < length && name[i] && tolower((unsigned char)name[i]) == word[i]) i++;
    if (i == length) return true;
  }
  return false;
}

const char *task_headline(TaskKind kind, const char *name) {
  const bool norm =
      kind == TASK_CHOICES && (mentions(name, "hellaswag") || mentions(name, "arc_challenge") ||
                               mentions(name, "arc-challenge") || mentions(name, "arc_c"));
  return norm ? "acc_norm" : "acc";
}
