/* defaults: what every command and every spec takes where nothing is said, and at most. The command
 * line, its help and the schema read this one table. */
#ifndef DS_SPEC_DEFAULTS_H
#define DS_SPEC_DEFAULTS_H

#define DEFAULT_MODEL "data/mamba-bytes-10m"
#define DEFAULT_TEXT "data/text/test.txt"         /* what is run and predicted */
#define DEFAULT_CALIBRATION "data/text/valid.txt" /* what scales are taken from */
#define DEFAULT_OFFSET 4000 /* of the default text: amid a sentence of an address */
#define DEFAULT_LENGTH 171
#define DEFAULT_WINDOWS 16
#define DEFAULT_WINDOW_LENGTH 512
#define DEFAULT_ALPHA 0.9999
#define DEFAULT_EVAL_WINDOWS 64
#define DEFAULT_TASK_LENGTH 2048
#define DEFAULT_EVENT_SHARE 0.15
#define DEFAULT_REWRITE "quamba"
#define DEFAULT_BACKEND "auto"
#define DEFAULT_SEED 1
#define DEFAULT_THREADS 0
#define DEFAULT_LEAST_MEMORY 1000000 /* bytes: below, a unit was forgotten */
#define DEFAULT_EQUAL_CONV1D 0.9999
#define DEFAULT_EQUAL_SCAN 0.997

/* At most: windows of a text, tokens of a prompt or a window, threads. */
enum { WINDOWS_MAX = 4096, TOKENS_MAX = 1 << 20, THREADS_MAX = 1024 };

/* A default as text. */
#define DEFAULT_AS_WRITTEN(x) #x
#define DEFAULT_SHOWN(x) DEFAULT_AS_WRITTEN(x)
#endif
