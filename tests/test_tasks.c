/* tasks: what is right, by the log-probabilities of continuations worked out by hand; the test of
 * McNemar summed term by term; and how a file's samples become requests. */
#include "measure/tasks.h"

#include <math.h>

#include "measure/interval.h"
#include "tests/draws.h"
#include "tests/measure_rows.h"
#include "tests/model_files.h"
#include "tests/shell.h"
#include "walk/task_set.h"

TestSuite(tasks, .init = test_files_begin, .fini = test_files_end);

/* --- scoring ---------------------------------------------------------------------------------- */

static TaskSample sample_of(TaskKind kind, const Continued *choice, int choices, int gold) {
  TaskSample row;
  memset(&row, 0xa5, sizeof row);
  task_sample(kind, choice, choices, gold, &row);
  return row;
}

Test(tasks, the_largest_sum_answers_and_the_first_of_equal_ones) {
  const Continued choice[] = {{-9, 0, 4}, {-6, 0, 2}, {-6, 0, 12}, {-8, 0, 16}};
  TaskSample row = sample_of(TASK_CHOICES, choice, 4, 1);
  cr_expect(row.answer == 1 && row.right == 1);
  cr_expect(row.answer_norm == 2 && row.right_norm == 0, "-6/12 and -8/16 are equal: the first");
  cr_expect(row.log_p == -6 && row.margin == 0);
  row = sample_of(TASK_CHOICES, choice, 4, 3);
  cr_expect(row.right == 0 && row.margin == -2);
  row = sample_of(TASK_CONTEXTS, choice, 4, 1);
  cr_expect(row.right == 1 && row.right_norm == -1 && row.answer_norm == -1);
}

Test(tasks, a_target_is_right_where_each_token_is_the_likeliest) {
  const Continued greedy = {-3, 1, 5}, other = {-1, 0, 5};
  TaskSample row = sample_of(TASK_TARGET, &greedy, 1, 0);
  cr_expect(row.right == 1 && row.answer == 0 && row.log_p == -3 && isnan(row.margin));
  row = sample_of(TASK_TARGET, &other, 1, 0);
  cr_expect(row.right == 0 && row.answer == -1);
}

Test(tasks, a_logit_that_is_not_finite_leaves_its_sample_out) {
  const Continued choice[] = {{-9, 0, 4}, {NAN, 0, 2}};
  TaskSample row[3] = {sample_of(TASK_CHOICES, choice, 2, 0)};
  cr_expect(row[0].right == -1 && row[0].answer == -1 && row[0].right_norm == -1);
  const Continued fine[] = {{-9, 0, 4}, {-10, 0, 2}};
  row[1] = sample_of(TASK_CHOICES, fine, 2, 0);
  row[2] = sample_of(TASK_CHOICES, fine, 2, 1);
  row[0].truncated = row[1].truncated = row[2].truncated = 0;
  const TaskScore score = task_score(TASK_CHOICES, row, 3);
  cr_expect(score.samples == 3 && score.left_out == 1 && score.acc == 0.5);
}

/* Wilson (1927) by the quadratic that it solves: (p - share)^2 n = z^2 p (1 - p). */
Test(tasks, shares_have_wilsons_interval_and_targets_a_perplexity) {
  TaskSample row[100];
  memset(row, 0, sizeof row);
  for (int i = 0; i < 100; i++) row[i].right = i < 60, row[i].right_norm = -1, row[i].log_p = -2;
  const TaskScore score = task_score(TASK_TARGET, row, 100);
  const double z2 = 1.959963984540054 * 1.959963984540054, ends[] = {score.acc_low, score.acc_high};
  cr_expect_eq(score.acc, 0.6);
  for (int e = 0; e < 2; e++)
    cr_expect_float_eq(pow(ends[e] - 0.6, 2) * 100, z2 * ends[e] * (1 - ends[e]), 1e-12);
  cr_expect_float_eq(score.perplexity, exp(2), 1e-14);
  cr_expect(isnan(score.acc_norm) && isnan(score.acc_norm_low));
}

/* Twice the probability of at most `less` heads in n, each term by factorials. */
static double twice_tail(int less, int n) {
  double sum = 0;
  for (int k = 0; k <= less; k++)
    sum += exp(lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1) - n * log(2));
  return fmin(1, 2 * sum);
}

Test(tasks, mcnemar_is_the_binomial_summed) {
  for (int a = 0; a < 30; a++)
    for (int b = 0; b < 30; b++) {
      const double want = a + b ? twice_tail(a < b ? a : b, a + b) : 1;
      cr_expect_float_eq(interval_mcnemar(a, b), want, 1e-12, "%d %d: %g, want %g", a, b,
                         interval_mcnemar(a, b), want);
    }
}

/* A draw of as many samples as are said to be needed tells the two apart in four of five. */
Test(tasks, as_many_samples_as_are_needed_tell_in_four_of_five) {
  enum { DRAWS = 4000 };
  const double only_a = 0.04, only_b = 0.10;
  const int n = (int)interval_mcnemar_needed(40, 100, 1000);
  gsl_rng *draws = draws_from(7);
  int told = 0;
  for (int d = 0; d < DRAWS; d++) {
    int a = 0, b = 0;
    for (int i = 0; i < n; i++) {
      const double u = gsl_rng_uniform(draws);
      a += u < only_a, b += u >= only_a && u < only_a + only_b;
    }
    told += interval_mcnemar(a, b) <= 0.05;
  }
  /* The exact test is a little slower to tell than the normal one that the number is for. */
  cr_expect(told > 0.72 * DRAWS && told < 0.84 * DRAWS, "%d of %d with %d samples", told, DRAWS, n);
  cr_expect(isnan(interval_mcnemar_needed(0, 0, 50)) && isnan(interval_mcnemar_needed(3, 3, 50)));
}

Test(tasks, a_pair_is_told_by_the_samples_that_one_alone_answers_right) {
  TaskSample a[60], b[60];
  memset(a, 0, sizeof a), memset(b, 0, sizeof b);
  for (int i = 0; i < 60; i++) a[i].right = i < 40, b[i].right = i >= 10 && i < 50;
  a[59].right = -1; /* not finite in one: of neither */
  TaskPair pair = task_pair(a, b, 60, false);
  cr_expect(pair.samples == 59 && pair.base_only == 10 && pair.other_only == 10 && pair.p == 1);
  cr_expect_str_eq(pair.answer, "undecided");
  for (int i = 0; i < 10; i++) b[i].right = 1;
  pair = task_pair(a, b, 60, false);
  cr_expect(pair.base_only == 0 && pair.other_only == 10);
  cr_expect_str_eq(pair.answer, "better");
  cr_expect_str_eq(task_pair(b, a, 60, false).answer, "worse");
  cr_expect_str_eq(task_pair(a, a, 60, false).answer, "identical");
}

Test(tasks, papers_give_acc_norm_for_hellaswag_and_the_challenge_set_of_arc) {
  cr_expect_str_eq(task_headline(TASK_CHOICES, "HellaSwag_val"), "acc_norm");
  cr_expect_str_eq(task_headline(TASK_CHOICES, "arc_challenge"), "acc_norm");
  cr_expect_str_eq(task_headline(TASK_CHOICES, "arc_easy"), "acc");
  cr_expect_str_eq(task_headline(TASK_TARGET, "hellaswag"), "acc");
}

/* Rows of logits whose softmax is known: log p of token k is -log sum exp(x - x_k). */
Test(tasks, a_continuation_is_the_sum_over_its_own_tokens) {
  Arena arena = new_arena();
  static float logits[3 * 4] = {9, 9, 9, 9, 0, 1, 2, 3, 5, 5, 1, 0};
  const Tensor t = tensor_of(logits, FORMAT_F32, 3, 4, 0);
  const int32_t token[] = {3, 1};
  Continued c;
  task_continued(&t, token, 2, &c, arena);
  const double want =
      3 - log(exp(0) + exp(1) + exp(2) + exp(3)) + 5 - log(exp(5) + exp(5) + exp(1) + exp(0));
  cr_expect_float_eq(c.log_p, want, 1e-14);
  cr_expect_eq(c.greedy, 0, "token 1 is as likely as token 0, which comes first");
  task_continued(&t, token, 1, &c, arena);
  cr_expect_eq(c.greedy, 0, "the last row alone: token 3");
  arena_release(&arena);
}

/* --- files ------------------------------------------------------------------------------------ */

static TextReader bytes = {.vocab = 256};

static TaskSet read_set(const char *text, const TaskPlan *plan, int start) {
  TaskSet set;
  Status st = {0};
  test_write("task.jsonl", text, strlen(text));
  cr_assert(task_set_read(&test_arena, plan, test_folder, &bytes, start, &set, &st), "%s", st.text);
  return set;
}

static void expect_request(const TaskRequest *r, const char *text, int continued) {
  cr_expect_eq(r->T + 1, (int)strlen(text), "%d tokens, want \"%s\"", r->T + 1, text);
  for (int i = 0; text[i] && i <= r->T; i++)
    cr_expect_eq(r->token[i], (unsigned char)text[i], "token %d of \"%s\"", i, text);
  cr_expect_eq(r->continued, continued, "\"%s\": %d tokens, want %d", text, r->continued,
               continued);
}

#define PLAN .file = "task.jsonl", .max_length = 2048

Test(tasks, samples_become_contexts_with_continuations) {
  TaskSet set = read_set("{\"context\": \"ab\", \"choices\": [\"c\", \"d\\u00e9f\"], \"gold\": 1, "
                         "\"other\": {}}\n\n  {\"context\": \"g\", \"choices\": [\"h\", \"i\"], "
                         "\"gold\": 0}",
                         &(TaskPlan){PLAN}, -1);
  cr_assert(set.kind == TASK_CHOICES && set.questions == 2 && set.requests == 4);
  cr_expect_str_eq(set.name, "task");
  expect_request(&set.request[0], "ab c", 2);
  expect_request(&set.request[1],
                 "ab d\xc3\xa9"
                 "f",
                 5);
  cr_expect_eq(set.request[1].code_points, 3);
  cr_expect(set.question[0].gold == 1 && set.question[1].first == 2 && set.longest == 6);
  set = read_set("{\"contexts\": [\"ab \", \"cd\"], \"target\": \"e\", \"gold\": 0}",
                 &(TaskPlan){PLAN}, -1);
  cr_assert(set.kind == TASK_CONTEXTS && set.requests == 2);
  expect_request(&set.request[0], "ab  e", 3);
  expect_request(&set.request[1], "cd e", 2);
}

Test(tasks, white_space_that_ends_a_context_goes_over_to_the_continuation) {
  TaskSet set =
      read_set("{\"context\": \"ab \\n\\u00a0\", \"target\": \"c\"}", &(TaskPlan){PLAN}, -1);
  cr_assert_eq(set.kind, TASK_TARGET);
  expect_request(&set.request[0],
                 "ab \n\xc2\xa0"
                 "c",
                 5);
}

Test(tasks, an_empty_context_is_the_models_first_token_and_long_ones_are_cut_on_the_left) {
  TaskSet set = read_set("{\"context\": \"\", \"target\": \"abc\"}", &(TaskPlan){PLAN}, 7);
  expect_request(&set.request[0], "\7abc", 3);
  set = read_set("{\"context\": \"0123456789\", \"target\": \"abc\"}",
                 &(TaskPlan){.file = "task.jsonl", .max_length = 6}, 7);
  expect_request(&set.request[0], "6789abc", 3);
  cr_expect_eq(set.request[0].truncated, 6);
}

Test(tasks, what_changes_a_request_or_its_answer_changes_the_digest) {
  const char *const text[] = {"{\"context\":\"a\",\"choices\":[\"b\",\"c\"],\"gold\":0}",
                              "{\"context\":\"a\",\"choices\":[\"b\",\"c\"],\"gold\":1}",
                              "{\"context\":\"a\",\"choices\":[\"b\",\"d\"],\"gold\":0}"};
  Digest digest[4];
  for (int i = 0; i < 3; i++) digest[i] = read_set(text[i], &(TaskPlan){PLAN}, -1).digest;
  digest[3] = read_set(text[0], &(TaskPlan){PLAN, .delimiter = ""}, -1).digest;
  for (int i = 0; i < 4; i++)
    for (int j = 0; j < i; j++)
      cr_expect(strcmp(digest[i].hex, digest[j].hex) != 0, "%d and %d", i, j);
}

Test(tasks, a_sample_that_cannot_be_asked_is_refused_with_its_line) {
  static const struct {
    const char *line, *word;
  } rows[] = {
      {"{\"context\": \"a\"}", "'target' is missing"},
      {"{\"context\": 3, \"target\": \"b\"}", "'context' is no string"},
      {"{\"context\": \"a\", \"target\": \"\"}", "an empty continuation"},
      {"{\"context\": \"\", \"target\": \"b\"}", "bos_token_id"},
      {"{\"context\": \" \\t\", \"target\": \"b\"}", "white space alone"},
      {"{\"context\": \"a\", \"choices\": [\"b\"], \"gold\": 0}", "2 to 64 texts"},
      {"{\"context\": \"a\", \"choices\": [\"b\", 4], \"gold\": 0}", "'choices'[1] is no string"},
      {"{\"context\": \"a\", \"choices\": [\"b\", \"c\"], \"gold\": 2}", "0 to 1"},
      {"{\"context\": \"a\", \"choices\": [\"b\", \"c\"]}", "'gold' is missing"},
      {"{\"context\": \"a\", \"target\": \"bcdefghij\"}", "max_length 8"},
      {"[1]", "is not a JSON object"},
      {"{\"context\": ", "not valid JSON"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    TaskSet set;
    Status st = {0};
    const char *text = arena_printf(&test_arena, "\n%s\n", rows[i].line);
    test_write("task.jsonl", text, strlen(text));
    const TaskPlan plan = {.file = "task.jsonl", .max_length = 8};
    test_refused(task_set_read(&test_arena, &plan, test_folder, &bytes, -1, &set, &st), &st,
                 (const char *const[]){"task.jsonl: line 2", rows[i].word, NULL});
  }
  TaskSet set;
  Status st = {0};
  test_write("task.jsonl", "\n \n", 3);
  const TaskPlan plan = {PLAN};
  test_refused(task_set_read(&test_arena, &plan, test_folder, &bytes, -1, &set, &st), &st,
               (const char *const[]){"holds no samples", NULL});
}

/* 64 choices a line: one line more than 2^21 requests take. */
Test(tasks, a_file_of_more_requests_than_there_is_room_for_is_refused_with_its_line) {
  enum { LINES = (1 << 21) / TASK_CHOICES_MOST + 1 };
  char line[512] = "{\"context\":\"a\",\"choices\":[";
  for (int i = 0; i < TASK_CHOICES_MOST; i++) strcat(line, i ? ",\"b\"" : "\"b\"");
  strcat(line, "],\"gold\":0}\n");
  const size_t length = strlen(line);
  char *text = arena_room(&test_arena, LINES, length);
  for (size_t i = 0; i < LINES; i++) memcpy(text + i * length, line, length);
  test_write("task.jsonl", text, LINES * length);
  TaskSet set;
  Status st = {0};
  const TaskPlan plan = {PLAN};
  test_refused(task_set_read(&test_arena, &plan, test_folder, &bytes, -1, &set, &st), &st,
               (const char *const[]){"task.jsonl: line 32769: more than 2097152 requests", NULL});
}

/* Of a model and samples that the script makes; some minutes. */
Test(tasks, samples_are_scored_as_lm_evaluation_harness_scores_them, .timeout = 1200) {
  if (!getenv("DRIFTSCOPE_EXHAUSTIVE")) cr_skip_test("with DRIFTSCOPE_EXHAUSTIVE");
  const int status =
      shell(SHELL_PYTHON "$P tests/check_tasks.py %s %s 2>/dev/null", shell_program(), test_folder);
  if (status == 77) cr_skip_test("lm_eval is not installed");
  cr_expect(strstr(shell_output, "200 samples equal"), "%s", shell_output);
}
