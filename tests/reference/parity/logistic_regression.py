"""Logistic regression on bags of words."""

import math
from collections import Counter

import numpy as np
import torch

from .fixture import leaves, mean_cross_entropy, outcome

LR_WORDS, LR_CODES, LR_TRAINING_NOTES = 9, 4, 23
LR_NOTES = [[1, 1, 4, 2, 1, 8, 4], [3], [5, 6, 6, 5, 5, 5, 2, 7, 1, 1, 3], [2, 2, 2]]
LR_GOLD = [[0, 2], [1], [0, 1], []]
LR_DOCUMENT_FREQUENCY = [0, 23, 9, 4, 11, 2, 1, 7, 0]
LR_COUNT_SCALE = [0.0, 3.1, 0.8, 0.25, 1.4, 0.6, 0.21, 1.9, 0.0]


L2, L1 = ({kind: {"inverse-strength": 0.7}} for kind in ("l2", "l1"))


def logistic_regression_cases():
    kinds = [(features, unit) for features in ("counts", "binary", "log-counts", "tf-idf") for unit in (False, True)]
    return {
        "features": [lr_case(200 + number, features, unit, L2) for number, (features, unit) in enumerate(kinds)],
        "penalties": [lr_case(211 + number, "log-counts", False, penalty) for number, penalty in enumerate((L1, "none"))],
        # exp(120) is beyond the range of f32.
        "extreme": [lr_case(213, "log-counts", False, "none", bias=[120.0, -120.0, 90.0, -0.5])],
    }


def scaled_cases():
    """With weights that icdbench stores in scale."""
    return {
        "scaled": [
            lr_case(208 + number, "counts", False, penalty, count_scale=LR_COUNT_SCALE)
            for number, penalty in enumerate((L2, L1, "none"))
        ],
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
