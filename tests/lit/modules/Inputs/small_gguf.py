"""A GGUF file with a type of each kind. usage: small_gguf.py FILE"""
import pathlib
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[3] / "python"))
from make_gguf import STRING, UINT32, gguf, string

pathlib.Path(sys.argv[1]).write_bytes(gguf(
    [("general.architecture", STRING, string("llama")), ("general.alignment", UINT32, struct.pack("<I", 64))],
    [("token_embd.weight", (64, 10), 30, None, 1280), ("blk.0.ffn_up.weight", (256, 3), 12, None, 432),
     ("blk.11.attn_norm.weight", (64,), 0, None, 256), ("blk.11.ffn_down.weight", (64, 4, 2), 39, None, 272)], alignment=64))
