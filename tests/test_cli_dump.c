/* test_cli_dump: `driftscope dump list` as a user runs it. */
#include <jansson.h>

#include "source/dump/names.h"
#include "tests/shell.h"

TestSuite(cli_dump, .init = shell_begin, .fini = shell_end);

static int list(const char *arguments) {
  return shell("%s dump list %s 2>&1", shell_program(), arguments);
}

Test(cli_dump, a_listing_says_layer_tensor_shape_type_and_what_is_none) {
  cr_assert_eq(list("tests/dumps/kinds_2.pt --names 'list.{layer}|{tensor}'"), 0, "%s",
               shell_output);
  SAYS("kinds_2.pt: 19 arrays", "[3, 4]", "bfloat16", "types.bfloat16", "ordered.w",
       "not read:", "complex: is of the type torch.complex64");
  cr_assert_eq(list("tests/dumps/kinds_2.pt --names 'types.{tensor}'"), 0, "%s", shell_output);
  SAYS("15 named by types.{tensor}", "of no name:", "meta.5");
  cr_assert_eq(list("tests/dumps/arrays.h5 --names '{tensor}'"), 0, "%s", shell_output);
  SAYS("scale 0.5", "layer_2/packed", "not/lzf: is compressed with lzf");
}

Test(cli_dump, json_says_the_same) {
  cr_assert_eq(list("tests/dumps/views.pt --json"), 0, "%s", shell_output);
  json_t *root = json_loads(shell_output, 0, NULL);
  cr_assert(root, "%s", shell_output);
  json_t *arrays = json_object_get(root, "arrays"), *whole = json_array_get(arrays, 0);
  cr_expect_str_eq(json_string_value(json_object_get(root, "names")), "first number");
  cr_expect_eq(json_array_size(arrays), 6);
  cr_expect_str_eq(json_string_value(json_object_get(whole, "tensor")), "whole");
  cr_expect_eq(json_integer_value(json_array_get(json_object_get(whole, "shape"), 2)), 4);
  cr_expect(json_is_null(json_object_get(whole, "layer")));
  json_decref(root);
}

Test(cli_dump, what_is_refused_is_one_line_and_status_2) {
  static const char *const wrong[][2] = {
      {"tests/dumps/module.pt", "torch.nn.modules.linear.Linear"},
      {"tests/dumps/none.pt", "cannot be opened"},
      {"tests/toy", "holds no file that is read"},
      {"tests/dumps/views.pt --names quomba", "'quomba'"},
      {"tests/dumps/views.pt --names 'l{layer}'", "no name of it fits"}};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    cr_expect_eq(shell("%s dump list %s 2>&1 >/dev/null", shell_program(), wrong[i][0]), 2);
    SAYS("driftscope: ", wrong[i][1]);
    cr_expect_eq(strchr(shell_output, '\n'), shell_output + strlen(shell_output) - 1, "%s",
                 shell_output);
  }
  cr_expect_eq(shell("%s dump show x 2>&1", shell_program()), 2);
  SAYS("expected list, found 'show'");
}

/* What is found is shown though no names fit. */
Test(cli_dump, arrays_are_listed_where_their_names_are_refused) {
  cr_assert_eq(list("tests/dumps/views.pt --names modules:2-0"), 2);
  SAYS("[4, 2, 3]", "whole", "has no modes");
}

Test(cli_dump, help_names_every_layout) {
  const char *of, *name;
  cr_assert_eq(shell("%s dump --help | tr -s '\\n ' ' '", shell_program()), 0);
  for (int i = 0; (name = dump_names_ready(i, &of)); i++)
    cr_expect(strstr(shell_output, name), "%s is not in the help", name);
}
