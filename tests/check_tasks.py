"""Whether `driftscope eval --task` scores 200 samples as lm-evaluation-harness does: the same log-probabilities, sample by
sample, and the same right answers. Usage: check_tasks.py PROGRAM FOLDER. Exit status 77: lm_eval is not installed."""
import json, math, os, random, shutil, subprocess, sys
os.environ.update(TQDM_DISABLE="1", HF_HUB_OFFLINE="1", HF_DATASETS_OFFLINE="1")
try:
    import torch, transformers
    from lm_eval import simple_evaluate
    from lm_eval.models.huggingface import HFLM
    from lm_eval.tasks import TaskManager
except ImportError as missing:
    print(f"not installed: {missing}")
    sys.exit(77)

program, folder = sys.argv[1:3]
TOKENIZER = "data/tokenizer/own_2048.json"
random.seed(3)
torch.manual_seed(3)
torch.set_num_threads(1)


def write_model():
    config = transformers.MambaConfig(vocab_size=2048, hidden_size=32, num_hidden_layers=2, state_size=8, expand=2,
                                      time_step_rank=2, bos_token_id=7, eos_token_id=8, tie_word_embeddings=True)
    model = transformers.MambaForCausalLM(config).float()
    for weight in model.parameters():  # as made, all continuations are nearly alike
        if weight.dim() == 2:
            weight.data *= 6
    model.save_pretrained(folder, safe_serialization=True)
    shutil.copy(TOKENIZER, f"{folder}/tokenizer.json")
    return model.double().eval()


def sample_texts(count):
    words = open("data/text/test.txt", encoding="utf8").read().split(" ")
    for _ in range(count):
        at = random.randrange(len(words) - 80)
        piece = lambda n, shift=0: " ".join(words[at + shift:at + shift + n]) or "so"
        yield piece


def write_samples():
    tails = ["", "", " ", "\n", "  ", "\u00a0"]
    target, choices, contexts = [], [], []
    for piece in sample_texts(80):
        target.append({"context": piece(random.randint(1, 30)) + random.choice(tails), "target": " " + piece(2, 30)})
    for piece in sample_texts(80):
        few = [piece(random.randint(1, 5), 30 + 7 * i) for i in range(4)]
        choices.append({"context": piece(12) + random.choice(tails), "choices": few, "gold": random.randrange(4)})
    for piece in sample_texts(40):
        contexts.append({"contexts": [piece(9), piece(6, 20)], "target": piece(4, 40), "gold": random.randrange(2)})
    target[5]["context"] = ""
    choices[6]["context"] = ""
    kinds = {"target": target, "choices": choices, "contexts": contexts}
    for kind, samples in kinds.items():
        with open(f"{folder}/{kind}.jsonl", "w", encoding="utf8") as out:
            out.writelines(json.dumps(s) + "\n" for s in samples)
    return kinds


def of_harness(model):
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_file=TOKENIZER)
    tokenizer.bos_token = tokenizer.convert_ids_to_tokens(7)
    tokenizer.pad_token = tokenizer.bos_token
    lm = HFLM(pretrained=model, tokenizer=tokenizer, dtype="float64", batch_size=1, device="cpu")
    asked = {"target": {"output_type": "loglikelihood", "doc_to_text": "context", "doc_to_target": "{{target}}",
                        "metric_list": [{"metric": "acc"}, {"metric": "perplexity"}]},
             "choices": {"output_type": "multiple_choice", "doc_to_text": "context", "doc_to_choice": "choices",
                         "doc_to_target": "gold", "metric_list": [{"metric": "acc"}, {"metric": "acc_norm"}]},
             "contexts": {"output_type": "multiple_choice", "doc_to_text": "{{gold}}", "doc_to_choice": "contexts",
                          "doc_to_target": "target", "metric_list": [{"metric": "acc"}]}}
    tasks = [{"task": kind, "dataset_path": "json", "dataset_kwargs": {"data_files": {"test": f"{folder}/{kind}.jsonl"}},
              "test_split": "test", "num_fewshot": 0, **how} for kind, how in asked.items()]
    found = simple_evaluate(model=lm, tasks=tasks, log_samples=True, bootstrap_iters=0)
    return found["samples"], found["results"]


def of_program():
    line = [program, "eval", "-q", "--json", "--mode", "fp32", "--model", folder, "--rewrite", "none"]
    for kind in ("target", "choices", "contexts"):
        line += ["--task", f"{folder}/{kind}.jsonl"]
    done = subprocess.run(line, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(line)}: status {done.returncode}: {done.stderr}")
    return json.loads(done.stdout)


def log_p(sample, kind, gold):
    resps = sample["filtered_resps"]
    first = resps[0 if kind == "target" else gold]
    while isinstance(first[0], (list, tuple)):
        first = first[0]
    return float(first[0])


model, kinds = write_model(), write_samples()
theirs, totals = of_harness(model)
ours = of_program()
compared, worst = 0, 0.0
for kind, samples in kinds.items():
    rows = [r for r in ours["task_samples"] if r["task"] == kind and r["mode"] == "fp64"]
    by_line = sorted(theirs[kind], key=lambda s: s["doc_id"])
    assert len(rows) == len(by_line) == len(samples), f"{kind}: {len(rows)} rows, {len(by_line)} of theirs"
    for row, sample, said in zip(rows, by_line, samples):
        want = log_p(sample, kind, said.get("gold", 0))
        off = abs(row["log_p"] - want) / max(1, abs(want))
        worst = max(worst, off)
        assert off < 1e-6, f"{kind} {row['sample']}: log p {row['log_p']}, want {want}"
        assert row["right"] == round(sample["acc"]), f"{kind} {row['sample']}: right {row['right']}, want {sample['acc']}"
        if kind == "choices":
            assert row["right_norm"] == round(sample["acc_norm"]), f"{kind} {row['sample']}: acc_norm"
        compared += 1
    score = next(s for s in ours["tasks"] if s["task"] == kind and s["mode"] == "fp64")
    for metric in ("acc", "acc_norm", "perplexity"):
        want = totals[kind].get(f"{metric},none")
        if want is None:
            continue
        got, want = (score[metric], want) if metric != "perplexity" else (math.log(score[metric]), math.log(want))
        assert abs(got - want) <= 1e-6 * abs(want), f"{kind}: {metric} {got}, want {want}"
print(f"{compared} samples equal lm-evaluation-harness's; log p differ by at most {worst:.1e}")
