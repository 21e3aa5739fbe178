"""The model of tinylm in PyTorch: a byte-level decoder of the Llama kind.

Parameter names equal the Llama checkpoint names, so that state_dict() is what
model.safetensors holds.  tinylm.c computes the same function.
"""
import torch
from torch import nn
from torch.nn import functional as F

# config.json of the trained model.  Linear in-features (256, 512) are
# multiples of 256, the largest block of the formats Quern writes.
CONFIG = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_size": 256,
    "intermediate_size": 512,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "num_key_value_heads": 4,
    "head_dim": 64,
    "hidden_act": "silu",
    "rms_norm_eps": 1e-5,
    "rope_theta": 10000.0,
    "max_position_embeddings": 256,
    "vocab_size": 256,
    "tie_word_embeddings": False,
    "attention_bias": False,
    "mlp_bias": False,
    "torch_dtype": "bfloat16",
}


class RMSNorm(nn.Module):
    """y = x / sqrt(mean(x^2) + eps) * weight, over the last axis."""

    def __init__(self, width, eps):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, x):
        scale = torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.eps)
        return x * scale * self.weight


def rotary_tables(length, head_dim, theta):
    """cos and sin, [length, head_dim]; both halves repeat the angles
    position * theta^(-2i / head_dim)."""
    inverse = theta ** (-torch.arange(0, head_dim, 2).double() / head_dim)
    angle = torch.outer(torch.arange(length).double(), inverse)
    angle = torch.cat([angle, angle], -1)
    return angle.cos().float(), angle.sin().float()


def rotate(x, cos, sin):
    """Rotary position: the pair (x_i, x_{i + head_dim/2}) turns by angle i."""
    first, second = x.chunk(2, -1)
    return x * cos + torch.cat([-second, first], -1) * sin


class Attention(nn.Module):
    """Causal self-attention; every head has its own key and value."""

    def __init__(self, config):
        super().__init__()
        width = config["hidden_size"]
        self.heads = config["num_attention_heads"]
        for name in ("q_proj", "k_proj", "v_proj", "o_proj"):
            setattr(self, name, nn.Linear(width, width, bias=False))

    def forward(self, x, cos, sin, mask):
        batch, length, width = x.shape

        def split(projection):
            y = projection(x).view(batch, length, self.heads, -1)
            return y.transpose(1, 2)

        q = rotate(split(self.q_proj), cos, sin)
        k = rotate(split(self.k_proj), cos, sin)
        score = q @ k.transpose(2, 3) * q.shape[-1] ** -0.5 + mask
        y = score.softmax(-1) @ split(self.v_proj)
        return self.o_proj(y.transpose(1, 2).reshape(batch, length, width))


class MLP(nn.Module):
    """SwiGLU: down(silu(gate(x)) * up(x))."""

    def __init__(self, config):
        super().__init__()
        width, inner = config["hidden_size"], config["intermediate_size"]
        self.gate_proj = nn.Linear(width, inner, bias=False)
        self.up_proj = nn.Linear(width, inner, bias=False)
        self.down_proj = nn.Linear(inner, width, bias=False)

    def forward(self, x):
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Layer(nn.Module):
    """x + attention(norm(x)), then x + mlp(norm(x))."""

    def __init__(self, config):
        super().__init__()
        width, eps = config["hidden_size"], config["rms_norm_eps"]
        self.self_attn = Attention(config)
        self.mlp = MLP(config)
        self.input_layernorm = RMSNorm(width, eps)
        self.post_attention_layernorm = RMSNorm(width, eps)

    def forward(self, x, cos, sin, mask):
        x = x + self.self_attn(self.input_layernorm(x), cos, sin, mask)
        return x + self.mlp(self.post_attention_layernorm(x))


class Body(nn.Module):
    """Embedding, layers and the last norm: the `model.` part of the names."""

    def __init__(self, config):
        super().__init__()
        width = config["hidden_size"]
        self.embed_tokens = nn.Embedding(config["vocab_size"], width)
        self.layers = nn.ModuleList(
            Layer(config) for _ in range(config["num_hidden_layers"]))
        self.norm = RMSNorm(width, config["rms_norm_eps"])

    def forward(self, tokens, cos, sin, mask):
        x = self.embed_tokens(tokens)
        for layer in self.layers:
            x = layer(x, cos, sin, mask)
        return self.norm(x)


class TinyLM(nn.Module):
    """tokens [batch, length] of bytes -> logits [batch, length, 256]."""

    def __init__(self, config):
        super().__init__()
        self.model = Body(config)
        self.lm_head = nn.Linear(config["hidden_size"], config["vocab_size"],
                                 bias=False)
        length = config["max_position_embeddings"]
        cos, sin = rotary_tables(length, config["head_dim"],
                                 config["rope_theta"])
        mask = torch.full((length, length), -1e30).triu(1)
        for name, value in (("cos", cos), ("sin", sin), ("mask", mask)):
            self.register_buffer(name, value, persistent=False)
        self.reset(config["num_hidden_layers"])

    def reset(self, layers):
        """Normal(0, 0.02) weights; the two projections that write into the
        residual stream are smaller by sqrt(2 * layers)."""
        for name, value in self.named_parameters():
            if value.dim() == 2:
                writes = name.endswith(("o_proj.weight", "down_proj.weight"))
                std = 0.02 / (2 * layers) ** 0.5 if writes else 0.02
                nn.init.normal_(value, 0.0, std)

    def forward(self, tokens):
        n = tokens.shape[1]
        x = self.model(tokens, self.cos[:n], self.sin[:n], self.mask[:n, :n])
        return self.lm_head(x)
