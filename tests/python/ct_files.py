"""safetensors files and the compressed-tensors part of config.json, read with the standard library alone and with the
rules their loaders enforce. Raises Bad with a sentence."""
import json
import mmap
import pathlib
import re


class Bad(Exception):
    pass


def need(condition, text):
    if not condition:
        raise Bad(text)


BITS = {"BOOL": 8, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8,
        "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8, "I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32,
        "F32": 32, "C64": 64, "F64": 64, "I64": 64, "U64": 64}
HEADER_MAX = 100_000_000


class Tensor:
    def __init__(self, dtype, shape, data):
        self.dtype, self.shape, self.data = dtype, shape, data

    def rows(self):
        """(rows, columns): the last dimension against all others."""
        rows = 1
        for size in self.shape[:-1]:
            rows *= size
        return rows, (self.shape[-1] if self.shape else 1)


def product(shape):
    total = 1
    for size in shape:
        total *= size
    return total


def without_repeats(pairs):
    names = [name for name, _ in pairs]
    need(len(set(names)) == len(names), "a key appears twice in one JSON object")
    return dict(pairs)


def read_header(view, path):
    need(len(view) >= 8, f"{path}: shorter than 8 bytes")
    size = int.from_bytes(view[:8], "little")
    need(size <= HEADER_MAX, f"{path}: header of {size} bytes")
    need(8 + size <= len(view), f"{path}: header beyond the end of the file")
    header = json.loads(bytes(view[8:8 + size]).decode("utf-8"), object_pairs_hook=without_repeats)
    metadata = header.pop("__metadata__", {})
    need(all(isinstance(value, str) for value in metadata.values()), f"{path}: metadata values must be strings")
    return 8 + size, header, metadata


def check_record(path, name, record):
    dtype, shape, (begin, end) = record["dtype"], record["shape"], record["data_offsets"]
    need(dtype in BITS, f"{path}: {name}: unknown dtype {dtype}")
    need(all(isinstance(size, int) and size >= 0 for size in shape), f"{path}: {name}: bad shape {shape}")
    bits = product(shape) * BITS[dtype]
    need(bits % 8 == 0 and end - begin == bits // 8, f"{path}: {name}: {end - begin} bytes for {dtype} {shape}")


def read_safetensors(path):
    """name -> Tensor, and the metadata. Tensors must follow one another without gaps to the end of the file."""
    with open(path, "rb") as file:
        view = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    start, header, metadata = read_header(view, path)
    at, tensors = 0, {}
    for name, record in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
        check_record(path, name, record)
        begin, end = record["data_offsets"]
        need(begin == at, f"{path}: {name} starts at {begin}, the one before ends at {at}")
        tensors[name] = Tensor(record["dtype"], record["shape"], view[start + begin:start + end])
        at = end
    need(start + at == len(view), f"{path}: {len(view) - start - at} bytes after the last tensor")
    return tensors, metadata


def read_checkpoint(directory):
    """Every tensor of a directory: its index's shards, or its only .safetensors file."""
    directory = pathlib.Path(directory)
    index = directory / "model.safetensors.index.json"
    if not index.exists():
        files = sorted(directory.glob("*.safetensors"))
        need(len(files) == 1, f"{directory}: {len(files)} .safetensors files and no index")
        tensors, metadata = read_safetensors(files[0])
        need(metadata.get("format") == "pt", f"{files[0]}: no metadata format = pt")
        return tensors
    content = json.loads(index.read_text(encoding="utf-8"), object_pairs_hook=without_repeats)
    tensors, weight_map = {}, content["weight_map"]
    for file in sorted(set(weight_map.values())):
        need("/" not in file and file not in (".", "..") and "\0" not in file, f"{index}: file name {file!r}")
        shard, metadata = read_safetensors(directory / file)
        need(metadata.get("format") == "pt", f"{file}: no metadata format = pt")
        need(set(shard) == {name for name, where in weight_map.items() if where == file}, f"{file}: not the tensors of the index")
        tensors.update(shard)
    total = sum(len(tensor.data) for tensor in tensors.values())
    need(content["metadata"]["total_size"] == total, f"{index}: total_size is not {total}")
    return tensors


# ---- config.json ----

SCHEME_KEYS = {"targets", "weights", "input_activations", "output_activations", "format"}
ARGS_KEYS = {"num_bits", "type", "symmetric", "group_size", "strategy", "block_structure", "dynamic", "actorder",
             "scale_dtype", "zp_dtype", "observer", "observer_kwargs"}
FORMATS = {"int-quantized", "float-quantized", "naive-quantized", "pack-quantized", "nvfp4-pack-quantized",
           "mxfp4-pack-quantized", "mxfp8-quantized"}
STRATEGIES = {"tensor", "channel", "group", "block", "token", "tensor_group"}


def check_args(where, args):
    unknown = set(args) - ARGS_KEYS
    need(not unknown, f"{where}: unknown keys {sorted(unknown)}")
    strategy, size = args.get("strategy"), args.get("group_size")
    need(strategy in STRATEGIES, f"{where}: strategy {strategy!r}")
    need(args.get("type") in ("int", "float"), f"{where}: type {args.get('type')!r}")
    need((strategy in ("group", "tensor_group")) == (size is not None and size > 0), f"{where}: group_size {size} with {strategy}")
    need((strategy == "block") == (args.get("block_structure") is not None), f"{where}: block_structure with {strategy}")
    need(strategy != "token" or args.get("dynamic"), f"{where}: token without dynamic")


class Config:
    """quantization_config of a directory: which group a module belongs to."""

    def __init__(self, directory):
        content = json.loads((pathlib.Path(directory) / "config.json").read_text(encoding="utf-8"), object_pairs_hook=without_repeats)
        config = content["quantization_config"]
        need(config.get("quant_method") == "compressed-tensors", f"quant_method {config.get('quant_method')!r}")
        need(config.get("quantization_status") == "compressed", f"quantization_status {config.get('quantization_status')!r}")
        self.groups, self.ignore = config["config_groups"], config.get("ignore", [])
        for name, group in self.groups.items():
            self.check_group(name, group)
        used = {group["format"] for group in self.groups.values()}
        expected = used.pop() if len(used) == 1 else "mixed-precision"
        need(config.get("format") == expected, f"format {config.get('format')!r}, groups say {expected!r}")

    @staticmethod
    def check_group(name, group):
        unknown = set(group) - SCHEME_KEYS
        need(not unknown, f"{name}: unknown keys {sorted(unknown)}")
        need(group.get("format") in FORMATS, f"{name}: format {group.get('format')!r}")
        need(group["targets"] and all(isinstance(target, str) for target in group["targets"]), f"{name}: targets")
        for key in ("weights", "input_activations", "output_activations"):
            if group.get(key) is not None:
                check_args(f"{name}.{key}", group[key])

    @staticmethod
    def hits(targets, module):
        return any(re.match(target[3:], module) if target.startswith("re:") else target == module for target in targets)

    def group_of(self, module):
        """The one group that names the module; None when it is ignored or named by none."""
        found = [group for group in self.groups.values() if self.hits(group["targets"], module)]
        need(len(found) <= 1, f"{module}: named by {len(found)} groups")
        need(not (found and self.hits(self.ignore, module)), f"{module}: quantized and ignored")
        return found[0] if found else None

    def names(self):
        return {target for group in self.groups.values() for target in group["targets"] if not target.startswith("re:")}
