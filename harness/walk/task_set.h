/* task_set: the samples of a task's file as requests, each a context with a continuation, in
 * tokens.
 *
 * JSON lines, of the kinds of measure/tasks.h:
 *   target     {"context": "…", "target": "…"}
 *   choices    {"context": "…", "choices": ["…", …], "gold": 1}
 *   contexts   {"contexts": ["…", …], "target": "…", "gold": 0}
 * Other keys are passed over. A request is made as lm-evaluation-harness makes it (api/model.py,
 * models/huggingface.py, read at 4e7e0d4): the delimiter (a space, of target none) goes before a
 * continuation; white space that ends the context goes over to the continuation; the
 * continuation's tokens are those of the whole behind as many as the context alone has, whatever
 * merges; an empty context is the model's BOS, else its EOS; a request longer than `max_length` is
 * cut on the left. */
#ifndef DS_WALK_TASK_SET_H
#define DS_WALK_TASK_SET_H
#include "base/digest.h"
#include "base/progress.h"
#include "model/text.h"
#include "spec/spec.h"

typedef struct TaskRequest {
  int32_t *token; /* [T + 1]: what is read, and the last token, which is only predicted */
  int T;
  int continued;   /* of the T + 1 the last so many are the continuation */
  int truncated;   /* tokens cut from the left */
  int code_points; /* of the continuation without delimiter */
} TaskRequest;

typedef struct TaskQuestion {
  int first, count; /* of its requests */
  int gold;
} TaskQuestion;

typedef struct TaskSet {
  const char *name; /* of its file, without folder and ending */
  TaskKind kind;
  TaskQuestion *question;
  int questions;
  TaskRequest *request;
  int requests;
  int longest;               /* T of the longest request */
  int changed;               /* samples of which a text is not what its tokens decode to */
  const char *changed_place; /* of the first of them: "FILE: line 12" */
  Digest digest;             /* of all that a run can depend on */
} TaskSet;

/* `start`: the token that stands for an empty context; -1: there is none, and such a sample is
 * refused. Every refusal names the file and the line. */
bool task_set_read(Arena *arena, const TaskPlan *plan, const char *folder, TextReader *reader,
                   int start, TaskSet *set, Status *st);
/* Says where the first of the changed samples stands, and how many they are. */
void task_set_tell(const TaskSet *set, const TextReader *reader, const Progress *progress);
#endif
