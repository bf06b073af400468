/* The report's LaTeX tables compile: whatever a name holds, no cell is read as an argument of what
 * stands before it. */
#include "report/latex.h"

#include "tests/small_model.h"

TestSuite(latex, .init = shell_begin, .fini = shell_end);

/* The tables of a Markdown text, in memory. */
static const char *tables_of(const char *markdown) {
  static char text[1 << 15];
  memset(text, 0x7e, sizeof text);
  FILE *out = fmemopen(text, sizeof text, "w");
  Status st = {0};
  cr_assert(out && latex_write(LANGUAGE_ENGLISH, out, markdown, &st), "%s", st.text);
  cr_assert(fputc(0, out) == 0 && fclose(out) == 0);
  return text;
}

static void expect_text(const char *text, const char *want) {
  cr_expect(strstr(text, want), "'%s' is missing in:\n%s", want, text);
}

/* Compiles the test folder's NAME/tables.tex; booktabs is in a package of its own, its rules are
 * lines without it. */
static void expect_compiles(const char *name) {
  cr_assert_eq(
      shell("cd %s && { printf '%%s\\n' '\\documentclass{article}' '\\usepackage{textcomp}' "
            "'\\IfFileExists{booktabs.sty}{\\usepackage{booktabs}}{"
            "\\let\\toprule\\hline\\let\\midrule\\hline\\let\\bottomrule\\hline}' "
            "'\\begin{document}' '\\input{%s/tables.tex}' '\\end{document}'; } > %s.tex && "
            "TEXMFVAR=$PWD pdflatex -draftmode -interaction=nonstopmode -halt-on-error %s.tex > "
            "%s.out 2>&1; status=$?; grep -A4 '^!' %s.out; exit $status",
            shell_folder, name, name, name, name, name),
      0, "%s", shell_output);
}

static void skip_without_latex(void) {
  if (shell("command -v pdflatex") != 0)
    cr_skip_test("pdflatex is not installed (texlive-latex-base)");
}

static const char hostile[] =
    "## Values [a] of *b*\n\nA paragraph: KL(a ‖ b), 1 → 2, \"q\", `[c]`\n\n"
    "| [head] | x |\n| --- | ---: |\n"
    "| [0, 0] | 1.5e-03 |\n| \\* | -2e+10 |\n| \\*[1ex] | # % & _ ^ ~ \\\\ { } $ < > \\| ' @ |\n"
    "| `[d]` | — … ≠ − × · ∞ ± ≤ ≥ µ – |\n| **[e]** | \"é\" Ðþ λ=½ 中文 😀 |\n| [] | [[]] |\n| -- | "
    "?\\` !\\` '' ,, |\n";

Test(latex, no_row_begins_with_an_argument_of_the_line_before) {
  const char *text = tables_of(hostile);
  for (const char *line = text; line; line = strchr(line, '\n')) {
    line += *line == '\n';
    cr_expect(*line != '[' && *line != '*', "a row begins with '%.12s'", line);
  }
  expect_text(text, "\n{[}0, 0] & $1.5\\times10^{-3}$ \\\\\n");
  expect_text(text, "\n{*}{[}1ex] & ");
  expect_text(text, "é\\char34{} \\driftscopeother{00D0 00FE}{Ðþ} "
                    "\\driftscopeother{03BB}{λ}=\\driftscopeother{00BD}{½}");
  expect_text(text, " \\driftscopeother{4E2D 6587}{中文} \\driftscopeother{1F600}{😀}");
}

Test(latex, tables_with_every_special_letter_compile) {
  skip_without_latex();
  const char *text = tables_of(hostile);
  cr_assert_eq(shell("mkdir %s/hostile", shell_folder), 0);
  char path[128];
  snprintf(path, sizeof path, "%s/hostile/tables.tex", shell_folder);
  FILE *file = fopen(path, "w");
  cr_assert(file && fputs(text, file) >= 0 && fclose(file) == 0);
  expect_compiles("hostile");
}

/* Every section that a spec can ask for, on a few tokens. */
Test(latex, tables_of_a_whole_report_compile_in_both_languages, .timeout = 120) {
  skip_without_latex();
  small_model(4);
  cr_assert_eq(
      shell("cat > %s/a.yaml <<END\n"
            "title: '[a] *b*'\nquestion: '* # 100 %% of \"it\"'\nmodel: model\n"
            "calibration: {text: $PWD/data/text/valid.txt, windows: 1, length: 64}\n"
            "prompts: [{name: p_0, text: $PWD/data/text/test.txt, length: 6}]\n"
            "modes: {a_b: {base: 2-4, scan_order: blocked}}\npairs: [[2-0, a_b], [a_b, fp64]]\n"
            "budget: all\nswaps: {pair: [2-0, 2-4]}\nrestore: {mode: 2-0, to: fp32, limit: 0.5}\n"
            "gate: {pair: [2-0, a_b], layer: all, rel_l2: 1}\n"
            "micro: [{operator: scan, inputs: [captured, normal], layers: [0], shapes: "
            "[9x8x4]}]\nkeep: {tensors: none}\nEND\n",
            shell_folder),
      0, "%s", shell_output);
  cr_assert_eq(
      shell("%s run %s/a.yaml -q -o %s/en 2>&1", shell_program(), shell_folder, shell_folder), 0,
      "%s", shell_output);
  cr_assert_eq(shell("%s report %s/en/results.h5 --lang zh -o %s/zh 2>&1", shell_program(),
                     shell_folder, shell_folder),
               0, "%s", shell_output);
  expect_compiles("en");
  expect_compiles("zh");
}
