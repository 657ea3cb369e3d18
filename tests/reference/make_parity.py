#!/usr/bin/env python3
"""Writes tests/fixtures/parity/*.json: what PyTorch computes for the models and optimisers of icdbench.

    pip install torch numpy
    python3 tests/reference/make_parity.py

`tests/parity.rs` compares icdbench with these files and needs no PyTorch. The models below are
written from the papers, note by note and without padding or masks, in float64 with autograd; the
optimisers are `torch.optim`'s own and the clipping is `clip_grad_norm_`. Inputs come from fixed
seeds: the same PyTorch version writes the same bytes.

Each file maps a group to its cases. A case holds the model's settings as a suite writes them, the
notes (token ids without padding), the gold codes of each note, the parameters by icdbench's names,
and what is expected of them: logits [note, code], the loss and the gradient of every parameter.

caml.json
    CAML and DR-CAML (Mullenbach et al. 2018, "Explainable Prediction of Medical Codes from Clinical
    Text", equations 1-6). Padding is a zero vector; a note of L words has L positions for an odd
    kernel width and L + 1 for an even one, as a convolution padded by half its width on both sides
    gives them. Group `attend-to-padding`: the attention runs over the whole padded row, as in the
    published code. DR-CAML's term is lambda / N times the sum, over notes and their gold codes, of
    the mean square of (description vector - classifier row); codes without a description have none.
logistic_regression.json
    A bag of words under each weighting; scikit-learn's objective divided by C, training notes and
    codes. `weight` and its gradient are for unscaled features; icdbench stores each word's row times
    a scale of its own choice, which the test converts.
optimisers.json
    Gradients (the same for all cases) and the parameters after each of five steps. In the third
    step one parameter has no gradient.
"""

import json
import math
from collections import Counter
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

FOLDER = Path(__file__).resolve().parent.parent / "fixtures" / "parity"
PADDING = 0


def main():
    torch.set_default_dtype(torch.float64)
    write("caml.json", caml_cases())
    write("logistic_regression.json", logistic_regression_cases())
    write("optimisers.json", optimiser_cases())


# CAML

CAML_WORDS, CAML_EMBEDDING, CAML_FILTERS, CAML_CODES = 12, 5, 4, 6
CAML_NOTES = [[3, 7, 1, 11, 7, 2], [5], [9, 4, 10, 1, 6, 8, 2, 3, 3], [8, 2, 6]]
# Code 3 is in no note, the last note has no code, code 0 is in two notes.
CAML_GOLD = [[0, 4], [2], [0, 1, 5], []]
# Code 4 is gold and has no description; code 3 has one and is not gold.
CAML_DESCRIPTIONS = [[2, 9, 4, 1, 7], [6], [10, 11, 3], [5, 8], [], [1, 2]]


def caml_cases():
    seeds = iter(range(100, 200))
    return {
        "plain": [caml_case(f"width {width}", next(seeds), width) for width in (4, 3, 1)],
        "attend-to-padding": [
            caml_case(f"width {width}", next(seeds), width, attend_to_padding=True) for width in (4, 3)
        ],
        "descriptions": [caml_case(f"width {width}", next(seeds), width, penalty=0.7) for width in (4, 3)],
    }


def caml_case(name, seed, width, attend_to_padding=False, penalty=0.0):
    parameters = caml_parameters(np.random.default_rng(seed), width, described=penalty > 0)
    # Two positions more than the longest note needs, so that every row has padding.
    row = max(map(len, CAML_NOTES)) + 2
    read = [note + [PADDING] * (row - len(note)) for note in CAML_NOTES] if attend_to_padding else CAML_NOTES
    logits = torch.stack([caml_logits(parameters, note) for note in read])
    loss = mean_cross_entropy(logits, CAML_GOLD)
    if penalty > 0:
        loss = loss + penalty / len(CAML_NOTES) * sum(
            squared_distance(parameters, code) for codes in CAML_GOLD for code in codes if CAML_DESCRIPTIONS[code]
        )
    config = {
        "embedding": CAML_EMBEDDING,
        "pretrained-embedding": False,
        "filters": CAML_FILTERS,
        "width": width,
        "dropout": 0.0,
        "label-block": 4,
        "attend-to-padding": attend_to_padding,
        "description-weight": penalty,
    }
    task = {"codes": CAML_CODES, "vocabulary": CAML_WORDS, "descriptions": CAML_DESCRIPTIONS}
    inputs = {"row": row, "notes": CAML_NOTES, "gold": CAML_GOLD}
    return {"name": name, "model": {"caml": config}, "task": task} | inputs | outcome(parameters, logits, loss)


def caml_parameters(random, width, described):
    """Leaves under icdbench's names. The queries are large, so that the attention is far from uniform."""
    e, f, c = CAML_EMBEDDING, CAML_FILTERS, CAML_CODES
    embedding = random.normal(size=(CAML_WORDS, e))
    embedding[PADDING] = 0
    drawn = {
        "embedding": embedding,
        "convolution.weight": random.normal(size=(f, e, width)) * 0.5,
        "convolution.bias": random.normal(size=f) * 0.5,
        "head.queries": random.normal(size=(c, f)) * 2,
        "head.weight": random.normal(size=(c, f)),
        "head.bias": random.normal(size=c) * 0.5,
    }
    if described:
        drawn |= {
            "descriptions.convolution.weight": random.normal(size=(f, e, width)) * 0.5,
            "descriptions.convolution.bias": random.normal(size=f) * 0.5,
            "descriptions.weight": random.normal(size=(f, f)),
            "descriptions.bias": random.normal(size=f) * 0.5,
        }
    return leaves(drawn)


def caml_logits(parameters, note):
    """Equations 1 to 4 for one note: a logit per code."""
    states = convolve(parameters, "convolution", note)  # [filter, position]
    attention = torch.softmax(parameters["head.queries"] @ states, dim=1)  # [code, position]
    documents = attention @ states.T  # [code, filter]
    return (parameters["head.weight"] * documents).sum(dim=1) + parameters["head.bias"]


def convolve(parameters, name, words):
    """tanh of the convolution over the embedded words, [filter, position]."""
    embedded = F.embedding(torch.tensor(words), parameters["embedding"], padding_idx=PADDING)
    weight = parameters[f"{name}.weight"]
    convolved = F.conv1d(embedded.T, weight, parameters[f"{name}.bias"], padding=weight.shape[2] // 2)
    return torch.tanh(convolved)


def squared_distance(parameters, code):
    """Mean square between a code's description vector and its classifier row."""
    pooled = convolve(parameters, "descriptions.convolution", CAML_DESCRIPTIONS[code]).max(dim=1).values
    # icdbench's linear layers store [in, out].
    vector = pooled @ parameters["descriptions.weight"] + parameters["descriptions.bias"]
    return F.mse_loss(vector, parameters["head.weight"][code])


# Logistic regression

LR_WORDS, LR_CODES, LR_TRAINING_NOTES = 9, 4, 23
LR_NOTES = [[1, 1, 4, 2, 1, 8, 4], [3], [5, 6, 6, 5, 5, 5, 2, 7, 1, 1, 3], [2, 2, 2]]
LR_GOLD = [[0, 2], [1], [0, 1], []]
LR_DOCUMENT_FREQUENCY = [0, 23, 9, 4, 11, 2, 1, 7, 0]
LR_COUNT_SCALE = [0.0, 3.1, 0.8, 0.25, 1.4, 0.6, 0.21, 1.9, 0.0]


def logistic_regression_cases():
    seeds = iter(range(200, 300))
    l2, l1 = ({kind: {"inverse-strength": 0.7}} for kind in ("l2", "l1"))
    kinds = [(features, unit) for features in ("counts", "binary", "log-counts", "tf-idf") for unit in (False, True)]
    return {
        "features": [lr_case(next(seeds), features, unit, l2) for features, unit in kinds],
        "scaled": [
            lr_case(next(seeds), "counts", False, penalty, count_scale=LR_COUNT_SCALE)
            for penalty in (l2, l1, "none")
        ],
        "penalties": [lr_case(next(seeds), "log-counts", False, penalty) for penalty in (l1, "none")],
        # exp(120) is beyond the range of f32.
        "extreme": [lr_case(next(seeds), "log-counts", False, "none", bias=[120.0, -120.0, 90.0, -0.5])],
    }


def lr_case(seed, features, unit_length, penalty, count_scale=(), bias=None):
    random = np.random.default_rng(seed)
    weight = random.normal(size=(LR_WORDS, LR_CODES)) * 0.5
    parameters = leaves({"weight": weight, "bias": random.normal(size=LR_CODES) if bias is None else np.array(bias)})
    bags = torch.tensor([bag(note, features, unit_length) for note in LR_NOTES])
    logits = bags @ parameters["weight"] + parameters["bias"]
    loss = mean_cross_entropy(logits, LR_GOLD) + lr_penalty(parameters["weight"], penalty)
    name = f"{features}, unit length {unit_length}, penalty {penalty}"
    task = {
        "codes": LR_CODES,
        "vocabulary": LR_WORDS,
        "training-notes": LR_TRAINING_NOTES,
        "document-frequency": LR_DOCUMENT_FREQUENCY,
        "count-scale": list(count_scale),
    }
    config = {"features": features, "unit-length": unit_length, "penalty": penalty}
    inputs = {"row": max(map(len, LR_NOTES)) + 2, "notes": LR_NOTES, "gold": LR_GOLD}
    case = {"name": name, "model": {"logistic_regression": config}, "task": task}
    return case | inputs | outcome(parameters, logits, loss)


def bag(note, features, unit_length):
    counts = Counter(note)
    row = []
    for word in range(LR_WORDS):
        count = counts[word]
        if features == "binary":
            value = float(count > 0)
        elif features == "log-counts":
            value = math.log(1 + count)
        elif features == "tf-idf":
            # scikit-learn's TfidfTransformer with smooth_idf.
            value = count * (math.log((1 + LR_TRAINING_NOTES) / (1 + LR_DOCUMENT_FREQUENCY[word])) + 1)
        else:
            value = float(count)
        row.append(value)
    length = math.sqrt(sum(value * value for value in row)) if unit_length else 1.0
    return [value / length for value in row]


def lr_penalty(weight, penalty):
    """scikit-learn minimises C * (sum of losses) + norm; ours is that over C * notes * codes."""
    if penalty == "none":
        return 0.0
    ((kind, settings),) = penalty.items()
    norm = (weight**2).sum() / 2 if kind == "l2" else weight.abs().sum()
    return norm / (settings["inverse-strength"] * LR_TRAINING_NOTES * LR_CODES)


# Optimisers

RATES = [0.1, 0.08, 0.12, 0.05, 0.02]
# CAML's parameters, of one, two and three dimensions.
SHAPES = {
    "embedding": (3, 2),
    "convolution.weight": (2, 2, 3),
    "convolution.bias": (2,),
    "head.queries": (2, 2),
    "head.weight": (2, 2),
    "head.bias": (2,),
}


def optimiser_cases():
    random = np.random.default_rng(300)
    start = {name: random.normal(size=shape) for name, shape in SHAPES.items()}
    gradients = [optimiser_gradients(random) for _ in RATES]
    start, gradients = rounded(start), [rounded(step) for step in gradients]
    del gradients[2]["head.bias"]
    norm = math.sqrt(sum(float((value**2).sum()) for value in gradients[0].values()))
    groups = {
        "steps": [("adam", {}), ("adamw", {}), ("adam", {"betas": [0.8, 0.95], "epsilon": 1e-3})],
        "weight-decay": [
            (rule, {"weight-decay": 0.2, "decay": decay}) for rule in ("adam", "adamw") for decay in ("all", "matrices")
        ],
        "clipping": [
            ("adam", {"clip-norm": norm * 0.3}),
            ("adam", {"clip-norm": norm * 50}),
            # Adam forgets a constant factor on its gradients unless epsilon or L2 decay holds against it.
            ("adam", {"clip-norm": norm * 0.3, "weight-decay": 0.2, "epsilon": 1e-2}),
            ("adamw", {"clip-norm": norm * 0.3, "weight-decay": 0.2, "epsilon": 1e-2, "decay": "matrices"}),
        ],
    }
    cases = {
        group: [optimiser_case(rule, settings, start, gradients) for rule, settings in cases]
        for group, cases in groups.items()
    }
    model = {
        "embedding": 2,
        "pretrained-embedding": False,
        "filters": 2,
        "width": 3,
        "dropout": 0.0,
        "label-block": 2,
        "attend-to-padding": False,
        "description-weight": 0.0,
    }
    inputs = {"model": {"caml": model}, "task": {"codes": 2, "vocabulary": 3}, "rates": RATES}
    arrays = {"start": arrays_of(start), "gradients": [arrays_of(step) for step in gradients]}
    return inputs | arrays | {"cases": cases}


def optimiser_gradients(random):
    """Of very different sizes: the smallest are where epsilon counts. One is 0 throughout."""
    gradients = {name: random.normal(size=shape) for name, shape in SHAPES.items()}
    gradients["head.queries"] *= 1e-6
    gradients["convolution.bias"] *= 1e-8
    gradients["embedding"][0] = 0
    return gradients


def optimiser_case(rule, settings, start, gradients):
    betas, epsilon = settings.get("betas", [0.9, 0.999]), settings.get("epsilon", 1e-8)
    weight_decay, decay = settings.get("weight-decay", 0.0), settings.get("decay", "all")
    clip_norm = float(f"{settings.get('clip-norm', 0.0):.4g}")
    parameters = leaves(start)
    matrices = [value for value in parameters.values() if value.dim() > 1]
    vectors = [value for value in parameters.values() if value.dim() == 1]
    groups = [
        {"params": matrices, "weight_decay": weight_decay},
        {"params": vectors, "weight_decay": weight_decay if decay == "all" else 0.0},
    ]
    kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[rule]
    optimiser = kind(groups, lr=1.0, betas=tuple(betas), eps=epsilon)
    after = []
    for rate, step in zip(RATES, gradients):
        for name, parameter in parameters.items():
            parameter.grad = torch.tensor(step[name]) if name in step else None
        if clip_norm > 0:
            torch.nn.utils.clip_grad_norm_(parameters.values(), clip_norm)
        for group in optimiser.param_groups:
            group["lr"] = rate
        optimiser.step()
        after.append(arrays_of({name: value.detach().numpy() for name, value in parameters.items()}))
    recipe = {rule: {"betas": betas, "epsilon": epsilon, "weight-decay": weight_decay, "decay": decay}}
    return {"name": f"{rule} {settings}", "optimiser": recipe, "clip-norm": clip_norm, "after": after}


# Common

def mean_cross_entropy(logits, gold):
    targets = torch.zeros_like(logits)
    for note, codes in enumerate(gold):
        targets[note, codes] = 1
    return F.binary_cross_entropy_with_logits(logits, targets)


def rounded(arrays):
    """To four significant digits, which keeps the files short; computed with what is written."""
    return {
        name: np.array([float(f"{value:.4g}") for value in array.flat]).reshape(array.shape)
        for name, array in arrays.items()
    }


def leaves(arrays):
    return {name: torch.tensor(array, requires_grad=True) for name, array in rounded(arrays).items()}


def outcome(parameters, logits, loss):
    gradients = dict(zip(parameters, torch.autograd.grad(loss, list(parameters.values()))))
    return {
        "parameters": arrays_of({name: value.detach().numpy() for name, value in parameters.items()}),
        "logits": array_of(logits.detach().numpy()),
        "loss": short(loss.item()),
        "gradients": arrays_of({name: value.numpy() for name, value in gradients.items()}),
    }


def arrays_of(arrays):
    return {name: array_of(array) for name, array in arrays.items()}


def array_of(array):
    return {"shape": list(array.shape), "values": [short(value) for value in array.flat]}


def short(value):
    return float(f"{value:.8g}")


def write(name, content):
    """One array a line: readable in a diff, and a third of the size of an indented file."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / name).write_text(lines(content, "") + "\n")


def lines(value, indent):
    flat = json.dumps(value)
    if len(flat) <= 100 or not isinstance(value, (dict, list)) or (isinstance(value, dict) and "shape" in value):
        return flat
    inside = indent + " "
    if isinstance(value, dict):
        parts = [f"{inside}{json.dumps(key)}: {lines(part, inside)}" for key, part in value.items()]
        return "{\n" + ",\n".join(parts) + "\n" + indent + "}"
    return "[\n" + ",\n".join(inside + lines(part, inside) for part in value) + "\n" + indent + "]"


if __name__ == "__main__":
    main()
