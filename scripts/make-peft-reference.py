"""test/fixtures/models/*/lora*: adapters as PEFT writes them, and what torch computes with them (reference.json).

    python3 -m venv .venv && .venv/bin/pip install torch transformers peft
    .venv/bin/python scripts/make-peft-reference.py

A and B are both drawn at random. Given are the log-probs of a completion's tokens with the adapter and without it,
the gradient of their weighted sum, the adapter after three steps of AdamW on that gradient (after.safetensors), and
merged weights.
"""
import json, pathlib, torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM

MODELS = pathlib.Path("test/fixtures/models")
TEMPERATURE = 0.7
PROMPTS = [[5, 6, 7, 8], [5, 6, 9]]
# Equal completions, and shared prefixes, among them.
COMPLETIONS = [[[1, 2, 3], [1, 2, 4, 5], [1, 2, 3]], [[40, 41], [40], [60, 61, 62]]]
ADAMW = {"lr": 1e-2, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0.1}
STEPS = 3
MAX_NORM = 1.0

CASES = [(model, "lora", {"r": 3, "lora_alpha": 6, "target_modules": "all-linear"}) for model in
         ["qwen2-tied", "qwen2-untied", "qwen3-tied", "llama-tied"]]
CASES.append(
    ("qwen2-tied", "rslora", {"r": 4, "lora_alpha": 5, "target_modules": ["q_proj", "down_proj"], "use_rslora": True})
)
# Weights of a bfloat16 checkpoint, widened: what they are computed with must be the same.
CASES.append(("qwen2-tied-bf16-sharded", "lora", {"r": 1, "lora_alpha": 2, "target_modules": "all-linear"}))


def logps(model):
    values = []
    for prompt, completions in zip(PROMPTS, COMPLETIONS):
        for completion in completions:
            ids = torch.tensor([prompt + completion])
            logp = (model(ids).logits[0, len(prompt) - 1 : -1] / TEMPERATURE).log_softmax(-1)
            values.append(logp.gather(1, torch.tensor(completion)[:, None])[:, 0])
    return torch.cat(values)


def stored(model):
    """The adapter's tensors by the names that they have in the file."""
    return {
        name.replace(".default.", "."): weight
        for name, weight in model.named_parameters()
        if weight.requires_grad
    }


for name, kind, options in CASES:
    torch.manual_seed(1)
    base = AutoModelForCausalLM.from_pretrained(MODELS / name, dtype=torch.float32).eval()
    model = get_peft_model(base, LoraConfig(task_type="CAUSAL_LM", **options)).eval()
    with torch.no_grad():
        for weight in stored(model).values():
            weight.normal_(0, 0.1)
    model.peft_config["default"].base_model_name_or_path = f"test/fixtures/models/{name}"
    folder = MODELS / name / kind
    model.save_pretrained(folder, save_embedding_layers=False)
    (folder / "README.md").unlink()

    weights = torch.linspace(-1, 2, sum(len(c) for group in COMPLETIONS for c in group))
    with torch.no_grad(), model.disable_adapter():
        without = logps(model)
    optimizer = torch.optim.AdamW(stored(model).values(), **ADAMW)
    norms = []
    for step in range(STEPS):
        optimizer.zero_grad()
        with_adapter = logps(model)
        (weights * with_adapter).sum().backward()
        if step == 0:
            first = with_adapter.tolist()
            save_file({key: weight.grad.clone() for key, weight in stored(model).items()}, folder / "grads.safetensors")
            layer = model.base_model.model.model.layers[1]
            merged = {
                "model.layers.1.self_attn.q_proj.weight": layer.self_attn.q_proj,
                "model.layers.1.mlp.down_proj.weight": layer.mlp.down_proj,
            }
            save_file(
                {
                    key: (linear.base_layer.weight + linear.get_delta_weight("default")).detach().contiguous()
                    for key, linear in merged.items()
                },
                folder / "merged.safetensors",
            )
        norms.append(torch.nn.utils.clip_grad_norm_(list(stored(model).values()), MAX_NORM).item())
        optimizer.step()
    save_file({key: weight.detach().clone() for key, weight in stored(model).items()}, folder / "after.safetensors")
    result = {
        "temperature": TEMPERATURE,
        "prompts": PROMPTS,
        "completions": COMPLETIONS,
        "weights": weights.tolist(),
        "logps": first,
        "logps_without": without.tolist(),
        "optimizer": {**ADAMW, "max_norm": MAX_NORM},
        "grad_norms": norms,
    }
    (folder / "reference.json").write_text(json.dumps(result) + "\n")
    print(name, kind, [round(x, 3) for x in norms])
