"""As much of torch.nn as describe_model.py looks at when it does not trace: packages faketorch.nn.modules.* and FastForward's
classes, importable once this module is. So descriptions are tested where PyTorch is not installed."""
import sys
import types


class Tensor:
    def __init__(self, shape, dtype="float32", address=0):
        self.shape, self.dtype, self.address = shape, f"faketorch.{dtype}", address

    def numel(self):
        count = 1
        for n in self.shape:
            count *= n
        return count

    def data_ptr(self):
        return self.address or id(self)

    def stride(self):
        return ()


class Module:
    def __init__(self, **children):
        self._parameters, self._buffers, self._modules = {}, {}, children

    def named_modules(self, prefix="", remove_duplicate=True):
        assert not remove_duplicate
        yield prefix, self
        for name, child in self._modules.items():
            if child is not None:
                yield from child.named_modules(f"{prefix}.{name}" if prefix else name, remove_duplicate)


class Linear(Module):
    def __init__(self, rows, columns, bias=True):
        super().__init__()
        self._parameters = {"weight": Tensor((rows, columns)), "bias": Tensor((rows,)) if bias else None}


class Quantizer(Module):
    pass


class QuantizerStub(Quantizer):
    pass


class QuantizedModule(Module):
    pass


class QuantizedLinear(QuantizedModule, Linear):
    pass


class Tag:
    def __init__(self, symbol):
        self.symbol = symbol


class Metadata:
    def __init__(self, *tags, **members):
        self._tags = {Tag(tag) for tag in tags}
        self.__dict__.update(members)


def place(cls, *packages):
    """Makes the class importable from each package; the first is its own."""
    cls.__module__ = packages[0]
    for package in packages:
        parts = package.split(".")
        for i in range(1, len(parts) + 1):
            name = ".".join(parts[:i])
            sys.modules.setdefault(name, types.ModuleType(name))
        setattr(sys.modules[package], cls.__name__, cls)


place(Module, "faketorch.nn.modules.module", "faketorch.nn.modules", "faketorch.nn")
place(Linear, "faketorch.nn.modules.linear", "faketorch.nn.modules", "faketorch.nn")
for quantizer_class in (Quantizer, QuantizerStub, QuantizedModule, QuantizedLinear):
    place(quantizer_class, "fakeforward.nn")
