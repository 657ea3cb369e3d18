#!/usr/bin/env python3
"""An engine in plain Python: logistic regression on counts of words. How to write one of your own.

    icdbench verify --engines burn,scripts/engines/example.py --models logistic_regression

An engine reads a question a line from its standard input and writes an answer a line to its standard output, both JSON;
src/bench/protocol.rs has every question and answer. What it cannot do it answers with an error of kind `unsupported`.
"""

import json
import math
import resource
import struct
import sys
import time
from collections import Counter

SIZES = {"F32": ("f", 4), "I32": ("i", 4), "U8": ("B", 1)}


class Unsupported(Exception):
    """What this engine does not have."""


class Engine:
    def about(self, _):
        version = "Python " + sys.version.split()[0]
        return {"engine": "example", "version": version, "models": ["logistic_regression"], "modes": []}

    def load(self, ask):
        expected = {"model": "logistic_regression", "device": "cpu", "precision": "f32"}
        for key, value in expected.items():
            if ask[key] != value:
                raise Unsupported(f"{key} = {ask[key]!r}: this engine has {value!r} only")
        if (features := ask["settings"]["features"]) != "counts":
            raise Unsupported(f"features = {features!r}: this engine has 'counts' only")
        self.codes = ask["codes"]
        vocabulary = ask["task"]["vocabulary"]
        weights = tensors(ask["weights"]) if ask.get("weights") else {}
        self.weight = weights.get("weight", [0.0] * vocabulary * self.codes)
        self.bias = weights.get("bias", [0.0] * self.codes)
        inputs = tensors(ask["inputs"])
        self.notes = cut(inputs["tokens"], inputs["lengths"], ask["length"])
        self.sets = inputs["sets"]
        return {"parameters": len(self.weight) + len(self.bias), "machine": "CPU"}

    def logits(self, ask):
        return {"logits": [self.note(words) for words in self.set(ask)]}

    def run(self, ask):
        if ask["kind"] != "inference":
            raise Unsupported("this engine does not train")
        start = time.perf_counter()
        for words in self.set(ask):
            [1 / (1 + math.exp(-logit)) for logit in self.note(words)]
        return {"seconds": time.perf_counter() - start}

    def memory(self, _):
        return {"peak_rss_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}

    def set(self, ask):
        size = len(self.notes) // self.sets
        return self.notes[ask["set"] * size :][:size]

    def note(self, words):
        logits = list(self.bias)
        for word, count in Counter(words).items():
            row = self.weight[word * self.codes :][: self.codes]
            logits = [logit + count * weight for logit, weight in zip(logits, row)]
        return logits


def tensors(path):
    """The numbers of a file in the format safetensors, and how many sets it has."""
    with open(path, "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        data = file.read()
    found = {}
    for name, tensor in header.items():
        if name != "__metadata__":
            letter, size = SIZES[tensor["dtype"]]
            start, end = tensor["data_offsets"]
            found[name] = struct.unpack(f"<{(end - start) // size}{letter}", data[start:end])
    if "tokens" in header:
        found["sets"] = header["tokens"]["shape"][0]
    return found


def cut(tokens, lengths, width):
    """Each note without what fills its row up."""
    return [tokens[row * width :][:length] for row, length in enumerate(lengths)]


def main():
    engine = Engine()
    for line in sys.stdin:
        ask = json.loads(line)
        try:
            # JSON has no NaN: what is not finite is an error.
            answer = json.dumps(getattr(engine, ask["ask"])(ask), allow_nan=False)
        except Unsupported as what:
            answer = json.dumps({"error": {"kind": "unsupported", "words": str(what)}})
        except Exception as what:  # The parent says what becomes of it.
            answer = json.dumps({"error": {"kind": "failed", "words": f"{type(what).__name__}: {what}"}})
        print(answer, flush=True)


if __name__ == "__main__":
    main()
