/* The report's other forms: the HTML page, the LaTeX tables and the gnuplot script, from a run
 * whose title, question and mode names come from someone else. */
#include "tests/shell.h"
#include "tests/small_model.h"

TestSuite(page, .init = shell_begin, .fini = shell_end);

/* What a title may try: markup, LaTeX, a formula, a macro, a shell command in a way gnuplot would
 * run it. */
#define HOSTILE                                                                                    \
  "<script>alert(1)</script> & a_b \\\"q\\\" 'q' @x =cmd() `touch %s/made-by-backtick` $x^2$ %%d " \
  "#1"

static void run_hostile(const char *flags) {
  char text[8192], here[1024];
  cr_assert(getcwd(here, sizeof here));
  snprintf(text, sizeof text,
           "cat > %s/h.yaml <<'END'\ntitle: \"" HOSTILE "\"\nquestion: \"" HOSTILE
           "\"\nmodel: %s/data/mamba-bytes-10m\n"
           "calibration: {text: %s/data/text/valid.txt, windows: 1, length: 64}\n"
           "prompts:\n  - {name: p_0, text: %s/data/text/test.txt, length: 6}\n"
           "modes:\n  a_b: {base: 2-4, scan_order: blocked}\npairs:\n  - [2-0, a_b]\nkeep: "
           "{tensors: none}\nEND\n",
           shell_folder, shell_folder, shell_folder, here, here, here);
  FILE *pipe = popen(text, "w");
  cr_assert(pipe && pclose(pipe) == 0);
  cr_assert_eq(shell("%s run %s/h.yaml -q %s -o %s/h 2>&1", shell_program(), shell_folder, flags,
                     shell_folder),
               0, "%s", shell_output);
}

Test(page, a_hostile_title_leaves_no_trace) {
  run_hostile("");
  cr_expect_neq(shell("test -e %s/made-by-backtick", shell_folder), 0,
                "a command in the title was run");
  cr_expect_eq(shell("grep -c '<script' %s/h/report.html", shell_folder), 1, "%s", shell_output);
  cr_expect_eq(shell("grep -q '&lt;script&gt;alert(1)&lt;/script&gt; &amp; a_b' %s/h/report.html",
                     shell_folder),
               0);
  cr_expect_eq(shell("grep -n '\"[^\"]*`' %s/h/plots/figures.gp 2>&1", shell_folder), 1, "%s",
               shell_output);
  /* outside of math and of \\texttt's own braces, LaTeX's special characters are escaped */
  cr_expect_eq(shell("sed '/^.providecommand/d; s/\\\\[&%%#_$]//g; s/ & //g; s/^%%.*//' "
                     "%s/h/tables.tex | grep -n '[&%%#]'",
                     shell_folder),
               1, "%s", shell_output);
  cr_expect_eq(shell("cut -c1 %s/h/tables/modes.csv | grep -c '[=@+]'", shell_folder), 1, "%s",
               shell_output);
}

Test(page, html_is_valid_by_tidy_in_both_languages) {
  if (shell("command -v tidy") != 0) cr_skip_test("tidy is not installed");
  run_hostile("--lang en");
  cr_expect_eq(shell("tidy -q -e %s/h/report.html 2>&1", shell_folder), 0, "%s", shell_output);
  cr_assert_eq(shell("%s report %s/h/results.h5 --lang zh -o %s/zh 2>&1", shell_program(),
                     shell_folder, shell_folder),
               0, "%s", shell_output);
  cr_expect_eq(shell("tidy -q -e %s/zh/report.html 2>&1", shell_folder), 0, "%s", shell_output);
  cr_expect_eq(shell("grep -q '<html lang=\"zh' %s/zh/report.html", shell_folder), 0);
}

Test(page, it_opens_offline_and_without_a_script) {
  run_hostile("");
  cr_expect_eq(
      shell("grep -nE 'src=\"(http|//|/)|href=\"(http|//)|@import|url\\(|onload=' %s/h/report.html",
            shell_folder),
      1, "%s", shell_output);
  cr_expect_eq(shell("grep -c 'data:image/svg+xml;base64,' %s/h/report.html", shell_folder),
               shell("command -v gnuplot") ? 1 : 0);
}

Test(page, without_gnuplot_there_are_tables_and_one_line_that_says_so) {
  run_hostile("");
  cr_assert_eq(shell("P=$(realpath %s); PATH=/nowhere $P report %s/h/results.h5 -o %s/n 2>&1",
                     shell_program(), shell_folder, shell_folder),
               0, "%s", shell_output);
  cr_expect_eq(shell("grep -c 'No gnuplot' %s/n/report.md", shell_folder), 0);
  cr_expect_eq(shell("grep -c '!\\[' %s/n/report.md", shell_folder), 1, "%s", shell_output);
}

/* A viewer would smooth a bitmap, and half a layer is none. */
Test(page, of_a_small_model_cells_stay_squares_tics_are_whole_and_no_event_can_be) {
  if (shell("command -v gnuplot")) cr_skip_test("gnuplot is not installed");
  small_model(3);
  cr_assert_eq(shell("%s compare 2-0 2-4 -q --model %s/model --text data/text/test.txt --length 3 "
                     "-o %s/r 2>&1",
                     shell_program(), shell_folder, shell_folder),
               0, "%s", shell_output);
  cr_expect_eq(shell("grep -q 'No event can be.*no prompt has more than 3 tokens' %s/r/report.md",
                     shell_folder),
               0);
  cr_expect_eq(shell("cat %s/r/plots/*.svg | grep -c '<image '", shell_folder), 0);
  const int bitmaps = atoi(shell_output);
  cr_expect(bitmaps > 0, "no figure has a bitmap");
  cr_expect_eq(shell("cat %s/r/plots/*.svg | grep -c \"<image style='image-rendering:crisp-edges;"
                     "image-rendering:pixelated' \"",
                     shell_folder),
               0);
  cr_expect_eq(atoi(shell_output), bitmaps);
  cr_expect_eq(
      shell("cat %s/r/plots/tokens_*.svg %s/r/plots/drift_*.svg | grep -E '> ?[0-9]+\\.5<'",
            shell_folder, shell_folder),
      1, "a tic between two layers or tokens: %s", shell_output);
}

/* A token that is a space would be seen as none between quotation marks. */
Test(page, a_space_is_shown_in_the_report_and_on_the_terminal) {
  small_model(2);
  cr_assert_eq(
      shell("printf 'title: t\\nmodel: %s/model\\ncalibration: {text: '$PWD'/data/text/valid.txt, "
            "windows: 1, length: 64}\\nprompts: [{name: p, string: \"%%60s\"}]\\npairs: "
            "[[2-0, 2-4]]\\nevents: {share: 0.01}\\n' '' > %s/s.yaml",
            shell_folder, shell_folder),
      0, "%s", shell_output);
  cr_assert_eq(
      shell("%s run %s/s.yaml -q -o %s/s 2>&1", shell_program(), shell_folder, shell_folder), 0,
      "%s", shell_output);
  cr_expect(strstr(shell_output, "(“␣”)"), "%s", shell_output);
  cr_expect_eq(shell("grep -q '(“␣”) of p' %s/s/report.md", shell_folder), 0);
}

/* Each of one: a layer, a token, an array, a tensor; in Chinese the model's sizes too. */
Test(page, of_one_thing_words_are_in_the_singular) {
  small_model(1);
  cr_assert_eq(shell("%s compare 2-0 fp64 -q --model %s/model --text data/text/test.txt --length 1 "
                     "-o %s/r 2>&1",
                     shell_program(), shell_folder, shell_folder),
               0, "%s", shell_output);
  cr_expect(strstr(shell_output, "same top token at "), "%s", shell_output);
  cr_expect_null(strstr(shell_output, "% of positions"), "%s", shell_output);
  cr_expect_eq(shell("grep -nE '\\b1 (layer|token|tensor|prompt|pair|array)s\\b' %s/r/report.md",
                     shell_folder),
               1, "%s", shell_output);
  cr_expect_eq(shell("grep -c 'Divided by 2-0' %s/r/report.md", shell_folder), 0);
  cr_expect_eq(shell("%s report %s/r/results.h5 --lang zh -o %s/zh && grep -q '（1 层，D 64' "
                     "%s/zh/report.md",
                     shell_program(), shell_folder, shell_folder, shell_folder),
               0, "%s", shell_output);
  cr_expect_eq(shell("%s compare 2-0 fp64 --dry-run --model %s/model --text data/text/test.txt "
                     "--length 1 | grep -E '# (model|prompt)'",
                     shell_program(), shell_folder),
               0);
  cr_expect(strstr(shell_output, "# model: 1 layer, D 64") && strstr(shell_output, ": 1 token\n"),
            "%s", shell_output);
}
