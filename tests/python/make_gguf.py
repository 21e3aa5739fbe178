"""GGUF files made by hand, odd ones included. A pair is (key, type, bytes of the value); a tensor is (name, ne innermost
first, type id, offset or None for where it belongs, bytes of data)."""
import struct

UINT8, INT32, UINT32, STRING, ARRAY = 0, 5, 4, 8, 9


def string(text):
    data = text if isinstance(text, bytes) else text.encode()
    return struct.pack("<Q", len(data)) + data


def array(kind, count, data=b""):
    return struct.pack("<iQ", kind, count) + data


def pair(key, kind, value):
    return string(key) + struct.pack("<i", kind) + value


def record(name, ne, kind, offset, rank=None):
    return (string(name) + struct.pack("<I", len(ne) if rank is None else rank) +
            b"".join(struct.pack("<q", n) if n < 0 else struct.pack("<Q", n) for n in ne) + struct.pack("<iQ", kind, offset))


def pad(size, alignment):
    return -size % alignment


def gguf(pairs=(), tensors=(), version=3, magic=b"GGUF", counts=None, alignment=32, cut=0, endian="<"):
    """The whole file; counts: (tensors, pairs) to announce instead; cut: bytes to leave out at the end."""
    announced = counts or (len(tensors), len(pairs))
    head = magic + struct.pack(endian + "I", version) + struct.pack(endian + "QQ", *announced)
    head += b"".join(p if isinstance(p, bytes) else pair(*p) for p in pairs)
    records, data = [], b""
    for tensor in tensors:
        if isinstance(tensor, bytes):
            records.append(tensor)
            continue
        name, ne, kind, offset, size = tensor
        records.append(record(name, ne, kind, len(data) if offset is None else offset))
        data += b"\0" * (size + pad(size, alignment))
    head += b"".join(records)
    whole = head + (b"\0" * pad(len(head), alignment) + data if tensors else b"")
    return whole[:len(whole) - cut]
