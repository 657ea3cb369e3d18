"""Adam and AdamW: `torch.optim`'s own, with `clip_grad_norm_`."""

import math

import numpy as np
import torch

from .fixture import arrays_of, leaves, rounded

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
