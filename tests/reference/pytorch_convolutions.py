"""The convolutional models beside CAML in plain eager PyTorch, as one would write them from the papers and masked so that
padding changes nothing. See `pytorch_models.py`, of which they are part."""

import torch
import torch.nn.functional as F
from torch import nn

from pytorch_parts import PADDING, CodingModel, LabelAttention, linear, mask_of


def own(path, module, names=("weight", "bias")):
    """Parameters that icdbench lays out as PyTorch does."""
    return {f"{path}.{name}": ([getattr(module, name)], False) for name in names}


class Cnn(CodingModel):
    """Kim 2014 with one width of filters (Mullenbach et al. 2018): convolution, tanh, maximum over the note, linear."""

    def __init__(self, settings, task):
        super().__init__()
        self.width, self.read_padding = settings["width"], settings["read-padding"]
        self.embedding = nn.Embedding(task["vocabulary"], settings["embedding"], padding_idx=PADDING)
        self.embedding.weight.requires_grad_(settings["train-embedding"])
        self.dropout = nn.Dropout(settings["dropout"])
        self.convolution = nn.Conv1d(settings["embedding"], settings["filters"], self.width)
        self.output = nn.Linear(settings["filters"], task["codes"])

    def forward(self, tokens, lengths):
        # A note of fewer words than the width is filled up.
        tokens = F.pad(tokens, (0, max(0, self.width - tokens.shape[1])), value=PADDING)
        states = self.convolution(self.dropout(self.embedding(tokens)).transpose(1, 2)).tanh()
        if not self.read_padding:
            windows = (lengths + 1 - self.width).clamp(min=1)
            outside = ~mask_of(windows, states.shape[2], states.device)
            states = states.masked_fill(outside[:, None, :], float("-inf"))
        return self.output(states.amax(dim=2))

    def places(self):
        return {"embedding": ([self.embedding.weight], False)} | own("convolution", self.convolution) | linear("output", self.output)


class MaskedBatchNorm(nn.BatchNorm1d):
    """Batch norm over the real positions of `[note, column, position]`."""

    def forward(self, states, real):
        if real is None:
            return super().forward(states)
        if not self.training:
            return super().forward(states) * real
        rows = real.sum()
        mean = (states * real).sum(dim=(0, 2)) / rows
        centred = (states - mean[:, None]) * real
        variance = centred.square().sum(dim=(0, 2)) / rows
        with torch.no_grad():
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * rows / (rows - 1), self.momentum)
        return (centred * (self.weight / (variance + self.eps).sqrt())[:, None] + self.bias[:, None]) * real

    def places(self, path):
        running = {f"{path}.running_mean": ([self.running_mean], False), f"{path}.running_variance": ([self.running_var], False)}
        return own(path, self) | running


class ResidualBlock(nn.Module):
    """tanh(left + right) of Li and Yu 2020."""

    def __init__(self, inputs, maps, width, dropout):
        super().__init__()
        self.first = nn.Conv1d(inputs, maps, width, padding=width // 2, bias=False)
        self.first_norm = MaskedBatchNorm(maps)
        self.second = nn.Conv1d(maps, maps, width, padding=width // 2, bias=False)
        self.second_norm = MaskedBatchNorm(maps)
        self.shortcut = nn.Conv1d(inputs, maps, 1, bias=False)
        self.shortcut_norm = MaskedBatchNorm(maps)
        self.dropout = nn.Dropout(dropout)

    def forward(self, states, real):
        left = self.first_norm(self.first(states), real).tanh()
        left = self.second_norm(self.second(left if real is None else left * real), real)
        right = self.shortcut_norm(self.shortcut(states), real)
        states = (left + right).tanh()
        return self.dropout(states if real is None else states * real)

    def places(self, path):
        places = {}
        for name in ("first", "second", "shortcut"):
            places[f"{path}.{name}"] = ([getattr(self, name).weight], False)
            places |= getattr(self, f"{name}_norm").places(f"{path}.{name}_norm")
        return places


class MultiResCnn(CodingModel):
    """MultiResCNN (Li and Yu 2020): for each width a convolution and residual blocks; label attention over all."""

    # Whether any row has padding. In eager mode the model looks; a compiled one cannot, so whoever compiles says it
    # here, by `full`.
    masked = True

    def __init__(self, settings, task):
        super().__init__()
        self.read_padding, dimension = settings["read-padding"], settings["embedding"]
        self.embedding = nn.Embedding(task["vocabulary"], dimension, padding_idx=PADDING)
        self.embedding.weight.requires_grad_(settings["train-embedding"])
        self.dropout = nn.Dropout(settings["dropout"])
        self.channels = nn.ModuleList()
        for width in settings["widths"]:
            channel = nn.ModuleList([nn.Conv1d(dimension, dimension, width, padding=width // 2)])
            for inputs, maps in zip([dimension, *settings["blocks"]], settings["blocks"]):
                channel.append(ResidualBlock(inputs, maps, width, settings["dropout"]))
            self.channels.append(channel)
        self.head = LabelAttention(task["codes"], settings["blocks"][-1] * len(settings["widths"]))

    def forward(self, tokens, lengths):
        words = self.dropout(self.embedding(tokens)).transpose(1, 2)
        width = tokens.shape[1]
        if self.read_padding:
            lengths = torch.full_like(lengths, width)
        mask = mask_of(lengths, width, tokens.device)
        real = mask[:, None, :].to(words.dtype) if self.has_padding(lengths, width) else None
        found = []
        for convolution, *blocks in self.channels:
            states = convolution(words).tanh()
            states = states if real is None else states * real
            for block in blocks:
                states = block(states, real)
            found.append(states)
        return self.head(torch.cat(found, dim=1).transpose(1, 2), mask)

    def has_padding(self, lengths, width):
        if torch.compiler.is_compiling():
            return self.masked and not self.read_padding
        return not self.full(lengths, width)

    def full(self, lengths, width):
        return bool((lengths == width).all())

    def places(self):
        places = {"embedding": ([self.embedding.weight], False)}
        for i, (convolution, *blocks) in enumerate(self.channels):
            places |= own(f"channels.{i}.convolution", convolution)
            for j, block in enumerate(blocks):
                places |= block.places(f"channels.{i}.blocks.{j}")
        return places | self.head.places("head")
