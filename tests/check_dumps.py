"""Dumps that other programs make, compared by driftscope, against NumPy and against driftscope's own modes.

    python3 tests/check_dumps.py DRIFTSCOPE FOLDER

1. A Mamba with random weights, saved by transformers and dumped by experiments/dump_transformers.py in float32 and bfloat16, a
   file a prompt: every row of the tables equals NumPy's own figures (tests/check_tables.py, to 1e-12).
2. The same against driftscope's fp32 and fp64 modes with `rewrite: none`, and with the rewrite, undone (the stream by P of order 12):
   relative L2 of every tensor in every layer below 1e-5, and of the residual stream a law.
3. A GPT-2 with random weights in float32 against bfloat16, of which driftscope knows nothing: NumPy's figures, and a law.
4. A run of driftscope's own modes, exported by h5py to .npz and .safetensors, a folder a mode, and compared as dumps: every cell of
   every row equals the first run's but for names and kernels, and for the grid that floats are meant to lie on.
5. A model that is called as Quamba's are, dumped by experiments/dump_quamba.py: every tensor is that of the same model in a straight
   line, in every bit; beside the rewritten and the plain modes its stream's errors are the same.
6. What a recipe promises: it fails where a tensor that it lists never came.
7. The dumps of 1 with rows of padding, left and right, and a mask: the same rows.
Prints one line a check; exits 1 at the first that fails, 77 where torch, transformers, safetensors or h5py is missing.
"""
import contextlib
import os
import runpy
import subprocess
import sys
import warnings

try:
    import h5py
    import numpy as np
    import safetensors.numpy
    import safetensors.torch
    import torch
    import transformers
    from transformers.models.mamba import modeling_mamba
except ImportError:
    sys.exit(77)

import check_tables
import quamba_like

warnings.filterwarnings("ignore")
transformers.logging.set_verbosity_error()
transformers.utils.logging.disable_progress_bar()
EXPERIMENTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../experiments")
RECIPE = f"{EXPERIMENTS}/dump_transformers.py"
PROMPTS, TOKENS, VOCABULARY, LAYERS = 12, 16, 101, 8


def randomised(kind, config, spread):
    """Weights as a trained model may have them, none of which is what it was initialised with."""
    torch.manual_seed(17)
    model = kind(config)
    for weight in model.parameters():
        weight.data += (spread if weight.dim() > 1 else 0.3) * torch.randn_like(weight)
    return model


def write_ids(folder):
    for p in range(PROMPTS):
        with open(f"{folder}/p{p}.txt", "w") as file:
            file.write(" ".join(str(int(i)) for i in torch.randint(0, VOCABULARY, (TOKENS,))))


def recipe(folder, model, dtype):
    """Runs experiments/dump_transformers.py for each prompt: the very first time as a user does, else in this process."""
    alone = "mamba_float32" not in os.listdir(folder)
    os.makedirs(f"{folder}/{model}_{dtype}")
    for p in range(PROMPTS):
        arguments = [RECIPE, f"{folder}/{model}", f"{folder}/p{p}.txt", f"{folder}/{model}_{dtype}/p{p}.safetensors", dtype]
        if alone and p == 0:
            done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True)
            if done.returncode:
                sys.exit(f"{arguments}: {done.stdout}{done.stderr}")
            continue
        kept, own = sys.argv, dict(vars(modeling_mamba))
        sys.argv = arguments
        with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
            runpy.run_path(RECIPE, run_name="__main__")
        sys.argv = kept
        vars(modeling_mamba).update(own)  # the recipe puts its own functions there


def driftscope(program, arguments, out):
    done = subprocess.run([program, *arguments, "-q", "-o", out], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{arguments}: exit status {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout


def run(program, folder, name, spec):
    with open(f"{folder}/{name}.yaml", "w") as file:
        file.write(spec)
    return driftscope(program, ["run", f"{folder}/{name}.yaml"], f"{folder}/{name}")


def prompts(folder, count=PROMPTS):
    return "prompts: [" + ", ".join(f"{{name: p{p}, tokens: {folder}/p{p}.txt}}" for p in range(count)) + "]\n"


def own_name(key):
    """Layer and tensor of an array, as a reader of names would say them: None where it is of no layer."""
    parts = key.split(".")
    for at in range(1, len(parts)):
        if parts[at].isdigit():
            return int(parts[at]), ".".join(parts[at + 1:]) or parts[at - 1]
    return None, key


def numpys_own(results, dumps):
    """Every row against NumPy's figures of what stands in the dumps: a folder a side, a .safetensors a prompt."""
    read = {}

    def arrays(side, prompt):
        path = f"{dumps[side]}/{prompt}.safetensors"
        if path not in read:
            file = safetensors.torch.load_file(path)
            kept = file.pop("attention_mask", torch.ones_like(file.pop("input_ids"))).reshape(-1).bool()
            read[path] = {own_name(key): value.reshape(-1, value.shape[-1])[kept].float().numpy() for key, value in file.items()}
        return read[path]

    def find(file, prompt, side, layer, tensor):
        of = arrays(side, prompt)
        return of[layer, tensor] if (layer, tensor) in of else of[None, tensor]

    check_tables.find = find
    with h5py.File(results) as file:
        rows, wanted = len(file["tables/tensor_stats"]), sum(len(arrays(side, f"p{p}")) for side in dumps for p in range(PROMPTS))
        if rows != wanted:
            sys.exit(f"{results}: {rows} rows of tensors, and the dumps hold {wanted}")
        check_tables.check_tensor_stats(file)
        check_tables.check_pair_stats(file)
        check_tables.check_drift(file)
        check_tables.check_drift_shape(file)


def law(results, base, other, tensor):
    """The name of what the tensor's error does over the layers, which must be told."""
    with h5py.File(results) as file:
        rows = file["tables/drift_shape"][()]
    row = rows[(rows["base"] == base.encode()) & (rows["other"] == other.encode()) & (rows["tensor"] == tensor.encode())]
    if len(row) != 1 or not row[0]["shape"] or not row[0]["told"]:
        sys.exit(f"{results}: no law of {tensor} is told of {base} against {other}")
    return row[0]["shape"].decode()


def same_prompts(folder, sides):
    """Dumps against each other: each file of a folder is a prompt of its name."""
    sources = ", ".join(f"{side}: {{dump: {path}, names: \"{{pass}}/layers.{{layer}}.{{tensor}}|{{pass}}/{{tensor}}\"}}"
                        for side, path in sides.items())
    return f"title: t\nevents: {{repair: 0}}\nkeep: {{tensors: none}}\nsources: {{{sources}}}\n"


def check_mamba(program, folder):
    config = transformers.MambaConfig(vocab_size=VOCABULARY, hidden_size=48, num_hidden_layers=LAYERS)
    randomised(transformers.MambaForCausalLM, config, 0.1).save_pretrained(f"{folder}/mamba")
    for dtype in ("float32", "bfloat16"):
        recipe(folder, "mamba", dtype)
    sides = {"single": f"{folder}/mamba_float32", "half": f"{folder}/mamba_bfloat16"}
    run(program, folder, "mamba_pair", same_prompts(folder, sides) + "pairs: [[single, half]]\n")
    numpys_own(f"{folder}/mamba_pair/results.h5", sides)
    print("mamba, float32 against bfloat16:", law(f"{folder}/mamba_pair/results.h5", "single", "half", "block_out"))


def pad(path, to, side):
    """The dump with five rows of junk more in every tensor, in front or behind, and a mask that tells them."""
    with safetensors.safe_open(path, "pt") as file:
        metadata, arrays = file.metadata(), {key: file.get_tensor(key) for key in file.keys()}
    for key, value in arrays.items():
        shape = list(value.shape)
        shape[1] = 5
        junk = (1e3 * torch.randn(shape)).to(value.dtype)
        arrays[key] = torch.cat([junk, value] if side == "left" else [value, junk], 1)
    ones, zeros = torch.ones(1, TOKENS, dtype=torch.int64), torch.zeros(1, 5, dtype=torch.int64)
    arrays["attention_mask"] = torch.cat([zeros, ones] if side == "left" else [ones, zeros], 1)
    safetensors.torch.save_file(arrays, to, metadata)


def check_padding(program, folder):
    sides = {}
    for side, dtype in (("left", "float32"), ("right", "bfloat16")):
        sides[side] = f"{folder}/mamba_{side}"
        os.makedirs(sides[side])
        for p in range(PROMPTS):
            pad(f"{folder}/mamba_{dtype}/p{p}.safetensors", f"{sides[side]}/p{p}.safetensors", side)
    run(program, folder, "padded", same_prompts(folder, sides) + "pairs: [[left, right]]\n")
    numpys_own(f"{folder}/padded/results.h5", sides)
    for table in sorted(OF_ROWS):
        want = rows_of(f"{folder}/mamba_pair/results.h5", table, {"single": "left", "half": "right"})
        got = rows_of(f"{folder}/padded/results.h5", table, {})
        if repr(sorted(want.items())) != repr(sorted(got.items())):
            sys.exit(f"padded: {table} is not that of the dumps without padding")
    print("mamba, padded on the left and on the right: every row is that of no padding")


def rows_against(folder, name, other):
    with h5py.File(f"{folder}/{name}/results.h5") as file:
        rows = file["tables/pair_stats"][()]
    return rows[rows["other"] == other.encode()]


def check_modes(program, folder):
    for rewrite, own in (("none", 0), ("quamba", 1)):  # the gain of norms is in other weights
        name = f"mamba_modes_{rewrite}"
        run(program, folder, name,
            f"title: t\nmodel: {folder}/mamba\nrewrite: {rewrite}\nevents: {{repair: 0}}\nkeep: {{tensors: none}}\n{prompts(folder)}"
            f"sources: {{torch: {{dump: {folder}/mamba_float32}}}}\npairs: [[fp32, torch], [fp64, torch]]\n")
        rows = rows_against(folder, name, "torch")
        if len(rows) != 2 * PROMPTS * ((9 - own) * LAYERS + 3 - own):
            sys.exit(f"{len(rows)} rows of fp32 and fp64 against transformers, rewrite {rewrite}")
        for mode in (b"fp32", b"fp64"):
            worst = rows[rows["base"] == mode]
            worst = worst[np.argmax(worst["rel_l2"])]
            if not worst["rel_l2"] < 1e-5:
                sys.exit(f"{mode.decode()}: {worst['tensor']} of layer {worst['layer']} is {worst['rel_l2']:.3g} from transformers")
            print(f"{mode.decode()}, rewrite {rewrite}, against transformers: at most {worst['rel_l2']:.2g}, in "
                  f"{worst['tensor'].decode()} of layer {worst['layer']}; block_out:",
                  law(f"{folder}/{name}/results.h5", mode.decode(), "torch", "block_out"))


# --- recipes -----------------------------------------------------------------------------------------------------------------

QUAMBA_PROMPTS = 2


def ids_of(folder, prompt):
    with open(f"{folder}/p{prompt}.txt") as file:
        return torch.tensor([[int(i) for i in file.read().split()]])


def dump_quamba(model, ids, out):
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        runpy.run_path(f"{EXPERIMENTS}/dump_quamba.py")["dump"](model, ids, out)


def check_quamba(program, folder):
    mamba = transformers.MambaForCausalLM.from_pretrained(f"{folder}/mamba")
    weights = quamba_like.Weights(mamba, ids_of(folder, 0))
    model, compared = quamba_like.QuambaLike(weights), 0
    os.makedirs(f"{folder}/quamba")
    for p in range(QUAMBA_PROMPTS):
        dump_quamba(model, ids_of(folder, p), f"{folder}/quamba/p{p}.safetensors")
        got, want = safetensors.torch.load_file(f"{folder}/quamba/p{p}.safetensors"), quamba_like.straight(weights, ids_of(folder, p))
        scales = {f"{name}.scale" for name, value in want.items() if value.dtype == torch.int8}
        if got.keys() != want.keys() | scales | {"input_ids"}:
            sys.exit(f"of one alone: {sorted(got.keys() ^ (want.keys() | scales | {'input_ids'}))[:4]}")
        for name, value in want.items():
            if got[name].dtype != value.dtype or not torch.equal(got[name], value):
                sys.exit(f"{name} of p{p}: {got[name].dtype} {tuple(got[name].shape)}, and in a straight line {value.dtype} {tuple(value.shape)}")
            if value.dtype == torch.int8 and got[f"{name}.scale"].item() != weights.scale[name]:
                sys.exit(f"{name} of p{p} has the scale {got[f'{name}.scale'].item()}, and in a straight line {weights.scale[name]}")
            compared += 1
    print(f"dump_quamba.py: {compared} tensors of {QUAMBA_PROMPTS} prompts are those of a straight line, {len(scales)} a prompt int8 with a scale")
    of = {}
    for rewrite in ("quamba", "none"):
        name = f"quamba_{rewrite}"
        run(program, folder, name,
            f"title: t\nmodel: {folder}/mamba\nrewrite: {rewrite}\nevents: {{repair: 0}}\nkeep: {{tensors: none}}\n"
            + prompts(folder, QUAMBA_PROMPTS)
            + f"sources: {{quamba: {{dump: {folder}/quamba, rewrite: quamba}}}}\npairs: [[fp64, quamba]]\n")
        with h5py.File(f"{folder}/{name}/results.h5") as file:
            values = file["tables/source_values"][()]
            if "source_left" in file["tables"]:
                sys.exit(f"{name}: no tensor has the name {file['tables/source_left'][0]['array'].decode()}")
        for row in values:  # as they stood in the dump, undone or not
            place = f"layers.{row['layer']}.{row['tensor'].decode()}"
            if place in weights.scale and place + ".scale" in scales and not abs(row["grid_scale"] / weights.scale[place] - 1) < 1e-6:
                sys.exit(f"{name}: {place} is said to be on a grid of scale {row['grid_scale']}, not {weights.scale[place]}")
        of[rewrite] = {(row["prompt"], row["tensor"], row["layer"]): row["rel_l2"] for row in rows_against(folder, name, "quamba")}
    both = {key for key in of["quamba"] if key[1] not in (b"norm", b"norm_f")}
    if both != set(of["none"]) or len(both) != QUAMBA_PROMPTS * (9 * LAYERS + 2):
        sys.exit(f"rows of the rewritten and of the plain run: {len(of['quamba'])} and {len(of['none'])}")
    apart = max(abs(of["none"][key] - of["quamba"][key]) / of["quamba"][key] for key in both if of["quamba"][key] > 1e-3)
    stream = [of["none"][b"p0", b"block_out", layer] for layer in range(LAYERS)]
    if not apart < 1e-10 or not max(stream) < 0.5:
        sys.exit(f"undone, a relative L2 is {apart:.3g} from that of the rewritten run; of block_out at most {max(stream):.3g}")
    print(f"a Quamba-like model against fp64, undone and rewritten: {len(both)} relative L2 within {apart:.1g} of each other; "
          f"block_out {stream[0]:.3g} to {stream[-1]:.3g}")


def fails(what, work, *words):
    try:
        work()
    except SystemExit as end:
        if all(word in str(end.code) for word in words):
            return
        sys.exit(f"{what}: {end.code}")
    sys.exit(f"{what}: nothing was missed")


def check_promises(folder):
    """transformers reads the weights of conv1d and dt_proj without calling them, so a hook there never fires; and a version in which
    a listed tensor does not come is told."""
    mamba, fired = transformers.MambaForCausalLM.from_pretrained(f"{folder}/mamba"), []
    for name, module in mamba.named_modules():
        module.register_forward_hook(lambda module, given, gave, name=name: fired.append(name.rpartition(".")[2]))
    with torch.no_grad():
        mamba(ids_of(folder, 0), use_cache=False)
    if "in_proj" not in fired or "conv1d" in fired or "dt_proj" in fired:
        sys.exit(f"the hooks that fire are of {sorted(set(fired))}: experiments/dump_transformers.py says otherwise")
    own = modeling_mamba.MambaMixer.forward
    modeling_mamba.MambaMixer.forward = lambda self, x, *args, **named: self.out_proj(self.in_proj(x).chunk(2, dim=-1)[0])
    fails("a mixer without a scan", lambda: recipe(folder, "mamba", "float64"), "never came", "conv1d_silu", "dt_proj")
    modeling_mamba.MambaMixer.forward = own
    weights = quamba_like.Weights(mamba, ids_of(folder, 0))
    model, out = quamba_like.QuambaLike(weights), f"{folder}/never.safetensors"
    model.backbone.layers[1].mixer.forward = lambda x: x.half()
    fails("a mixer that calls no module", lambda: dump_quamba(model, ids_of(folder, 0), out), "never came", "layers.1.in_proj")
    model = quamba_like.QuambaLike(weights)
    del model.backbone.layers[0].mixer.had.x_H_scale
    model.backbone.layers[0].mixer.had.forward = lambda x: torch.zeros(x.shape, dtype=torch.int8)
    fails("int8 without a scale", lambda: dump_quamba(model, ids_of(folder, 0), out), "layers.0.out_proj_in is int8", "had.x_H_scale")
    print("recipes: what never comes, and int8 without a scale, is told")


def check_transformer(program, folder):
    config = transformers.GPT2Config(vocab_size=VOCABULARY, n_embd=48, n_layer=LAYERS, n_head=4, n_positions=64,
                                     bos_token_id=1, eos_token_id=1)
    randomised(transformers.GPT2LMHeadModel, config, 0.05).save_pretrained(f"{folder}/gpt2")
    for dtype in ("float32", "bfloat16"):
        recipe(folder, "gpt2", dtype)
    said = driftscope(program, ["compare", f"{folder}/gpt2_float32", f"{folder}/gpt2_bfloat16"], f"{folder}/gpt2_pair")
    numpys_own(f"{folder}/gpt2_pair/results.h5", {"gpt2_float32": f"{folder}/gpt2_float32", "gpt2_bfloat16": f"{folder}/gpt2_bfloat16"})
    print("gpt2, float32 against bfloat16:", law(f"{folder}/gpt2_pair/results.h5", "gpt2_float32", "gpt2_bfloat16", "h"))
    print(said.splitlines()[2])


# --- driftscope's own modes --------------------------------------------------------------------------------------------------

MODES = {"fp64": "r64", "fp32": "r32", "2-0": "r20", "2-4": "r24"}
PAIRS = [("2-0", "2-4"), ("fp32", "2-0"), ("fp64", "fp32"), ("fp64", "2-0"), ("fp64", "2-4")]
OF_ROWS = {"tensor_stats", "pair_stats", "drift", "drift_shape"}
NAMES, KERNELS = ("mode", "base", "other"), ("kernel", "same_kernel", "checked")
GRID = ("scale", "on_grid", "saturated")  # of floats: for which scale they are meant the calibration says, and no dump


def exported(group, order):
    """The tensors of one mode and prompt as another program has them: int8 with a scale beside it, float16 as such."""
    arrays = {}

    def add(key, dataset):
        value = dataset[()]
        if "scale_factor" in dataset.attrs:
            arrays[f"{key}.scale"] = np.float32(dataset.attrs["scale_factor"]).reshape(1)
        arrays[key] = value.astype(np.float16) if dataset.attrs.get("format") == b"float16" else value

    for name in order:
        if name in group:
            add(name, group[name])
    for layer in sorted(key for key in group if key.startswith("layer_")):
        for name in order:
            if name in group[layer]:
                add(f"layers.{int(layer[6:])}.{name}", group[layer][name])
    return arrays


def export(folder, results, form):
    with h5py.File(results) as file:
        order = [row["name"].decode() for row in file["tables/tensors"][()]]
        for mode, side in MODES.items():
            os.makedirs(f"{folder}/{form}/{side}")
            for prompt in file["prompts"]:
                arrays, path = exported(file[f"prompts/{prompt}/{mode}"], order), f"{folder}/{form}/{side}/{prompt}"
                if form == "npz":
                    np.savez(path, **arrays)
                else:
                    safetensors.numpy.save_file(arrays, f"{path}.safetensors")


def rows_of(results, table, names):
    """Every row by its keys, the modes called as they are in the dumps; of each, all other cells."""
    with h5py.File(results) as file:
        rows = file[f"tables/{table}"][()]
    found = {}
    for row in rows:
        floats = table == "tensor_stats" and row["type"] != b"i8"
        cells = {name: row[name].item() for name in rows.dtype.names if name not in KERNELS and not (floats and name in GRID)}
        for name in NAMES:
            if name in cells:
                cells[name] = names.get(cells[name].decode(), cells[name].decode())
        found[tuple(str(cells.pop(name)) for name in ("prompt", *NAMES, "tensor", "layer") if name in cells)] = cells
    return found


def check_export(program, folder):
    first = f"{folder}/own/results.h5"
    run(program, folder, "own",
        f"title: t\nmodel: {folder}/mamba\nrewrite: none\nevents: {{repair: 0}}\n{prompts(folder)}keep: {{tensors: all}}\n"
        f"calibration: {{tokens: {folder}/p0.txt, windows: 1, length: {TOKENS}}}\n"
        f"pairs: {[list(pair) for pair in PAIRS]}\ncompare_all: [fp32, 2-0, 2-4]\n".replace("'", '"'))
    for form in ("npz", "safetensors"):
        export(folder, first, form)
        pairs = [[MODES[a], MODES[b]] for a, b in PAIRS]
        run(program, folder, form, same_prompts(folder, {side: f"{folder}/{form}/{side}" for side in MODES.values()})
            + f"pairs: {pairs}\n".replace("'", ""))
        for table in sorted(OF_ROWS):
            want, got = rows_of(first, table, MODES), rows_of(f"{folder}/{form}/results.h5", table, {})
            if want.keys() != got.keys():
                sys.exit(f"{form}: {table}: rows of one alone: {sorted(want.keys() ^ got.keys())[:4]}")
            for key, cells in want.items():
                for name, value in cells.items():
                    if got[key][name] != value and not (value != value and got[key][name] != got[key][name]):
                        sys.exit(f"{form}: {table} {key}: {name} is {got[key][name]!r}, and in the run {value!r}")
            print(f"exported to .{form}: {table}: {len(want)} rows are the run's")


def main(program, folder):
    torch.set_num_threads(1)
    torch.manual_seed(17)
    program, folder = os.path.abspath(program), os.path.abspath(folder)
    write_ids(folder)
    check_mamba(program, folder)
    check_padding(program, folder)
    check_modes(program, folder)
    check_quamba(program, folder)
    check_promises(folder)
    check_transformer(program, folder)
    check_export(program, folder)


main(*sys.argv[1:3])
