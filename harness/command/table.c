/* table: every command with its arguments, options and examples, as --help shows them. */
#include "command/command.h"

const Command commands[] = {
    {{"run", "EXPERIMENT.yaml",
      "Runs an experiment: every mode and the float64 reference, layer by layer; stores, measures, "
      "reports. A run that was stopped goes on at its first unfinished layer.\v"
      "Example:\n"
      "  driftscope run experiments/mode_2-0_vs_2-4.yaml\n",
      1,
      OPTION_KEYS(OPT_OUTPUT, OPT_IGNORE_UNUSED, OPT_LANGUAGE, OPT_FRESH, OPT_STRICT, OPT_DRY_RUN,
                  OPT_SHARD, OPT_SHARE_DEVICE, OPT_THREADS, OPT_MEMORY, OPT_BACKEND, OPT_QUIET)},
     "run an experiment: measure, store, report",
     command_run},
    {{"merge", "FOLDER…",
      "Puts the parts of a study together that `run --shard I/N` made, and finishes it: the "
      "results file is that of one run. All N parts lie in these folders, made by this very "
      "program of one spec; one that is missing, of another run or not whole is named.\v"
      "Example:\n"
      "  for i in 1 2 3 4; do driftscope run study.yaml --shard $i/4 -o parts/$i; done\n"
      "  driftscope merge parts/* -o results/study\n",
      1,
      OPTION_KEYS(OPT_OUTPUT, OPT_LANGUAGE, OPT_FRESH, OPT_STRICT, OPT_THREADS, OPT_MEMORY,
                  OPT_QUIET)},
     "put the parts of a study together",
     command_merge},
    {{"compare", "MODE|DUMP MODE|DUMP",
      "Compares two modes, or the tensors that another program wrote, without a spec file.\v"
      "Examples:\n"
      "  driftscope compare 2-0 2-4\n"
      "  driftscope compare a.safetensors b.npz\n"
      "  driftscope compare 0 fp64 --text my.txt --length 512 -o results/mine\n",
      2,
      OPTION_KEYS(OPT_OUTPUT, OPT_NAMES, OPT_MODEL, OPT_IGNORE_UNUSED, OPT_TOKENIZER, OPT_ADD_BOS,
                  OPT_NO_BOS, OPT_TEXT, OPT_TOKENS, OPT_OFFSET, OPT_LENGTH, OPT_CALIBRATION,
                  OPT_WINDOWS, OPT_WINDOW_LENGTH, OPT_ALPHA, OPT_REWRITE, OPT_LANGUAGE, OPT_FRESH,
                  OPT_STRICT, OPT_DRY_RUN, OPT_SHARE_DEVICE, OPT_THREADS, OPT_MEMORY, OPT_BACKEND,
                  OPT_QUIET)},
     "the same for two modes or dumps, without a spec file",
     command_compare},
    {{"micro", "EXPERIMENT.yaml | OPERATOR",
      "Runs operators alone, on captured and made inputs: how wrong each is against float64, "
      "where, how much of its provable bound it uses, and its time. OPERATOR is conv1d, scan, "
      "linear, rmsnorm, hadamard, exp, silu or softplus. With --vectors, OPERATOR runs on stored "
      "inputs and is compared with stored outputs; the README tells their names and shapes.\v"
      "Examples:\n"
      "  driftscope micro experiments/scan_micro.yaml\n"
      "  driftscope micro conv1d -o results/conv1d\n"
      "  driftscope micro scan --vectors data/golden/quamba_int8_kernels.h5\n\n"
      "Exit status 1: a bound is exceeded (a bug, of stored outputs theirs), or fewer outputs are "
      "equal than --min-equal says.\n",
      1,
      OPTION_KEYS(OPT_OUTPUT, OPT_VECTORS, OPT_VECTORS_MODE, OPT_AXES, OPT_MIN_EQUAL, OPT_MODEL,
                  OPT_IGNORE_UNUSED, OPT_TOKENIZER, OPT_ADD_BOS, OPT_NO_BOS, OPT_TEXT, OPT_TOKENS,
                  OPT_OFFSET, OPT_LENGTH, OPT_CALIBRATION, OPT_WINDOWS, OPT_WINDOW_LENGTH,
                  OPT_ALPHA, OPT_SEED, OPT_LANGUAGE, OPT_FRESH, OPT_THREADS, OPT_MEMORY,
                  OPT_QUIET)},
     "operators alone: error, bound, time",
     command_micro},
    {{"validate", "EXPERIMENT.yaml",
      "Says what would run: the effective spec with every default, the modes by stage, the bytes "
      "written and needed.\v"
      "Example:\n"
      "  driftscope validate experiments/all_modes.yaml\n",
      1, OPTION_KEYS(OPT_IGNORE_UNUSED, OPT_MEMORY, OPT_QUIET)},
     "what would run, with every default",
     command_validate},
    {{"calibrate", "",
      "Prints the static activation scales of every layer, taken from a text.\v"
      "Example:\n"
      "  driftscope calibrate --model data/mamba-bytes-10m --text data/text/valid.txt\n",
      0,
      OPTION_KEYS(OPT_MODEL, OPT_IGNORE_UNUSED, OPT_TOKENIZER, OPT_ADD_BOS, OPT_NO_BOS,
                  OPT_SCALES_TEXT, OPT_SCALES_TOKENS, OPT_WINDOWS, OPT_WINDOW_LENGTH, OPT_ALPHA,
                  OPT_REWRITE, OPT_THREADS, OPT_MEMORY, OPT_BACKEND, OPT_CHOICES, OPT_JSON,
                  OPT_QUIET)},
     "activation scales from a text",
     command_calibrate},
    {{"eval", "",
      "Bits per byte (perplexity for other vocabularies), KL(fp64 || mode) and top-1 agreement on "
      "a text, with standard errors, and for every two modes whether one predicts better.\v"
      "Examples:\n"
      "  driftscope eval --mode 2-0,2-4\n"
      "  driftscope eval --mode 0 --text my.txt --windows 32 --json\n"
      "  driftscope eval --mode 2-0,2-4 --task piqa.jsonl\n",
      0,
      OPTION_KEYS(OPT_MODE, OPT_MODEL, OPT_IGNORE_UNUSED, OPT_TOKENIZER, OPT_ADD_BOS, OPT_NO_BOS,
                  OPT_TEXT, OPT_TOKENS, OPT_TASK, OPT_EVAL_WINDOWS, OPT_EVAL_LENGTH,
                  OPT_CALIBRATION, OPT_REWRITE, OPT_THREADS, OPT_MEMORY, OPT_BACKEND, OPT_JSON,
                  OPT_QUIET)},
     "how well modes predict a text",
     command_eval},
    {{"report", "RESULTS.h5 [AFTER.h5]",
      "Makes the report again from a results file alone. With a second file, says what changed "
      "from the first to the second: every cell of every table, times excepted; exit status 1 if "
      "anything did.\v"
      "Examples:\n"
      "  driftscope report results/mode_2-0_vs_2-4/results.h5\n"
      "  driftscope report before.h5 after.h5\n"
      "  driftscope report results/all_modes/results.h5 --lang zh\n",
      1, OPTION_KEYS(OPT_OUTPUT, OPT_LANGUAGE, OPT_STRICT)},
     "make the report again, or compare two runs",
     command_report},
    {{"bench", "",
      "Times every operator and whole passes at a published model's shape, or your model's, "
      "weights made: medians, against a copy of as many bytes and against the roofline: the least "
      "time that bytes and arithmetic allow, by what this machine was measured to do. With "
      "--whole-job, `run` itself, part by part; with --growth, how that grows.\v"
      "Examples:\n"
      "  driftscope bench --backend cuda\n"
      "  driftscope bench --mode 0,2-4 --backend cpu\n"
      "  driftscope bench --model state-spaces/mamba-130m-hf\n"
      "  driftscope bench --whole-job --against transformers\n"
      "  driftscope bench --growth\n",
      0,
      OPTION_KEYS(OPT_MODE, OPT_SHAPE, OPT_BENCH_MODEL, OPT_BENCH_LENGTH, OPT_JOB, OPT_GROWTH,
                  OPT_AGAINST, OPT_BENCH_OUTPUT, OPT_BACKEND, OPT_THREADS, OPT_JSON, OPT_QUIET)},
     "speed of operators, passes and the whole job",
     command_bench},
    {{"verify", "[RESULTS.h5]",
      "Proves on this machine that its CUDA device computes what its CPU computes, bit for bit: "
      "every operator in every setting, then the whole model under every mode. Status 1 at the "
      "first bit that differs, with operator, index and both values; 2 where there is no device, "
      "so that nothing could be proved. Of a results file: computes every row of its tensors and "
      "pairs again with GSL's own functions from the tensors that it keeps; status 1 at the first "
      "row that differs.\v"
      "Examples:\n"
      "  driftscope verify\n"
      "  driftscope verify results/mine/results.h5\n",
      0,
      OPTION_KEYS(OPT_MODEL, OPT_IGNORE_UNUSED, OPT_TOKENIZER, OPT_ADD_BOS, OPT_NO_BOS,
                  OPT_OWN_TEXT, OPT_OWN_TOKENS, OPT_OFFSET, OPT_LENGTH, OPT_OWN_CALIBRATION,
                  OPT_WINDOWS, OPT_WINDOW_LENGTH, OPT_ALPHA, OPT_SEED, OPT_REWRITE, OPT_THREADS,
                  OPT_JSON, OPT_QUIET)},
     "prove that the device equals the CPU here, or a file's statistics",
     command_verify},
    {{"synth", "",
      "Writes a checkpoint of a published shape with made weights (seeded), for time, memory and "
      "scale where no trained one is at hand.\v"
      "Example:\n"
      "  driftscope synth --shape mamba-130m -o data/synth-130m\n"
      "  driftscope synth --shape mamba-2.8b --type bf16 -o data/synth-2.8b\n",
      0, OPTION_KEYS(OPT_SHAPE, OPT_TYPE, OPT_SEED, OPT_OUTPUT, OPT_QUIET)},
     "a seeded checkpoint of a published shape",
     command_synth},
    {{"tokens", "",
      "Prints the token ids of a text, separated by spaces: by a tokenizer.json, or as a "
      "checkpoint reads text.\v"
      "Examples:\n"
      "  driftscope tokens --tokenizer data/tokenizer/own_2048.json --text my.txt\n"
      "  driftscope tokens --model state-spaces/mamba-130m-hf --text my.txt -o my_tokens.npy\n",
      0,
      OPTION_KEYS(OPT_READ_TEXT, OPT_TOKENIZER, OPT_MODEL, OPT_ADD_BOS, OPT_NO_BOS, OPT_PIECES,
                  OPT_FILE, OPT_QUIET)},
     "the token ids of a text",
     command_tokens},
    {{"dump", "list PATH",
      "Lists what of a dump is which tensor of which layer, with shapes and types, and what of it "
      "is none. PATH is a file that another program wrote (.safetensors, .npy, .npz, .pt, .h5), a "
      "results file, or a folder of such files. Nothing in it is executed.\v"
      "Examples:\n"
      "  driftscope dump list dumps/mode20.safetensors\n"
      "  driftscope dump list dumps/mode24 --names 'layers.{layer}.mixer.{tensor}'\n"
      "  driftscope dump list results/mine/results.h5 --names driftscope:2-0\n\n"
      "In a pattern {layer} is a whole number, {tensor} and {pass} (a step, a prompt) any text, * "
      "what does not matter; several stand with | between them, and the first that fits holds.\n",
      2, OPTION_KEYS(OPT_NAMES, OPT_JSON)},
     "what of a dump is which layer and tensor",
     command_dump},
    {{"modes", "", "Lists the modes with their stages.", 0, OPTION_KEYS(OPT_JSON)},
     "the modes with their stages",
     command_modes},
    {{"completion", "bash | zsh",
      "Prints what lets a shell complete commands and options.\v"
      "Example:\n"
      "  eval \"$(driftscope completion bash)\"\n",
      1, OPTION_KEYS(OPT_QUIET)},
     "commands and options for a shell to complete",
     command_completion},
};
const int command_count = sizeof commands / sizeof *commands;
