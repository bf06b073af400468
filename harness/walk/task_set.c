#include "walk/task_set.h"

#include <jansson.h>
#include <string.h>

#include "base/file.h"
#include "base/number.h"
#include "model/json.h"

enum { LINE_MOST = 1 << 20, SAMPLES_MOST = 1 << 20, REQUESTS_MOST = 1 << 21 };

typedef struct Taker {
  Arena *arena;
  const TaskPlan *plan;
  TextReader *reader;
  int start;
  const char *path;
  const char *place; /* "FILE: line 12" */
  const char *delimiter;
  TaskSet *set;
  int requests_room;
  bool changed; /* a text of this line is not what its tokens decode to */
} Taker;

/* --- a request -------------------------------------------------------------------------------- */

/* Bytes of the last character of a text of valid UTF-8. */
static size_t last_character(Bytes text) {
  size_t n = 1;
  while (n < text.count && ((unsigned char)text.data[text.count - n] & 0xc0) == 0x80) n++;
  return n;
}

/* What Python's str.rstrip takes away. */
static bool is_space(const char *c, size_t bytes) {
  static const char *const wide[] = {"\xc2\x85",     "\xc2\xa0",     "\xe1\x9a\x80", "\xe2\x80\x80",
                                     "\xe2\x80\x81", "\xe2\x80\x82", "\xe2\x80\x83", "\xe2\x80\x84",
                                     "\xe2\x80\x85", "\xe2\x80\x86", "\xe2\x80\x87", "\xe2\x80\x88",
                                     "\xe2\x80\x89", "\xe2\x80\x8a", "\xe2\x80\xa8", "\xe2\x80\xa9",
                                     "\xe2\x80\xaf", "\xe2\x81\x9f", "\xe3\x80\x80"};
  if (bytes == 1) return (*c >= '\t' && *c <= '\r') || (*c >= 0x1c && *c <= ' ');
  for (size_t i = 0; i < sizeof wide / sizeof *wide; i++)
    if (strlen(wide[i]) == bytes && memcmp(c, wide[i], bytes) == 0) return true;
  return false;
}

/* The text without the white space at its end. */
static Bytes stripped(Bytes text) {
  while (text.count) {
    const size_t n = last_character(text);
    if (!is_space(text.data + text.count - n, n)) break;
    text.count -= n;
  }
  return text;
}

static int code_points(const char *text) {
  int count = 0;
  for (; *text; text++) count += ((unsigned char)*text & 0xc0) != 0x80;
  return count;
}

static Bytes bytes_of(const char *text) { return (Bytes){text, strlen(text)}; }

/* Cut to `max_length` tokens that are read. */
static bool put_request(Taker *t, const int32_t *token, int64_t count, int64_t context,
                        const char *choice, Status *st) {
  TaskRequest *request = &t->set->request[t->set->requests];
  const int64_t continued = count - context, most = t->plan->max_length + 1;
  const int64_t kept = count < most ? count : most;
  if (t->set->requests == t->requests_room)
    return FAIL(st, "%s: more than %d requests", t->place, t->requests_room);
  if (continued < 1)
    return FAIL(st, "%s: the continuation \"%.60s\" has no tokens of its own", t->place, choice);
  if (continued >= most)
    return FAIL(st, "%s: a continuation of %lld tokens does not fit into max_length %d", t->place,
                (long long)continued, t->plan->max_length);
  *request = (TaskRequest){.token = ARENA_NEW(t->arena, int32_t, kept),
                           .T = (int)kept - 1,
                           .continued = (int)continued,
                           .truncated = (int)(count - kept),
                           .code_points = code_points(choice)};
  memcpy(request->token, token + count - kept, (size_t)kept * sizeof *token);
  if (request->T > t->set->longest) t->set->longest = request->T;
  t->set->requests++;
  return true;
}

static bool add_request(Taker *t, const char *context, const char *choice, Status *st) {
  Encoded whole, before;
  const Bytes text = bytes_of(arena_printf(t->arena, "%s%s%s", context, t->delimiter, choice));
  const Bytes front = stripped(bytes_of(context));
  if (!*choice) return FAIL(st, "%s: an empty continuation", t->place);
  if (*context && front.count == 0) return FAIL(st, "%s: a context of white space alone", t->place);
  if (!*context && t->start < 0)
    return FAIL(st,
                "%s: an empty context, and config.json of the model names neither bos_token_id "
                "nor eos_token_id",
                t->place);
  TRY(text_reader_encode(t->arena, t->reader, t->place, text, &whole, st));
  t->changed |= whole.differs >= 0;
  if (*context) {
    TRY(text_reader_encode(t->arena, t->reader, t->place, front, &before, st));
    return put_request(t, whole.id, whole.count, before.count, choice, st);
  }
  int32_t *token = ARENA_NEW(t->arena, int32_t, whole.count + 1);
  token[0] = t->start;
  memcpy(token + 1, whole.id, (size_t)whole.count * sizeof *token);
  return put_request(t, token, whole.count + 1, 1, choice, st);
}

/* --- a line ----------------------------------------------------------------------------------- */

static bool text_at(const Taker *t, const json_t *line, const char *key, const char **text,
                    Status *st) {
  *text = json_string_value(json_object_get(line, key));
  return *text || FAIL(st, "%s: '%s' is %s", t->place, key,
                       json_object_get(line, key) ? "no string" : "missing");
}

static bool list_at(const Taker *t, const json_t *line, const char *key, const json_t **list,
                    Status *st) {
  *list = json_object_get(line, key);
  const size_t count = json_array_size(*list);
  if (!json_is_array(*list) || count < 2 || count > TASK_CHOICES_MOST)
    return FAIL(st, "%s: '%s' is %s, expected 2 to %d texts", t->place, key,
                *list ? "no such list" : "missing", TASK_CHOICES_MOST);
  for (size_t i = 0; i < count; i++)
    if (!json_is_string(json_array_get(*list, i)))
      return FAIL(st, "%s: '%s'[%zu] is no string", t->place, key, i);
  return true;
}

static bool gold_at(const Taker *t, const json_t *line, int count, int *gold, Status *st) {
  const json_t *value = json_object_get(line, "gold");
  const json_int_t number = json_integer_value(value);
  if (!json_is_integer(value) || number < 0 || number >= count)
    return FAIL(st, "%s: 'gold' is %s, expected an integer from 0 to %d", t->place,
                value ? "no such choice" : "missing", count - 1);
  return *gold = (int)number, true;
}

static bool take_target(Taker *t, const json_t *line, TaskQuestion *q, Status *st) {
  const char *context, *target;
  TRY(text_at(t, line, "context", &context, st));
  TRY(text_at(t, line, "target", &target, st));
  q->count = 1;
  return add_request(t, context, target, st);
}

/* One text with each of a list: a context with its choices, or a target with its contexts. */
static bool take_list(Taker *t, const json_t *line, TaskQuestion *q, Status *st) {
  const bool choices = t->set->kind == TASK_CHOICES;
  const char *text;
  const json_t *list;
  TRY(text_at(t, line, choices ? "context" : "target", &text, st));
  TRY(list_at(t, line, choices ? "choices" : "contexts", &list, st));
  q->count = (int)json_array_size(list);
  TRY(gold_at(t, line, q->count, &q->gold, st));
  for (int i = 0; i < q->count; i++) {
    const char *one = json_string_value(json_array_get(list, (size_t)i));
    TRY(add_request(t, choices ? text : one, choices ? one : text, st));
  }
  return true;
}

static TaskKind kind_of(const json_t *line) {
  return json_object_get(line, "choices")    ? TASK_CHOICES
         : json_object_get(line, "contexts") ? TASK_CONTEXTS
                                             : TASK_TARGET;
}

/* With the first line. */
static void settle_kind(Taker *t, const json_t *line) {
  if (t->set->questions) return;
  t->set->kind = t->plan->kind ? (TaskKind)(t->plan->kind - 1) : kind_of(line);
  t->delimiter = t->plan->delimiter ? t->plan->delimiter : t->set->kind == TASK_TARGET ? "" : " ";
}

static bool take_line(Taker *t, Bytes text, Status *st) {
  if (text.count > LINE_MOST) return FAIL(st, "%s: longer than %d bytes", t->place, LINE_MOST);
  json_t *line = json_object_of(t->path, t->place + strlen(t->path) + 2, text, st);
  if (!line) return false;
  settle_kind(t, line);
  TaskQuestion *q = &t->set->question[t->set->questions];
  q->first = t->set->requests;
  t->changed = false;
  const bool ok =
      t->set->kind == TASK_TARGET ? take_target(t, line, q, st) : take_list(t, line, q, st);
  json_decref(line);
  t->set->questions++;
  if (t->changed && t->set->changed++ == 0) t->set->changed_place = t->place;
  return ok;
}

/* --- the file --------------------------------------------------------------------------------- */

static bool is_blank(Bytes line) { return stripped(line).count == 0; }

static Bytes next_line(Bytes *rest) {
  const size_t most = rest->count > LINE_MOST ? LINE_MOST + 1 : rest->count;
  const char *end = memchr(rest->data, '\n', most); /* none: the line is too long, or the last */
  const Bytes line = {rest->data, end ? (size_t)(end - rest->data) : rest->count};
  const size_t taken = line.count + (end != NULL);
  *rest = (Bytes){rest->data + taken, rest->count - taken};
  return line;
}

/* Of all requests: ids, and what is asked of them. */
static void put_digest(Arena *arena, TaskSet *set) {
  Digest *part = ARENA_NEW(arena, Digest, set->requests + 1);
  for (int i = 0; i < set->requests; i++)
    part[i] = digest_of(set->request[i].token,
                        (size_t)(set->request[i].T + 1) * sizeof *set->request[i].token);
  const char *what = arena_printf(arena, "%s %s", task_kinds[set->kind], set->name);
  DigestState state;
  digest_begin(&state);
  digest_add(&state, what, strlen(what));
  for (int i = 0; i < set->questions; i++) {
    const int32_t at[] = {set->question[i].first, set->question[i].count, set->question[i].gold};
    digest_add(&state, at, sizeof at);
  }
  part[set->requests] = digest_end(&state);
  set->digest = digest_join(part, (size_t)set->requests + 1);
}

static bool take_lines(Taker *t, Bytes file, Status *st) {
  const int most = t->plan->samples ? t->plan->samples : SAMPLES_MOST;
  Bytes rest = file_unmarked(file);
  for (int number = 1; rest.count && t->set->questions < most; number++) {
    const Bytes line = next_line(&rest);
    if (is_blank(line)) continue;
    t->place = arena_printf(t->arena, "%s: line %d", t->path, number);
    TRY(take_line(t, line, st));
  }
  if (t->set->questions == 0) return FAIL(st, "%s: holds no samples", t->path);
  if (t->plan->samples > t->set->questions)
    return FAIL(st, "%s: holds %d sample%s, and %d are asked for", t->path, t->set->questions,
                plural(t->set->questions), t->plan->samples);
  for (; rest.count && !t->plan->samples;)
    if (!is_blank(next_line(&rest)))
      return FAIL(st, "%s: more than %d samples", t->path, SAMPLES_MOST);
  return true;
}

/* Lines, and commas in them: no file has more samples or requests than that. A line that is too
 * long ends what is taken. */
static void make_room(Taker *t, Bytes file) {
  size_t lines = 1, commas = 0;
  while (file.count) {
    const Bytes line = next_line(&file);
    if (line.count > LINE_MOST) break;
    lines++;
    for (size_t i = 0; i < line.count; i++) commas += line.data[i] == ',';
  }
  const size_t requests = lines + commas;
  t->requests_room = (int)(requests < REQUESTS_MOST ? requests : REQUESTS_MOST);
  t->set->question = ARENA_NEW(t->arena, TaskQuestion, lines < SAMPLES_MOST ? lines : SAMPLES_MOST);
  t->set->request = ARENA_NEW(t->arena, TaskRequest, t->requests_room);
}

bool task_set_read(Arena *arena, const TaskPlan *plan, const char *folder, TextReader *reader,
                   int start, TaskSet *set, Status *st) {
  const char *path = file_resolve(arena, folder, plan->file);
  Bytes file;
  *set = (TaskSet){.name = file_stem(arena, path)};
  Taker t = {.arena = arena,
             .plan = plan,
             .reader = reader,
             .start = start,
             .path = path,
             .delimiter = "",
             .set = set};
  TRY(file_map(path, &file, st));
  make_room(&t, file);
  const bool ok = take_lines(&t, file, st);
  file_unmap(&file);
  if (ok) put_digest(arena, set);
  return ok;
}

void task_set_tell(const TaskSet *set, const TextReader *reader, const Progress *progress) {
  if (set->changed)
    progress_say(progress,
                 "%s: the tokens decode to another text, as those of %d of %s do: %s "
                 "changes it",
                 set->changed_place, set->changed,
                 progress_count(progress, set->questions, "sample").text,
                 tokenizer_name(reader->tokenizer));
}
