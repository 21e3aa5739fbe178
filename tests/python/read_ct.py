#!/usr/bin/env python3
"""read_ct.py QUANTIZED DEQUANTIZED

Reads the compressed-tensors checkpoint QUANTIZED from its description alone, dequantizes every weight and compares
with the checkpoint DEQUANTIZED, bit for bit. Exit 0: the same; 1: they differ or a file breaks a rule; 2: usage.

Per weight: w = (q - zero) · scale in f32, one rounding to the stored dtype; nvfp4: w = q · (scale / global scale), the
quotient rounded to f32; mx: w = q · 2^(b - 127). A NaN equals any NaN of the same dtype."""
import array
import struct
import sys

from ct_files import Bad, Config, need, product, read_checkpoint

OUTPUTS = {"F32": 4, "BF16": 2, "F16": 2}


# ---- numbers ----

def to_f32(value):
    """One rounding to f32; beyond its range an infinity."""
    return array.array("f", (value,))[0]


def f32_bits(value):
    return struct.unpack("<I", struct.pack("<f", value))[0]


def bits_f32(bits):
    return struct.unpack("<f", struct.pack("<I", bits))[0]


def store_bf16(value):
    """RNE on the upper half of the f32 bits."""
    bits = f32_bits(value)
    if value != value:
        return struct.pack("<H", bits >> 16 | 0x40)
    return struct.pack("<H", (bits + 0x7FFF + (bits >> 16 & 1)) >> 16)


def store_f16(value):
    if value != value:
        return b"\x00\x7e"
    try:
        return struct.pack("<e", value)
    except OverflowError:
        return b"\x00\x7c" if value > 0 else b"\x00\xfc"


STORE = {"F32": lambda value: struct.pack("<f", value), "BF16": store_bf16, "F16": store_f16}


def small_float(code, e, m, bias, nan=None):
    """sign | exponent | mantissa, subnormals; the magnitude `nan` is NaN."""
    magnitude, sign = code & ((1 << (e + m)) - 1), -1.0 if code >> (e + m) else 1.0
    if magnitude == nan:
        return float("nan")
    exponent, fraction = magnitude >> m, magnitude & ((1 << m) - 1)
    if exponent == 0:
        return sign * fraction * 2.0 ** (1 - bias - m)
    return sign * ((1 << m) + fraction) * 2.0 ** (exponent - bias - m)


E4M3 = [small_float(code, 4, 3, 7, nan=0x7F) for code in range(256)]
E2M1 = [small_float(code, 2, 1, 1) for code in range(16)]


def read_floats(tensor):
    """Scales as exact floats."""
    data = bytes(tensor.data)
    if tensor.dtype == "F32":
        return list(struct.unpack(f"<{len(data) // 4}f", data))
    if tensor.dtype == "F16":
        return list(struct.unpack(f"<{len(data) // 2}e", data))
    if tensor.dtype == "BF16":
        return [bits_f32(half << 16) for half in struct.unpack(f"<{len(data) // 2}H", data)]
    need(tensor.dtype == "F8_E4M3", f"scale of dtype {tensor.dtype}")
    return [E4M3[code] for code in data]


# ---- bit streams ----

def unpack_bits(data, bits, count):
    """count unsigned codes of `bits` bits from a little-endian bit stream, lowest bits first."""
    if bits == 8:
        return data[:count]
    if 8 % bits == 0:
        per, mask = 8 // bits, (1 << bits) - 1
        table = [tuple(byte >> bits * i & mask for i in range(per)) for byte in range(256)]
        return [code for byte in data for code in table[byte]][:count]
    codes, mask = [], (1 << bits) - 1
    for at in range(0, len(data), bits): # 8 codes in as many bytes as a code has bits
        word = int.from_bytes(data[at:at + bits], "little")
        codes.extend(word >> bits * i & mask for i in range(8))
    return codes[:count]


def unpack_columns(tensor, bits, rows):
    """Zero points: codes packed down dimension -2 of an I32 [words, columns] tensor; one list of `rows` a column."""
    words, columns = tensor.shape[-2], tensor.shape[-1]
    need(words == (rows * bits + 31) // 32, f"zero points of {words} words for {rows} rows")
    values = struct.unpack(f"<{words * columns}I", bytes(tensor.data))
    return [unpack_bits(struct.pack(f"<{words}I", *values[c::columns]), bits, rows) for c in range(columns)]


# ---- a module's tensors ----

class Module:
    def __init__(self, name, tensors, group):
        self.name, self.tensors, self.args, self.format = name, tensors, group["weights"], group["format"]
        self.used = set()

    def get(self, part, *dtypes):
        key = f"{self.name}.{part}"
        need(key in self.tensors, f"{key} is missing")
        tensor = self.tensors[key]
        need(not dtypes or tensor.dtype in dtypes, f"{key} is {tensor.dtype}, not {' or '.join(dtypes)}")
        self.used.add(key)
        return tensor

    def has(self, part):
        return f"{self.name}.{part}" in self.tensors


def scale_index(module, shape, scale):
    """(row, column) -> index of the scale; the step in columns at which it may change."""
    out, columns = product(shape[:-1]), shape[-1]
    strategy = module.args["strategy"]
    if strategy == "tensor":
        need(product(scale.shape) == 1, f"{module.name}: scale {scale.shape} per tensor")
        return lambda row, column: 0, max(columns, 1)
    if strategy == "channel":
        need(scale.shape == shape[:-1] + [1], f"{module.name}: scale {scale.shape} per channel of {shape}")
        return lambda row, column: row, max(columns, 1)
    if strategy in ("group", "tensor_group"):
        size = module.args["group_size"]
        groups = columns // size
        need(columns % size == 0 and scale.shape == shape[:-1] + [groups], f"{module.name}: scale {scale.shape}, groups of {size} in {shape}")
        return lambda row, column: row * groups + column // size, size
    need(strategy == "block", f"{module.name}: weights per {strategy}")
    high, wide = module.args["block_structure"]
    across = -(-columns // wide)
    need(scale.shape == [-(-out // high), across], f"{module.name}: scale {scale.shape}, blocks {high}x{wide} in {shape}")
    return lambda row, column: row // high * across + column // wide, wide


def pack_quantized(module):
    bits = module.args["num_bits"]
    need(module.args["type"] == "int" and 1 <= bits <= 8, f"{module.name}: pack-quantized {module.args}")
    packed, shape_tensor = module.get("weight_packed", "I32"), module.get("weight_shape", "I64")
    shape = list(struct.unpack(f"<{len(shape_tensor.data) // 8}q", bytes(shape_tensor.data)))
    words = (shape[-1] * bits + 31) // 32
    need(packed.shape == shape[:-1] + [words], f"{module.name}: packed {packed.shape} for {shape}")
    data = bytes(packed.data)
    codes = [unpack_bits(data[row * words * 4:(row + 1) * words * 4], bits, shape[-1]) for row in range(product(shape[:-1]))]
    scale = module.get("weight_scale", "F32", "F16", "BF16")
    offset = 1 << (bits - 1)
    zero = lambda row, index: offset
    if module.args["symmetric"]:
        need(not module.has("weight_zero_point"), f"{module.name}: symmetric with zero points")
    else:
        need(len(shape) == 2, f"{module.name}: zero points of rank {len(shape)}")
        columns = unpack_columns(module.get("weight_zero_point", "I32"), bits, shape[0])
        zero = lambda row, index: columns[index % len(columns)][row] # both carry the offset 2^(bits-1)
    return shape, codes, range(1 << bits), read_floats(scale), scale, zero


def int_quantized(module):
    weight = module.get("weight", "I8")
    need(module.args["type"] == "int" and module.args["num_bits"] == 8, f"{module.name}: int-quantized {module.args}")
    rows, columns = weight.rows()
    data, scale = bytes(weight.data), module.get("weight_scale", "F32", "F16", "BF16")
    values = [code - 256 if code > 127 else code for code in range(256)]
    zero = lambda row, index: 0
    if not module.args["symmetric"]:
        points = array.array("b", bytes(module.get("weight_zero_point", "I8").data))
        zero = lambda row, index: points[index]
    return weight.shape, [data[r * columns:(r + 1) * columns] for r in range(rows)], values, read_floats(scale), scale, zero


def float_quantized(module):
    weight = module.get("weight", "F8_E4M3")
    need(module.args["type"] == "float" and module.args["num_bits"] == 8, f"{module.name}: float-quantized {module.args}")
    rows, columns = weight.rows()
    data, scale = bytes(weight.data), module.get("weight_scale", "F32", "F16", "BF16")
    return weight.shape, [data[r * columns:(r + 1) * columns] for r in range(rows)], E4M3, read_floats(scale), scale, None


def fp4_codes(module):
    packed = module.get("weight_packed", "U8")
    need(module.args["type"] == "float" and module.args["num_bits"] == 4, f"{module.name}: fp4 {module.args}")
    rows, half = packed.rows()
    data = bytes(packed.data)
    codes = [unpack_bits(data[r * half:(r + 1) * half], 4, 2 * half) for r in range(rows)]
    return packed.shape[:-1] + [2 * half], codes


def nvfp4(module):
    shape, codes = fp4_codes(module)
    need(module.args["strategy"] == "tensor_group" and module.args["group_size"] == 16, f"{module.name}: nvfp4 {module.args}")
    scale, total = module.get("weight_scale", "F8_E4M3"), module.get("weight_global_scale", "F32")
    need(total.shape == [1], f"{module.name}: global scale {total.shape}")
    divisor = read_floats(total)[0]
    quotient = [to_f32(value / divisor) for value in E4M3]
    return shape, codes, E2M1, [quotient[code] for code in bytes(scale.data)], scale, None


def powers(scale):
    return [2.0 ** (code - 127) if code < 255 else float("nan") for code in bytes(scale.data)]


def mxfp4(module):
    shape, codes = fp4_codes(module)
    need(module.args["strategy"] == "group" and module.args["group_size"] == 32, f"{module.name}: mxfp4 {module.args}")
    scale = module.get("weight_scale", "U8")
    return shape, codes, E2M1, powers(scale), scale, None


def mxfp8(module):
    weight = module.get("weight", "F8_E4M3")
    need(module.args["strategy"] == "group" and module.args["group_size"] == 32, f"{module.name}: mxfp8 {module.args}")
    rows, columns = weight.rows()
    data, scale = bytes(weight.data), module.get("weight_scale", "U8")
    return weight.shape, [data[r * columns:(r + 1) * columns] for r in range(rows)], E4M3, powers(scale), scale, None


READERS = {"pack-quantized": pack_quantized, "int-quantized": int_quantized, "float-quantized": float_quantized,
           "naive-quantized": float_quantized, "nvfp4-pack-quantized": nvfp4, "mxfp4-pack-quantized": mxfp4,
           "mxfp8-quantized": mxfp8}


class Products:
    """Bytes of (value - zero) · scale for every code, made once per scale and zero point."""

    def __init__(self, values, dtype):
        self.values, self.store, self.made = list(values), STORE[dtype], {}

    def one(self, code, scale, zero):
        return self.store(to_f32((self.values[code] - zero) * scale))

    def row(self, codes, scale, zero):
        table = self.made.setdefault((scale, zero), {})
        for code in set(codes).difference(table):
            table[code] = self.one(code, scale, zero)
        return b"".join([table[code] for code in codes])


def dequantize(module, dtype):
    """(shape, bytes) of the weight in dtype."""
    shape, codes, values, scales, scale, zero = READERS[module.format](module)
    index, step = scale_index(module, shape, scale)
    products, parts = Products(values, dtype), []
    for row, line in enumerate(codes):
        for column in range(0, len(line), step):
            at = index(row, column)
            parts.append(products.row(line[column:column + step], scales[at], zero(row, at) if zero else 0))
    return shape, b"".join(parts)


# ---- comparing ----

def is_nan(data, dtype):
    bits = int.from_bytes(data, "little")
    magnitude, inf = {"F32": (bits & 0x7FFFFFFF, 0x7F800000), "BF16": (bits & 0x7FFF, 0x7F80), "F16": (bits & 0x7FFF, 0x7C00)}[dtype]
    return magnitude > inf


def first_difference(expected, got, dtype):
    """The first element that differs, or None."""
    if expected == got:
        return None
    size = OUTPUTS[dtype]
    for at in range(0, len(expected), size):
        a, b = expected[at:at + size], got[at:at + size]
        if a != b and not (is_nan(a, dtype) and is_nan(b, dtype)):
            return at // size
    return None


def compare_weight(module, output):
    name = f"{module.name}.weight"
    need(output.dtype in OUTPUTS, f"{name}: dequantized to {output.dtype}")
    shape, data = dequantize(module, output.dtype)
    need(shape == output.shape, f"{name}: dequantized shape {output.shape}, not {shape}")
    got, size = bytes(output.data), OUTPUTS[output.dtype]
    at = first_difference(data, got, output.dtype)
    if at is not None:
        raise Bad(f"{name}[{at}] of {shape} {output.dtype}: {got[at * size:(at + 1) * size][::-1].hex()}, "
                  f"not {data[at * size:(at + 1) * size][::-1].hex()}")
    return product(shape)


def convert(tensor, dtype):
    """The bytes of a float tensor rounded once to another dtype."""
    made, store = {}, STORE[dtype]
    values = read_floats(tensor)
    for value in values:
        if value not in made:
            made[value] = store(value)
    return b"".join([made[value] if value else store(value) for value in values]) # 0 and -0 are one key


def compare_copy(name, tensor, outputs):
    """A tensor that is not quantized keeps its bytes, or is a float rounded to the dtype asked for."""
    need(name in outputs, f"{name} is missing after dequantization")
    output = outputs[name]
    need(tensor.shape == output.shape, f"{name}: shape {output.shape} was {tensor.shape}")
    if tensor.dtype == output.dtype:
        need(tensor.data == output.data, f"{name} is not quantized and yet changed")
        return
    need(tensor.dtype in OUTPUTS and output.dtype in OUTPUTS, f"{name}: {tensor.dtype} became {output.dtype}")
    at = first_difference(convert(tensor, output.dtype), bytes(output.data), output.dtype)
    need(at is None, f"{name}[{at}]: not the {output.dtype} nearest to its {tensor.dtype}")


def main(quantized_directory, dequantized_directory):
    config = Config(quantized_directory)
    tensors, outputs = read_checkpoint(quantized_directory), read_checkpoint(dequantized_directory)
    modules = sorted(name[:-len(".weight_scale")] for name in tensors if name.endswith(".weight_scale"))
    need(config.names() <= set(modules), f"targets without tensors: {sorted(config.names() - set(modules))[:5]}")
    used, elements = set(), 0
    for name in modules:
        group = config.group_of(name)
        need(group is not None, f"{name}: quantized but in no group")
        need(f"{name}.weight" in outputs, f"{name}.weight is missing after dequantization")
        module = Module(name, tensors, group)
        elements += compare_weight(module, outputs[f"{name}.weight"])
        used |= module.used
    copies = set(tensors) - used
    for name in sorted(copies):
        compare_copy(name, tensors[name], outputs)
    extra = set(outputs) - copies - {f"{name}.weight" for name in modules}
    need(not extra, f"tensors that come from nowhere: {sorted(extra)[:5]}")
    print(f"{len(modules)} quantized weights ({elements} elements) and {len(copies)} copied tensors are the same")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        print(__doc__, file=sys.stderr)
        sys.exit(2)
    try:
        main(sys.argv[1], sys.argv[2])
    except (Bad, OSError, KeyError, ValueError) as error:
        print(f"read_ct: {type(error).__name__}: {error}", file=sys.stderr)
        sys.exit(1)
