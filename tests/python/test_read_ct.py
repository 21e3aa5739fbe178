"""The reader against checkpoints made by hand: right ones pass, each kind of wrong one is refused."""
import contextlib
import io
import json
import pathlib
import struct
import tempfile
import unittest

import read_ct
from ct_files import Bad
from make_checkpoint import write_file

# ---- weights whose floats are known without arithmetic: codes, scales and the product written out ----


def pack_group4():
    """int4, groups of 8, one row: u = 0..15, so q = -8..7; scales 0.5 and 2."""
    packed = bytes.fromhex("1032547698badcfe")
    values = [(u - 8) * (0.5 if u < 8 else 2) for u in range(16)]
    args = {"num_bits": 4, "type": "int", "symmetric": True, "strategy": "group", "group_size": 8}
    return "pack-quantized", args, [1, 16], values, {
        "weight_packed": ("I32", [1, 2], packed), "weight_scale": ("F16", [1, 2], struct.pack("<2e", 0.5, 2)),
        "weight_shape": ("I64", [2], struct.pack("<2q", 1, 16))}


def pack_asymmetric3():
    """int3, per channel, two rows of 11: codes cross words; zero points u = 1 and 6 packed down the rows."""
    rows = [[(3 * i + r) % 8 for i in range(11)] for r in range(2)]
    words = [sum(u << 3 * i for i, u in enumerate(row)) for row in rows]
    packed = b"".join(word.to_bytes(8, "little") for word in words)
    values = [(u - 1) * 0.25 for u in rows[0]] + [(u - 6) * 3.0 for u in rows[1]]
    args = {"num_bits": 3, "type": "int", "symmetric": False, "strategy": "channel"}
    return "pack-quantized", args, [2, 11], values, {
        "weight_packed": ("I32", [2, 2], packed), "weight_scale": ("F32", [2, 1], struct.pack("<2f", 0.25, 3)),
        "weight_zero_point": ("I32", [1, 1], struct.pack("<I", 1 | 6 << 3)), "weight_shape": ("I64", [2], struct.pack("<2q", 2, 11))}


def fp8_tensor():
    """e4m3: 1, -2, the least subnormal, the largest; scale 4."""
    args = {"num_bits": 8, "type": "float", "symmetric": True, "strategy": "tensor"}
    return "float-quantized", args, [2, 2], [4.0, -8.0, 2.0 ** -7, 1792.0], {
        "weight": ("F8_E4M3", [2, 2], bytes([0x38, 0xC0, 0x01, 0x7E])), "weight_scale": ("F32", [1], struct.pack("<f", 4))}


def int8_channel():
    args = {"num_bits": 8, "type": "int", "symmetric": True, "strategy": "channel"}
    return "int-quantized", args, [2, 2], [-64.0, 63.5, 2.0, -2.0], {
        "weight": ("I8", [2, 2], struct.pack("4b", -128, 127, 1, -1)), "weight_scale": ("BF16", [2, 1], struct.pack("<2H", 0x3F00, 0x4000))}


def nvfp4_row():
    """idx 0..7 and their negatives; scale 2, global scale 4."""
    values = [sign * v * 0.5 for sign in (1.0, -1.0) for v in (0.0, 0.5, 1, 1.5, 2, 3, 4, 6)]
    args = {"num_bits": 4, "type": "float", "symmetric": True, "strategy": "tensor_group", "group_size": 16, "scale_dtype": "torch.float8_e4m3fn"}
    return "nvfp4-pack-quantized", args, [1, 16], values, {
        "weight_packed": ("U8", [1, 8], bytes.fromhex("1032547698badcfe")), "weight_scale": ("F8_E4M3", [1, 1], b"\x40"),
        "weight_global_scale": ("F32", [1], struct.pack("<f", 4))}


def mxfp4_row():
    values = [sign * v * 8 for sign in (1.0, -1.0) for v in (0.0, 0.5, 1, 1.5, 2, 3, 4, 6)] * 2
    args = {"num_bits": 4, "type": "float", "symmetric": True, "strategy": "group", "group_size": 32, "scale_dtype": "torch.uint8"}
    return "mxfp4-pack-quantized", args, [1, 32], values, {
        "weight_packed": ("U8", [1, 16], bytes.fromhex("1032547698badcfe" * 2)), "weight_scale": ("U8", [1, 1], bytes([130]))}


def mxfp8_row():
    args = {"num_bits": 8, "type": "float", "symmetric": True, "strategy": "group", "group_size": 32, "scale_dtype": "torch.uint8"}
    return "mxfp8-quantized", args, [1, 32], [0.5] * 31 + [-1.0], {
        "weight": ("F8_E4M3", [1, 32], b"\x38" * 31 + b"\xc0"), "weight_scale": ("U8", [1, 1], bytes([126]))}


CASES = [pack_group4, pack_asymmetric3, fp8_tensor, int8_channel, nvfp4_row, mxfp4_row, mxfp8_row]


def write_config(directory, groups, ignore=("lm_head",)):
    formats = {group["format"] for group in groups.values()}
    config = {"quant_method": "compressed-tensors", "quantization_status": "compressed", "config_groups": groups,
              "format": formats.pop() if len(formats) == 1 else "mixed-precision", "ignore": list(ignore)}
    (directory / "config.json").write_text(json.dumps({"quantization_config": config}))


def write_pair(root, case, dtype="F32", change_args=None, change_tensors=None):
    """QUANTIZED and DEQUANTIZED of one weight m.weight and one tensor that is copied."""
    kind, args, shape, values, tensors = case()
    args = dict(args, **(change_args or {}))
    letter = {"F32": "f", "F16": "e"}[dtype]
    norm = {"norm.weight": ("F32", [2], struct.pack("<2f", 1, 2))}
    quantized, dequantized = root / "q", root / "d"
    for directory in (quantized, dequantized):
        directory.mkdir()
    stored = {f"m.{name}": tensor for name, tensor in tensors.items()}
    stored.update(change_tensors or {})
    write_file(quantized / "model.safetensors", {**stored, **norm})
    write_config(quantized, {"group_000": {"targets": ["m"], "format": kind, "weights": args}})
    write_file(dequantized / "model.safetensors", {"m.weight": (dtype, shape, struct.pack(f"<{len(values)}{letter}", *values)), **norm})
    return str(quantized), str(dequantized)


def read(pair):
    with contextlib.redirect_stdout(io.StringIO()) as out:
        read_ct.main(*pair)
    return out.getvalue()


class ReadTest(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.root = pathlib.Path(holder.name)

    def fresh(self):
        path = self.root / str(len(list(self.root.iterdir())))
        path.mkdir()
        return path

    def test_right_checkpoints(self):
        for case in CASES:
            for dtype in ("F32", "F16"):
                with self.subTest(case=case.__name__, dtype=dtype):
                    self.assertIn("1 quantized weights", read(write_pair(self.fresh(), case, dtype)))

    def test_one_wrong_bit(self):
        for case in CASES:
            for directory, kind in (("d", "weight"), ("q", "weight_scale")):
                with self.subTest(case=case.__name__, directory=directory):
                    root = self.fresh()
                    pair = write_pair(root, case)
                    path = root / directory / "model.safetensors"
                    data = bytearray(path.read_bytes())
                    at = data.index(b'"m.' + kind.encode() + b'"')
                    start = 8 + int.from_bytes(data[:8], "little")
                    offset = int(data[data.index(b'"data_offsets":[', at) + 16:].split(b",")[0])
                    data[start + offset + 1 if kind == "weight" else start + offset] ^= 2
                    path.write_bytes(data)
                    with self.assertRaises(Bad):
                        read(pair)

    def test_unknown_key(self):
        with self.assertRaisesRegex(Bad, "unknown keys"):
            read(write_pair(self.fresh(), pack_group4, change_args={"bits": 4}))

    def test_group_size_without_groups(self):
        with self.assertRaisesRegex(Bad, "group_size"):
            read(write_pair(self.fresh(), fp8_tensor, change_args={"group_size": 32}))

    def test_scale_of_wrong_shape(self):
        scale = {"m.weight_scale": ("F16", [1, 1], struct.pack("<e", 1))}
        with self.assertRaisesRegex(Bad, "groups of 8"):
            read(write_pair(self.fresh(), pack_group4, change_tensors=scale))

    def test_hole_in_file(self):
        pair = write_pair(self.fresh(), fp8_tensor)
        path = pathlib.Path(pair[1]) / "model.safetensors"
        path.write_bytes(path.read_bytes() + b"x")
        with self.assertRaisesRegex(Bad, "after the last tensor"):
            read(pair)

    def test_copies_of_another_dtype(self):
        root = self.fresh()
        pair = write_pair(root, fp8_tensor)
        tensors = {"m.weight": ("F32", [2, 2], struct.pack("<4f", 4, -8, 2.0 ** -7, 1792))}
        write_file(root / "d" / "model.safetensors", {**tensors, "norm.weight": ("BF16", [2], struct.pack("<2H", 0x3F80, 0x4000))})
        self.assertIn("1 copied", read(pair))
        write_file(root / "d" / "model.safetensors", {**tensors, "norm.weight": ("BF16", [2], struct.pack("<2H", 0x3F80, 0x4001))})
        with self.assertRaisesRegex(Bad, "norm.weight"):
            read(pair)

    def test_nan_is_nan(self):
        nan = {"m.weight": ("F8_E4M3", [2, 2], bytes([0x7F, 0xC0, 0x01, 0x7E]))}
        pair = write_pair(self.fresh(), fp8_tensor, change_tensors=nan)
        path = pathlib.Path(pair[1]) / "model.safetensors"
        path.write_bytes(path.read_bytes().replace(struct.pack("<f", 4.0), struct.pack("<I", 0xFFC00001)))
        self.assertIn("1 quantized weights", read(pair))


if __name__ == "__main__":
    unittest.main()
