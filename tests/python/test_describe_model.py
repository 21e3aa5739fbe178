"""python/describe_model.py: what it says of a model, and that Quern and the schema take it.

usage: test_describe_model.py QUERN SCRATCH SCHEMA [torch]
Without `torch` the models are of fake_torch.py; with it they are PyTorch's, and one forward pass is traced.
"""
import json
import pathlib
import subprocess
import sys

QUERN, SCRATCH, SCHEMA = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
sys.path.insert(0, str(SCHEMA.parent.parent / "python"))
import describe_model
RECIPE = "config c { weight int8 }\nmatch first { _ => c }\n"


def expect(what, got, wanted):
    if got != wanted:
        sys.exit(f"{what}: saw\n{json.dumps(got, indent=1)}\nexpected\n{json.dumps(wanted, indent=1)}")


def check_taken(description):
    """Quern reads it with nothing to say; the schema validates it where there is a validator."""
    SCRATCH.mkdir(parents=True, exist_ok=True)
    (SCRATCH / "m.json").write_text(json.dumps(description))
    (SCRATCH / "r.qr").write_text(RECIPE)
    result = subprocess.run([QUERN, "match", SCRATCH / "r.qr", "-m", SCRATCH / "m.json"], capture_output=True, text=True)
    expect("quern match", (result.returncode, result.stderr), (0, ""))
    try:
        import jsonschema
    except ImportError:
        return
    jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text())).validate(description)


def test_fake():
    from fake_torch import Linear, Metadata, Module, QuantizedLinear, QuantizerStub, Tensor
    module = ["faketorch.nn.modules.module.Module", "faketorch.nn.modules.Module", "faketorch.nn.Module"]
    linear = ["faketorch.nn.modules.linear.Linear", "faketorch.nn.modules.Linear", "faketorch.nn.Linear"]
    head, body = Linear(4, 8, bias=False), QuantizedLinear(8, 8)
    stub = QuantizerStub()
    stub.quant_metadata = Metadata("parameter/weight", "parameter", shape=(8, 8), device=object())
    body._modules["weight_quantizer"] = stub
    head._parameters["weight"] = body._parameters["weight"]
    body._buffers["seen"] = Tensor((), "int64")
    body._buffers["odd"] = Tensor((2, 2), "quint8")
    holder = Module(body=body, none=None)
    holder._parameters["view"] = Tensor((4,), "bfloat16", address=4096)
    holder._parameters["same"] = Tensor((4,), "bfloat16", address=4096)
    description = describe_model.describe(Module(holder=holder, head=head, again=holder))
    paths = [(m["path"], m.get("aliases")) for m in description["modules"]]
    expect("paths", paths, [("", None), ("holder", ["again"]), ("holder.body", ["again.body"]),
                            ("holder.body.weight_quantizer", ["again.body.weight_quantizer"]), ("head", None)])
    rows = {m["path"]: m for m in description["modules"]}
    expect("root", rows[""], {"path": "", "class": module, "bases": []})
    expect("views of one memory", rows["holder"]["parameters"], [{"name": "view", "dtype": "BF16", "shape": [4]},
                                                               {"name": "same", "dtype": "BF16", "shape": [4], "tied": "holder.view"}])
    expect("quantized", rows["holder.body"], {
        "path": "holder.body", "aliases": ["again.body"], "class": ["fakeforward.nn.QuantizedLinear"],
        "bases": ["fakeforward.nn.QuantizedModule", *linear, *module], "quantized_module": True,
        "parameters": [{"name": "weight", "dtype": "F32", "shape": [8, 8]}, {"name": "bias", "dtype": "F32", "shape": [8]}],
        "buffers": [{"name": "seen", "dtype": "I64", "shape": []}, {"name": "odd", "shape": [2, 2]}]})
    expect("stub", rows["holder.body.weight_quantizer"], {
        "path": "holder.body.weight_quantizer", "aliases": ["again.body.weight_quantizer"], "class": ["fakeforward.nn.QuantizerStub"],
        "bases": ["fakeforward.nn.Quantizer", *module], "stub": True, "quantizer": True, "tags": ["parameter", "parameter/weight"],
        "metadata": {"shape": [8, 8]}})
    expect("tied", rows["head"]["parameters"], [{"name": "weight", "dtype": "F32", "shape": [8, 8], "tied": "holder.body.weight"}])
    check_taken(description)


def make_torch_model():
    import torch
    from torch import nn
    import torch.nn.functional as F

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc1, self.act, self.fc2 = nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 8)

        def forward(self, x):
            y = self.fc2(self.act(self.fc1(x))) + x
            y += x
            return y + y, F.linear(x, weight=self.fc1.weight)

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed, self.enc = nn.Embedding(10, 8), Block()
            self.conv = nn.Conv1d(2, 2, 1)
            self.head = nn.Linear(8, 10, bias=False)
            self.head.weight = self.embed.weight

        def forward(self, tokens):
            x, _ = self.enc(torch.embedding(self.embed.weight, tokens))
            y, _ = self.enc(self.conv(x))
            return self.head(y) - 1

    return Net(), (torch.tensor([[1, 2]]),)


def test_torch():
    model, inputs = make_torch_model()
    description = describe_model.describe(model, inputs)
    expect("traced as without tracing", description["modules"], describe_model.describe(model)["modules"])
    expect("linear", description["modules"][3]["class"], ["torch.nn.modules.linear.Linear", "torch.nn.modules.Linear", "torch.nn.Linear"])
    ops = [(op["owner"], op["type"], op["graph_name"], op.get("eager_name"), [v.get("state", v.get("tensor")) for v in op["inputs"]],
            [v["tensor"] for v in op["outputs"]]) for op in description["ops"]]
    again = "conv.weight", "conv.bias"
    expect("ops", [list(op) for op in ops], [
        ["", "embedding", "embedding", "embedding", ["t0", "embed.weight"], ["t1"]],
        ["enc.fc1", "linear", "linear", "enc.fc1.linear", ["t1", "enc.fc1.weight", "enc.fc1.bias"], ["t2"]],
        ["enc.fc2", "linear", "linear_1", "enc.fc2.linear", ["t3", "enc.fc2.weight", "enc.fc2.bias"], ["t4"]],
        ["enc", "add", "add", "enc.add", ["t4", "t1"], ["t5"]],
        ["enc", "add", "add_", "enc.add_", ["t5", "t1"], ["t6"]],
        ["enc", "add", "add_1", "enc.add_1", ["t6", "t6"], ["t7"]],
        ["enc", "linear", "linear_2", "enc.linear", ["t1", "enc.fc1.weight"], ["t8"]],
        ["conv", "conv1d", "conv1d", "conv.conv1d", ["t7", *again], ["t9"]],
        ["enc.fc1", "linear", "linear_3", None, ["t9", "enc.fc1.weight", "enc.fc1.bias"], ["t10"]],
        ["enc.fc2", "linear", "linear_4", None, ["t11", "enc.fc2.weight", "enc.fc2.bias"], ["t12"]],
        ["enc", "add", "add_2", None, ["t12", "t9"], ["t13"]],
        ["enc", "add", "add__1", None, ["t13", "t9"], ["t14"]],
        ["enc", "add", "add_3", None, ["t14", "t14"], ["t15"]],
        ["enc", "linear", "linear_5", None, ["t9", "enc.fc1.weight"], ["t16"]],
        ["head", "linear", "linear_6", "head.linear", ["t15", "embed.weight"], ["t17"]],
        ["", "sub", "sub", "sub", ["t17"], ["t18"]]])
    expect("an input's row", description["ops"][1]["inputs"][1], {"index": 1, "state": "enc.fc1.weight", "name": "weight", "dtype": "F32", "shape": [8, 8]})
    expect("boundaries", [[b["module"], b["inputs"], b["outputs"]] for b in description["boundaries"]], [
        ["", ["t0"], ["t18"]], ["enc", ["t1"], ["t7", "t8"]], ["enc.fc1", ["t1"], ["t2"]], ["enc.act", ["t2"], ["t3"]],
        ["enc.fc2", ["t3"], ["t4"]], ["conv", ["t7"], ["t9"]], ["head", ["t15"], ["t17"]]])
    check_taken(description)


test_torch() if sys.argv[4:] == ["torch"] else test_fake()
