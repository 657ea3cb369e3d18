"""The seven models, and PLM-ICD, in plain eager PyTorch, as one would write them from the papers.

Hugging Face's `BertModel` encodes, `nn.GRU` runs over packed sequences (over plain ones where all notes
are of one length), batches are dense and padded with masks, and label attention is computed for all labels
at once. `make_parity.py` takes expected numbers from these models, `scripts/engines/pytorch.py` times them.

A model is built from the settings that a suite writes for icdbench and from a task (`codes`,
`vocabulary`, for BERT models `cls` and `separator`). It reads token ids `[note, width]`, padded with 0,
and the notes' lengths `[note]` (on the CPU for the bi-GRU and logistic regression), and returns logits
`[note, code]`. `parameters_of`, `gradients_of` and `load`, of `pytorch_parts.py`, speak icdbench's
parameter names and layouts: linear weights are `[in, out]`, and the three projections of self-attention
lie side by side.
"""

import math

import torch
import torch.nn.functional as F
from torch import nn

from pytorch_parts import (
    PADDING,
    BertCoder,
    CodingModel,
    CrossAttention,
    LabelAttention,
    ProjectedAttention,
    linear,
    mask_of,
    masked_softmax,
    norm,
    runs,
)


def build(name, settings, task, attention="sdpa"):
    """The model `name` with random parameters. `attention` is Hugging Face's attn_implementation."""
    kind = MODELS[name]
    return kind(settings, task, attention) if issubclass(kind, BertCoder) else kind(settings, task)


class BertTrun(BertCoder):
    """BERT-trun (Ji et al. 2021): one BERT on the beginning of the note."""

    def __init__(self, settings, task, attention):
        super().__init__(settings, task, attention, pooler=settings["pooler"])
        self.dropout = nn.Dropout(settings["classifier-dropout"])
        self.attends = settings["head"] != "fully-connected"
        if self.attends:
            self.head = LabelAttention(task["codes"], self.hidden)
        else:
            self.head = nn.Linear(self.hidden, task["codes"])

    def forward(self, tokens, lengths):
        tokens, lengths = self.truncated(tokens, lengths)
        output = self.encode(tokens, lengths)
        if self.attends:
            states = self.dropout(output.last_hidden_state[:, 1:-1])
            return self.head(states, mask_of(lengths, states.shape[1], states.device))
        pooled = output.last_hidden_state[:, 0] if self.bert.pooler is None else output.pooler_output
        return self.head(self.dropout(pooled))

    def reads(self, width):
        return (min(width, self.positions - 2),) * 2

    def places(self):
        head = self.head.places("label_attention") if self.attends else linear("classifier", self.head)
        return super().places() | head


class BertHier(BertCoder):
    """BERT-hier (Ji et al. 2021): BERT on segments, a transformer layer over their [CLS] states."""

    def __init__(self, settings, task, attention):
        super().__init__(settings, task, attention)
        layer = settings["segment-layer"]
        self.segment, self.pooling = settings["segment"], settings["pooling"]
        self.segment_layer = nn.TransformerEncoderLayer(
            self.hidden, layer["heads"], layer["intermediate"], layer["dropout"], batch_first=True
        )
        self.dropout = nn.Dropout(settings["classifier-dropout"])
        self.attends = settings["head"] != "fully-connected"
        if self.attends:
            self.head = LabelAttention(task["codes"], self.hidden)
        else:
            self.head = nn.Linear(self.hidden, task["codes"])

    def forward(self, tokens, lengths):
        notes = len(tokens)
        tokens, lengths = runs(tokens, lengths, self.segment - 2)
        states = self.encode(tokens, lengths).last_hidden_state[:, 0].reshape(notes, -1, self.hidden)
        real = lengths.reshape(notes, -1).to(states.device) > 0
        states = self.segment_layer(states, src_key_padding_mask=~real)
        if self.attends:
            return self.head(self.dropout(states), real)
        if self.pooling == "mean":
            pooled = (states * real[:, :, None]).sum(dim=1) / real.sum(dim=1, keepdim=True)
        else:
            pooled = states.masked_fill(~real[:, :, None], float("-inf")).amax(dim=1)
        return self.head(self.dropout(pooled))

    def reads(self, width):
        return width, min(width, self.segment - 2)

    def places(self):
        layer, path = self.segment_layer, "segment_layer"
        own = {
            f"{path}.query_key_value.weight": ([layer.self_attn.in_proj_weight], True),
            f"{path}.query_key_value.bias": ([layer.self_attn.in_proj_bias], False),
        }
        own |= linear(f"{path}.attention_output", layer.self_attn.out_proj)
        own |= norm(f"{path}.attention_norm", layer.norm1)
        own |= linear(f"{path}.intermediate", layer.linear1) | linear(f"{path}.output", layer.linear2)
        own |= norm(f"{path}.output_norm", layer.norm2)
        head = self.head.places("label_attention") if self.attends else linear("classifier", self.head)
        return super().places() | own | head


class BertXml(BertCoder):
    """BERT-XML (Zhang et al. 2020, equations 2 to 4): label attention, then two layers shared by all labels."""

    def __init__(self, settings, task, attention):
        super().__init__(settings, task, attention)
        self.long_notes = settings["long-notes"]
        self.labels = nn.Parameter(torch.randn(task["codes"], self.hidden) * 0.02)
        self.shared = nn.Linear(self.hidden, settings["hidden"])
        self.output = nn.Linear(settings["hidden"], 1)

    def rows(self, tokens, lengths):
        """Logits of rows of at most as many tokens as the encoder has positions for."""
        states = self.encode(tokens, lengths).last_hidden_state[:, 1:-1]
        weights = masked_softmax(states @ self.labels.T, mask_of(lengths, states.shape[1], states.device))
        documents = weights.transpose(1, 2) @ states
        return self.output(F.relu(self.shared(documents))).squeeze(2)

    def forward(self, tokens, lengths):
        if self.long_notes == "truncate":
            tokens, lengths = self.truncated(tokens, lengths)
        if self.long_notes != "split":
            return self.rows(tokens, lengths)
        notes, (tokens, lengths) = len(tokens), runs(tokens, lengths, self.positions - 2)
        real = lengths > 0
        logits = self.rows(tokens[real], lengths[real])
        highest = logits.new_full((len(tokens), logits.shape[1]), float("-inf"))
        highest[real] = logits
        return highest.reshape(notes, -1, logits.shape[1]).amax(dim=1)

    def loss(self, tokens, lengths, targets):
        """Split notes are trained on chunk by chunk, each with all codes of its note."""
        if self.long_notes != "split":
            return super().loss(tokens, lengths, targets)
        notes, (tokens, lengths) = len(tokens), runs(tokens, lengths, self.positions - 2)
        real = lengths > 0
        targets = targets.repeat_interleave(len(tokens) // notes, dim=0)[real]
        return F.binary_cross_entropy_with_logits(self.rows(tokens[real], lengths[real]), targets)

    def reads(self, width):
        row = width if self.long_notes == "whole" else min(width, self.positions - 2)
        return (row if self.long_notes == "truncate" else width), row

    def label_vectors(self, descriptions):
        """Mean of the encoder's states over the tokens of each description, `[code, hidden]`; one that is
        longer than the positions is cut off."""
        descriptions = [words[: self.positions - 2] for words in descriptions]
        lengths = torch.tensor([len(words) for words in descriptions])
        tokens = torch.full((len(descriptions), int(lengths.max())), PADDING)
        for row, words in zip(tokens, descriptions):
            row[: len(words)] = torch.tensor(words)
        states = self.encode(tokens, lengths).last_hidden_state[:, 1:-1]
        mask = mask_of(lengths, states.shape[1], states.device)[:, :, None]
        return (states * mask).sum(dim=1) / mask.sum(dim=1)

    def places(self):
        own = {"head.labels": ([self.labels], False)}
        return super().places() | own | linear("head.shared", self.shared) | linear("head.output", self.output)


class LongBert(BertCoder):
    """LongBERT (Afkanpour et al. 2022, algorithm 1): token states of all segments side by side, label attention."""

    def __init__(self, settings, task, attention):
        super().__init__(settings, task, attention)
        self.segment, self.overlap = settings["segment"], settings["overlap"]
        self.label_attention = LabelAttention(task["codes"], self.hidden)

    def forward(self, tokens, lengths):
        notes, width = tokens.shape
        lengths = lengths.to(tokens.device)
        segment, stride = self.segment, self.segment - self.overlap
        count = max(1, -(-(width - self.overlap) // stride))
        padded = F.pad(tokens, (0, (count - 1) * stride + segment - width), value=PADDING)
        ids = padded.unfold(1, segment, stride).reshape(notes * count, segment)
        left = lengths[:, None] - torch.arange(count, device=tokens.device) * stride
        # A segment past the note's end attends to one padding token, which no note reads.
        mask = mask_of(left.clamp(1, segment).flatten(), segment, tokens.device)
        states = self.bert(input_ids=ids, attention_mask=self.attention_mask(mask)).last_hidden_state
        states = states.reshape(notes, count * segment, self.hidden)
        if self.overlap > 0:
            # The first half of what two segments share is the earlier one's, the rest the later one's.
            place = torch.arange(width, device=tokens.device)
            last = torch.div(lengths - self.overlap - 1, stride, rounding_mode="floor").clamp(min=0)
            owner = torch.div(place - (self.overlap + 1) // 2, stride, rounding_mode="floor").clamp(min=0)
            owner = torch.minimum(owner.expand(notes, -1), last[:, None])
            index = (owner * segment + place - owner * stride).clamp(max=count * segment - 1)
            states = states.gather(1, index[:, :, None].expand(-1, -1, self.hidden))
        return self.label_attention(states, mask_of(lengths, states.shape[1], tokens.device))

    def full(self, lengths, width):
        whole = width >= self.segment and (width - self.overlap) % (self.segment - self.overlap) == 0
        return whole and bool((lengths == width).all())

    def places(self):
        return super().places() | self.label_attention.places("label_attention")


class PlmIcd(BertCoder):
    """PLM-ICD (Huang et al. 2022) and PLM-CA (Edin et al. 2024): `[CLS]`, a note's tokens and `[SEP]`, cut into chunks that
    BERT reads alone; labels attend to the states of all of them."""

    def __init__(self, settings, task, attention):
        super().__init__(settings, task, attention)
        self.chunk = settings["chunk"]
        ((kind, head),) = settings["head"].items()
        if kind == "label-attention":
            self.label_attention = ProjectedAttention(task["codes"], self.hidden, head["projection"])
        else:
            self.cross_attention = CrossAttention(task["codes"], self.hidden)
        self.path = kind.replace("-", "_")

    def forward(self, tokens, lengths):
        notes, width = tokens.shape
        lengths = lengths.to(tokens.device)[:, None]
        count = -(-(width + 2) // self.chunk)
        ids = F.pad(tokens, (1, count * self.chunk - width - 1), value=PADDING)
        ids[:, 0] = self.cls
        ids = ids.scatter(1, lengths + 1, torch.full_like(lengths, self.separator))
        left = lengths + 2 - torch.arange(count, device=tokens.device) * self.chunk
        # A chunk past the note's end attends to one padding token, which no label reads.
        mask = mask_of(left.clamp(1, self.chunk).flatten(), self.chunk, tokens.device)
        ids = ids.reshape(notes * count, self.chunk)
        states = self.bert(input_ids=ids, attention_mask=self.attention_mask(mask)).last_hidden_state
        states = states.reshape(notes, count * self.chunk, self.hidden)
        return getattr(self, self.path)(states, mask_of(lengths.flatten() + 2, states.shape[1], tokens.device))

    def full(self, lengths, width):
        return (width + 2) % self.chunk == 0 and bool((lengths == width).all())

    def places(self):
        return super().places() | getattr(self, self.path).places(self.path)


class BigruAttention(CodingModel):
    """Bi-GRU with query heads (Zhang et al. 2020, section 3.4.2, equations 5 to 8)."""

    def __init__(self, settings, task):
        super().__init__()
        hidden, heads = settings["hidden"], settings["heads"]
        self.embedding = nn.Embedding(task["vocabulary"], settings["embedding"])
        self.embedding.weight.requires_grad_(settings["train-embedding"])
        self.dropout = nn.Dropout(settings["dropout"])
        self.gru = nn.GRU(settings["embedding"], hidden, batch_first=True, bidirectional=True)
        self.queries = nn.Parameter(torch.randn(heads, 2 * hidden) * 0.02)
        self.output = nn.Linear(heads * 2 * hidden, task["codes"])

    def forward(self, tokens, lengths):
        states = self.recurrent(self.dropout(self.embedding(tokens)), lengths)
        weights = masked_softmax(states @ self.queries.T, mask_of(lengths, states.shape[1], states.device))
        documents = weights.transpose(1, 2) @ states / math.sqrt(states.shape[2])
        return self.output(documents.flatten(start_dim=1))

    # torch.compile would unroll the steps.
    @torch.compiler.disable
    def recurrent(self, embedded, lengths):
        """States `[note, width, 2 * hidden]`. Notes of one length need no packing, which is slow on the CPU."""
        width, longest = embedded.shape[1], int(lengths.max())
        if bool((lengths == longest).all()):
            states = self.gru(embedded[:, :longest])[0]
            return states if longest == width else F.pad(states, (0, 0, 0, width - longest))
        packed = nn.utils.rnn.pack_padded_sequence(embedded, lengths, batch_first=True, enforce_sorted=False)
        return nn.utils.rnn.pad_packed_sequence(self.gru(packed)[0], batch_first=True, total_length=width)[0]

    def places(self):
        places = {"embedding": ([self.embedding.weight], False), "queries": ([self.queries], False)}
        for direction, suffix in (("forward", ""), ("backward", "_reverse")):
            for ours, theirs in (("input", "ih"), ("recurrent", "hh")):
                weight, bias = (getattr(self.gru, f"{kind}_{theirs}_l0{suffix}") for kind in ("weight", "bias"))
                places[f"{direction}.{ours}_weight"] = ([weight], True)
                places[f"{direction}.{ours}_bias"] = ([bias], False)
        return places | linear("output", self.output)


class Caml(CodingModel):
    """CAML (Mullenbach et al. 2018), without DR-CAML's description term; padding is masked."""

    def __init__(self, settings, task):
        super().__init__()
        if settings["attend-to-padding"] or settings["description-weight"] > 0:
            raise ValueError("attend-to-padding and description-weight are not part of this model")
        filters, width = settings["filters"], settings["width"]
        self.embedding = nn.Embedding(task["vocabulary"], settings["embedding"], padding_idx=PADDING)
        self.dropout = nn.Dropout(settings["dropout"])
        self.convolution = nn.Conv1d(settings["embedding"], filters, width, padding=width // 2)
        self.head = LabelAttention(task["codes"], filters)

    def forward(self, tokens, lengths):
        embedded = self.dropout(self.embedding(tokens)).transpose(1, 2)
        states = torch.tanh(self.convolution(embedded)).transpose(1, 2)
        # An even width gives one position more than there are words.
        extra = states.shape[1] - tokens.shape[1]
        return self.head(states, mask_of(lengths + extra, states.shape[1], states.device))

    def places(self):
        convolution = {f"convolution.{name}": ([getattr(self.convolution, name)], False) for name in ("weight", "bias")}
        return {"embedding": ([self.embedding.weight], False)} | convolution | self.head.places("head")


class LogisticRegression(CodingModel):
    """A bag of words: the weight rows of a note's words, summed over the words it has."""

    def __init__(self, settings, task):
        super().__init__()
        if settings["features"] not in BAGS or settings["unit-length"] or settings["penalty"] != "none":
            raise ValueError(f"only features {sorted(BAGS)}, without unit length or penalty, are part of this model")
        self.value = BAGS[settings["features"]]
        self.weight = nn.EmbeddingBag(task["vocabulary"], task["codes"], mode="sum")
        self.bias = nn.Parameter(torch.zeros(task["codes"]))

    def forward(self, tokens, lengths):
        return self.sums(tokens, lengths) + self.bias

    # The number of words depends on the tokens, so torch.compile would compile anew for every batch.
    @torch.compiler.disable
    def sums(self, tokens, lengths):
        bags = [note[:length].unique(return_counts=True) for note, length in zip(tokens, lengths.tolist())]
        words, counts = (torch.cat(parts) for parts in zip(*bags))
        sizes = torch.tensor([0] + [len(words) for words, _ in bags[:-1]], device=tokens.device)
        values = self.value(counts.to(self.bias.dtype))
        return self.weight(words, sizes.cumsum(0), per_sample_weights=values)

    def places(self):
        return {"weight": ([self.weight.weight], False), "bias": ([self.bias], False)}


BAGS = {"counts": lambda counts: counts, "binary": torch.ones_like, "log-counts": torch.log1p}
MODELS = {
    "logistic_regression": LogisticRegression,
    "bigru_attention": BigruAttention,
    "caml": Caml,
    "bert_trun": BertTrun,
    "bert_hier": BertHier,
    "bert_xml": BertXml,
    "long_bert": LongBert,
    "plm_icd": PlmIcd,
}
