"""Models with random weights, saved by transformers: what `driftscope run` computes of them as fp64, with `rewrite: none`,
against transformers itself in float64.

    python3 tests/check_transformers.py DRIFTSCOPE FOLDER

transformers casts to float32 whatever the model's type is: in its norms, the residual stream, A and the logits. So it runs twice.
With float64 in place of float32 in its own source it judges the arithmetic: relative L2 of the logits at most 1e-13 (measured:
1.4e-14). As it is, it is itself some roundings of 2^-24 from that; what is held then is that the change of its source changed
nothing else: at most 64 such roundings, 3.8e-6 (measured: 23 in a mamba, 6 in a falcon_mamba, whose norms keep dt, B and C small).
Prints one line a model; exits 1 at the first that fails, 77 where torch, transformers or h5py is missing.
"""
import contextlib
import json
import os
import subprocess
import sys
import warnings

try:
    import h5py
    import numpy as np
    import safetensors.torch
    import torch
    import transformers
    from transformers.models.falcon_mamba import modeling_falcon_mamba
    from transformers.models.mamba import modeling_mamba
except ImportError:
    sys.exit(77)

warnings.filterwarnings("ignore")
transformers.logging.set_verbosity_error()
transformers.utils.logging.disable_progress_bar()
TOKENS = 24
SMALL = dict(vocab_size=101, hidden_size=48, num_hidden_layers=3)
MAMBA = (transformers.MambaForCausalLM, transformers.MambaConfig, modeling_mamba)
FALCON = (transformers.FalconMambaForCausalLM, transformers.FalconMambaConfig, modeling_falcon_mamba)



def renamed(folder, change):
    """The names of the tensors in the one file of a checkpoint, changed."""
    path = f"{folder}/model.safetensors"
    weights = {change(name): weight for name, weight in safetensors.torch.load_file(path).items()}
    safetensors.torch.save_file(weights, path)
    return weights


def compiled(folder):
    renamed(folder, "_orig_mod.{}".format)


def in_parallel(folder):
    renamed(folder, "module.{}".format)


def headless(folder):
    """As MambaModel is saved: no head, and no prefix."""
    transformers.MambaForCausalLM.from_pretrained(folder).backbone.save_pretrained(folder)


def original(folder):
    """As the authors of Mamba leave it: their config.json, the vocabulary padded, the tied head in the file a second time."""
    weights = renamed(folder, lambda name: name.replace("embeddings", "embedding"))
    weights["lm_head.weight"] = weights["backbone.embedding.weight"].clone()
    safetensors.torch.save_file(weights, f"{folder}/model.safetensors")
    with open(f"{folder}/config.json") as file:
        c = json.load(file)
    ssm = dict(d_state=c["state_size"], d_conv=c["conv_kernel"], expand=c["expand"], dt_rank=c["time_step_rank"])
    with open(f"{folder}/config.json", "w") as file:
        json.dump(dict(d_model=c["hidden_size"], n_layer=c["num_hidden_layers"], vocab_size=c["vocab_size"] - 3, ssm_cfg=ssm,
                       rms_norm=True, residual_in_fp32=True, fused_add_norm=True, pad_vocab_size_multiple=8), file)


# Name, kind of model, config, type of the saved weights; bytes of a shard at most, or what is done to the folder.
CASES = [
    ("mamba tied", MAMBA, dict(SMALL, tie_word_embeddings=True), "float32", None),
    ("mamba untied", MAMBA, dict(SMALL, tie_word_embeddings=False), "float32", None),
    ("mamba bfloat16 in shards", MAMBA, dict(SMALL, tie_word_embeddings=False), "bfloat16", 20000),
    ("mamba float16 in shards, tied", MAMBA, dict(SMALL, tie_word_embeddings=True), "float16", 20000),
    ("mamba other widths", MAMBA, dict(SMALL, expand=3, time_step_rank=5, state_size=7), "float32", None),
    ("mamba other taps, no conv bias", MAMBA, dict(SMALL, use_conv_bias=False, conv_kernel=3), "float32", None),
    ("mamba another epsilon", MAMBA, dict(SMALL, layer_norm_epsilon=0.01), "float32", None),
    ("mamba of torch.compile", MAMBA, dict(SMALL, tie_word_embeddings=False), "float32", compiled),
    ("mamba of DataParallel, tied", MAMBA, dict(SMALL, tie_word_embeddings=True), "float32", in_parallel),
    ("mamba of MambaModel", MAMBA, dict(SMALL, tie_word_embeddings=True), "float32", headless),
    ("mamba as its authors leave it", MAMBA,
     dict(SMALL, vocab_size=104, tie_word_embeddings=True, expand=3, time_step_rank=5, state_size=7), "float32", original),
    ("falcon_mamba tied", FALCON, dict(SMALL, tie_word_embeddings=True), "float32", None),
    ("falcon_mamba untied", FALCON, dict(SMALL, tie_word_embeddings=False), "float32", None),
    ("falcon_mamba bfloat16 in shards", FALCON, dict(SMALL, tie_word_embeddings=False), "bfloat16", 20000),
    ("falcon_mamba as published in small", FALCON,
     dict(SMALL, tie_word_embeddings=False, expand=16, intermediate_size=80, time_step_rank=5, state_size=7), "float32", None),
    ("falcon_mamba other epsilons", FALCON, dict(SMALL, mixer_rms_eps=0.3, layer_norm_epsilon=0.01), "float32", None),
    ("falcon_mamba without conv bias", FALCON, dict(SMALL, use_conv_bias=False, conv_kernel=3), "float32", None),
]


class Wide:
    """torch, but for float32."""

    float32 = torch.float64

    def __getattr__(self, name):
        return getattr(torch, name)


@contextlib.contextmanager
def widened(module):
    narrow = torch.Tensor.float
    torch.Tensor.float, module.torch = torch.Tensor.double, Wide()
    try:
        yield
    finally:
        torch.Tensor.float, module.torch = narrow, torch


def logits_of(model, ids):
    with torch.no_grad():
        return model(torch.tensor([ids])).logits[0].numpy()


def randomised(kind, config, dtype):
    """Weights as a trained model may have them, none of which is what it was initialised with."""
    model = kind[0](kind[1](**config))
    for name, weight in model.named_parameters():
        spread = 0.3 if weight.dim() > 1 else 0.5
        weight.data += spread * torch.randn_like(weight)
    return model.to(getattr(torch, dtype))


def run(program, folder, ids):
    spec = (f"title: t\nmodel: {folder}\nrewrite: none\ncompare_all: [fp32]\nevents: {{repair: 0}}\n"
            f"prompts: [{{name: p, tokens: {folder}/ids.txt}}]\nkeep: {{tensors: [logits]}}\n")
    with open(f"{folder}/ids.txt", "w") as file:
        file.write(" ".join(map(str, ids)))
    with open(f"{folder}/spec.yaml", "w") as file:
        file.write(spec)
    done = subprocess.run([program, "run", f"{folder}/spec.yaml", "-q", "-o", f"{folder}/out"], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{folder}: {done.stdout}{done.stderr}")
    with h5py.File(f"{folder}/out/results.h5") as file:
        return file["prompts/p/fp64/logits"][()]


def check(number, program, folder, name, kind, config, dtype, form):
    torch.manual_seed(number)
    ids = [int(i) for i in torch.randint(0, config["vocab_size"], (TOKENS,))]
    model, where = randomised(kind, config, dtype).eval(), f"{folder}/model_{number}"
    model.save_pretrained(where, **({"max_shard_size": form} if isinstance(form, int) else {}))
    if isinstance(form, int) and not os.path.exists(f"{where}/model.safetensors.index.json"):
        sys.exit(f"{name}: was not saved in shards")
    model = kind[0].from_pretrained(where, dtype=torch.float64).eval()
    if callable(form):
        form(where)
    got = run(program, where, ids)
    with widened(kind[2]):
        wide = logits_of(model, ids)
    for what, want, limit in (("in float64 throughout", wide, 1e-13), ("as it is", logits_of(model, ids), 64 * 2**-24)):
        error = np.linalg.norm(got - want) / np.linalg.norm(want)
        if not error <= limit:
            sys.exit(f"{name}: logits are {error:.3g} from transformers {what}, more than {limit:.3g}")
        print(f"{name}: {error:.2g} from transformers {what}")


def main(program, folder):
    torch.set_num_threads(1)
    for number, case in enumerate(CASES):
        check(number, os.path.abspath(program), folder, *case)


main(*sys.argv[1:3])
