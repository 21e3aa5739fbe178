"""Trains tinylm and writes model.safetensors and config.json.

    apt-get install bible-kjv bible-kjv-text python3-torch libopenblas0-pthread
    nice python3 train.py            # 6400 steps on one core

Each step takes the mean cross-entropy of 8 windows of 256 bytes at random
offsets of the training text.  Weights and sums are float32, products of
matrices bfloat16.  AdamW; the rate rises over 200 steps, stays,
and falls linearly to zero over the last third.  Seeds are fixed: the windows
of a step depend on SEED and the step alone, so a run that continues from
checkpoint.pt sees the same data as one that was never stopped.
"""
import argparse
import json
import math
import os
import struct
import time

import torch
from torch.nn import functional as F

import corpus
from model import CONFIG, TinyLM

SEED = 1611
BATCH = 8
WINDOW = CONFIG["max_position_embeddings"]
RATE = 2e-3
WARMUP = 200


def rate_at(step, steps):
    """Learning rate of `step`: up, flat, down over the last third."""
    return RATE * min(1.0, (step + 1) / WARMUP, 3 * (steps - step) / steps)


def windows(text, step):
    """BATCH windows of WINDOW + 1 bytes, chosen by SEED and step."""
    generator = torch.Generator().manual_seed(SEED * 1000003 + step)
    starts = torch.randint(len(text) - WINDOW, (BATCH,), generator=generator)
    return torch.stack([text[s:s + WINDOW + 1] for s in starts.tolist()]).long()


def loss_of(model, batch):
    """Mean nats per byte of bytes 1.. of each window, given those before."""
    logits = model(batch[:, :-1]).float()
    return F.cross_entropy(logits.flatten(0, 1), batch[:, 1:].flatten())


def heldout_nats(model, text, count):
    """Nats per byte over `count` windows spread evenly over the text, the
    same windows that tinylm.c scores."""
    last = len(text) - WINDOW - 1
    starts = [last * i // max(count - 1, 1) for i in range(count)]
    total = 0.0
    with torch.no_grad():
        for i in range(0, count, BATCH):
            batch = torch.stack([text[s:s + WINDOW + 1]
                                 for s in starts[i:i + BATCH]]).long()
            total += loss_of(model, batch).item() * len(batch)
    return total / count


def new_optimizer(model):
    """AdamW; matrices decay, norm weights do not."""
    matrices = [p for p in model.parameters() if p.dim() == 2]
    norms = [p for p in model.parameters() if p.dim() != 2]
    return torch.optim.AdamW(
        [{"params": matrices, "weight_decay": 0.1},
         {"params": norms, "weight_decay": 0.0}], betas=(0.9, 0.98))


def train_step(model, optimizer, batch, rate):
    for group in optimizer.param_groups:
        group["lr"] = rate
    with torch.cpu.amp.autocast(dtype=torch.bfloat16):
        loss = loss_of(model, batch)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    return loss.item()


def as_bf16(model):
    """The weights rounded to bf16, nearest even, by name."""
    return {name: value.detach().bfloat16()
            for name, value in model.state_dict().items()}


def write_safetensors(path, tensors):
    """One dtype, so the order is by name; the header is padded with spaces to
    a multiple of 8; the file appears under its name only when complete."""
    header = {"__metadata__": {"format": "pt"}}
    offset = 0
    for name in sorted(tensors):
        size = tensors[name].numel() * 2
        header[name] = {"dtype": "BF16", "shape": list(tensors[name].shape),
                        "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path + ".part", "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for name in sorted(tensors):
            bits = tensors[name].contiguous().view(torch.int16)
            file.write(bits.numpy().astype("<i2").tobytes())
    os.replace(path + ".part", path)


def save_checkpoint(path, model, optimizer, step):
    torch.save({"model": model.state_dict(), "step": step,
                "optimizer": optimizer.state_dict()}, path + ".part")
    os.replace(path + ".part", path)


def load_checkpoint(path, model, optimizer):
    """Restores model and optimizer; returns the step to do next."""
    if not os.path.exists(path):
        return 0
    state = torch.load(path)
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    return state["step"]


def report(model, heldout, step, loss, began):
    nats = heldout_nats(model, heldout, 64)
    print(f"step {step} loss {loss:.4f} heldout {nats:.4f} nats "
          f"{nats / math.log(2):.4f} bits {time.time() - began:.0f} s",
          flush=True)


def write_result(model, heldout, out):
    """Writes the checkpoint; prints the held-out loss of the bf16 weights."""
    tensors = as_bf16(model)
    write_safetensors(os.path.join(out, "model.safetensors"), tensors)
    with open(os.path.join(out, "config.json"), "w") as file:
        file.write(json.dumps(CONFIG, indent=2) + "\n")
    model.load_state_dict({name: t.float() for name, t in tensors.items()})
    nats = heldout_nats(model, heldout, len(heldout) // WINDOW)
    print(f"bf16: {nats:.5f} nats, {nats / math.log(2):.5f} bits per byte, "
          f"perplexity {math.exp(nats):.4f}")


def main():
    parser = argparse.ArgumentParser(description="train tinylm")
    parser.add_argument("--steps", type=int, default=6400)
    parser.add_argument("--out", default=".", help="folder of the results")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    torch.set_flush_denormal(True)

    text = torch.tensor(list(corpus.training_text()), dtype=torch.uint8)
    heldout = torch.tensor(list(corpus.heldout_text()), dtype=torch.uint8)
    model = TinyLM(CONFIG)
    optimizer = new_optimizer(model)
    checkpoint = os.path.join(options.out, "checkpoint.pt")
    began = time.time()
    for step in range(load_checkpoint(checkpoint, model, optimizer),
                      options.steps):
        loss = train_step(model, optimizer, windows(text, step),
                          rate_at(step, options.steps))
        if (step + 1) % 200 == 0:
            report(model, heldout, step + 1, loss, began)
            save_checkpoint(checkpoint, model, optimizer, step + 1)
    write_result(model, heldout, options.out)


if __name__ == "__main__":
    main()
