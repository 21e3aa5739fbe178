#!/usr/bin/env python3
"""make_checkpoint.py DIRECTORY [--dtype f32|bf16|f16] [--seed N] [--shards N] [--layers N] [--hidden N] [--special]

Writes a small random Llama-shaped checkpoint: config.json and model.safetensors, or N shards with an index. The same
arguments give the same bytes. --special adds tensors of odd shapes and with zeros, outliers, Inf and NaN."""
import argparse
import json
import pathlib
import struct

NAMES = {"f32": "F32", "bf16": "BF16", "f16": "F16"}
RANK = {"F32": 0, "BF16": 1, "F16": 2}


class Random:
    """splitmix64."""

    def __init__(self, seed):
        self.state = seed

    def next(self):
        self.state = (self.state + 0x9E3779B97F4A7C15) & (1 << 64) - 1
        z = self.state
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & (1 << 64) - 1
        z = (z ^ z >> 27) * 0x94D049BB133111EB & (1 << 64) - 1
        return z ^ z >> 31

    def bell(self):
        """Sum of four 16-bit uniforms, about 0 with width 1."""
        word = self.next()
        return sum(word >> 16 * i & 0xFFFF for i in range(4)) / 65536 - 2


def encode(values, dtype):
    if dtype == "F32":
        return struct.pack(f"<{len(values)}f", *values)
    if dtype == "F16":
        return struct.pack(f"<{len(values)}e", *values)
    halves = []
    for bits in struct.unpack(f"<{len(values)}I", struct.pack(f"<{len(values)}f", *values)):
        halves.append((bits >> 16 | 0x40) if bits & 0x7FFFFFFF > 0x7F800000 else (bits + 0x7FFF + (bits >> 16 & 1)) >> 16)
    return struct.pack(f"<{len(halves)}H", *halves)


def count(shape):
    total = 1
    for size in shape:
        total *= size
    return total


def linear(random, shape, dtype):
    width = shape[-1] ** -0.5 if shape[-1] else 1
    return dtype, shape, encode([random.bell() * width for _ in range(count(shape))], dtype)


def llama(random, dtype, layers, hidden):
    wide = hidden * 3
    tensors = {"model.embed_tokens.weight": linear(random, [96, hidden], dtype), "lm_head.weight": linear(random, [96, hidden], dtype),
               "model.norm.weight": (dtype, [hidden], encode([1.0] * hidden, dtype))}
    for layer in range(layers):
        head = f"model.layers.{layer}."
        for name, shape in (("self_attn.q_proj", [hidden, hidden]), ("self_attn.k_proj", [hidden // 2, hidden]),
                            ("self_attn.v_proj", [hidden // 2, hidden]), ("self_attn.o_proj", [hidden, hidden]),
                            ("mlp.gate_proj", [wide, hidden]), ("mlp.up_proj", [wide, hidden]), ("mlp.down_proj", [hidden, wide])):
            tensors[f"{head}{name}.weight"] = linear(random, shape, dtype)
        for name in ("input_layernorm", "post_attention_layernorm"):
            tensors[f"{head}{name}.weight"] = (dtype, [hidden], encode([1 + random.bell() / 8 for _ in range(hidden)], dtype))
    return tensors


def special(random, dtype):
    """Weights of odd shapes, and blocks of every kind of special value."""
    values = [random.bell() for _ in range(12 * 128)]
    values[0:128] = [0.0] * 128                       # a zero row
    values[128 + 5] = 60000.0                         # one outlier
    values[256:384] = [-0.0 if i % 2 else 0.0 for i in range(128)]
    values[384 + 7], values[384 + 9] = float("inf"), float("-inf")
    values[512 + 1] = float("nan")
    values[640:768] = [float("nan")] * 128            # a row without a finite element
    values[768:896] = [v * 1e-7 for v in values[768:896]]
    tensors = {"special.values.weight": (dtype, [12, 128], encode(values, dtype)),
               "special.scalar": (dtype, [], encode([0.25], dtype)), "special.empty.weight": (dtype, [0, 128], b""),
               "special.positions": ("I64", [4], struct.pack("<4q", 0, 1, 2, 3))}
    for rows, columns in ((1, 128), (128, 1), (7, 13), (31, 160)):
        tensors[f"special.s{rows}x{columns}.weight"] = linear(random, [rows, columns], dtype)
    return tensors


def write_file(path, tensors):
    """Widest dtype first, then by name, as other writers do."""
    order = sorted(tensors, key=lambda name: (tensors[name][0] != "I64", RANK.get(tensors[name][0], 3), name))
    header, at = {"__metadata__": {"format": "pt"}}, 0
    for name in order:
        dtype, shape, data = tensors[name]
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [at, at + len(data)]}
        at += len(data)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(tensors[name][2] for name in order))


def write_shards(directory, tensors, shards):
    weight_map, names = {}, sorted(tensors)
    for shard in range(shards):
        file = f"model-{shard + 1:05}-of-{shards:05}.safetensors"
        part = {name: tensors[name] for name in names[shard::shards]}
        write_file(directory / file, part)
        weight_map.update(dict.fromkeys(part, file))
    total = sum(len(data) for _, _, data in tensors.values())
    index = {"metadata": {"total_size": total}, "weight_map": dict(sorted(weight_map.items()))}
    (directory / "model.safetensors.index.json").write_text(json.dumps(index, indent=2) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=pathlib.Path)
    parser.add_argument("--dtype", choices=sorted(NAMES), default="bf16")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--shards", type=int, default=1)
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--hidden", type=int, default=128)
    parser.add_argument("--special", action="store_true")
    args = parser.parse_args()
    random, dtype = Random(args.seed), NAMES[args.dtype]
    tensors = llama(random, dtype, args.layers, args.hidden)
    if args.special:
        tensors.update(special(random, dtype))
    args.directory.mkdir(parents=True, exist_ok=True)
    config = {"architectures": ["LlamaForCausalLM"], "hidden_size": args.hidden, "num_hidden_layers": args.layers, "vocab_size": 96,
              "torch_dtype": {"f32": "float32", "bf16": "bfloat16", "f16": "float16"}[args.dtype]}
    (args.directory / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    if args.shards == 1:
        write_file(args.directory / "model.safetensors", tensors)
    else:
        write_shards(args.directory, tensors, args.shards)


if __name__ == "__main__":
    main()
