"""LAAT: the batched model of `pytorch_models.py`, padded and masked."""

from .neural import neural_case


def laat_cases():
    def case(name, seed, **changes):
        settings = {"embedding": 5, "pretrained-embedding": False, "train-embedding": True, "hidden": 4}
        settings |= {"projection": 6, "dropout": 0.0, "label-block": 3, "attend-to-padding": False}
        return neural_case(name, seed, "laat", settings | changes)

    return {
        "trained-embedding": [case("trained", 470)],
        "frozen-embedding": [case("frozen", 471, **{"train-embedding": False})],
        "attend-to-padding": [case("attend to padding", 472, **{"attend-to-padding": True})],
    }
