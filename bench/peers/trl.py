"""The same work in TRL's GRPOTrainer: reads a case as JSON on standard input, prints what it cost as JSON.

In:  model (folder) or config (a shape: random weights), problems [{prompt, answer}], prompts,
     num_generations, max_completion_length, stop (answer; none), temperature, beta, learning_rate,
     dtype (float32; bfloat16: weights in float32, autocast as by TRL's bf16=True), lora_r (rank of PEFT's
     adapters on all linear layers; null: none), device (cpu; cuda;
     cuda:N), threads, warmup, steps
Out: versions, peak_memory (bytes), and for each measured step seconds by phase and its tokens.

TRL's phases under our names: sample is generation; reference is all of scoring after it, rewards too;
train is the loss's forward and the backward; optimizer is the rest of the step, clipping too.
"""

import copy
import importlib.metadata
import json
import os
import re
import resource
import sys
import tempfile
import time

sys.path.pop(0)  # this file's folder, where `trl` would be this file

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
case = json.load(sys.stdin)
on_gpu = case["device"] != "cpu"
if on_gpu:
    # Of several GPUs the trainer would take all.
    index = int((case["device"] + ":0").split(":")[1])
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    os.environ["CUDA_VISIBLE_DEVICES"] = visible.split(",")[index] if visible else str(index)

import torch
import transformers
from datasets import Dataset
from tokenizers import Regex, Tokenizer, models, pre_tokenizers
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast, TrainerCallback
from trl import GRPOConfig, GRPOTrainer
from trl.trainer import grpo_trainer

# Tokens that are forwarded at once, prompts counted with each completion: 24 GiB have no room for more in
# float32. Greater batches are accumulated, as TRL's users do it.
MICRO_TOKENS = 2000

PIECE = r"[A-Za-z]+|\d| ?[^\w\s]|\s"  # as in ../shape-tokenizer.ts


def random_model(config):
    """A model of this shape with transformers' own random weights; its reference is a copy of it."""
    fields = {key: value for key, value in config.items() if key != "model_type"}
    if "rope_theta" in fields:
        fields["rope_parameters"] = {"rope_type": "default", "rope_theta": fields["rope_theta"]}
    config = transformers.AutoConfig.for_model(config["model_type"], **fields)
    torch.manual_seed(42)
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    model.config._name_or_path = "random weights"
    grpo_trainer.create_model_from_path = lambda *_, **__: copy.deepcopy(model)
    return model


def piece_tokenizer(problems):
    pieces = sorted({piece for problem in problems for piece in re.findall(PIECE, problem["prompt"])})
    vocabulary = {token: i for i, token in enumerate(["<eos>", "<unk>", *pieces])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(PIECE), "isolated")
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token="<eos>", pad_token="<eos>", unk_token="<unk>"
    )


def ends_of_number(tokenizer):
    """Tokens that no number goes on in: at the first of them the answer is decided.

    The set knows no position, so that a completion that begins with a space ends there, undecided.
    """
    ids = sorted(tokenizer.get_vocab().values())
    texts = tokenizer.batch_decode([[i] for i in ids])
    return [i for i, text in zip(ids, texts) if not re.fullmatch(r"-?\d*", text)]


def reward(completions, completion_ids, answer, **_):
    """Right or wrong by the first number, and a little that differs between completions."""
    values = []
    for text, ids, expected in zip(completions, completion_ids, answer):
        number = re.search(r"-?\d+", text)
        right = number is not None and number.group() == expected
        values.append((1.0 if right else -1.0) + 0.01 * (hash(tuple(ids)) % 7))
    return values


def now():
    """Seconds, when the GPU has done all that it was given."""
    if on_gpu:
        torch.cuda.synchronize()
    return time.perf_counter()


class Phases(TrainerCallback):
    """Seconds of each step, by what the trainer's own methods took in it."""

    METHODS = ["_generate", "_generate_and_score_completions", "compute_loss", "training_step"]

    def __init__(self, trainer):
        self.took = {}
        self.steps = []
        for name in self.METHODS:
            setattr(trainer, name, self.timed(name, getattr(trainer, name)))

    def timed(self, name, method):
        def call(*args, **kwargs):
            start = now()
            result = method(*args, **kwargs)
            self.took[name] = self.took.get(name, 0.0) + now() - start
            return result

        return call

    def on_step_begin(self, *_, **__):
        self.took = {}
        self.begin = now()

    def on_step_end(self, *_, **__):
        step = now() - self.begin
        generate, scored, loss, training = (self.took.get(name, 0.0) for name in self.METHODS)
        self.steps.append(
            {
                "sample": generate,
                "reference": scored - generate,
                "train": training - scored,
                "loss_forward": loss,
                "backward": training - scored - loss,
                "optimizer": step - training,
                "step": step,
            }
        )
        print(f"TRL: step {len(self.steps)}, {step:.1f} s", file=sys.stderr, flush=True)


def adapters():
    """As ours: alpha is twice the rank, without dropout."""
    if case["lora_r"] is None:
        return None
    from peft import LoraConfig

    rank = case["lora_r"]
    return LoraConfig(r=rank, lora_alpha=2 * rank, target_modules="all-linear", lora_dropout=0, task_type="CAUSAL_LM")


def main():
    result = sys.stdout
    sys.stdout = sys.stderr  # TRL prints its metrics
    if case["threads"] > 0:
        torch.set_num_threads(case["threads"])
    if case.get("model"):
        model = AutoModelForCausalLM.from_pretrained(case["model"], dtype=torch.float32)
        # tokenizer.json as it is: AutoTokenizer may take another class than the folder names, and cut text otherwise.
        tokenizer = PreTrainedTokenizerFast.from_pretrained(case["model"])
    else:
        model = random_model(case["config"])
        tokenizer = piece_tokenizer(case["problems"])
    if case["stop"] == "answer":
        model.generation_config.eos_token_id = ends_of_number(tokenizer)

    completions = case["prompts"] * case["num_generations"]
    longest = max(len(ids) for ids in tokenizer([problem["prompt"] for problem in case["problems"][:100]])["input_ids"])
    micro_batch = completions
    while micro_batch > 1 and micro_batch * (longest + case["max_completion_length"]) > MICRO_TOKENS:
        micro_batch //= 2
    with tempfile.TemporaryDirectory() as folder:
        trainer = GRPOTrainer(
            model=model,
            peft_config=adapters(),
            reward_funcs=[reward],
            processing_class=tokenizer,
            train_dataset=Dataset.from_list(case["problems"]),
            args=GRPOConfig(
                output_dir=folder,
                per_device_train_batch_size=micro_batch,
                gradient_accumulation_steps=completions // micro_batch,
                num_generations=case["num_generations"],
                max_completion_length=case["max_completion_length"],
                temperature=case["temperature"],
                beta=case["beta"],
                learning_rate=case["learning_rate"],
                loss_type="grpo",
                max_steps=case["warmup"] + case["steps"],
                bf16=case["dtype"] == "bfloat16",
                gradient_checkpointing=False,
                use_cpu=not on_gpu,
                dataloader_pin_memory=False,
                logging_steps=1,
                save_strategy="no",
                report_to=[],
                disable_tqdm=True,
            ),
        )
        phases = Phases(trainer)
        trainer.add_callback(phases)
        trainer.train()

    totals = [log["num_tokens"] for log in trainer.state.log_history if "num_tokens" in log]
    tokens = [after - before for before, after in zip([0, *totals], totals)]
    lengths = [log["completions/mean_length"] for log in trainer.state.log_history if "num_tokens" in log]
    json.dump(
        {
            "versions": {name: importlib.metadata.version(name) for name in ["trl", "transformers", "torch"]},
            "threads": torch.get_num_threads(),
            "peak_memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
            "steps": [
                {"seconds": seconds, "tokens": counted, "completion_tokens": round(length * completions)}
                for seconds, counted, length in zip(phases.steps, tokens, lengths)
            ][case["warmup"] :],
        },
        result,
    )


main()
