#!/usr/bin/env python3
"""What a suite trains before its cells, as other programs train it: an engine beside `examples/stage_engine.rs`, which says what
settings and inputs these have.

    pip install torch transformers safetensors gensim

- `pretraining`: Hugging Face's `BertForPreTraining`, attention `sdpa`, fused AdamW on all parameters; a run is a step. Its mode
  `compiled` is torch.compile of the forward pass and the loss, of one shape.
- `word2vec`: gensim's `Word2Vec` on lists of words in memory; a run trains all vectors anew. Counting words, drawing the first
  vectors and making tables (`build_vocab`) are not timed.

`scripts/peers/stage_speed.py` asks it.
"""

import gc
import importlib.metadata
import math
import sys
import time

from pytorch import Failure, expect, finite, kilobytes, prepare_compiler, processor, reset_peak, serve

LIBRARIES = {"pretraining": ["torch", "transformers", "safetensors"], "word2vec": ["gensim", "safetensors"]}


class Engine:
    """One stage and what it reads, in answer to the questions."""

    def __init__(self):
        self.stage = None

    def about(self):
        def installed(name):
            try:
                return [f"{name} {importlib.metadata.version(name)}"]
            except importlib.metadata.PackageNotFoundError:
                return []

        names = ["torch", "transformers", "gensim"]
        version = ", ".join(word for name in names for word in installed(name))
        return {"engine": "stages", "version": version, "models": list(LIBRARIES), "modes": ["compiled"]}

    def load(self, **load):
        self.stage = None
        model = load["model"]
        expect("model", model, list(LIBRARIES))
        expect("device", load["device"], ["cpu"])
        expect("precision", load["precision"], ["f32"])
        expect("mode", load.get("mode"), [None, "compiled"] if model == "pretraining" else [None])
        try:
            [importlib.import_module(name) for name in LIBRARIES[model]]
        except ImportError as error:
            words = f"{error}. Try: {sys.executable} -m pip install {' '.join(LIBRARIES[model])}"
            raise Failure("unavailable", words) from error
        idle = kilobytes("VmRSS")
        self.stage = (Pretraining if model == "pretraining" else Word2Vec)(load)
        return {"parameters": self.stage.parameters, "machine": processor(), "idle_rss_bytes": idle}

    def logits(self, set):
        raise Failure("unsupported", "a stage has no logits")

    def run(self, kind, set):
        expect("kind", kind, ["step"])
        if self.stage is None:
            raise Failure("failed", "nothing is loaded; ask `load` first")
        if not 0 <= set < self.stage.sets:
            raise Failure("failed", f"set {set}: the inputs have {self.stage.sets}")
        return self.stage.run(set)

    def memory(self, reset):
        if reset:
            self.collect()
            reset_peak(None)
        return {"rss_bytes": kilobytes("VmRSS"), "peak_rss_bytes": kilobytes("VmHWM")}

    def collect(self):
        gc.collect()


class Pretraining:
    def __init__(self, load):
        import torch
        from safetensors.torch import load_file
        from transformers import BertConfig, BertForPreTraining

        torch.manual_seed(1)
        torch.set_num_threads(load["threads"])
        settings = load["settings"]
        expect("clip-norm", settings["clip-norm"], [0.0])
        expect("accumulate", settings["accumulate"], [1])
        expect("schedule", settings["schedule"], ["constant"])
        expect("objective, next-sentence", settings["objective"]["next-sentence"], [True])
        expect("optimiser", list(settings["optimiser"]), [["adamw"]])
        expect("optimiser, decay", settings["optimiser"]["adamw"]["decay"], ["all"])
        encoder, adamw = settings["encoder"], settings["optimiser"]["adamw"]
        config = BertConfig(
            vocab_size=load["task"]["vocabulary"], hidden_size=encoder["hidden"], num_hidden_layers=encoder["layers"],
            num_attention_heads=encoder["heads"], intermediate_size=encoder["intermediate"],
            max_position_embeddings=encoder["positions"], hidden_dropout_prob=encoder["dropout"],
            attention_probs_dropout_prob=encoder["attention-dropout"], initializer_range=encoder["initializer-range"],
            attn_implementation="sdpa",
        )
        self.model = BertForPreTraining(config).train()
        self.parameters = sum(parameter.numel() for parameter in self.model.parameters())
        self.optimiser = torch.optim.AdamW(
            self.model.parameters(), lr=settings["learning-rate"], betas=adamw["betas"], eps=adamw["epsilon"],
            weight_decay=adamw["weight-decay"], fused=True,
        )
        inputs = load_file(load["inputs"])
        # What is not to be predicted has -1 in the inputs, and -100 in Hugging Face.
        inputs["targets"][inputs["targets"] < 0] = -100
        names = {"input_ids": "tokens", "token_type_ids": "types", "labels": "targets", "next_sentence_label": "is-random-next"}
        self.sets = len(inputs["tokens"])
        self.batches = [{name: inputs[of][place].long() for name, of in names.items()} for place in range(self.sets)]
        self.loss = lambda batch: self.model(**batch).loss
        if load.get("mode") == "compiled":
            prepare_compiler(torch, cuda=False)
            self.loss = torch.compile(self.loss, dynamic=False, fullgraph=True)

    def run(self, set):
        started = time.perf_counter()
        self.optimiser.zero_grad(set_to_none=True)
        loss = self.loss(self.batches[set])
        loss.backward()
        self.optimiser.step()
        ran = {"loss": loss.item(), "seconds": time.perf_counter() - started}
        finite(math.isfinite(ran["loss"]), "losses")
        return ran


class Word2Vec:
    sets = 1

    def __init__(self, load):
        from safetensors.numpy import load_file

        inputs = load_file(load["inputs"])
        words = [str(word) for word in inputs["words"].tolist()]
        ends = inputs["ends"].tolist()
        self.texts = [words[begin:end] for begin, end in zip([0, *ends], ends)]
        self.settings, self.threads = load["settings"], load["threads"]
        expect("sigmoid", self.settings["sigmoid"], ["table"])
        model = self.made()
        predicting = (model.syn1neg,) if self.settings["negative"] else ()
        predicting += (model.syn1,) if self.settings["hierarchical-softmax"] else ()
        self.parameters = sum(vectors.size for vectors in (model.wv.vectors, *predicting))

    def made(self):
        import gensim

        settings = self.settings
        model = gensim.models.Word2Vec(
            vector_size=settings["dimension"], alpha=settings["alpha"], min_alpha=settings["min-alpha"],
            window=settings["window"], min_count=settings["min-count"], sample=settings["sample"], seed=settings["seed"],
            workers=self.threads, sg=int(settings["architecture"] == "skip-gram"), hs=int(settings["hierarchical-softmax"]),
            negative=settings["negative"], ns_exponent=settings["ns-exponent"], cbow_mean=int(settings["cbow-mean"]),
            epochs=settings["epochs"],
        )
        model.build_vocab(self.texts)
        return model

    def run(self, set):
        model = self.made()
        started = time.perf_counter()
        model.train(self.texts, total_examples=model.corpus_count, epochs=self.settings["epochs"])
        return {"seconds": time.perf_counter() - started}


if __name__ == "__main__":
    serve(Engine())
