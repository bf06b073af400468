/* spec: what is refused, each with its exact place and what the message must say. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/spec_text.h"

/* Four lines that are right; the fault follows in line 5. */
#define HEAD "title: t\nmodel: m\ncalibration: {text: c}\nprompts: [{name: p, string: s}]\n"
#define PAIR "pairs: [[2-0, 2-4]]\n"
#define OWN(settings) HEAD PAIR "modes: {x: {" settings "}}\ncompare_all: [x]\n"
#define GATE(settings) HEAD PAIR "gate: {" settings "}\n"
#define PROMPT(settings)                                                                           \
  "title: t\nmodel: m\n" PAIR "calibration: {text: c}\nprompts: [{" settings "}]\n"
#define CALIBRATION(settings)                                                                      \
  "title: t\nmodel: m\nprompts: [{name: p, string: s}]\n" PAIR "calibration: {text: c, " settings  \
  "}\n"

#define SOURCE(settings)                                                                           \
  HEAD PAIR "sources: {s: {dump: d, " settings "}}\nthree_way: {pair: [2-0, 2-4], against: s}\n"

/* Characters, of two bytes each. */
#define LONG_20 "éééééééééééééééééééé"
#define LONG_200 LONG_20 LONG_20 LONG_20 LONG_20 LONG_20 LONG_20 LONG_20 LONG_20 LONG_20 LONG_20

typedef struct Bad {
  const char *text, *place, *words[3]; /* place "" : of the file as a whole */
} Bad;

/* clang-format off */
static const Bad bad[] = {
  /* what is said of single tensors of a source */
  {SOURCE("axes: {}"),                "6:30", {"key 'axes'", "a text that is not empty, or a mapping from names of tensors to such"}},
  {SOURCE("axes: {x: ''}"),           "6:34", {"key 'axes'", "a text that is not empty"}},
  {SOURCE("axes: {x: [token]}"),      "6:34", {"key 'axes'", "a list of 1"}},
  {SOURCE("axes: {x: a, y: b, x: c}"),"6:43", {"key 'x'", "stands twice"}},
  {SOURCE("scales: 0.5"),             "6:32", {"key 'scales'", "a mapping from names of tensors to a number from 1.4013e-45 to 3.40282e+38", "found '0.5'"}},
  {SOURCE("scales: {x: 0}"),          "6:36", {"key 'scales'", "a number from 1.4013e-45", "found '0'"}},
  {SOURCE("scales: {x: -0.5}"),       "6:36", {"key 'scales'", "found '-0.5'"}},
  {SOURCE("scales: {x: .inf}"),       "6:36", {"key 'scales'", "found '.inf'"}},
  {SOURCE("scales: {x: .nan}"),       "6:36", {"key 'scales'", "found '.nan'"}},
  {SOURCE("scales: {x: 1e39}"),       "6:36", {"key 'scales'", "found '1e39'"}},
  {SOURCE("scales: {x: 1e-46}"),      "6:36", {"key 'scales'", "found '1e-46'"}},
  {SOURCE("scales: {x: a}"),          "6:36", {"key 'scales'", "found 'a'"}},
  {SOURCE("stream: x"),               "6:32", {"key 'stream'", "is for a spec without a model", ""}},
  /* numbers */
  {CALIBRATION("windows: 4.5"),    "5:33", {"key 'windows'", "expected an integer from 1 to 4096", "found '4.5'"}},
  {CALIBRATION("windows: 08"),     "5:33", {"'windows'", "integer", "found '08'"}},
  {CALIBRATION("windows: 0x10"),   "5:33", {"'windows'", "integer", "found '0x10'"}},
  {CALIBRATION("windows: 1_0"),    "5:33", {"'windows'", "integer", "found '1_0'"}},
  {CALIBRATION("windows: +5"),     "5:33", {"'windows'", "integer", "found '+5'"}},
  {CALIBRATION("windows: 1e3"),    "5:33", {"'windows'", "integer", "found '1e3'"}},
  {CALIBRATION("windows: 16 17"),  "5:33", {"'windows'", "integer", "found '16 17'"}},
  {CALIBRATION("windows: -"),      "5:33", {"'windows'", "integer", "found '-'"}},
  {CALIBRATION("windows: --1"),    "5:33", {"'windows'", "integer", "found '--1'"}},
  {CALIBRATION("windows: "),       "5:33", {"'windows'", "integer", "found nothing"}},
  {CALIBRATION("windows: '16'"),   "5:33", {"'windows'", "integer", "found the quoted text '16'"}},
  {CALIBRATION("windows: \"16\""), "5:33", {"'windows'", "integer", "found the quoted text '16'"}},
  {CALIBRATION("windows: 0"),      "5:33", {"'windows'", "from 1 to 4096", "found '0'"}},
  {CALIBRATION("windows: 4097"),   "5:33", {"'windows'", "from 1 to 4096", "found '4097'"}},
  {CALIBRATION("windows: 99999999999999999999"), "5:33", {"'windows'", "integer", "found '99999999999999999999'"}},
  {CALIBRATION("windows: 4294967297"), "5:33", {"'windows'", "integer", "found '4294967297'"}},
  {CALIBRATION("windows: [16]"),   "5:33", {"'windows'", "integer", "found a list of 1"}},
  {CALIBRATION("windows: {a: 1}"), "5:33", {"'windows'", "integer", "found a mapping"}},
  {CALIBRATION("length: 1048577"), "5:32", {"'length'", "from 1 to 1048576", "found '1048577'"}},
  {CALIBRATION("alpha: 0,9999"),   "5:33", {"unknown key '9999'", "known here: text, tokens, windows, length, alpha", ""}},
  {CALIBRATION("alpha: '0,9999'"), "5:31", {"'alpha'", "a number from 0.5 to 1", "found the quoted text '0,9999'"}},
  {CALIBRATION("alpha: 1.01"),     "5:31", {"'alpha'", "a number from 0.5 to 1", "found '1.01'"}},
  {CALIBRATION("alpha: 0.4999"),   "5:31", {"'alpha'", "a number from 0.5 to 1", "found '0.4999'"}},
  {CALIBRATION("alpha: -.9"),      "5:31", {"'alpha'", "a number from 0.5 to 1", "found '-.9'"}},
  {CALIBRATION("alpha: ."),        "5:31", {"'alpha'", "number", "found '.'"}},
  {CALIBRATION("alpha: .e1"),      "5:31", {"'alpha'", "number", "found '.e1'"}},
  {CALIBRATION("alpha: 1.e"),      "5:31", {"'alpha'", "number", "found '1.e'"}},
  {CALIBRATION("alpha: 0x1p-1"),   "5:31", {"'alpha'", "number", "found '0x1p-1'"}},
  {CALIBRATION("alpha: nan"),      "5:31", {"'alpha'", "number", "found 'nan'"}},
  {CALIBRATION("alpha: .inf"),     "5:31", {"'alpha'", "number", "found '.inf'"}},
  {CALIBRATION("alpha: 1e"),       "5:31", {"'alpha'", "number", "found '1e'"}},
  {CALIBRATION("alpha: 1e999"),    "5:31", {"'alpha'", "number", "found '1e999'"}},
  {HEAD PAIR "threads: 1025\n",    "6:10", {"'threads'", "from 0 to 1024", "found '1025'"}},
  {HEAD PAIR "memory: 8\n",        "6:9",  {"'memory'", "bytes, at least 1 MB, such as 8 GB", "found '8'"}},
  {HEAD PAIR "memory: 8 gb\n",     "6:9",  {"'memory'", "such as 8 GB, 512 MB or 1.5 GiB", "found '8 gb'"}},
  {HEAD PAIR "memory: \"\"\n",     "6:9",  {"'memory'", "bytes", "found the quoted text ''"}},
  {HEAD PAIR "memory: [8 GB]\n",   "6:9",  {"'memory'", "bytes", "found a list of 1"}},
  {HEAD PAIR "seed: -1\n",         "6:7",  {"'seed'", "from 0 to 9223372036854775807", "found '-1'"}},
  {HEAD PAIR "seed: 9223372036854775808\n", "6:7", {"'seed'", "integer", "found '9223372036854775808'"}},
  {HEAD PAIR "keep: {deflate: 4}\n", "6:8", {"'deflate'", "is no more", "h5repack -f GZIP=4"}},
  {PROMPT("name: p, text: t, offset: -1"), "5:38", {"'offset'", "from 0", "found '-1'"}},
  {PROMPT("name: p, text: t, length: 0"),  "5:38", {"'length'", "from 1 to 1048576", "found '0'"}},
  /* words */
  {HEAD PAIR "backend: gpu\n",     "6:10", {"'backend'", "one of auto, cpu, cuda", "found 'gpu'"}},
  {HEAD PAIR "backend: cdua\n",    "6:10", {"'backend'", "found 'cdua'; did you mean 'cuda'?"}},
  {HEAD PAIR "rewrite: hadamard\n", "6:10", {"'rewrite'", "one of quamba, none", "found 'hadamard'"}},
  {HEAD PAIR "rewrite: Quamba\n",  "6:10", {"'rewrite'", "found 'Quamba'", "did you mean 'quamba'?"}},
  {HEAD PAIR "durability: [kill]\n", "6:13", {"'durability'", "one of kill, power", "found a list"}},
  {HEAD PAIR "keep: {f16_as: f64}\n", "6:16", {"'f16_as'", "one of f32, f16", "found 'f64'"}},
  {HEAD PAIR "drift: {flat: 0.9}\n", "6:15", {"'flat'", "1 to 1000", "found '0.9'"}},
  {HEAD PAIR "drift: {agreement: 1.1}\n", "6:20", {"'agreement'", "0 to 1", "found '1.1'"}},
  {HEAD PAIR "drift: {growth: 2}\n", "6:9", {"'growth'", "flat", ""}},
  {HEAD PAIR "keep: {tensors: conv1d}\n", "6:17", {"'tensors'", "all, none, or a list", "found 'conv1d'"}},
  {HEAD PAIR "keep: {tensors: [norm, conv1]}\n", "6:24", {"'tensors'", "found 'conv1'", "did you mean 'conv1d'?"}},
  {HEAD PAIR "keep: {tensors: []}\n", "6:17", {"'tensors'", "a list of 1 to 21", "found a list of 0"}},
  {HEAD PAIR "keep: {tensors: [norm, norm]}\n", "6:24", {"'tensors'", "'norm' stands twice", ""}},
  {HEAD PAIR "keep: {layers: none}\n", "6:16", {"'layers'", "all, or a list", "found 'none'"}},
  {HEAD PAIR "keep: {layers: [0, -1]}\n", "6:20", {"'layers'", "integer from 0", "found '-1'"}},
  {HEAD PAIR "keep: {layers: [3, 0, 3]}\n", "6:23", {"'layers'", "layer 3 stands twice", ""}},
  {HEAD PAIR "micro: [{operator: conv2d, inputs: [zero]}]\n", "6:20", {"'operator'", "found 'conv2d'", "did you mean 'conv1d'?"}},
  {HEAD PAIR "micro: [{operator: scan}]\n", "6:9", {"'micro'", "required key 'inputs' is missing", ""}},
  {HEAD PAIR "micro: [{operator: scan, inputs: [zeros]}]\n", "6:35", {"'inputs'", "captured, normal", "did you mean 'zero'?"}},
  {HEAD PAIR "micro: [{operator: scan, inputs: [zero], shapes: [171]}]\n", "6:51", {"'shapes'", "a shape such as 512x1536", "'171'"}},
  {HEAD PAIR "micro: [{operator: scan, inputs: [zero], shapes: [0x10]}]\n", "6:51", {"'shapes'", "a shape", "'0x10'"}},
  {HEAD PAIR "micro: [{operator: scan, inputs: [zero], shapes: [1x2x3x4]}]\n", "6:51", {"'shapes'", "a shape", "'1x2x3x4'"}},
  {HEAD PAIR "micro: [{operator: scan, inputs: [zero], modes: [fp64]}]\n", "6:50", {"'modes'", "fp64", "leave it out"}},
  {HEAD PAIR "micro: [{operator: scan, inputs: [zero], modes: [2_0]}]\n", "6:50", {"'modes'", "'2_0'", "did you mean '2-0'?"}},
  /* keys */
  {HEAD PAIR "windows: 4\n",       "6:1",  {"unknown key 'windows'", "known here: title, question", "durability"}},
  {HEAD PAIR "sed: 4\n",           "6:1",  {"unknown key 'sed'", "did you mean 'seed'?", ""}},
  {CALIBRATION("alpah: 0.9"),      "5:24", {"unknown key 'alpah'", "did you mean 'alpha'?", ""}},
  {HEAD PAIR "title: u\n",         "6:1",  {"key 'title'", "stands twice, first in line 1", ""}},
  {CALIBRATION("windows: 1, windows: 1"), "5:36", {"key 'windows'", "stands twice", "line 5"}},
  {HEAD PAIR "? [a]\n: b\n",       "6:3",  {"a list or mapping as a key", "", ""}},
  {HEAD PAIR "? {a: b}\n: b\n",    "6:3",  {"a list or mapping as a key", "", ""}},
  {HEAD PAIR "'': b\n",            "6:1",  {"unknown key ''", "known here", ""}},
  {HEAD PAIR "\"a\\0b\": b\n",     "6:1",  {"a key that holds a NUL character", "", ""}},
  {"model: m\nprompts: [{name: p, string: s}]\n" PAIR, "", {"required key 'title' is missing", "", ""}},
  {"title: t\nprompts: [{name: p, string: s}]\n" PAIR, "", {"required key 'model' is missing", "", ""}},
  {"title: t\nmodel: m\n" PAIR,    "",     {"required key 'prompts' is missing", "", ""}},
  {HEAD,                           "",     {"needs at least one of pairs, compare_all or three_way", "", ""}},
  {HEAD PAIR "calibration: {}\n",  "6:1",  {"key 'calibration'", "stands twice", ""}},
  {"title: t\nmodel: m\nprompts: [{name: p, string: s}]\n" PAIR "calibration: {windows: 2}\n", "5:14",
                                           {"'calibration'", "needs one of text or tokens", ""}},
  {"- a\n",                        "1:1",  {"expected a mapping of keys", "found a list of 1", ""}},
  {"hello\n",                      "1:1",  {"expected a mapping of keys", "found 'hello'", ""}},
  {"---\n",                        "2:1",  {"expected a mapping of keys", "found nothing", ""}},
  /* texts */
  {"title: \nmodel: m\n",          "1:7",  {"'title'", "a text of 1 to 200 characters", "found nothing"}},
  {"title: ''\nmodel: m\n",        "1:8",  {"'title'", "a text of 1 to 200 characters", "found the quoted text ''"}},
  {"title: [a, b]\nmodel: m\n",    "1:8",  {"'title'", "a text", "found a list of 2"}},
  {"title: \"a\\0b\"\nmodel: m\n", "1:8",  {"'title'", "holds a NUL character", ""}},
  {"title: \"" LONG_200 "x\"\nmodel: m\n", "1:8", {"'title'", "a text of 1 to 200 characters", "found one of 201: 'ééééé"}},
  {"title: t\nquestion: \"" LONG_200 LONG_200 LONG_200 LONG_200 LONG_200 LONG_200 LONG_200 LONG_200 LONG_200 LONG_200 "x\"\nmodel: m\n",
                                   "2:11", {"'question'", "a text of at most 2000 characters", "found one of 2001"}},
  {"title: t\nmodel: {path: m}\n", "2:8",  {"'model'", "a text", "found a mapping"}},
  /* prompts */
  {"title: t\nmodel: m\nprompts: []\n" PAIR, "3:10", {"'prompts'", "a list of 1 to 4096", "found a list of 0"}},
  {"title: t\nmodel: m\nprompts: p\n" PAIR, "3:10", {"'prompts'", "a list of 1 to 4096", "found 'p'"}},
  {"title: t\nmodel: m\nprompts: [p]\n" PAIR, "3:11", {"'prompts'", "expected a mapping of keys", "found 'p'"}},
  {PROMPT("string: s"),            "5:11", {"'prompts'", "required key 'name' is missing", ""}},
  {PROMPT("name: p"),              "5:11", {"'prompts'", "needs one of text, string or tokens", ""}},
  {PROMPT("name: p, text: t, string: s"), "5:30", {"'string'", "stands beside 'text'", "only one"}},
  {PROMPT("name: p, tokens: t, string: s"), "5:21", {"'tokens'", "stands beside 'string'", "only one"}},
  {PROMPT("name: p, string: ''"),  "5:29", {"'string'", "a text that is not empty", ""}},
  {PROMPT("name: p, string: s, offset: 0"), "5:32", {"'offset'", "no sense without 'text' or 'tokens'", ""}},
  {PROMPT("name: p, string: s, length: 4"), "5:32", {"'length'", "no sense without 'text' or 'tokens'", ""}},
  {PROMPT("name: '', string: s"), "5:18", {"'name'", "a name of 1 to 39 bytes", ""}},
  {PROMPT("name: .., string: s"),  "5:18", {"'name'", "neither . nor ..", "found '..'"}},
  {PROMPT("name: \"a\\tb\", string: s"), "5:18", {"'name'", "without '/' and control characters", ""}},
  {PROMPT("name: \"a\\u0085b\", string: s"), "5:18", {"'name'", "without '/' and control characters", ""}},
  {PROMPT("name: ../x, string: s"), "5:18", {"'name'", "a name of 1 to 39 bytes", "found '../x'"}},
  {PROMPT("name: abcdefghijklmnopqrstuvwxyz0123456789abcd, string: s"), "5:18", {"'name'", "a name of 1 to 39 bytes", "found one of 40"}},
  {PROMPT("name: 一二三四五六七八九十一二三四, string: s"), "5:18", {"'name'", "a name of 1 to 39 bytes", "found one of 42"}},
  {PROMPT("name: d_model, string: s"), "5:18", {"'name'", "'d_model' is a name of the results file's own", ""}},
  {PROMPT("name: fp64, string: s"), "5:18", {"'name'", "'fp64' is a name of the results file's own", ""}},
  {PROMPT("name: p, string: s}, {name: q, string: s}, {name: p, text: t"), "5:62", {"'name'", "'p' is already", "another prompt"}},
  {PROMPT("name: p, text: t, windows: 4"), "5:30", {"'windows'", "no sense without 'length'", ""}},
  {PROMPT("name: p, string: s, windows: 4"), "5:32", {"'windows'", "no sense without 'length'", ""}},
  {PROMPT("name: p, text: t, length: 1, windows: 0"), "5:50", {"'windows'", "an integer from 1 to 4096", "found '0'"}},
  {PROMPT("name: p01, string: s}, {name: p, text: t, length: 1, windows: 2"), "5:42", {"'name'", "'p01' is already", "another prompt"}},
  {PROMPT("name: abcdefghijklmnopqrstuvwxyz0123456789ab, text: t, length: 1, windows: 1"), "5:18", {"'name'", "has 40 bytes", "at most 39"}},
  {PROMPT("name: p, text: t, length: 1, windows: 4096}, {name: q, string: s"), "5:57", {"'prompts'", "more than 4096 prompts", ""}},
  /* own modes */
  {OWN("linears: f32"),            "6:12", {"'modes'", "required key 'base' is missing", ""}},
  {OWN("base: 4-0"),               "6:19", {"'base'", "one of 0, 1, 2-0", "found '4-0'; did you mean '2-0'?"}},
  {OWN("base: fp64"),              "6:19", {"'base'", "3, fp32", "found 'fp64'"}},
  {OWN("base: 2-4, scan_order: block"), "6:36", {"'scan_order'", "one of blocked, sequential", "found 'block'"}},
  {OWN("base: 2-4, scan: blocked"), "6:24", {"unknown key 'scan'", "known here: base, linears, conv_in", ""}},
  {OWN("base: 2-4, conv_in: i4"),  "6:33", {"'conv_in'", "one of i8, i8_dynamic, f32", "found 'i4'"}},
  {OWN("base: fp32, x_proj_in: i8"), "6:9", {"'modes'", "mode 'x'", "x_proj_in i8 with linears f32: the float linear takes float"}},
  {OWN("base: 2-4, x_proj_in: f32"), "6:9", {"'modes'", "mode 'x'", "x_proj_in f32 with linears w8a8: the INT8 linear takes int8"}},
  {OWN("base: fp32, scan_rest: i8"), "6:9", {"'modes'", "mode 'x'", "scan_rest i8 with linears f32"}},
  {OWN("base: fp32, conv_in: i8"), "6:9",  {"'modes'", "mode 'x'", "conv_in i8 with linears f32"}},
  {OWN("base: 0, state: bf16"),    "6:9",  {"'modes'", "mode 'x'", "state bf16 with scan_order blocked"}},
  {OWN("base: 2-4, decay: i8"),    "6:31", {"'decay'", "one of f32, f16, bf16", "found 'i8'"}},
  {HEAD PAIR "modes: {x: {base: 2-4, gated: bf16}}\nmicro: [{operator: scan, inputs: [zero], modes: [x]}]\n", "7:50",
                                           {"'modes'", "mode 'x' sets gated bf16", "settings of the presets"}},
  {HEAD PAIR "modes: {2-4: {base: 2-4}}\n", "6:9", {"'modes'", "'2-4' is a preset", ""}},
  {HEAD PAIR "modes: {fp64: {base: 2-4}}\n", "6:9", {"'modes'", "'fp64' is a name of the results file's own", ""}},
  {HEAD PAIR "modes: {vocab: {base: 2-4}}\n", "6:9", {"'modes'", "'vocab' is a name of the results file's own", ""}},
  {HEAD PAIR "modes: {a/b: {base: 2-4}}\n", "6:9", {"'modes'", "a name of 1 to 39 bytes", "found 'a/b'"}},
  {HEAD PAIR "modes: {甲乙丙丁戊己庚辛壬癸子丑寅x: {base: 2-4}}\n", "6:9", {"'modes'", "a name of 1 to 39 bytes", "found one of 40"}},
  {HEAD PAIR "modes:\n  a: {base: b}\n  b: {base: c}\n  c: {base: a}\n", "9:13",
   {"'base'", "a circle of modes that are built on each other", "'a' (line 7) on 'b' (line 8) on 'c' (line 9) on 'a'"}},
  {HEAD PAIR "modes:\n  x: {base: x}\n", "7:13", {"'base'", "a circle", "'x' (line 7) on 'x'"}},
  {HEAD PAIR "modes:\n  a: {base: b}\n  b: {base: 2-4, gated: f8}\n", "8:25", {"'gated'", "one of f16", ""}},
  {HEAD PAIR "modes:\n  mine: {base: 2-4}\n  b: {base: mime}\n", "8:13", {"'base'", "fp32, mine, b", "did you mean 'mine'?"}},
  {HEAD PAIR "modes:\n  a: {base: b}\n  b: {base: 2-4, linears: f32}\n", "7:3", {"'modes'", "mode 'a'", "with linears f32"}},
  {HEAD PAIR "modes: {x: {base: 0}, x: {base: 1}}\n", "6:23", {"key 'x'", "stands twice", ""}},
  {OWN("base: 2-0, layers: {}"), "6:32", {"'layers'", "names no layer", ""}},
  {OWN("base: 2-0, layers: {-1: fp32}"), "6:33", {"'layers'", "a layer or a range of them up to 1023, such as 17 or 0-3", "found '-1'"}},
  {OWN("base: 2-0, layers: {3-: fp32}"), "6:33", {"'layers'", "a layer or a range", "found '3-'"}},
  {OWN("base: 2-0, layers: {1024: fp32}"), "6:33", {"'layers'", "up to 1023", "found '1024'"}},
  {OWN("base: 2-0, layers: {0-99999999999999999999: fp32}"), "6:33", {"'layers'", "up to 1023", ""}},
  {OWN("base: 2-0, layers: {03: fp32}"), "6:33", {"'layers'", "a layer or a range", "found '03'"}},
  {OWN("base: 2-0, layers: {1 - 3: fp32}"), "6:33", {"'layers'", "a layer or a range", "found '1 - 3'"}},
  {OWN("base: 2-0, layers: {last: fp32}"), "6:33", {"'layers'", "a layer or a range", "found 'last'"}},
  {OWN("base: 2-0, layers: {7-3: fp32}"), "6:33", {"'layers'", "the range 7-3 ends before it begins", "did you mean 3-7?"}},
  {OWN("base: 2-0, layers: {0-3: fp32, 2: 2-4}"), "6:44", {"'layers'", "layer 2 stands twice, first in line 6", ""}},
  {OWN("base: 2-0, layers: {5: fp32, 2-9: 2-4}"), "6:42", {"'layers'", "layer 5 stands twice", ""}},
  {OWN("base: 2-0, layers: {0-3: fp23}"), "6:38", {"'layers'", "one of 0, 1, 2-0", "found 'fp23'; did you mean 'fp32'?"}},
  {OWN("base: 2-0, layers: {0-3: fp64}"), "6:38", {"'layers'", "3, fp32, x", "found 'fp64'"}},
  {OWN("base: 2-0, layers: {0-3: [fp32]}"), "6:38", {"'layers'", "the name of a mode", "found a list of 1"}},
  {OWN("base: 2-0, layers: {0-3: }"), "6:38", {"'layers'", "the name of a mode", "found nothing"}},
  {OWN("base: 2-0, layers: {0-3: {}}"), "6:38", {"'layers'", "sets no stage", ""}},
  {OWN("base: 2-0, layers: {0-3: {gate: f32}}"), "6:39", {"unknown key 'gate'", "did you mean 'gated'?", ""}},
  {OWN("base: 2-0, layers: {0-3: {base: 1}}"), "6:39", {"unknown key 'base'", "known here: linears", ""}},
  {OWN("base: 2-0, layers: {0-3: {gated: f8}}"), "6:46", {"'gated'", "one of f16, f32, bf16", "found 'f8'"}},
  {OWN("base: 2-0, layers: fp32"),    "6:32", {"'layers'", "a mapping from layers to modes or stages", "found 'fp32'"}},
  {OWN("base: 2-0, layers: [0-3]"),   "6:32", {"'layers'", "a mapping from layers", "found a list of 1"}},
  {OWN("base: 2-0, layers: {1: fp32, 17: {state: bf16}}"), "6:42",
   {"'layers'", "mode 'x', layer 17: state bf16 with scan_order blocked", ""}},
  {OWN("base: 2-0, state: f16, layers: {0-3: fp32}"), "6:9", {"'modes'", "mode 'x', layers from 4 on: state f16 with", ""}},
  {OWN("base: fp32, layers: {4-6: {conv_in: i8}}"), "6:34", {"'layers'", "mode 'x', layers 4 to 6: conv_in i8 with linears f32", ""}},
  {HEAD PAIR "modes:\n  a: {base: 2-0, layers: {3: b}}\n  b: {base: a}\n", "8:13",
   {"'base'", "a circle of modes that are built on each other", "'a' (line 7) on 'b' (line 8) on 'a'"}},
  {HEAD PAIR "modes:\n  a: {base: 2-0, layers: {3: 2-4, 5: a}}\n", "7:38", {"'layers'", "a circle", "'a' (line 7) on 'a'"}},
  {HEAD "modes:\n  a: {base: 2-0, layers: {3: 1}}\n  b: {base: a, layers: {3: 2-0}}\npairs: [[2-0, b]]\n", "8:15",
   {"'pairs'", "'b' is the same computation as '2-0'", ""}},
  {HEAD "modes:\n  a: {base: 2-0, layers: {3-4: 1}}\n  b: {base: 2-0, layers: {4: 1, 3: {linears: f32, conv_in: f32, "
        "conv_out: f32, x_proj_in: f32, scan_u: f32, scan_rest: f32, scan_order: sequential}}}\npairs: [[a, b]]\n", "8:13",
   {"'pairs'", "'b' is the same computation as 'a'", ""}},
  {HEAD PAIR "modes: {x: {base: 2-0, layers: {0: 1}}}\nswaps: {pair: [x, 2-4]}\n", "7:16",
   {"'pair'", "mode 'x' differs by layer", "name a mode of which all layers are alike"}},
  {HEAD PAIR "modes: {x: {base: 2-0, layers: {0: 1}}}\nrestore: {mode: 2-0, to: x, limit: 0.1}\n", "7:26",
   {"'to'", "mode 'x' differs by layer", ""}},
  {HEAD PAIR "modes: {x: {base: 2-0, layers: {0: 1}}}\nmicro: [{operator: scan, inputs: [zero], modes: [2-0, x]}]\n", "7:55",
   {"'modes'", "mode 'x' differs by layer: an operator alone has no layer", ""}},
  {"title: t\nmodel: m\nprompts: [{name: p, string: s}]\nmodes: {x: {base: fp32, layers: {9: 2-4}}}\npairs: [[fp32, x]]\n", "5:16",
   {"mode 'x' has int8 stages and needs scales", "", ""}},
  {HEAD PAIR "modes: {x: {base: fp32, layers: {0: 1}}}\nmend: [x]\n", "7:8", {"'mend'", "mode 'x' has no int8 stage", ""}},
  {HEAD PAIR "modes: {x: 2-4}\n",  "6:12", {"'modes'", "expected a mapping of keys", "found '2-4'"}},
  {HEAD PAIR "modes: [x]\n",       "6:8",  {"'modes'", "a mapping from names to modes", "found a list of 1"}},
  {HEAD PAIR "sources: x\n",       "6:10", {"'sources'", "a mapping from names to settings", "found 'x'"}},
  /* defined, and never run */
  {HEAD PAIR "modes: {x: {base: 2-4, gated: bf16}}\n", "6:9", {"key 'modes'", "mode 'x' is defined and never run", "leave it out"}},
  {HEAD "pairs: [[2-0, x]]\nmodes: {x: {base: y}, z: {base: y, layers: {0: x}}, y: {base: 2-4, gated: bf16}}\n", "6:23",
   {"'modes'", "mode 'z' is defined and never run", ""}},
  {HEAD PAIR "sources: {s: {dump: d}, t: {dump: d}}\nthree_way: {pair: [s, 2-0], against: fp64}\n", "6:25", {"'sources'", "source 't' is compared with nothing", "three_way"}},
  /* pairs and compare_all */
  {HEAD "pairs: [2-0, 2-4]\n",     "5:9",  {"'pairs'", "a list of two modes", "found '2-0'"}},
  {HEAD "pairs: [[2-0]]\n",        "5:9",  {"'pairs'", "a list of two modes", "found a list of 1"}},
  {HEAD "pairs: [[2-0, 2-4, 3]]\n", "5:9", {"'pairs'", "a list of two modes", "found a list of 3"}},
  {HEAD "pairs: [{a: b}]\n",       "5:9",  {"'pairs'", "a list of two modes", "found a mapping"}},
  {HEAD "pairs: [[2-0, [2-4]]]\n", "5:15", {"'pairs'", "the name of a mode", "found a list of 1"}},
  {HEAD "pairs: [[2-0, '']]\n",    "5:15", {"'pairs'", "the name of a mode", ""}},
  {HEAD "pairs:\n  - [2-0, 2-4]\n  - [1, 2.4]\n", "7:9", {"'pairs'", "no mode '2.4' is defined", "did you mean '2-4'?"}},
  {HEAD "pairs: [[base, 2-0]]\n",  "5:10", {"'pairs'", "no mode 'base' is defined", "known here: fp64, 0, 1, 2-0"}},
  {HEAD "modes: {mine: {base: 0}}\npairs: [[mien, 2-0]]\n", "6:10", {"'pairs'", "no mode 'mien'", "did you mean 'mine'?"}},
  {HEAD "pairs: [[2-0, 2-0]]\n",   "5:15", {"'pairs'", "'2-0' is paired with itself", ""}},
  {HEAD "pairs: [[fp64, fp64]]\n", "5:16", {"'pairs'", "'fp64' is paired with itself", ""}},
  {HEAD "modes: {x: {base: 2-3, scan_u: f32}}\npairs: [[2-4, x]]\n", "6:15", {"'pairs'", "'x' is the same computation as '2-4'", ""}},
  {HEAD "pairs: [[2-0, 2-4], [2-4, 2-0], [2-0, 2-4]]\n", "5:33", {"'pairs'", "[2-0, 2-4] stands twice", ""}},
  {HEAD "compare_all: [2-0, fp64]\n", "5:20", {"'compare_all'", "fp64 is the reference", "leave it out"}},
  {HEAD "compare_all: [2-0, 2-5x]\n", "5:20", {"'compare_all'", "no mode '2-5x'", ""}},
  {HEAD "compare_all: [2-0, 1, 2-0]\n", "5:23", {"'compare_all'", "'2-0' stands twice", ""}},
  {HEAD "compare_all: 2-0\n",      "5:14", {"'compare_all'", "a list of 1 to 1024", "found '2-0'"}},
  {HEAD PAIR "compare_all: []\n",  "6:14", {"'compare_all'", "a list of 1 to 1024", "found a list of 0"}},
  {HEAD PAIR "budget: [2-0, 2-1]\n", "6:15", {"'budget'", "mode '2-1' is not compared with fp64 here", ""}},
  {HEAD PAIR "budget: [2-0, fp64]\n", "6:15", {"'budget'", "fp64 is the reference", ""}},
  {HEAD PAIR "swaps: {pair: [2-0, fp64]}\n", "6:21", {"'pair'", "fp64 is the reference, which has no stages", ""}},
  {HEAD PAIR "swaps: {pair: [2-0, 2-0]}\n", "6:21", {"'pair'", "'2-0' is the same computation as '2-0'", "nothing to swap"}},
  {HEAD PAIR "swaps: [{pair: [2-0, 2-4]}, {pair: [2-0, 2-4]}]\n", "6:29", {"'swaps'", "[2-0, 2-4] stands twice", ""}},
  {HEAD PAIR "swaps: {pair: [0, fp32], combinations: true}\n", "6:40", {"'combinations'", "differ in 9 stages", "at most 8"}},
  {HEAD PAIR "swaps: {pair: [0, 1], combinations: yes}\n", "6:37", {"'combinations'", "one of false, true", "found 'yes'"}},
  {HEAD PAIR "restore: {mode: 2-0}\n", "6:10", {"'restore'", "required key 'limit' is missing", ""}},
  {HEAD PAIR "restore: {mode: fp32, limit: 0.1}\n", "6:17", {"'mode'", "'fp32' is the same computation as 'fp32'", ""}},
  {HEAD PAIR "restore: {mode: 2-0, to: fp64, limit: 0.1}\n", "6:26", {"'to'", "fp64 is the reference", ""}},
  {HEAD PAIR "restore: {mode: 2-9, limit: 0.1}\n", "6:17", {"'mode'", "no mode '2-9'", ""}},
  {HEAD PAIR "restore: {mode: 2-0, limit: 0}\n", "6:29", {"'limit'", "a number from 1e-12 to 1", "found '0'"}},
  {HEAD PAIR "mend: [2-0, fp64]\n", "6:13", {"'mend'", "fp64 is the reference", ""}},
  {HEAD PAIR "mend: [1]\n",         "6:8",  {"'mend'", "mode '1' has no int8 stage", "no scale that could be another"}},
  {HEAD PAIR "mend: [2-0, 2-0]\n",  "6:13", {"'mend'", "'2-0' stands twice", ""}},
  {HEAD PAIR "grid: {}\n",         "6:7",  {"'grid'", "needs at least one of alpha, modes or length", ""}},
  {HEAD PAIR "grid: [2-0]\n",      "6:7",  {"'grid'", "a mapping of keys", "found a list of 1"}},
  {HEAD PAIR "grid: {alpha: 0.9}\n", "6:15", {"'alpha'", "a list of 1 to 16", "found '0.9'"}},
  {HEAD PAIR "grid: {alpha: []}\n", "6:15", {"'alpha'", "a list of 1 to 16", "found a list of 0"}},
  {HEAD PAIR "grid: {alpha: [0.9, 1.01]}\n", "6:21", {"'alpha'", "a number from 0.5 to 1", "found '1.01'"}},
  {HEAD PAIR "grid: {alpha: [0.9, 0.90]}\n", "6:21", {"'alpha'", "alpha 0.9 stands twice", ""}},
  {HEAD PAIR "grid: {modes: [2-0, 2-9]}\n", "6:21", {"'modes'", "no mode '2-9' is defined", ""}},
  {HEAD PAIR "grid: {modes: [fp64]}\n", "6:16", {"'modes'", "fp64 is the reference", ""}},
  {HEAD PAIR "grid: {modes: [2-0, 2-0]}\n", "6:21", {"'modes'", "'2-0' stands twice", ""}},
  {HEAD PAIR "grid: {length: [5, 5]}\n", "6:20", {"'length'", "length 5 stands twice", ""}},
  {HEAD PAIR "grid: {length: [0]}\n", "6:17", {"'length'", "an integer from 1 to 1048576", "found '0'"}},
  {HEAD PAIR "grid: {alpha: [0.5, 0.51, 0.52, 0.53, 0.54, 0.55, 0.56, 0.57, 0.58, 0.59, 0.6, 0.61, 0.62, 0.63, 0.64, 0.65], "
        "length: [1, 2, 3, 4, 5, 6, 7, 8, 9]}\n", "6:7", {"'grid'", "has 288 points", "at most 256"}},
  {HEAD "sources: {a: {dump: x}}\npairs: [[2-0, 2-4]]\ngrid: {modes: [a]}\n", "7:16", {"'modes'", "'a' is a source", ""}},
  {HEAD "sources: {a: {dump: x}, b: {dump: y}}\npairs: [[a, b]]\ngrid: {length: [3]}\n", "7:7",
                                           {"'grid'", "no mode runs here", "name some in 'modes'"}},
  {"title: t\nsources: {a: {dump: x}, b: {dump: y}}\npairs: [[a, b]]\ngrid: {length: [3]}\n", "",
                                           {"required key 'model' is missing", "", ""}},
  {"title: t\nsources: {a: {dump: x}, b: {dump: y}}\npairs: [[a, b], [a, fp64]]\n", "",
                                           {"required key 'model' is missing", "'fp64' is no source", ""}},
  {"title: t\nmodel: m\nprompts: [{name: p, string: s}]\npairs: [[fp32, 1]]\ngrid: {alpha: [0.9]}\n", "5:15",
                                           {"'alpha'", "nothing is calibrated here", "calibration"}},
  {"title: t\nmodel: m\nprompts: [{name: p, string: s}]\npairs: [[fp32, 1]]\ngrid: {modes: [0]}\n", "5:16",
                                           {"'modes'", "mode '0' has int8 stages", "calibration"}},
  {"title: t\nmodel: m\nprompts: [{name: p, string: s}]\npairs: [[fp32, 1]]\nmend: [0]\n", "5:8",
                                           {"'mend'", "mode '0' has int8 stages", "calibration"}},
  {"title: t\nmodel: m\nprompts: [{name: p, string: s}]\npairs: [[fp32, 1]]\nswaps: {pair: [1, 0]}\n", "5:19",
                                           {"'pair'", "mode '0' has int8 stages", "calibration"}},
  {HEAD PAIR "budget: some\n",     "6:9",  {"'budget'", "all, none, or a list of 1 to 256", "found 'some'"}},
  {"title: t\nmodel: m\nprompts: [{name: p, string: s}]\npairs: [[fp32, 2-4]]\n", "4:16",
                                           {"mode '2-4' has int8 stages and needs scales", "add 'calibration: {text: FILE}'", ""}},
  {"title: t\nmodel: m\nprompts: [{name: p, string: s}]\npairs: [[fp32, 1]]\ncompare_all: [1, 3]\n", "5:18",
                                           {"'compare_all'", "mode '3' has int8 stages", "calibration"}},
  {"title: t\nmodel: m\nprompts: [{name: p, string: s}]\npairs: [[fp32, 1]]\nmicro: [{operator: scan, inputs: [zero], modes: [0]}]\n", "5:50",
                                           {"'modes'", "mode '0' has int8 stages", "calibration"}},
  /* evaluation and cost */
  {"title: t\nmodel: m\nprompts: [{name: p, string: s}]\npairs: [[fp32, 1]]\nevaluation: {text: e, modes: [1, 0]}\n", "5:34",
                                           {"'modes'", "mode '0' has int8 stages", "calibration"}},
  {HEAD PAIR "evaluation: {windows: 3}\n", "6:13", {"'evaluation'", "needs at least one of text, tokens or tasks", ""}},
  {HEAD PAIR "evaluation: {text: a, tokens: b}\n", "6:31", {"'tokens'", "stands beside 'text'", ""}},
  {HEAD PAIR "evaluation: {tasks: [{kind: target}]}\n", "6:22", {"'tasks'", "'file'", ""}},
  {HEAD PAIR "evaluation: {tasks: [{file: a, kind: cloze}]}\n", "6:38", {"'kind'", "target", "contexts"}},
  {HEAD PAIR "evaluation: {text: e, windows: 0}\n", "6:32", {"'windows'", "an integer from 1 to 4096", "found '0'"}},
  {HEAD PAIR "evaluation: {text: e, modes: [2-0, 2-0]}\n", "6:36", {"'modes'", "'2-0' stands twice", ""}},
  {HEAD PAIR "evaluation: {text: e, modes: [fp64]}\n", "6:31", {"'modes'", "fp64 is the reference", "leave it out"}},
  {HEAD PAIR "cost: {repeats: 3}\n",   "6:7",  {"'cost'", "required key 'lengths' is missing", ""}},
  {HEAD PAIR "cost: {lengths: [5, 5]}\n", "6:21", {"'lengths'", "length 5 stands twice", ""}},
  {HEAD PAIR "cost: {lengths: [0]}\n", "6:18", {"'lengths'", "an integer from 1 to 1048576", "found '0'"}},
  /* gates */
  {GATE("rel_l2: 1"),              "6:7",  {"'gate'", "needs 'pair'", ""}},
  {GATE("pair: [2-0, 2-4], growth: 2, layer: 3"), "6:44", {"'layer'", "over the layers", ""}},
  {GATE("pair: [2-0, 2-4], tensor: logits, step: 2"), "6:34", {"'tensor'", "'logits' has no token in each layer", ""}},
  {GATE("pair: [2-0, 2-4], tensor: ssm_state, peak: 2"), "6:34", {"'tensor'", "'ssm_state' has no token", ""}},
  {GATE("pair: [2-0, 2-4], tensor: ssm_state, token_median: 1"), "6:34", {"'tensor'", "'ssm_state' has no tokens", ""}},
  {GATE("pair: [2-0, 2-4]"),       "6:7",  {"'gate'", "needs one of rel_l2, token_median, max_abs, sqnr_db", "bits_per_byte"}},
  {GATE("pair: [2-0, 2-4], rel_l2: 1, max_abs: 1"), "6:37", {"'max_abs'", "stands beside 'rel_l2'", ""}},
  {GATE("pair: [2-0, 2-4], rel_l2: -1"), "6:34", {"'rel_l2'", "a number from 0 to", "found '-1'"}},
  {GATE("pair: [2-0, 2-4], rel_l2: ten"), "6:34", {"'rel_l2'", "a number from 0 to", "found 'ten'"}},
  {GATE("pair: [2-0, 2-4], differing: 1.5"), "6:37", {"'differing'", "a number from 0 to 1", ""}},
  {GATE("pair: [2-0, 2-4], tensor: block, rel_l2: 1"), "6:34", {"'tensor'", "one of block_in", "found 'block'"}},
  {GATE("pair: [2-0, 2-4], layer: lst, rel_l2: 1"), "6:33", {"'layer'", "last, all, or an integer from 0 to 9999", "did you mean 'last'?"}},
  {GATE("pair: [2-0, 2-4], layer: -1, rel_l2: 1"), "6:33", {"'layer'", "last, all, or an integer", "found '-1'"}},
  {GATE("pair: [2-0, 2-4], tensor: logits, layer: 3, rel_l2: 1"), "6:49", {"'layer'", "no sense here", "'logits' stands once"}},
  {GATE("pair: [2-0, 2-4], tensor: scan, top1_agreement: 1"), "6:34", {"'tensor'", "no sense", "what the model predicts"}},
  {GATE("pair: [2-4, 2-0], rel_l2: 1"), "6:14", {"'pair'", "[2-4, 2-0] is not compared here", "add it to pairs"}},
  {GATE("pair: [fp64, 3], rel_l2: 1"), "6:14", {"'pair'", "[fp64, 3] is not compared here", ""}},
  {GATE("pair: [2-0, 2-5x], rel_l2: 1"), "6:20", {"'pair'", "no mode '2-5x'", ""}},
  {GATE("tensor: norm, on_grid: 1"), "6:7", {"'gate'", "on_grid needs 'mode'", ""}},
  {GATE("mode: 3, tensor: norm, on_grid: 1"), "6:14", {"'mode'", "mode '3' does not run here", ""}},
  {GATE("mode: 2-0, tensor: scan, on_grid: 1"), "6:27", {"'tensor'", "'scan' has no INT8 grid", ""}},
  {GATE("mode: 2-0, on_grid: 1"),  "6:7",  {"'gate'", "'block_out' has no INT8 grid", ""}},
  {GATE("pair: [2-0, 2-4], tensor: norm, on_grid: 1"), "6:14", {"'pair'", "no sense beside 'on_grid'", ""}},
  {GATE("pair: [2-0, 2-4], mode: 2-0, rel_l2: 1"), "6:26", {"'mode'", "no sense without 'on_grid'", ""}},
  {GATE("tensr: norm, rel_l2: 1"),  "6:8",  {"unknown key 'tensr'", "did you mean 'tensor'?", ""}},
  {GATE("pair: [2-0, 2-4], bits_per_byte: 0.01"), "6:7", {"'gate'", "bits_per_byte needs 'evaluation'", ""}},
  {HEAD PAIR "evaluation: {text: t, modes: [2-0]}\ngate: {pair: [2-0, 2-4], bits_per_byte: 0}\n", "7:20", {"'pair'", "'2-4' is not evaluated", ""}},
  {HEAD PAIR "gate: []\n",         "6:7",  {"'gate'", "a list of 1 to 1024", "found a list of 0"}},
  {HEAD PAIR "gate: 3\n",          "6:7",  {"'gate'", "a list of 1 to 1024", "found '3'"}},
  {HEAD PAIR "gate:\n  - {pair: [2-0, 2-4], rel_l2: 1}\n  - {pair: [2-0, 2-4]}\n", "8:5", {"'gate'", "needs one of", ""}},
  /* YAML itself */
  {"",                             "",     {"empty", "", ""}},
  {"# a comment alone\n",          "",     {"holds no spec", "no key stands in it", ""}},
  {HEAD PAIR "---\ntitle: u\n",    "6:1",  {"a second document", "", ""}},
  {"title: &a t\nmodel: m\n",      "1:8",  {"an anchor", "", ""}},
  {"title: t\nmodel: *a\n",        "2:8",  {"an alias", "", ""}},
  {"title: !!str t\nmodel: m\n",   "1:8",  {"a tag", "", ""}},
  {"title: ! t\nmodel: m\n",       "1:8",  {"a tag", "", ""}},
  {"title: t\nmodel: !x [m]\n",    "2:8",  {"a tag", "", ""}},
  {"--- !!map\ntitle: t\n",        "1:5",  {"a tag", "", ""}},
  {"title: t\n\tmodel: m\n",       "2:1",  {"not valid YAML", "a tab indents this line", ""}},
  {"title: t\nprompts:\n  \t- a\n", "3:3",  {"not valid YAML", "a tab indents this line", ""}},
  {"title: t\nmodel: m: n\n",      "2:9",  {"not valid YAML", "mapping values are not allowed", ""}},
  {"title: [a\nmodel: m\n",        "2:6",  {"not valid YAML", "", ""}},
  {"title: t\npairs: [a, b\nx",    "4:1",  {"not valid YAML", "flow sequence that begins at 2:8", ""}},
  {"title: 'a\nmodel: m\n",        "3:1",  {"not valid YAML", "unexpected end of stream", "quoted scalar"}},
  {"title: @a\n",                  "1:8",  {"not valid YAML", "cannot start any token", ""}},
  {"title: \xC3\xA4\xFF\n",        "1:9",  {"not text in UTF-8", "", ""}},
  {"title: t\nmodel: \xC0\x80\n",  "2:8",  {"not text in UTF-8", "", ""}},
  {"title: \x01\n",                "1:8",  {"not text in UTF-8", "control characters", ""}},
};
/* clang-format on */

static void expect_refused(const char *text, size_t count, const char *place,
                           const char *const words[3]) {
  Arena arena;
  Status st = {0};
  cr_assert(arena_reserve(&arena, (size_t)1 << 28, no_memory, &st), "%s", st.text);
  Spec spec;
  memset(&spec, 0xA5, sizeof spec);
  bool accepted = spec_parse(&arena, "bad.yaml", text, count, &spec, &st);
  cr_expect(!accepted, "accepted:\n%.400s", text);
  char want[64];
  snprintf(want, sizeof want, *place ? "bad.yaml:%s: " : "bad.yaml: %s", place);
  cr_expect(!strncmp(st.text, want, strlen(want)), "want place \"%s\", got \"%s\" for\n%.400s",
            want, st.text, text);
  for (int w = 0; w < 3 && words[w]; w++)
    cr_expect(strstr(st.text, words[w]), "want \"%s\" in \"%s\" for\n%.400s", words[w], st.text,
              text);
  arena_release(&arena);
}

Test(spec_refusals, each_bad_spec_is_refused_with_its_place_and_what_was_expected) {
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    expect_refused(bad[i].text, strlen(bad[i].text), bad[i].place, bad[i].words);
}

/* The rows' own right parts must be right, or a row may be refused for another reason than it
 * names. */
Test(spec_refusals, what_surrounds_the_faults_is_right) {
  static const char *const good[] = {HEAD PAIR, OWN("base: 2-4, scan_order: blocked"),
                                     SOURCE("mask: m"), PROMPT("name: p, text: t, offset: 0"),
                                     CALIBRATION("alpha: 1e0, windows: 1")};
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
    Arena arena;
    Spec spec;
    Status st = {0};
    cr_assert(arena_reserve(&arena, (size_t)1 << 28, no_memory, &st), "%s", st.text);
    cr_expect(spec_parse(&arena, "good.yaml", good[i], strlen(good[i]), &spec, &st), "%s", st.text);
  }
}

Test(spec_refusals, a_nul_byte_is_no_end_of_the_file) {
  static const char text[] = HEAD PAIR "\0seed: x\n";
  expect_refused(text, sizeof text - 1, "6:1",
                 (const char *const[3]){"not text in UTF-8", "control characters", NULL});
}

/* Of this process, not of the clock on the wall: the machine may be busy with other things. */
static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void expect_refused_at_once(const char *text, size_t count, const char *place,
                                   const char *words) {
  double start = seconds();
  expect_refused(text, count, place, (const char *const[3]){words, NULL, NULL});
  double took = seconds() - start;
  cr_expect(took < 1, "took %.2f s", took);
}

Test(spec_refusals, an_alias_bomb_is_refused_at_its_first_anchor) {
  char text[4096];
  int count = snprintf(text, sizeof text, "a: &a [x, x, x, x, x, x, x, x, x]\n");
  for (char level = 'b'; level <= 'k'; level++) {
    count += snprintf(text + count, sizeof text - (size_t)count, "%c: &%c [", level, level);
    for (int i = 0; i < 9; i++)
      count +=
          snprintf(text + count, sizeof text - (size_t)count, "%s*%c", i ? ", " : "", level - 1);
    count += snprintf(text + count, sizeof text - (size_t)count, "]\n");
  }
  expect_refused_at_once(text, (size_t)count, "1:4", "an anchor");
}

static void expect_nesting_refused(const char *unit, const char *place) {
  size_t length = strlen(unit), count = 1000000 / length * length;
  char *text = malloc(count + 1);
  cr_assert(text);
  for (size_t i = 0; i < count; i += length) memcpy(text + i, unit, length);
  text[count] = 0;
  expect_refused_at_once(text, count, place, "nested deeper than 16 levels");
  free(text);
}

Test(spec_refusals, a_million_brackets_are_refused_at_the_seventeenth) {
  expect_nesting_refused("[", "1:17");
  expect_nesting_refused("{a: ", "1:65");
  expect_nesting_refused("- ", "1:33");
  expect_nesting_refused("? ", "1:33");
}

Test(spec_refusals, more_than_a_mebibyte_is_refused_and_a_mebibyte_is_read) {
  size_t limit = (size_t)1 << 20, head = strlen(HEAD PAIR);
  char *text = malloc(limit + 1);
  cr_assert(text);
  memset(text, '#', limit + 1);
  memcpy(text, HEAD PAIR, head);
  expect_refused_at_once(text, limit + 1, "", "1048577 bytes, more than the 1 MiB of a spec");
  Arena arena;
  Spec spec;
  Status st = {0};
  cr_assert(arena_reserve(&arena, (size_t)1 << 28, no_memory, &st), "%s", st.text);
  cr_expect(spec_parse(&arena, "long.yaml", text, limit, &spec, &st), "%s", st.text);
  free(text);
}

/* The largest specs that the limits allow must not take long either: 4096 prompts, and lists of a
 * mebibyte. */
Test(spec_refusals, the_largest_lists_are_judged_within_a_second) {
  size_t limit = (size_t)1 << 20, count = 0;
  char *text = malloc(limit + 1);
  cr_assert(text);
  count += (size_t)sprintf(text, "title: t\nmodel: m\npairs: [[1, fp32]]\nprompts:\n");
  for (int i = 0; i < 4096; i++)
    count += (size_t)sprintf(text + count, "- {name: p%d, text: t, offset: 1, length: 1}\n", i);
  text[count - 2] = ',', text[count - 1] = '\n';
  count += (size_t)sprintf(text + count, "   tokens: x}\n");
  expect_refused_at_once(text, count, "4101:4", "stands beside 'text'");
  count = (size_t)sprintf(text, HEAD PAIR "keep: {layers: [");
  for (int i = 0; i < 10000; i++) count += (size_t)sprintf(text + count, "%d, ", i < 9999 ? i : 0);
  count += (size_t)sprintf(text + count, "]}\n");
  expect_refused_at_once(text, count, "6:58901", "layer 0 stands twice");
  count = (size_t)sprintf(text, HEAD "pairs: [");
  while (count < limit - 4) text[count++] = 'x', text[count++] = ',';
  count += (size_t)sprintf(text + count, "]\n");
  expect_refused_at_once(text, count, "5:8", "a list of 1 to 1024, found a list of");
  free(text);
}

Test(spec_refusals, more_modes_of_its_own_than_a_spec_may_have) {
  char text[8192];
  size_t count = (size_t)sprintf(text, HEAD PAIR "modes:\n");
  for (int i = 0; i < 257; i++) count += (size_t)sprintf(text + count, " m%d: {base: 0}\n", i);
  expect_refused_at_once(text, count, "7:2", "defines more than 256 modes");
}

/* Quoting is bounded: a long value must not push what was expected out of the message. */
Test(spec_refusals, a_long_value_is_quoted_in_part) {
  char text[8192] = "title: t\nmodel: m\nprompts: [{name: ";
  size_t count = strlen(text);
  memset(text + count, 'x', 7000);
  strcpy(text + count + 7000, ", string: s}]\n" PAIR);
  expect_refused(text, strlen(text), "3:18",
                 (const char *const[3]){"'name'", "a name of 1 to 39 bytes", "xxxx'"});
}
