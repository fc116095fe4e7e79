"""test/fixtures/trl-losses.json: what TRL's GRPOTrainer gives where grpo-loss.json has no case.

    python3 -m venv .venv && .venv/bin/pip install torch transformers trl datasets
    .venv/bin/python scripts/make-trl-reference.py

Losses: `_compute_loss` itself, on the log-probs of grpo-loss.json. Advantages: those that a real trainer
logged for several reward functions. Left out: anything that the model computes.
"""
import importlib.metadata, itertools, json, os, tempfile
from collections import defaultdict
from types import SimpleNamespace

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["WANDB_DISABLED"] = "true"
import torch
from datasets import Dataset
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import GRPOConfig, GRPOTrainer

FIXTURES = "test/fixtures"
given = json.load(open(f"{FIXTURES}/grpo-loss.json"))
rows, width = given["shape"]
table = lambda name: torch.tensor(given[name]).view(rows, width)
lengths = torch.tensor(given["lengths"])
mask = (torch.arange(width) < lengths[:, None]).long()
G = given["group_size"]

DEFAULTS = dict(
    loss_type="grpo", beta=0.0, epsilon=0.2, epsilon_high=0.2, delta=None, importance_sampling_level="token",
    sapo_temperature_pos=1.0, sapo_temperature_neg=1.05, vespo_k_pos=2.0, vespo_lambda_pos=3.0, vespo_k_neg=3.0,
    vespo_lambda_neg=2.0, entropy_coef=0.0, use_adaptive_entropy=False, entropy_coef_min=0.0, entropy_coef_max=1.0,
    entropy_coef_delta=0.005, entropy_target=0.2, top_entropy_quantile=1.0, off_policy_mask_threshold=None,
    use_bias_correction_kl=False, scale_rewards="group",
)


class Accelerator:
    num_processes = 1
    sync_gradients = True
    gather = staticmethod(lambda x: x)
    gather_for_metrics = gather
    pad_across_processes = staticmethod(lambda x, **_: x)
    reduce = staticmethod(lambda x, **_: x)


def trainer_of(options, parts):
    """A GRPOTrainer that never was given a model: only what `_compute_loss` reads."""
    trainer = GRPOTrainer.__new__(GRPOTrainer)
    trainer.__dict__.update(
        accelerator=Accelerator(), model=SimpleNamespace(training=True), use_vllm=False, aux_loss_enabled=False,
        vllm_importance_sampling_correction=False, max_completion_length=given["max_completion_length"],
        current_gradient_accumulation_steps=parts, _metrics={"train": defaultdict(list)},
        args=SimpleNamespace(**options, steps_per_generation=parts),
        epsilon_low=options["epsilon"], _entropy_window_stats=None, _last_world_entropy=float("inf"),
        _entropy_bonus_enabled=options["entropy_coef"] != 0.0 or options["use_adaptive_entropy"],
        **{k: options[k] for k in (
            "loss_type", "beta", "epsilon_high", "importance_sampling_level", "top_entropy_quantile",
            "off_policy_mask_threshold", "entropy_coef", "use_adaptive_entropy")},
    )
    return trainer


def advantages_of(scale):
    rewards = torch.tensor(given["rewards"])
    groups = rewards.view(-1, G)
    centred = rewards - groups.mean(1).repeat_interleave(G)
    if scale == "none":
        return centred
    return centred / ((rewards.std() if scale == "batch" else groups.std(1).repeat_interleave(G)) + 1e-4)


def call(trainer, options, off_policy, masked, parts, window=slice(None)):
    """One micro-batch: the rows of `window`."""
    counted = mask.clone()
    counted[masked] = 0
    logps = table("logps")[window].clone().requires_grad_(True)
    entropies = table("entropies")[window].clone().requires_grad_(True)
    trainer._get_per_token_logps_and_entropies = lambda *_, **__: (logps, entropies, None)
    none = torch.zeros(len(logps), 0, dtype=torch.long)
    inputs = dict(
        prompt_ids=none, prompt_mask=none, completion_ids=torch.zeros_like(counted[window]),
        completion_mask=counted[window], advantages=advantages_of(options["scale_rewards"])[window],
        num_items_in_batch=counted.sum(), ref_per_token_logps=table("ref_logps")[window],
    )
    if off_policy:
        inputs["old_per_token_logps"] = table("old_logps")[window]
    loss = trainer._compute_loss(None, inputs)
    loss.backward()
    flat = lambda grad: None if grad is None else grad.flatten().tolist()
    return dict(loss=loss.item(), dloss_dlogps=flat(logps.grad), dloss_dentropies=flat(entropies.grad))


def case(off_policy=True, masked=(), parts=1, **changed):
    options = {**DEFAULTS, **changed}
    trainer = trainer_of(options, parts)
    size = rows // parts
    # A step of several parts is their losses and gradients, one after another.
    results = [
        call(trainer, options, off_policy, list(masked), parts, slice(i * size, (i + 1) * size)) for i in range(parts)
    ]
    join = lambda name: list(itertools.chain(*[r[name] for r in results])) if results[0][name] is not None else None
    return dict(
        options={"beta": options["beta"], **changed}, use_old_logps=off_policy, masked=list(masked), parts=parts,
        advantages=advantages_of(options["scale_rewards"]).tolist(), loss=sum(r["loss"] for r in results),
        dloss_dlogps=join("dloss_dlogps"), dloss_dentropies=join("dloss_dentropies"),
        metrics={k: sum(v) / len(v) for k, v in trainer._metrics["train"].items()},
    )


LOSSES = ["grpo", "dr_grpo", "bnpo", "dapo", "cispo", "sapo", "luspo", "vespo"]
cases = (
    [case(loss_type=t, beta=0.1, masked=(1, 6)) for t in LOSSES]
    + [case(loss_type=t, beta=0.1, importance_sampling_level="sequence", use_bias_correction_kl=True) for t in LOSSES]
    + [case(loss_type=t, importance_sampling_level="sequence", masked=(0, 9)) for t in ("grpo", "luspo", "dapo", "cispo")]
    + [case(loss_type=t, beta=0.04, parts=2, entropy_coef=0.01, masked=(3,)) for t in LOSSES]
    + [case(loss_type=t, importance_sampling_level="sequence", delta=1.05, epsilon=0.01, epsilon_high=0.02) for t in ("grpo", "luspo")]
    + [case(loss_type="grpo", delta=1.1, epsilon=0.05, epsilon_high=0.3, off_policy_mask_threshold=0.01, beta=0.1)]
    + [case(loss_type=t, top_entropy_quantile=q, off_policy_mask_threshold=0.02, entropy_coef=0.02, beta=0.1)
       for t, q in (("grpo", 0.2), ("vespo", 0.5), ("cispo", 0.0), ("sapo", 0.8))]
    + [case(loss_type="sapo", sapo_temperature_pos=0.5, sapo_temperature_neg=2.0, beta=0.1, scale_rewards="batch")]
    + [case(loss_type="luspo", off_policy=False, beta=0.1, scale_rewards="none")]
    + [case(loss_type="cispo", epsilon_high=5.0, beta=0.1, use_bias_correction_kl=True)]
)


def adaptive():
    """Steps one after another: the weight that each applied shows in dloss_dentropies."""
    changed = dict(loss_type="dapo", beta=0.0, entropy_coef=0.02, use_adaptive_entropy=True, entropy_coef_min=0.01,
                   entropy_coef_max=0.03, entropy_coef_delta=0.004, entropy_target=0.0)
    entropies = table("entropies")
    mean = ((entropies * mask).sum() / mask.sum()).item()
    steps = []
    trainer = trainer_of({**DEFAULTS, **changed}, 1)
    for target in [mean + 0.1] * 4 + [mean - 0.1] * 7 + [mean + 0.1] * 2:
        trainer.args.entropy_target = target
        result = call(trainer, {**DEFAULTS, **changed}, True, [], 1)
        steps.append(dict(entropy_target=target, loss=result["loss"], entropy_coef=trainer.entropy_coef,
                          d_entropy=(result["dloss_dentropies"] or [0.0])[0]))
    return dict(options=changed, steps=steps)


def multi_reward():
    """Advantages of a real trainer with three reward functions, one of which has nothing to say now and then."""
    folder = f"{FIXTURES}/models/qwen2-tied"
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    length = lambda completions, **_: [len(c) / 10 for c in completions]
    vowels = lambda completions, **_: [float(sum(x in "aeiou0246" for x in c)) for c in completions]
    some = lambda completions, **_: [None if len(c) % 3 == 0 else float(len(set(c))) for c in completions]
    length.__name__, vowels.__name__, some.__name__ = "length", "vowels", "some"
    out = []
    for aggregation, scale, weights in itertools.product(
        ("sum_then_normalize", "normalize_then_sum"), ("group", "batch", "none"), (None, [1.0, 0.5, -0.25])):
        with tempfile.TemporaryDirectory() as scratch:
            args = GRPOConfig(output_dir=scratch, per_device_train_batch_size=16, num_generations=4, max_steps=1,
                              max_completion_length=6, report_to=[], bf16=False, use_cpu=True, logging_steps=1,
                              multi_objective_aggregation=aggregation, scale_rewards=scale, reward_weights=weights,
                              save_strategy="no", learning_rate=1e-9, dataloader_pin_memory=False, seed=3)
            trainer = GRPOTrainer(
                model=AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32), processing_class=tokenizer,
                reward_funcs=[length, vowels, some], args=args,
                train_dataset=Dataset.from_list([{"prompt": f"{i} + {i} = "} for i in range(8)]))
            trainer.train()
            log = trainer.state.log_history[0]
            out.append(dict(
                multi_objective_aggregation=aggregation, scale_rewards=scale, reward_weights=weights, num_generations=4,
                rewards=[[None if x != x else x for x in trainer._logs["rewards"][n]] for n in ("length", "vowels", "some")],
                advantages=list(trainer._logs["advantages"]),
                metrics={k: log[k] for k in log if k.startswith("reward") or k == "frac_reward_zero_std"}))
    return out


versions = {name: importlib.metadata.version(name) for name in ("trl", "transformers", "torch")}
result = dict(versions=versions, cases=cases, adaptive_entropy=adaptive(), multi_reward=multi_reward())
with open(f"{FIXTURES}/trl-losses.json", "w") as file:
    json.dump(result, file)
print(versions, len(cases), "losses,", len(result["multi_reward"]), "advantages")
