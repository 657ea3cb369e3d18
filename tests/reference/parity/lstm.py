"""`nn.LSTM` alone, in both directions over packed sequences."""

import numpy as np
import torch
from pytorch_models import directions, recurrent
from pytorch_parts import joined

from .fixture import array_of, arrays_of, rounded
from .neural import draw

# Notes of one token, equal ones, in no order.
LENGTHS = [3, 7, 1, 7, 4]
INPUT, HIDDEN = 3, 5


def lstm_case():
    """States, and the gradients of their product with given ones at the inputs and at all parameters. Rows are the notes'
    tokens one after another, the longest note first, equal ones in order."""
    random = np.random.default_rng(473)
    layer = torch.nn.LSTM(INPUT, HIDDEN, batch_first=True, bidirectional=True)
    places = {name.replace("forward", "0").replace("backward", "1"): at for name, at in directions(layer).items()}
    values = rounded({name: draw(random, name, tuple(joined(*at).shape)) for name, at in places.items()})
    with torch.no_grad():
        for name, ([tensor], transposed) in places.items():
            value = torch.tensor(values[name])
            tensor.copy_(value.T if transposed else value)
    order = sorted(range(len(LENGTHS)), key=lambda note: -LENGTHS[note])
    rows = sum(LENGTHS)
    drawn = {"inputs": random.normal(size=(rows, INPUT)), "at": random.normal(size=(rows, 2 * HIDDEN))}
    drawn = {name: torch.tensor(value) for name, value in rounded(drawn).items()}
    inputs = drawn["inputs"].requires_grad_()
    notes = dict(zip(order, inputs.split([LENGTHS[note] for note in order])))
    padded = torch.nn.utils.rnn.pad_sequence([notes[note] for note in range(len(LENGTHS))], batch_first=True)
    found = recurrent(layer, padded, torch.tensor(LENGTHS))
    states = torch.cat([found[note, : LENGTHS[note]] for note in order])
    (states * drawn["at"]).sum().backward()
    gradients = {name: joined([tensor.grad for tensor in at], turned) for name, (at, turned) in places.items()}
    return {
        "lengths": LENGTHS,
        "input": INPUT,
        "hidden": HIDDEN,
        "inputs": array_of(inputs.detach().numpy()),
        "parameters": arrays_of(values),
        "states": array_of(states.detach().numpy()),
        "at_states": array_of(drawn["at"].numpy()),
        "at_inputs": array_of(inputs.grad.numpy()),
        "gradients": arrays_of({name: value.numpy() for name, value in gradients.items()}),
    }
