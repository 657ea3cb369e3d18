"""What the models of `pytorch_models.py` share: parameters by icdbench's names, label attention, the encoder."""

import torch
import torch.nn.functional as F
from torch import nn

PADDING = 0
PRESETS = {
    "bert-base": {"layers": 12, "hidden": 768, "heads": 12, "intermediate": 3072, "positions": 512},
    "roberta-base": {"layers": 12, "hidden": 768, "heads": 12, "intermediate": 3072, "positions": 512,
                     "norm-epsilon": 1e-5},
    "small-2x256": {"layers": 2, "hidden": 256, "heads": 4, "intermediate": 1024, "positions": 512},
    "ehr-small": {"layers": 8, "hidden": 512, "heads": 8, "intermediate": 2048, "positions": 1024},
    "ehr-big": {"layers": 12, "hidden": 768, "heads": 12, "intermediate": 3072, "positions": 1024},
}


class CodingModel(nn.Module):
    """What they share: a loss, and parameters under icdbench's names."""

    def loss(self, tokens, lengths, targets):
        """Cross-entropy, averaged over notes and codes. `targets`: `[note, code]`, 0 or 1."""
        return F.binary_cross_entropy_with_logits(self(tokens, lengths), targets)

    def places(self):
        """icdbench's name of each parameter: the tensors that make it up, and whether they are transposed."""
        raise NotImplementedError


# Parameters by icdbench's names


def linear(path, *modules):
    """Linear layers side by side under one name."""
    return {
        f"{path}.weight": ([module.weight for module in modules], True),
        f"{path}.bias": ([module.bias for module in modules], False),
    }


def norm(path, module):
    return {f"{path}.weight": ([module.weight], False), f"{path}.bias": ([module.bias], False)}


def parameters_of(model):
    return {name: joined(tensors, transposed) for name, (tensors, transposed) in model.places().items()}


def gradients_of(model):
    """The gradients of the last backward pass; none for a frozen parameter."""
    places = {name: place for name, place in model.places().items() if place[0][0].requires_grad}
    return {name: joined([tensor.grad for tensor in tensors], turned) for name, (tensors, turned) in places.items()}


def joined(tensors, transposed):
    return torch.cat([tensor.detach().T if transposed else tensor.detach() for tensor in tensors], dim=-1)


def load(model, values):
    """Sets every parameter; names and shapes must be the model's own."""
    places = model.places()
    if places.keys() != values.keys():
        raise ValueError(f"parameters differ: {sorted(places.keys() ^ values.keys())}")
    with torch.no_grad():
        for name, (tensors, transposed) in places.items():
            parts = torch.as_tensor(values[name]).tensor_split(len(tensors), dim=-1)
            for tensor, part in zip(tensors, parts):
                part = part.T if transposed else part
                if part.shape != tensor.shape:
                    raise ValueError(f"{name}: found {tuple(part.shape)}, expected {tuple(tensor.shape)}")
                tensor.copy_(part)
        for module in model.modules():
            # What fills a row up stands for nothing, whatever the file says of it: icdbench never reads it.
            if isinstance(module, nn.Embedding) and module.padding_idx is not None:
                module.weight[module.padding_idx] = 0
    return model


# Parts


def mask_of(lengths, width, device):
    """True at the first `lengths` of `width` positions, `[row, width]`."""
    return torch.arange(width, device=device) < lengths.to(device)[:, None]


def masked_softmax(scores, mask):
    """Over the positions of `[note, position, column]` that `mask`, `[note, position]`, admits."""
    return torch.softmax(scores.masked_fill(~mask[:, :, None], float("-inf")), dim=1)


class LabelAttention(nn.Module):
    """Label-wise attention (LongBERT, equation 1; Ji et al. 2021, section 3.3) with a linear classifier per label."""

    def __init__(self, codes, hidden):
        super().__init__()
        self.queries = nn.Parameter(torch.randn(codes, hidden) * 0.02)
        self.weight = nn.Parameter(torch.randn(codes, hidden) * 0.02)
        self.bias = nn.Parameter(torch.zeros(codes))

    def forward(self, states, mask):
        """Logits from states `[note, position, hidden]`."""
        weights = masked_softmax(states @ self.queries.T, mask)
        documents = weights.transpose(1, 2) @ states
        return (documents * self.weight).sum(dim=2) + self.bias

    def places(self, path):
        return {f"{path}.{name}": ([getattr(self, name)], False) for name in ("queries", "weight", "bias")}


class ProjectedAttention(nn.Module):
    """LAAT's label attention (Vu et al. 2020): labels look at tanh of the projected states and read the states."""

    def __init__(self, codes, hidden, projection):
        super().__init__()
        self.projection = nn.Linear(hidden, projection, bias=False)
        self.queries = nn.Parameter(torch.randn(codes, projection) * 0.03)
        self.weight = nn.Parameter(torch.randn(codes, hidden) * 0.03)
        self.bias = nn.Parameter(torch.zeros(codes))

    def forward(self, states, mask):
        """Logits from states `[note, position, hidden]`."""
        weights = masked_softmax(torch.tanh(self.projection(states)) @ self.queries.T, mask)
        documents = weights.transpose(1, 2) @ states
        return (documents * self.weight).sum(dim=2) + self.bias

    def places(self, path):
        own = {f"{path}.{name}": ([getattr(self, name)], False) for name in ("queries", "weight", "bias")}
        return {f"{path}.projection": ([self.projection.weight], True)} | own


def encoder_config(settings, vocabulary, attention):
    settings = PRESETS.get(settings.get("preset"), {}) | settings
    # Here and not above: it takes seconds, and most models do without.
    from transformers import BertConfig

    return BertConfig(
        vocab_size=vocabulary,
        hidden_size=settings["hidden"],
        num_hidden_layers=settings["layers"],
        num_attention_heads=settings["heads"],
        intermediate_size=settings["intermediate"],
        max_position_embeddings=settings["positions"],
        hidden_dropout_prob=settings["dropout"],
        attention_probs_dropout_prob=settings["attention-dropout"],
        hidden_act="gelu",
        layer_norm_eps=settings.get("norm-epsilon", 1e-12),
        initializer_range=settings["initializer-range"],
        pad_token_id=PADDING,
        attn_implementation=attention,
    )


def encoder_places(bert):
    embeddings = bert.embeddings
    places = {
        "encoder.embeddings.word": ([embeddings.word_embeddings.weight], False),
        "encoder.embeddings.position": ([embeddings.position_embeddings.weight], False),
        "encoder.embeddings.token_type": ([embeddings.token_type_embeddings.weight], False),
    } | norm("encoder.embeddings.norm", embeddings.LayerNorm)
    for i, layer in enumerate(bert.encoder.layer):
        path, attention = f"encoder.layers.{i}", layer.attention
        own = attention.self
        places |= linear(f"{path}.query_key_value", own.query, own.key, own.value)
        places |= linear(f"{path}.attention_output", attention.output.dense)
        places |= norm(f"{path}.attention_norm", attention.output.LayerNorm)
        places |= linear(f"{path}.intermediate", layer.intermediate.dense)
        places |= linear(f"{path}.output", layer.output.dense)
        places |= norm(f"{path}.output_norm", layer.output.LayerNorm)
    return places | (linear("encoder.pooler", bert.pooler.dense) if bert.pooler is not None else {})


class CrossAttention(nn.Module):
    """PLM-CA's label cross-attention (Edin et al. 2024): keys and values of the states, a query for each label, then a norm
    and a linear layer that all labels share."""

    def __init__(self, codes, hidden):
        super().__init__()
        self.queries = nn.Parameter(torch.randn(codes, hidden) * 0.03)
        self.key = nn.Linear(hidden, hidden, bias=False)
        self.value = nn.Linear(hidden, hidden)
        self.norm = nn.LayerNorm(hidden)
        self.output = nn.Linear(hidden, 1)

    def forward(self, states, mask):
        """Logits from states `[note, position, hidden]`."""
        weights = masked_softmax(self.key(states) @ self.queries.T, mask)
        documents = weights.transpose(1, 2) @ self.value(states)
        return self.output(self.norm(documents)).squeeze(2)

    def places(self, path):
        own = {f"{path}.queries": ([self.queries], False), f"{path}.key": ([self.key.weight], True)}
        own |= linear(f"{path}.value", self.value) | norm(f"{path}.norm", self.norm)
        return own | linear(f"{path}.output", self.output)


class BertCoder(CodingModel):
    """A BERT encoder, with what its models do with [CLS] and [SEP]."""

    # Whether BERT gets a mask. In eager mode Hugging Face looks at it and drops one that masks nothing; a compiled
    # model cannot look, so whoever compiles says it here, by `full`.
    masked = True

    def __init__(self, settings, task, attention, pooler=False):
        super().__init__()
        config = encoder_config(settings["encoder"], task["vocabulary"], attention)
        from transformers import BertModel

        self.bert = BertModel(config, add_pooling_layer=pooler)
        self.positions, self.hidden = config.max_position_embeddings, config.hidden_size
        self.cls, self.separator = task.get("cls"), task.get("separator")

    def encode(self, tokens, lengths):
        """Encoder output over `[CLS] tokens [SEP]` of each row, padded to the width of `tokens` + 2."""
        rows, width = tokens.shape
        lengths = lengths.to(tokens.device)[:, None]
        ids = F.pad(tokens, (1, 1), value=PADDING)
        ids[:, 0] = self.cls
        ids = ids.scatter(1, lengths + 1, torch.full_like(lengths, self.separator))
        mask = torch.arange(width + 2, device=tokens.device) < lengths + 2
        return self.bert(input_ids=ids.masked_fill(~mask, PADDING), attention_mask=self.attention_mask(mask))

    def attention_mask(self, mask):
        return mask.long() if self.masked else None

    def full(self, lengths, width):
        """Whether no row that BERT reads of notes of these lengths, padded to `width`, has padding."""
        width, row = self.reads(width)
        return bool((lengths >= width).all()) and width % row == 0

    def reads(self, width):
        """Most tokens that are read of a note, and most of those in one row."""
        raise NotImplementedError

    def truncated(self, tokens, lengths):
        """The first tokens of each note, as many as there are positions beside [CLS] and [SEP]."""
        limit = self.positions - 2
        return tokens[:, :limit], lengths.clamp(max=limit)

    def places(self):
        return encoder_places(self.bert)


def runs(tokens, lengths, longest):
    """Every note cut in runs of `longest` tokens: ids and lengths, `[note * run, token]` and `[note * run]`.
    All notes have the same number of runs; those past a note's end have length 0."""
    notes, width = tokens.shape
    longest = min(longest, width)
    count = -(-width // longest)
    tokens = F.pad(tokens, (0, count * longest - width), value=PADDING).reshape(notes * count, longest)
    starts = torch.arange(count, device=lengths.device) * longest
    return tokens, (lengths[:, None] - starts).clamp(0, longest).flatten()
