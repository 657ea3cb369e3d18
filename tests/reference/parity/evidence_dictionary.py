"""The dictionary of evidence from its description, without any index: every entry is looked for in every note."""

import itertools
import math

import numpy as np
import torch

from .fixture import leaves, mean_cross_entropy, outcome

WORDS, CODES = 14, 5
# Token ids, columns of gold codes, marks as (code, places).
TRAINING = [
    ([3, 7, 1, 11, 7, 2], [0, 2], [(0, [1, 2]), (2, [3]), (0, [0, 4])]),
    ([9, 4, 7, 1, 6], [0, 1], [(1, [0, 1, 4]), (0, [2, 3])]),
    ([5, 7, 8, 1, 3], [3], [(3, [0])]),
    ([4, 9, 10, 6, 2, 2], [1, 3], [(1, [0, 1]), (3, [2, 3, 4, 5]), (1, [3])]),
    ([7, 1], [2], []),
]
NOTES = [[2, 7, 1, 11], [6, 9, 12, 4, 5], [13], [10, 6, 2, 2, 3, 1, 7], [1, 8, 8, 8, 8, 7]]
GOLD = [[0, 2], [1, 3], [], [3], [4]]


def evidence_dictionary_cases():
    plain = {"longest": 3, "bag": 3, "window": 2, "part": 2, "smoothing": [0.2, 1.5, 1.0], "part-weight": 0.3, "prior": 0.05}
    return {
        "fitted": [case("all forms", plain), case("as they stand and bags", plain | {"part": 0}), case("wide", plain | {"window": 9})],
        "trained": [case("moved shares", plain, moved=7)],
    }


def case(name, config, moved=None):
    entries = fitted(config)
    pairs = [(form, tokens, code, share) for (form, tokens), shares in entries for code, share in shares]
    strength = np.array([log_odds(share) for *_, share in pairs])
    if moved is not None:
        strength = strength + np.random.default_rng(moved).normal(size=len(pairs))
    # As many training notes as the task has, each code in one.
    prior = np.full(CODES, log_odds(config["prior"] / len(TRAINING)))
    parameters = leaves({"strength": strength, "prior": prior})
    rows = []
    for note in NOTES:
        hazard = torch.log1p(torch.exp(parameters["prior"]))
        for place, (form, tokens, code, _) in enumerate(pairs):
            if found(form, tokens, note, config):
                one = torch.zeros(CODES)
                one[code] = 1
                hazard = hazard + one * torch.log1p(torch.exp(parameters["strength"][place]))
        rows.append(torch.log(torch.expm1(hazard)))
    logits = torch.stack(rows)
    evidence = {
        "notes": [
            {"tokens": tokens, "codes": codes, "spans": [{"code": code, "places": places} for code, places in marks]}
            for tokens, codes, marks in TRAINING
        ]
    }
    task = {"codes": CODES, "vocabulary": WORDS, "training-notes": len(TRAINING), "evidence": evidence}
    inputs = {"row": max(map(len, NOTES)), "notes": NOTES, "gold": GOLD}
    model = {"evidence_dictionary": config}
    return {"name": name, "model": model, "task": task} | inputs | outcome(parameters, logits, mean_cross_entropy(logits, GOLD))


def fitted(config):
    """Entries in the order of their form and tokens, each with its codes and their shares."""
    wanted = {}
    for tokens, _, marks in TRAINING:
        for code, places in marks:
            span = [tokens[place] for place in places]
            bag = sorted(set(span))
            forms = []
            if len(span) <= config["longest"]:
                forms.append((0, tuple(span)))
            if len(bag) <= config["bag"]:
                forms.append((1, tuple(bag)))
            for size in range(1, config["part"] + 1):
                forms += [(2, part) for part in itertools.combinations(bag, size) if len(part) < len(bag)]
            for form in forms:
                wanted.setdefault(form, set()).add(code)
    entries = []
    for (form, tokens), codes in sorted(wanted.items()):
        having = [gold for note, gold, _ in TRAINING if found(form, tokens, note, config)]
        weight = config["part-weight"] if form == 2 else 1.0
        shares = [(code, weight * sum(code in gold for gold in having) / (len(having) + config["smoothing"][form])) for code in sorted(codes)]
        entries.append(((form, tokens), [(code, share) for code, share in shares if share > 0]))
    return entries


def found(form, tokens, note, config):
    if form == 0:
        return any(tuple(note[start : start + len(tokens)]) == tokens for start in range(len(note)))
    # The token in the fewest training notes, of equals the least, has all others within the window of one of its places.
    rarest = min(tokens, key=lambda token: (sum(token in text for text, *_ in TRAINING), token))
    return any(
        all(
            any(other == token and abs(place - at) <= config["window"] for at, other in enumerate(note))
            for token in tokens
        )
        for place, here in enumerate(note)
        if here == rarest
    )


def log_odds(share):
    return math.log(share / (1 - share))
