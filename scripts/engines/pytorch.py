#!/usr/bin/env python3
"""PyTorch as an engine of icdbench: JSON lines on stdin and stdout, as `src/bench/protocol.rs` describes them.

    pip install torch transformers safetensors
    python3 scripts/engines/pytorch.py <<'END'
    {"ask": "load", "model": "caml", "settings": {"embedding": 100, "filters": 50, "width": 10, "dropout": 0.2, "attend-to-padding": false, "description-weight": 0.0}, "task": {"vocabulary": 50000}, "codes": 50, "length": 512, "device": "cpu", "precision": "f32", "mode": "compiled", "threads": 2, "inputs": "inputs.safetensors"}
    {"ask": "run", "kind": "step", "set": 0}
    {"ask": "memory", "reset": false}
    END

The models are those of `tests/reference/pytorch_models.py` and what it imports: beside this file or two folders up.

A mode is made of these words, joined by `-`. Without any it is what most users run: eager, Hugging Face's
attention `sdpa`, PyTorch's own choice of AdamW.

    compiled    torch.compile of the forward pass and of the loss, for one shape (all sets are padded to the
                longest note of all), and fused AdamW. BERT goes without a mask where no row has padding, which it
                does by itself in eager mode. `nn.GRU`, `nn.LSTM` and the sum of a bag's rows stay as they are.
    graphs      with `compiled`, on a GPU: CUDA graphs (torch.compile's `reduce-overhead`)
    bf16        autocast in bfloat16 whatever the precision, and fused AdamW
    tf32        on a GPU: matrix products of f32 in TF32, which is off otherwise
"""

import gc
import importlib.metadata
import json
import math
import os
import pathlib
import shutil
import sys
import sysconfig
import time
import traceback

HERE = pathlib.Path(__file__).resolve().parent
MODES = ["compiled", "bf16", "compiled-bf16", "compiled-graphs", "compiled-graphs-bf16"]
MODES += ["tf32", "compiled-tf32", "compiled-graphs-tf32"]
RATE = {"lr": 1e-4, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0.01}
# Models that look at the notes' lengths on the host.
HOST_LENGTHS = {"bigru_attention", "laat", "logistic_regression"}
NO_MEMORY = ["out of memory", "can't allocate", "cannot allocate", "std::bad_alloc", "alloc_failed"]
NO_MEMORY += ["resource temporarily unavailable"]

# What a suite may set for each model; what is icdbench's own, such as the label block, changes nothing here.
ENCODER = {"preset", "layers", "hidden", "heads", "intermediate", "positions", "dropout", "attention-dropout"}
ENCODER |= {"initializer-range", "norm-epsilon"}
SETTINGS = {
    "logistic_regression": {"features", "unit-length", "penalty"},
    "bigru_attention": {"embedding", "pretrained-embedding", "train-embedding", "hidden", "heads", "dropout"},
    "laat": {"embedding", "pretrained-embedding", "train-embedding", "hidden", "projection", "dropout", "label-block"}
    | {"attend-to-padding"},
    "caml": {"embedding", "pretrained-embedding", "filters", "width", "dropout", "label-block"}
    | {"attend-to-padding", "description-weight"},
    "cnn": {"embedding", "pretrained-embedding", "train-embedding", "filters", "width", "dropout", "read-padding"},
    "multi_res_cnn": {"embedding", "pretrained-embedding", "train-embedding", "widths", "blocks", "dropout"}
    | {"label-block", "read-padding"},
    "bert_trun": {"encoder", "pooler", "classifier-dropout", "head"},
    "bert_hier": {"encoder", "segment", "segment-layer", "pooling", "classifier-dropout", "head"},
    "bert_xml": {"encoder", "long-notes", "label-vectors", "hidden", "label-block"},
    "long_bert": {"encoder", "segment", "overlap", "label-block"},
    "plm_icd": {"encoder", "chunk", "head"},
}
VALUES = {"pooling": ["mean", "max"], "long-notes": ["whole", "split", "truncate"]}


class Failure(Exception):
    """An answer that is none; `kind` as the protocol names it."""

    def __init__(self, kind, words):
        super().__init__(words)
        self.kind, self.words = kind, words


def main():
    serve(Engine())


def serve(engine):
    """Answers until there are no more questions."""
    # Whatever libraries print goes to stderr, and so does what the compilers that they call print.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        print(json.dumps(answer(engine, line)), file=answers, flush=True)


def answer(engine, line):
    try:
        question = json.loads(line)
        ask = question.pop("ask", None)
        if ask not in ("about", "load", "logits", "run", "memory"):
            raise Failure("unsupported", f"found the question {ask!r}; expected about, load, logits, run or memory")
        return getattr(engine, ask)(**question)
    except Exception as error:
        failure = failure_of(error)
    # The traceback, and with it what the failed function held, is gone only here.
    engine.collect()
    return {"error": failure}


def failure_of(error):
    if isinstance(error, Failure):
        return {"kind": error.kind, "words": error.words}
    traceback.print_exc()
    lines = str(error).strip().splitlines() or [""]
    words = f"{type(error).__name__}: {lines[0]}"
    kinds = {kind.__name__ for kind in type(error).__mro__}
    lacking = any(sign in str(error).lower() for sign in NO_MEMORY)
    without = lacking or kinds & {"MemoryError", "OutOfMemoryError"}
    return {"kind": "out-of-memory" if without else "failed", "words": words}


class Engine:
    """One model and what it reads, in answer to the questions."""

    def __init__(self):
        self.job = None

    def about(self):
        torch, _ = libraries()
        version = f"torch {torch.__version__}, transformers {importlib.metadata.version('transformers')}"
        return {"engine": "pytorch", "version": version, "models": list(SETTINGS), "modes": MODES}

    def load(self, **load):
        torch, build_and_load = libraries()
        check(load)
        self.job = None
        self.job = Job(torch, *build_and_load, load)
        return self.job.loaded

    def loaded_job(self):
        if self.job is None:
            raise Failure("failed", "no model is loaded; ask `load` first")
        return self.job

    def logits(self, set):
        logits = self.loaded_job().logits(set)
        finite(math.isfinite(logits.sum().item()), "logits")
        return {"logits": logits.tolist()}

    def run(self, kind, set):
        if kind not in ("inference", "step"):
            raise Failure("unsupported", f"found the kind {kind!r}; expected inference or step")
        job = self.loaded_job()
        return job.infer(set) if kind == "inference" else job.step(set)

    def memory(self, reset):
        if reset:
            self.collect()
            reset_peak(self.job)
        held = {"rss_bytes": kilobytes("VmRSS"), "peak_rss_bytes": kilobytes("VmHWM")}
        if self.job and self.job.cuda:
            cuda, device = self.job.torch.cuda, self.job.device
            held["device_bytes"] = cuda.memory_reserved(device)
            held["peak_device_bytes"] = cuda.max_memory_reserved(device)
        return held

    def collect(self):
        if self.job:
            self.job.model.zero_grad(set_to_none=True)
        gc.collect()
        if self.job and self.job.cuda:
            self.job.torch.cuda.empty_cache()


def libraries():
    """PyTorch, and the models' `build` and `load`. transformers must be there, and is loaded by the models that need it: that
    takes seconds."""
    try:
        import safetensors.torch  # noqa: F401
        import torch

        importlib.metadata.version("transformers")
    except ImportError as error:
        words = f"{error}. Try: {sys.executable} -m pip install torch transformers safetensors"
        raise Failure("unavailable", words) from error
    folder = HERE if (HERE / "pytorch_models.py").is_file() else HERE.parents[1] / "tests" / "reference"
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    from pytorch_models import build
    from pytorch_parts import load

    return torch, (build, load)


def check(load):
    """Refuses what this engine does not have."""
    model, settings, precision, mode = load["model"], load["settings"], load["precision"], load.get("mode")
    kind = load["device"].split(":")[0]
    expect("model", model, list(SETTINGS))
    expect("device", kind, ["cpu", "cuda"])
    expect("precision", precision, ["f32", "bf16"])
    if mode is not None:
        expect("mode", mode, MODES)
    words = (mode or "").split("-")
    if kind == "cpu" and (found := {"graphs", "tf32"} & {*words}):
        raise Failure("unsupported", f"mode {mode}: {found.pop()} needs a GPU, the device is {load['device']}")
    if precision == "bf16" and "tf32" in words:
        raise Failure("unsupported", f"mode {mode}: TF32 is a way to compute in f32, the precision is bf16")
    # Zero is icdbench's way of going without this term.
    names = settings.keys() - ({"evidence-weight"} if not settings.get("evidence-weight") else set())
    unknown = names - SETTINGS[model] | {*settings.get("encoder", {})} - ENCODER
    if unknown:
        raise Failure("unsupported", f"{model}: PyTorch has no {', '.join(sorted(unknown))} here; leave it out")
    for name in VALUES.keys() & names:
        expect(f"{model}, {name}", settings[name], VALUES[name])


def expect(what, found, expected):
    if found not in expected:
        raise Failure("unsupported", f"{what}: found {found!r}; expected one of {expected}")


def finite(holds, what):
    if not holds:
        raise Failure("failed", f"the {what} are not finite")


class Job:
    """A model made ready, and the sets that it reads."""

    def __init__(self, torch, build, load, asked):
        words = {*(asked.get("mode") or "").split("-")}
        self.torch, self.name = torch, asked["model"]
        self.device = torch.device(asked["device"])
        self.cuda = self.device.type == "cuda"
        if self.cuda and self.device.index is None:
            self.device = torch.device("cuda", 0)
        self.compiled, self.fused = "compiled" in words, bool(words & {"compiled", "bf16"})
        self.bf16 = asked["precision"] == "bf16" or "bf16" in words
        if self.cuda and not torch.cuda.is_available():
            raise Failure("unavailable", "PyTorch finds no CUDA device here; look at nvidia-smi and the wheel's CUDA")
        if self.cuda and self.device.index >= torch.cuda.device_count():
            raise Failure("unavailable", f"no {asked['device']}: PyTorch finds {torch.cuda.device_count()} devices")
        if self.compiled:
            prepare_compiler(torch, self.cuda)
        # Before the limit of memory, which counts from here.
        self.loaded = {"machine": torch.cuda.get_device_name(self.device) if self.cuda else processor()}
        if not self.cuda:
            self.loaded["idle_rss_bytes"] = kilobytes("VmRSS")
        prepare(torch, asked, "tf32" in words, self.device if self.cuda else None)
        self.model = made(build, asked)
        if asked.get("weights"):
            load(self.model, read(asked["weights"]))
        self.model.to(self.device)
        self.loaded["parameters"] = sum(parameter.numel() for parameter in self.model.parameters())
        self.sets = self.read_sets(asked)
        self.optimiser = None
        self.forward, self.loss = self.model.forward, self.model.loss
        if self.compiled:
            self.compile("graphs" in words, asked["settings"])

    def compile(self, graphs, settings):
        # A graph break is an error where none is meant: the two models that keep a part out of it, and notes of which
        # some have fewer chunks than others.
        breaks = self.name in HOST_LENGTHS or settings.get("long-notes") == "split"
        how = {"dynamic": False, "fullgraph": not breaks, "mode": "reduce-overhead" if graphs else None}
        self.forward = self.torch.compile(self.model.forward, **how)
        self.loss = self.torch.compile(self.model.loss, **how)

    def read_sets(self, asked):
        """Of each set, as a data loader hands it over: tokens, lengths and targets, and whether BERT needs a mask."""
        torch, found = self.torch, read(asked["inputs"])
        try:
            tokens, lengths, targets = (found[name] for name in ("tokens", "lengths", "targets"))
        except KeyError as error:
            raise Failure("failed", f"{asked['inputs']}: no {error}; found {sorted(found)}") from error
        sets, notes, width = tokens.shape
        shapes = [(*tokens.shape,), (*lengths.shape,), (*targets.shape,)]
        expected = [(sets, notes, asked["length"]), (sets, notes), (sets, notes, asked["codes"])]
        if shapes != expected:
            raise Failure("failed", f"{asked['inputs']}: found {shapes}, expected {expected}")
        # Eager PyTorch cuts each batch at its longest note; one shape for all is compiled once.
        widths = [int(lengths.max())] * sets if self.compiled else lengths.amax(dim=1).tolist()
        return [self.one_set(tokens[i], lengths[i], targets[i], widths[i]) for i in range(sets)]

    def one_set(self, tokens, lengths, targets, width):
        lengths = lengths.long()
        batch = tokens[:, :width].long().contiguous(), lengths, targets.float()
        if self.cuda:
            batch = tuple(tensor.pin_memory() for tensor in batch)
        masked = not (self.compiled and hasattr(self.model, "full") and self.model.full(lengths, width))
        return batch, masked

    def batch(self, number):
        (tokens, lengths, targets), _ = self.sets[number]
        if self.cuda:
            tokens, targets = (tensor.to(self.device, non_blocking=True) for tensor in (tokens, targets))
            if self.name not in HOST_LENGTHS:
                lengths = lengths.to(self.device, non_blocking=True)
        return tokens, lengths, targets

    def ready(self, number, training):
        """Sets the model up for a run of the set, with the device at rest."""
        if not 0 <= number < len(self.sets):
            raise Failure("failed", f"no set {number}: the inputs hold {len(self.sets)}")
        if self.model.training != training:
            self.model.train(training)
        if hasattr(self.model, "masked"):
            self.model.masked = self.sets[number][1]
        if training and self.optimiser is None:
            trained = [parameter for parameter in self.model.parameters() if parameter.requires_grad]
            self.optimiser = self.torch.optim.AdamW(trained, **RATE, fused=self.fused or None)
        if self.cuda:
            self.torch.compiler.cudagraph_mark_step_begin()
            self.torch.cuda.synchronize(self.device)

    def autocast(self):
        return self.torch.autocast(self.device.type, dtype=self.torch.bfloat16, enabled=self.bf16)

    def logits(self, number):
        self.ready(number, training=False)
        tokens, lengths, _ = self.batch(number)
        with self.torch.inference_mode(), self.autocast():
            return self.forward(tokens, lengths).float().cpu()

    def infer(self, number):
        self.ready(number, training=False)
        clock = Clock(self.torch, self.cuda)
        with self.torch.inference_mode():
            tokens, lengths, _ = self.batch(number)
            clock.end("data")
            with self.autocast():
                logits = self.forward(tokens, lengths)
            probabilities = self.torch.sigmoid(logits.float())
            clock.end("forward")
            probabilities = probabilities.cpu()
        ran = clock.read()
        finite(math.isfinite(probabilities.sum().item()), "probabilities")
        return ran

    def step(self, number):
        self.ready(number, training=True)
        clock = Clock(self.torch, self.cuda)
        batch = self.batch(number)
        clock.end("data")
        with self.autocast():
            loss = self.loss(*batch)
        clock.end("forward")
        loss.backward()
        clock.end("backward")
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        clock.end("optimiser")
        loss = loss.item()
        ran = clock.read()
        if not math.isfinite(loss):
            raise Failure("failed", f"the loss is {loss}")
        return ran | {"loss": loss}


class Clock:
    """Seconds from its making to `read`, and of the parts that end between. On a GPU the parts are told by events, for
    which nothing waits."""

    def __init__(self, torch, cuda):
        self.torch, self.cuda, self.ends = torch, cuda, []
        self.start = time.perf_counter()
        self.end(None)

    def end(self, part):
        if self.cuda:
            mark = self.torch.cuda.Event(enable_timing=True)
            mark.record()
        else:
            mark = time.perf_counter()
        self.ends.append((part, mark))

    def read(self):
        """What was run must be on the host: then the GPU has nothing left to do."""
        seconds = time.perf_counter() - self.start
        pairs = zip(self.ends, self.ends[1:])
        return {"seconds": seconds, "parts": {part: self.between(a, b) for (_, a), (part, b) in pairs}}

    def between(self, a, b):
        return a.elapsed_time(b) / 1000 if self.cuda else b - a


def made(build, asked):
    """The model with random weights; settings that it cannot have are told."""
    try:
        return build(asked["model"], asked["settings"], asked["task"] | {"codes": asked["codes"]})
    except KeyError as error:
        raise Failure("unsupported", f"{asked['model']}: the setting {error} is missing") from error
    except ValueError as error:
        raise Failure("unsupported", f"{asked['model']}: {error}") from error


def read(file):
    from safetensors.torch import load_file

    return load_file(file)


def prepare(torch, asked, tf32, cuda_device):
    """Seed, threads, precision and the limit of memory."""
    torch.manual_seed(1)
    torch.set_num_threads(asked["threads"])
    torch.backends.cuda.matmul.allow_tf32 = tf32
    torch.backends.cudnn.allow_tf32 = tf32
    if cuda_device is not None:
        torch.cuda.set_device(cuda_device)
        if asked.get("max_bytes"):
            total = torch.cuda.get_device_properties(cuda_device).total_memory
            torch.cuda.set_per_process_memory_fraction(min(1.0, asked["max_bytes"] / total), cuda_device)
        return
    import resource

    allowed = asked.get("max_bytes") or kilobytes("MemAvailable", "/proc/meminfo") * 9 // 10
    # Private writable memory is limited, not addresses: PyTorch's libraries take many of those and few pages.
    limit = kilobytes("VmData") + max(0, allowed - kilobytes("VmRSS"))
    hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
    resource.setrlimit(resource.RLIMIT_DATA, (limit if hard < 0 else min(limit, hard), hard))


def prepare_compiler(torch, cuda):
    """Loads what torch.compile needs, or says what of it is missing."""
    import torch._dynamo
    import torch._inductor.compile_fx  # noqa: F401
    from torch._inductor.cpp_builder import get_cpp_compiler

    torch._dynamo.reset()
    # A model that is compiled anew too often would silently run in eager mode.
    torch._dynamo.config.recompile_limit = 32
    torch._dynamo.config.fail_on_recompile_limit_hit = True
    if not cuda:
        # Else processes that are kept for compiling share the processor with what is timed.
        torch._inductor.config.compile_threads = 1
    try:
        get_cpp_compiler()
    except RuntimeError as error:
        raise Failure("unavailable", f"torch.compile: no C++ compiler ({error}); install g++ or set CXX") from error
    if not (pathlib.Path(sysconfig.get_paths()["include"]) / "Python.h").is_file():
        raise Failure("unavailable", "torch.compile: Python.h is missing; install Python's headers (python3-dev)")
    if cuda and not (os.environ.get("CC") or shutil.which("gcc") or shutil.which("clang")):
        raise Failure("unavailable", "torch.compile: Triton needs a C compiler; install gcc or set CC")


def reset_peak(job):
    """Gives free memory back, and counts the peaks from here on."""
    import ctypes

    if job and job.cuda:
        job.torch.cuda.reset_peak_memory_stats(job.device)
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except AttributeError:
        pass  # Not glibc.
    pathlib.Path("/proc/self/clear_refs").write_text("5")


def kilobytes(key, file="/proc/self/status"):
    """A line of `status` or `meminfo`, in bytes."""
    with open(file) as lines:
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(key + ":"))


def processor():
    with open("/proc/cpuinfo") as lines:
        return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown CPU")


if __name__ == "__main__":
    main()
