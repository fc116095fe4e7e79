"""Reads a GGUF file by the package gguf, and compares each tensor with the safetensors files it was made from.

Usage: python scripts/check-gguf.py FILE.gguf FOLDER   (needs gguf, safetensors and torch)
"""

import json
import sys
from pathlib import Path

import gguf
import numpy as np
from safetensors import safe_open

PARTS = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "attn_q_norm": "self_attn.q_norm",
    "attn_k_norm": "self_attn.k_norm",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
WHOLE = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"}
# Largest error of a number, as a share of the largest magnitude of its tensor (Q8_0: of its block).
ERRORS = {"F32": 0, "F16": 2**-11, "BF16": 2**-8, "Q8_0": 0.5 / 127 + 2**-11}


def permuted(weights, heads):
    """As llama.cpp's convert_hf_to_gguf.py has it."""
    rows = weights.shape[0]
    return weights.reshape(heads, 2, rows // heads // 2, *weights.shape[1:]).swapaxes(1, 2).reshape(weights.shape)


file, folder = Path(sys.argv[1]), Path(sys.argv[2])
config = json.loads((folder / "config.json").read_text())
source = {}
for shard in sorted(folder.glob("model*.safetensors")):
    with safe_open(shard, "pt") as tensors:
        for name in tensors.keys():
            source[name] = tensors.get_tensor(name).float().numpy()

reader = gguf.GGUFReader(file)
fields = {name: field.contents() for name, field in reader.fields.items()}
for name, value in fields.items():
    print(name, "=", f"[{len(value)}] {value[:4]}" if isinstance(value, list) else str(value)[:80])
assert len(fields["tokenizer.ggml.tokens"]) == config["vocab_size"]
seen = set()
worst = {}
for tensor in reader.tensors:
    block, kind = tensor.name.rsplit(".", 1)
    if block.startswith("blk."):
        _, layer, part = block.split(".")
        name = f"model.layers.{layer}.{PARTS[part]}.{kind}"
    else:
        name = f"{WHOLE[block]}.{kind}"
    seen.add(name)
    want = source[name]
    if config["model_type"] == "llama" and ".q_proj." in name:
        want = permuted(want, config["num_attention_heads"])
    if config["model_type"] == "llama" and ".k_proj." in name:
        want = permuted(want, config.get("num_key_value_heads", config["num_attention_heads"]))
    got = gguf.quants.dequantize(tensor.data, tensor.tensor_type).reshape(want.shape)
    kind = tensor.tensor_type.name
    scale = np.abs(want).reshape(-1, 32).max(1, keepdims=True) if kind == "Q8_0" else np.abs(want).max()
    error = (np.abs(got - want).reshape(-1, 32) / np.maximum(scale, 1e-30)).max() if kind == "Q8_0" else np.abs(got - want).max() / scale
    worst[kind] = max(worst.get(kind, 0), float(error))
    assert error <= ERRORS[kind] + 1e-7, (tensor.name, kind, error)
    # What the package itself makes of the numbers, to the bit.
    if kind != "F32":
        expected = gguf.quants.quantize(np.ascontiguousarray(want, np.float32), tensor.tensor_type)
        assert np.array_equal(expected.view(np.uint8).reshape(-1), np.asarray(tensor.data).view(np.uint8).reshape(-1)), tensor.name
missing = set(source) - seen - ({"lm_head.weight"} if config.get("tie_word_embeddings") else set())
assert not missing, missing
print("tensors", len(reader.tensors), "largest errors", worst)
