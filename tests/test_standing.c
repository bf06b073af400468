/* What stands in a folder before a run or a report writes there: what a program of this kind left
 * is replaced, also one of earlier days; what is somebody else's is refused by name, at once, and
 * left as it is. */
#include "report/figures.h"
#include "tests/small_model.h"

#define V1 "data/golden/results_v1.h5"
#define PAIR "2-0_vs_2-4.svg"

static void begin(void) {
  shell_begin();
  setenv("F", shell_folder, 1);
  setenv("PROGRAM", shell_program(), 1);
}

TestSuite(standing, .init = begin, .fini = shell_end);

/* A command that writes to $F/f, where this one has made a file; without figures where no gnuplot
 * is to be found. */
static int after(const char *made, const char *command, bool figures) {
  cr_assert_eq(shell("rm -rf $F/f && mkdir -p $F/f/tables $F/f/plots && cd $F/f && %s", made), 0,
               "%s", made);
  cr_assert_eq(
      shell("cd $F/f && find . -type f -exec md5sum {} + >$F/was && find . | sort >$F/all"), 0);
  return shell("%s $PROGRAM %s -o $F/f 2>&1", figures ? "" : NO_FIGURES, command);
}

static void expect_refused(const char *made, const char *command, const char *words) {
  cr_expect_eq(after(made, command, true), 2, "%s, %s: %s", made, command, shell_output);
  SAYS(words);
  const char *end = strchr(shell_output, '\n');
  cr_expect(end && !end[1], "more than a line: %s", shell_output);
  cr_expect_eq(
      shell("cd $F/f && { ! test -s $F/was || md5sum -c --quiet $F/was; } && find . | sort | "
            "diff - $F/all"),
      0, "%s, %s: %s", made, command, shell_output);
}

static void expect_replaced(const char *made, bool figures) {
  cr_expect_eq(after(made, "report " V1, figures), 0, "%s: %s", made, shell_output);
}

/* --- tables ----------------------------------------------------------------------------------- */

Test(standing, table_that_is_not_ours_is_refused_by_name) {
  static const char *const made[] = {
      "printf 'layer,mine\\r\\n1,2\\r\\n' >tables/drift.csv", /* half of the columns */
      "printf 'mine,base,other,tensor\\r\\n' >tables/drift.csv",
      "printf 'base,other,tensor,layer\\n' >tables/drift.csv", /* lines of another program */
      "echo notes >tables/drift.csv",
      "printf '\\n\\n' >tables/drift.csv",
      "printf 'base,other,tensor' >tables/drift.csv"};
  for (size_t i = 0; i < sizeof made / sizeof *made; i++)
    expect_refused(made[i], "report " V1, "f/tables/drift.csv: is no table that driftscope wrote");
  expect_refused("mkdir tables/drift.csv", "report " V1, "tables/drift.csv: is not a regular file");
  expect_refused("echo 1,2 >tables/micro.csv", "report " V1, /* also where V1 has no rows of it */
                 "f/tables/micro.csv: is no table that driftscope wrote");
}

/* As programs of earlier days began them. */
Test(standing, table_of_an_earlier_program_is_replaced) {
  static const char first_drift[] =
      "base,other,tensor,layer,prompts,identical,rel_l2,rel_l2_min,rel_l2_max,growth,sqnr_db,"
      "max_abs,cosine_min,ulp_mean,differing\\r\\n";
  char made[512];
  snprintf(
      made, sizeof made,
      "printf 'layer,name,statistic,scale\\r\\n' >tables/scales.csv; printf '%s' "
      ">tables/drift.csv; touch tables/modes.csv tables/budget.csv; echo mine >tables/mine.csv",
      first_drift);
  expect_replaced(made, false);
  cr_expect_eq(
      shell("cd $F/f/tables && head -1 scales.csv | grep -q ^prompt,mode,layer && "
            "grep -q worst_prompt drift.csv && test -s modes.csv && grep -q mine mine.csv"),
      0);
}

/* --- figures ---------------------------------------------------------------------------------- */

static const char drawn_elsewhere[] =
    "printf '<?xml version=\"1.0\"?>\\n<svg>\\n<desc>Produced by GNUPLOT 5.4</desc>\\n</svg>\\n' ";

Test(standing, figure_that_is_not_ours_is_refused_by_name) {
  static const char *const names[] = {"drift_" PAIR, "reference.svg", "map_scan_" PAIR,
                                      "clipping_2-0.svg"};
  char made[512], words[128];
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    snprintf(made, sizeof made, "%s >plots/%s", drawn_elsewhere, names[i]);
    snprintf(words, sizeof words, "f/plots/%s: is no figure that driftscope wrote", names[i]);
    expect_refused(made, "report " V1, words);
  }
  expect_refused("mkfifo plots/drift_" PAIR, "report " V1, "is not a regular file");
  expect_refused("echo plot x >plots/figures.gp", "report " V1,
                 "f/plots/figures.gp: is no script of figures that driftscope wrote");
  expect_refused("echo plot x >plots/figure.gp", "report " V1,
                 "f/plots/figure.gp: is no script of figures that driftscope wrote");
}

Test(standing, files_that_no_report_writes_are_nobodys_business) {
  static const char made[] =
      "for i in drift grid_mine my heat_2-0 figure; do echo $i >plots/$i.svg; done; echo y "
      ">tables/mine.csv; echo z >mine.md";
  expect_replaced(made, true);
  cr_expect_eq(shell("cd $F/f && md5sum -c --quiet $F/was"), 0, "%s", shell_output);
  expect_replaced("echo mine >plots/reference.svg", false); /* where nothing is drawn */
  cr_expect_eq(shell("cd $F/f && md5sum -c --quiet $F/was"), 0, "%s", shell_output);
}

/* Programs of earlier days put no mark into a figure, but the script from which it was drawn lay
 * beside it; so it is where gnuplot was stopped in the middle. */
Test(standing, figures_of_earlier_programs_and_torn_ones_are_replaced_where_their_script_is) {
  static const char again[] = "cp -r $F/ours/* .",
                    without[] = "cp -r $F/ours/* .; sed -i '/" FIGURE_MARK "/d' plots/*.svg",
                    torn[] = "cp -r $F/ours/* .; for i in plots/*.svg; do head -c 700 "
                             "$F/ours/$i >$i; done; : >plots/drift_" PAIR;
  char alone[256], own[256];
  expect_replaced(":", true);
  cr_assert_eq(
      shell("mv $F/f $F/ours; test -z \"$(grep -L '" FIGURE_MARK "' $F/ours/plots/*.svg)\""), 0,
      "%s", shell_output);
  expect_replaced(again, true);
  expect_replaced(without, true);
  expect_replaced(torn, true);
  cr_expect_eq(shell("diff -r $F/ours $F/f"), 0, "%s", shell_output);
  snprintf(alone, sizeof alone, "%s; rm plots/figures.gp", again);
  expect_replaced(alone, true);
  snprintf(own, sizeof own, "%s; rm plots/figures.gp", without);
  expect_refused(own, "report " V1, "is no figure that driftscope wrote");
}

Test(standing, name_of_a_figure_is_its_kind_and_what_it_is_of) {
  static const char *const names[] = {"answer.svg",        "state_error.svg",
                                      "accuracy_time.svg", "drift_" PAIR,
                                      "clipping_2-0.svg",  "map_conv1d_silu_fp64_vs_2-0.svg"},
                           *const none[] = {
                               "answer.csv",    "answer_2.svg", "drift.svg", "drift_" PAIR "~",
                               "an_answer.svg", ".svg",         ""};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    cr_expect(figure_is_name(names[i]), "%s", names[i]);
  for (size_t i = 0; i < sizeof none / sizeof *none; i++)
    cr_expect_not(figure_is_name(none[i]), "%s", none[i]);
}

/* --- a run ------------------------------------------------------------------------------------ */

static void write_spec(void) {
  small_model(SMALL_LAYERS);
  cr_assert_eq(
      shell("printf 'title: small\\nmodel: model\\ncalibration: {text: %%s, windows: 1, length: "
            "32}\\nprompts: [{name: p, text: %%s, length: 5}]\\npairs: [[2-0, 2-4]]\\nkeep: "
            "{tensors: [scan]}\\nmicro: [{operator: silu, inputs: [normal], shapes: [4x8]}]\\n' "
            "$PWD/data/text/valid.txt $PWD/data/text/test.txt >$F/a.yaml"),
      0);
}

Test(standing, run_refuses_before_it_does_its_work, .timeout = 120) {
  static const char *const commands[] = {"run $F/a.yaml", "run $F/a.yaml --fresh",
                                         "micro $F/a.yaml", "micro $F/a.yaml --fresh"};
  static const char *const others[][2] = {
      {"echo mine >tables/drift.csv", "tables/drift.csv: is no table"},
      {"echo mine >plots/heat_" PAIR, "plots/heat_" PAIR ": is no figure"},
      {"echo mine >results.h5", "results.h5: is no"}};
  char made[4096], here[2048];
  write_spec();
  cr_assert(getcwd(here, sizeof here));
  for (size_t c = 0; c < sizeof commands / sizeof *commands; c++)
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
      char quiet[64];
      snprintf(quiet, sizeof quiet, "%s -q", commands[c]);
      expect_refused(others[i][0], quiet, others[i][1]);
    }
  for (size_t c = 1; c < sizeof commands / sizeof *commands; c += 2) {
    snprintf(made, sizeof made, "cp %s/data/golden/quamba_int8_kernels.h5 results.h5", here);
    expect_refused(made, commands[c], "results.h5: is no result that driftscope wrote: --fresh");
  }
}

Test(standing, fresh_replaces_results_of_any_run_and_program, .timeout = 120) {
  char made[4096], here[2048];
  write_spec();
  cr_assert(getcwd(here, sizeof here));
  snprintf(made, sizeof made, "cp %s/" V1 " results.h5 && chmod u+w results.h5", here);
  cr_expect_eq(after(made, "run $F/a.yaml -q", false), 2);
  SAYS("is the result of another run");
  cr_expect_eq(after(made, "run $F/a.yaml -q --fresh", false), 0, "%s", shell_output);
  cr_expect_eq(shell("$PROGRAM run $F/a.yaml -q -o $F/f 2>&1"), 0, "%s", shell_output);
}

Test(standing, fresh_replaces_a_damaged_or_empty_result_that_is_refused_without_it,
     .timeout = 120) {
  static const char *const sizes[] = {"20000", "0"};
  write_spec();
  cr_assert_eq(after("true", "run $F/a.yaml -q", false), 0, "%s", shell_output);
  for (int i = 0; i < 2; i++) {
    cr_assert_eq(shell("truncate -s %s $F/f/results.h5", sizes[i]), 0);
    cr_expect_eq(shell(NO_FIGURES " $PROGRAM run $F/a.yaml -q -o $F/f 2>&1"), 2, "%s",
                 shell_output);
    SAYS("results.h5: ");
    cr_expect_eq(shell(NO_FIGURES " $PROGRAM run $F/a.yaml -q --fresh -o $F/f 2>&1"), 0, "%s",
                 shell_output);
  }
}
