"""Models with random weights, saved by transformers: what `driftscope run` computes of them as fp64, with `rewrite: none`,
against transformers itself in float64.

    python3 tests/check_transformers.py DRIFTSCOPE FOLDER

transformers casts to float32 in its norms, whatever the model's type is. So it runs twice: as it is, where the logits must
be within 1e-6 (relative L2), and with float64 in place of float32 in its own source, where they must be within 1e-12.
Prints one line a model; exits 1 at the first that fails, 77 where torch, transformers or h5py is missing.
"""
import contextlib
import os
import subprocess
import sys
import warnings

try:
    import h5py
    import numpy as np
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

# Name, kind of model, config, type of the saved weights, bytes of a shard at most.
CASES = [
    ("mamba tied", MAMBA, dict(SMALL, tie_word_embeddings=True), "float32", None),
    ("mamba untied", MAMBA, dict(SMALL, tie_word_embeddings=False), "float32", None),
    ("mamba bfloat16 in shards", MAMBA, dict(SMALL, tie_word_embeddings=False), "bfloat16", 20000),
    ("mamba float16 in shards, tied", MAMBA, dict(SMALL, tie_word_embeddings=True), "float16", 20000),
    ("mamba other widths", MAMBA, dict(SMALL, expand=3, time_step_rank=5, state_size=7), "float32", None),
    ("mamba other taps, no conv bias", MAMBA, dict(SMALL, use_conv_bias=False, conv_kernel=3), "float32", None),
    ("mamba another epsilon", MAMBA, dict(SMALL, layer_norm_epsilon=0.01), "float32", None),
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


def check(number, program, folder, name, kind, config, dtype, shard):
    torch.manual_seed(number)
    ids = [int(i) for i in torch.randint(0, config["vocab_size"], (TOKENS,))]
    model = randomised(kind, config, dtype).eval()
    where = f"{folder}/model_{number}"
    model.save_pretrained(where, **({"max_shard_size": shard} if shard else {}))
    if shard and not os.path.exists(f"{where}/model.safetensors.index.json"):
        sys.exit(f"{name}: was not saved in shards")
    got, model = run(program, where, ids), kind[0].from_pretrained(where, dtype=torch.float64).eval()
    with widened(kind[2]):
        wide = logits_of(model, ids)
    for what, want, limit in (("as it is", logits_of(model, ids), 1e-6), ("in float64 throughout", wide, 1e-12)):
        error = np.linalg.norm(got - want) / np.linalg.norm(want)
        if not error <= limit:
            sys.exit(f"{name}: logits are {error:.3g} from transformers {what}, more than {limit:g}")
        print(f"{name}: {error:.2g} from transformers {what}")


def main(program, folder):
    torch.set_num_threads(1)
    for number, case in enumerate(CASES):
        check(number, os.path.abspath(program), folder, *case)


main(*sys.argv[1:3])
