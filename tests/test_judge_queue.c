/* judge_queue: every row that is added is judged, however many wait; a row that is not what GSL
 * says is told, the first of a batch; who leaves is not held up. */
#include <criterion/criterion.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>

#include "measure/judge_queue.h"
#include "measure/stats.h"
#include "tests/exhausted.h"

enum { ROWS = 64, COLS = 96, N = ROWS * COLS };

typedef struct Made {
  Arena arena;
  float value[N];
  Tensor tensor;
  TensorStats row;
  StatsJob job;
} Made;

static void make(Made *m, int seed) {
  Status st = {0};
  *m = (Made){0};
  cr_assert(arena_reserve(&m->arena, (size_t)64 << 20, exhausted, &st), "%s", st.text);
  for (int i = 0; i < N; i++) m->value[i] = (float)((i * 7919 + seed) % 1009) / 1009 - 0.5f;
  m->tensor = tensor_of(m->value, FORMAT_F32, ROWS, COLS, 0);
  stats_tensor(&m->tensor, 0, &m->row, m->arena);
  m->job = (StatsJob){.base = &m->tensor, .tensor_row = &m->row};
}

static JudgedRows told_of(Made *m, int rows) {
  return (JudgedRows){.row = ARENA_NEW(&m->arena, JudgedRow, rows)};
}

static bool add(JudgeQueue *q, Made *m, Status *st) {
  JudgedRows told = told_of(m, judge_queue_most(q) + 1);
  return judge_queue_add(q, &(const StatsJob *){&m->job}, 1, &told, m->arena, st);
}

/* Each of them once. */
static void expect_told(const JudgedRows *told, int rows) {
  bool was[4096] = {0};
  cr_assert_eq(told->rows, rows);
  for (int i = 0, n; i < rows; i++) {
    cr_assert(sscanf(told->row[i].tensor, "row_%d", &n) == 1 && n >= 0 && n < rows && !was[n], "%s",
              told->row[i].tensor);
    was[n] = true;
  }
}

/* Of as many rows as several batches hold, these are wrong by their mean. */
static bool judge(int rows, int wrong, int wrong_too, Status *st) {
  static Made m;
  make(&m, rows);
  JudgeQueue *q = judge_queue_begin(ROWS, COLS);
  JudgedRows told = told_of(&m, rows);
  cr_assert(q);
  bool ok = true;
  for (int i = 0, count; ok && i < rows; i += count) {
    enum { MOST = 5 }; /* at once: 1, 2, … of them, and again */
    TensorStats row[MOST];
    StatsJob job[MOST];
    const StatsJob *some[MOST];
    count = 1 + i % MOST < rows - i ? 1 + i % MOST : rows - i;
    for (int k = 0; k < count; k++) {
      row[k] = m.row;
      job[k] = m.job;
      job[k].tensor_row = &row[k];
      some[k] = &job[k];
      snprintf(row[k].tensor, sizeof row[k].tensor, "row_%d", i + k);
      if (i + k == wrong || i + k == wrong_too) row[k].mean += 1;
    }
    const int before = told.rows;
    ok = judge_queue_add(q, some, count, &told, m.arena, st);
    cr_expect_leq(told.rows, before + judge_queue_most(q) + count);
    for (int k = 0; ok && k < count; k++) cr_expect_eq(row[k].checked, 1);
  }
  if (ok)
    ok = judge_queue_end(q, &told, m.arena, st);
  else
    judge_queue_leave(q);
  if (ok) expect_told(&told, rows);
  arena_release(&m.arena);
  return ok;
}

Test(judge_queue, all_rows_are_judged_by_any_number_of_threads) {
  for (int threads = 1; threads <= omp_get_num_procs() + 1; threads++) {
    Status st = {0};
    omp_set_num_threads(threads);
    cr_expect(judge(40 * threads, -1, -1, &st), "%s", st.text);
    cr_expect(judge(0, -1, -1, &st), "%s", st.text);
  }
}

Test(judge_queue, a_row_that_is_wrong_is_told_wherever_it_stands) {
  for (int threads = 1; threads <= omp_get_num_procs(); threads++) {
    const int rows = 30 * threads, at[] = {0, 1, rows / 2, rows - 2, rows - 1};
    omp_set_num_threads(threads);
    for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
      Status st = {0};
      char name[16];
      snprintf(name, sizeof name, "row_%d", at[i]);
      cr_expect(!judge(rows, at[i], -1, &st) && st.check, "row %d of %d", at[i], rows);
      cr_expect(strstr(st.text, name) && strstr(st.text, "mean"), "%s", st.text);
    }
  }
}

Test(judge_queue, of_two_that_wait_together_the_first_is_told) {
  for (int again = 0; again < 20; again++) {
    Status st = {0};
    cr_expect(!judge(4, 1, 2, &st));
    cr_expect(strstr(st.text, "row_1"), "%s", st.text);
  }
}

Test(judge_queue, who_leaves_leaves_rows_behind, .timeout = 60) {
  static Made m;
  Status st = {0};
  make(&m, 3);
  for (int again = 0; again < 20; again++) {
    JudgeQueue *q = judge_queue_begin(ROWS, COLS);
    for (int i = 0; i < 3; i++) cr_assert(add(q, &m, &st), "%s", st.text);
    judge_queue_leave(q);
  }
}

Test(judge_queue, what_is_larger_than_was_said_is_judged_when_it_comes) {
  static Made m;
  Status st = {0};
  make(&m, 5);
  JudgeQueue *q = judge_queue_begin(ROWS, COLS - 1);
  cr_assert(add(q, &m, &st), "%s", st.text);
  m.row.std += 1;
  cr_expect(!add(q, &m, &st) && strstr(st.text, "std"), "%s", st.text);
  judge_queue_leave(q);
}

Test(judge_queue, where_there_is_no_memory_for_it_rows_are_judged_when_they_come) {
  static Made m;
  Status st = {0};
  make(&m, 7);
  cr_expect_null(judge_queue_begin((size_t)1 << 24, (size_t)1 << 24));
  JudgedRows told = told_of(&m, 1);
  cr_expect(judge_queue_add(NULL, &(const StatsJob *){&m.job}, 1, &told, m.arena, &st), "%s",
            st.text);
  cr_expect_eq(told.rows, 1);
  cr_expect(judge_queue_end(NULL, &told, m.arena, &st), "%s", st.text);
  cr_expect_eq(told.rows, 1);
}
