/* completion: the tables of commands and options as a shell wants them. Behind an option's value,
 * and where no option begins, files are offered. */
#include <stdio.h>
#include <string.h>

#include "command/command.h"

/* --output= -o --fresh …: a value follows the '='. */
static void print_options(const Usage *usage) {
  struct argp_option option[OPTIONS_MOST];
  options_of(usage, option);
  for (const struct argp_option *o = option; o->name; o++) {
    printf("--%s%s ", o->name, o->arg ? "=" : "");
    if (o->key < 128) printf("-%c ", o->key);
  }
  printf("--help");
}

static void print_bash(void) {
  printf("_driftscope() {\n  local cur=${COMP_WORDS[COMP_CWORD]} words\n  case ${COMP_WORDS[1]} "
         "in\n");
  for (int i = 0; i < command_count; i++) {
    printf("    %s) words='", commands[i].usage.name);
    print_options(&commands[i].usage);
    printf("' ;;\n");
  }
  printf("  esac\n  [ \"$COMP_CWORD\" -eq 1 ] && words='");
  for (int i = 0; i < command_count; i++) printf("%s ", commands[i].usage.name);
  printf("--help --version'\n"
         "  if [ \"$COMP_CWORD\" -eq 1 ] || [[ $cur == -* ]]; then\n"
         "    COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
         "    [[ ${COMPREPLY[0]-} == *= ]] && compopt -o nospace\n"
         "  else\n"
         "    COMPREPLY=($(compgen -f -- \"$cur\"))\n"
         "    compopt -o filenames\n"
         "  fi\n"
         "}\n"
         "complete -F _driftscope driftscope\n");
}

/* In single quotes, inside of which the brackets and colons of _arguments are escaped. */
static void print_description(const char *text) {
  for (; *text; text++) {
    if (strchr("[]:\\", *text)) putchar('\\');
    if (*text == '\'')
      printf("'\\''");
    else
      putchar(*text);
  }
}

static void print_zsh(void) {
  printf("#compdef driftscope\n_driftscope() {\n  local -a command=(\n");
  for (int i = 0; i < command_count; i++) {
    printf("    '%s:", commands[i].usage.name);
    print_description(commands[i].summary);
    printf("'\n");
  }
  printf("  )\n  if (( CURRENT == 2 )); then _describe command command; return; fi\n"
         "  local name=$words[2]\n  shift words; (( CURRENT-- ))\n  case $name in\n");
  for (int i = 0; i < command_count; i++) {
    struct argp_option option[OPTIONS_MOST];
    options_of(&commands[i].usage, option);
    printf("    %s) _arguments '*:file:_files'", commands[i].usage.name);
    for (const struct argp_option *o = option; o->name; o++) {
      printf(" \\\n      '*--%s%s[", o->name, o->arg ? "=" : "");
      print_description(o->doc);
      printf("]%s'", o->arg ? ":value:_files" : "");
    }
    printf(" ;;\n");
  }
  printf("  esac\n}\ncompdef _driftscope driftscope\n");
}

bool command_completion(Arena *arena, const Options *o, const char *typed, Status *st) {
  (void)arena, (void)typed;
  if (!strcmp(o->argument[0], "bash")) return print_bash(), true;
  if (!strcmp(o->argument[0], "zsh")) return print_zsh(), true;
  return FAIL(st, "completion: expected bash or zsh, found '%.40s'", o->argument[0]);
}
