"""The form of the files: arrays, outcomes, and how they are written."""

import json
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

FOLDER = Path(__file__).resolve().parents[2] / "fixtures" / "parity"
PADDING = 0


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


def write(path, content):
    """One array a line: readable in a diff, and a third of the size of an indented file."""
    path.write_text(lines(content, "") + "\n")


def lines(value, indent):
    flat = json.dumps(value)
    if len(flat) <= 100 or not isinstance(value, (dict, list)) or (isinstance(value, dict) and "shape" in value):
        return flat
    inside = indent + " "
    if isinstance(value, dict):
        parts = [f"{inside}{json.dumps(key)}: {lines(part, inside)}" for key, part in value.items()]
        return "{\n" + ",\n".join(parts) + "\n" + indent + "}"
    return "[\n" + ",\n".join(inside + lines(part, inside) for part in value) + "\n" + indent + "]"
