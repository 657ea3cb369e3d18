"""CAML and DR-CAML, note by note and without padding or masks."""

import numpy as np
import torch
import torch.nn.functional as F

from .fixture import PADDING, leaves, mean_cross_entropy, outcome

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
