#!/usr/bin/env python3
"""Writes a module description (docs/module-description.md) of a PyTorch model: what Quern's rules can see besides names.

usage: describe_model.py [-o FILE] [--example-inputs PACKAGE.MODULE:NAME] PACKAGE.MODULE:NAME

NAME is a model or a function that returns one; the example inputs are a tuple, or a function that returns one. With them
one forward pass is run and the ops it executes are described too. As a library: `describe(model, example_inputs)` gives the
description as a dictionary. Only tracing imports torch.
"""
import argparse
import importlib
import json
import os
import sys

# torch's dtypes by the names safetensors has for them; a tensor of any other dtype is described without one.
DTYPES = {"bool": "BOOL", "uint8": "U8", "int8": "I8", "int16": "I16", "uint16": "U16", "int32": "I32", "uint32": "U32", "int64": "I64",
          "uint64": "U64", "float16": "F16", "bfloat16": "BF16", "float32": "F32", "float64": "F64", "complex64": "C64",
          "float8_e4m3fn": "F8_E4M3", "float8_e5m2": "F8_E5M2", "float8_e8m0fnu": "F8_E8M0", "float8_e4m3fnuz": "F8_E4M3FNUZ",
          "float8_e5m2fnuz": "F8_E5M2FNUZ"}

# Functions whose executions are op occurrences, with the tensor arguments of those that have states, in schema order.
WEIGHTED = ("input", "weight", "bias")
OPS = {**{f"conv{d}d": WEIGHTED for d in (1, 2, 3)}, **{f"conv_transpose{d}d": WEIGHTED for d in (1, 2, 3)}, "linear": WEIGHTED,
       "embedding": ("input", "weight"), "max_pool2d": (), "adaptive_avg_pool2d": (), "add": (), "matmul": (), "mul": (), "sub": ()}


# ---- classes ----
def spellings(cls):
    """Every dotted name that leads to the class: module.qualname, then through each package above it."""
    names = [f"{cls.__module__}.{cls.__qualname__}"]
    package = cls.__module__
    while "." in package:
        package = package.rpartition(".")[0]
        found = sys.modules.get(package)
        for part in cls.__qualname__.split("."):
            found = getattr(found, part, None)
        if found is cls:
            names.append(f"{package}.{cls.__qualname__}")
    return names


def base_spellings(cls):
    """Of every base in method resolution order, `object` apart, each once; those of the class itself are not repeated."""
    own = set(spellings(cls))
    bases = [name for base in cls.__mro__[1:] if base is not object for name in spellings(base)]
    return [name for name in dict.fromkeys(bases) if name not in own]


def has_base(cls, name):
    """By name, so that FastForward need not be installed."""
    return any(base.__name__ == name for base in cls.__mro__)


# ---- quantizers: FastForward's classes, known by their names ----
def plain_members(metadata):
    """What of the metadata JSON can hold, besides the tags."""
    members = {}
    for key, value in sorted(vars(metadata).items()):
        if key.startswith("_") or key == "tags":
            continue
        value = list(value) if isinstance(value, (tuple, list)) else value
        try:
            json.dumps(value)
        except (TypeError, ValueError):
            continue
        members[key] = value
    return members


def describe_quantizer(module, row):
    """Adds what FastForward says of a module: flags, the quantizer's tags, and what of its metadata JSON can hold. Versions keep
    the tags as `tags` (a method or a collection) or `_tags`; a tag is a symbol or its text."""
    if has_base(type(module), "QuantizerStub"):
        row["stub"] = True
    if has_base(type(module), "Quantizer") or has_base(type(module), "QuantizerStub"):
        row["quantizer"] = True
    if has_base(type(module), "QuantizedModule"):
        row["quantized_module"] = True
    metadata = getattr(module, "quant_metadata", None)
    if metadata is None or "quantizer" not in row:
        return
    tags = getattr(metadata, "tags", None)
    if tags is None:
        tags = getattr(metadata, "_tags", ())
    row["tags"] = sorted(str(getattr(tag, "symbol", tag)) for tag in (tags() if callable(tags) else tags))
    members = plain_members(metadata)
    if members:
        row["metadata"] = members


# ---- modules ----
def storage_of(tensor):
    """Equal for tensors that are one: the same object, or the same memory in the same shape."""
    try:
        if tensor.numel() and tensor.data_ptr():
            return tensor.data_ptr(), tuple(tensor.shape), str(tensor.dtype), tuple(tensor.stride())
    except Exception:  # tensors without storage say so in many ways
        pass
    return id(tensor)


def describe_tensor(name, full_name, tensor, seen):
    """A parameter or buffer. seen: storages met so far, by their first full name; a later one is tied to that."""
    row = {"name": name}
    dtype = DTYPES.get(str(tensor.dtype).rpartition(".")[2])
    if dtype:
        row["dtype"] = dtype
    row["shape"] = [int(n) for n in tensor.shape]
    first = seen.setdefault(storage_of(tensor), full_name)
    if first != full_name:
        row["tied"] = first
    return row


def describe_module(path, aliases, module, seen):
    """One record of "modules". Parameters and buffers are the module's own, those of its children are in their records."""
    row = {"path": path}
    if aliases:
        row["aliases"] = aliases
    row["class"] = spellings(type(module))
    row["bases"] = base_spellings(type(module))
    describe_quantizer(module, row)
    for key, members in (("parameters", module._parameters), ("buffers", module._buffers)):
        rows = [describe_tensor(name, f"{path}.{name}" if path else name, tensor, seen)
                for name, tensor in members.items() if tensor is not None]
        if rows:
            row[key] = rows
    return row


def list_modules(model):
    """[(module, [paths])] in the order of named_modules(); the first path is the one named_modules() gives."""
    found = {}
    for path, module in model.named_modules(remove_duplicate=False):
        found.setdefault(id(module), (module, []))[1].append(path)
    return list(found.values())


def describe(model, example_inputs=None):
    """The description of a model as a dictionary; with example inputs (a tuple) its op occurrences and boundaries too."""
    seen = {}
    description = {"format": "quern-modules", "version": 1,
                   "modules": [describe_module(paths[0], paths[1:], module, seen) for module, paths in list_modules(model)]}
    if example_inputs is not None:
        description.update(trace(model, example_inputs))
    return description


# ---- ops ----
class Trace:
    """One forward pass: which function ran in which module on which tensors."""

    def __init__(self, model):
        self.paths = {id(module): paths[0] for module, paths in list_modules(model)}
        self.states = {}
        for module, paths in list_modules(model):
            for name, tensor in [*module._parameters.items(), *module._buffers.items()]:
                if tensor is not None:
                    self.states.setdefault(id(tensor), (f"{paths[0]}.{name}" if paths[0] else name, name))
        self.stack = []      # (path, its boundary if this is the module's first forward) of the modules that are running
        self.called = set()  # ids of modules whose first forward has begun
        self.tensors = {}    # (id, version) -> name
        self.kept = []       # an id is one tensor's as long as the tensor lives
        self.calls = {}      # (path, function) -> calls so far
        self.nodes = {}      # function -> calls so far in the whole model
        self.ops, self.boundaries = [], []

    def name(self, tensor):
        """An activation's name: one for each object and version, since writing in place makes another value of it."""
        key = id(tensor), tensor._version
        if key not in self.tensors:
            self.tensors[key] = f"t{len(self.tensors)}"
            self.kept.append(tensor)
        return self.tensors[key]

    def names(self, value, is_tensor):
        """Of the tensors in nested tuples, lists and dictionaries, in order."""
        if is_tensor(value):
            return [self.name(value)]
        if isinstance(value, (tuple, list)):
            return [name for item in value for name in self.names(item, is_tensor)]
        return [name for item in value.values() for name in self.names(item, is_tensor)] if isinstance(value, dict) else []

    def value(self, tensor, index, argument):
        """A record of an op's inputs or outputs: a state by its full name, anything else as an activation."""
        row = {"index": index}
        state = self.states.get(id(tensor))
        if state:
            row["state"], row["name"] = state[0], argument or state[1]
        else:
            row["tensor"] = self.name(tensor)
        dtype = DTYPES.get(str(tensor.dtype).rpartition(".")[2])
        if dtype:
            row["dtype"] = dtype
        row["shape"] = [int(n) for n in tensor.shape]
        return row

    def record(self, function, arguments, run, is_tensor):
        """Runs the function; what it reads is named before, since it may write in place. Its eager name counts the calls of one
        function in one module, and is given in the module's first forward alone: later ones run the same ops again."""
        kind, (path, first_boundary) = function.rstrip("_"), self.stack[-1]
        order = OPS[kind]
        row = {"owner": path, "type": kind, "graph_name": self.number(self.nodes, function, function)}
        if first_boundary:
            prefix = f"{path}." if path else ""
            row["eager_name"] = self.number(self.calls, (path, function), prefix + function)
        row["inputs"] = [self.value(tensor, i, order[i] if i < len(order) else None) for i, tensor in enumerate(arguments) if is_tensor(tensor)]
        self.ops.append(row)
        result = run()
        outputs = result if isinstance(result, (tuple, list)) else [result]
        row["outputs"] = [self.value(tensor, i, None) for i, tensor in enumerate(outputs) if is_tensor(tensor)]
        return result

    @staticmethod
    def number(counts, key, name):
        """name, name_1, name_2 …"""
        count = counts.get(key, 0)
        counts[key] = count + 1
        return f"{name}_{count}" if count else name


def normalise(function, module, args, kwargs):
    """The arguments in schema order. torch.embedding has the weight first, torch.nn.functional.embedding the input."""
    values = [*args]
    order = OPS[function.rstrip("_")] or ("input", "other")
    if function == "embedding" and module == "torch":
        values[:2] = reversed(values[:2])
    for name in order[len(values):]:
        if name in kwargs:
            values += [None] * (order.index(name) - len(values)) + [kwargs[name]]
    return values


def trace(model, example_inputs):
    """Runs model(*example_inputs) once and gives {"ops": …, "boundaries": …}. Each function that torch dispatches counts
    where Python calls it, not what it calls itself."""
    import torch
    from torch.overrides import TorchFunctionMode
    state, is_tensor, handles = Trace(model), lambda value: isinstance(value, torch.Tensor), []

    # Functions that are no ops, or read no tensor, run as they are; so does what an op calls: torch leaves the mode meanwhile.
    class Mode(TorchFunctionMode):
        def __torch_function__(self, func, types, args=(), kwargs=None):
            kwargs, name = kwargs or {}, getattr(func, "__name__", "")
            run = lambda: func(*args, **kwargs)
            values = [*args, *kwargs.values()]
            if name.rstrip("_") not in OPS or name.startswith("_") or not state.stack or not any(map(is_tensor, values)):
                return run()
            return state.record(name, normalise(name, getattr(func, "__module__", None), args, kwargs), run, is_tensor)

    # A module's boundary is that of its first forward. Keyword arguments are not seen by these hooks.
    def enter(module, args):
        path, boundary = state.paths[id(module)], None
        if id(module) not in state.called:
            boundary = {"module": path, "inputs": state.names(args, is_tensor), "outputs": []}
            state.boundaries.append(boundary)
        state.called.add(id(module))
        state.stack.append((path, boundary))

    def leave(module, args, result):
        boundary = state.stack.pop()[1]
        if boundary:
            boundary["outputs"] = state.names(result, is_tensor)

    for module in model.modules():
        handles += [module.register_forward_pre_hook(enter), module.register_forward_hook(leave)]
    try:
        with torch.no_grad(), Mode():
            model(*example_inputs)
    finally:
        for handle in handles:
            handle.remove()
    return {"ops": state.ops, "boundaries": state.boundaries}


# ---- the command ----
def load(text):
    """PACKAGE.MODULE:NAME, called when it is a function."""
    package, colon, name = text.partition(":")
    if not colon or not name:
        raise SystemExit(f"describe_model.py: expected PACKAGE.MODULE:NAME, saw {text}")
    value = importlib.import_module(package)
    for part in name.split("."):
        value = getattr(value, part)
    return value() if callable(value) and not hasattr(value, "named_modules") or isinstance(value, type) else value


def main():
    parser = argparse.ArgumentParser(description="Writes a Quern module description of a PyTorch model.")
    parser.add_argument("model", metavar="PACKAGE.MODULE:NAME", help="a model, or a function that returns one")
    parser.add_argument("-o", "--output", metavar="FILE", help="where the description goes (standard output)")
    parser.add_argument("--example-inputs", metavar="PACKAGE.MODULE:NAME", help="a tuple of inputs, or a function that returns one: describes ops too")
    arguments = parser.parse_args()
    # The model's module is looked for in the working directory first, as `python -m` does.
    sys.path.insert(0, os.getcwd())
    description = describe(load(arguments.model), load(arguments.example_inputs) if arguments.example_inputs else None)
    text = json.dumps(description, indent=1) + "\n"
    if arguments.output:
        with open(arguments.output, "w", encoding="utf-8") as file:
            file.write(text)
    else:
        sys.stdout.write(text)


if __name__ == "__main__":
    main()
