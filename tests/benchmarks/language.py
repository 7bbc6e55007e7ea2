"""BERT and GPT-2 against keras-hub's: forward, training step, and greedy decoding.

Both sides have one small size and the same loss; rounds, limit and ratio are those of
networks.py. Decoding writes 96 words behind 32 with a cache of keys and values.

`python -m tests.benchmarks.language LINE SIDE` is one process.
"""

import json
import sys

from tests.benchmarks.measure import median_seconds, python
from tests.benchmarks.networks import ROUNDS, compared

SIZES = {"num_layers": 4, "num_heads": 4, "hidden_dim": 256, "intermediate_dim": 1024}
WORDS, LENGTH, BATCH, PROMPT = 4000, 128, 8, 32
STEPS = {"forward": 20, "training step": 8, "greedy decoding": 5}
LINES = {"BERT": ("forward", "training step"), "GPT-2": tuple(STEPS)}


def language():
    """Compare both models in rounds of fresh processes."""
    sides = ("ours", "theirs")
    for line, steps in LINES.items():
        found = {side: [] for side in sides}
        for turn in range(ROUNDS):
            for side in sides[:: 1 if turn % 2 else -1]:
                said = python("-m", "tests.benchmarks.language", line, side)
                found[side].append(json.loads(said.splitlines()[-1]))
        for step in steps:
            ours, theirs = ([run[step] for run in found[side]] for side in sides)
            yield compared(f"{line}, 4 layers of 256, {step}", ours, theirs)


def timed(line, side):
    """Return the median seconds of each kind of step, in this process."""
    import numpy as np

    rng = np.random.default_rng(0)
    tokens = rng.integers(1, WORDS, size=(BATCH, LENGTH)).astype("int32")
    steps = MAKERS[line, side](tokens)
    found = {}
    for step, run in steps.items():
        median_seconds(2, run)  # traces, and allocates
        found[step] = median_seconds(STEPS[step], run)
    return found


def learner(model, x, y, loss=None):
    """Return the steps of a compiled model on one batch."""
    import keras

    model.compile(keras.optimizers.SGD(0.01), loss, jit_compile=False)
    batch = (x,) if y is None else (x, y)
    return {
        "forward": lambda: model.predict_on_batch(x),
        "training step": lambda: model.train_on_batch(*batch),
    }


def cross_entropy():
    import keras

    return keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=0)


def our_bert(tokens):
    import numpy as np

    from modules.nlp.language_models.bert import Bert
    from modules.nlp.language_models.bert_pretraining import BertPretraining

    model = BertPretraining(Bert(WORDS, LENGTH, **SIZES))
    return learner(model, [tokens, np.zeros_like(tokens)], tokens)


def their_bert(tokens):
    """keras-hub's backbone and head, which here predicts all places, as ours does."""
    import keras
    import keras_hub
    import numpy as np

    bert = keras_hub.models.BertBackbone(WORDS, max_sequence_length=LENGTH, **SIZES)
    head = keras_hub.layers.MaskedLMHead(
        WORDS, bert.token_embedding, intermediate_activation="gelu"
    )
    places = keras.Input((None,), dtype="int32", name="mask_positions")
    words = head(bert.output["sequence_output"], mask_positions=places)
    follows = keras.layers.Dense(1)(bert.output["pooled_output"])
    words = words + 0 * follows[:, None]  # as ours: every weight gets a gradient
    model = keras.Model({**bert.input, "mask_positions": places}, words)
    at = np.tile(np.arange(LENGTH, dtype="int32"), (BATCH, 1))
    x = {"token_ids": tokens, "segment_ids": 0 * tokens, "padding_mask": 0 * tokens + 1}
    return learner(model, {**x, "mask_positions": at}, tokens, cross_entropy())


def our_gpt(tokens):
    from modules.nlp.language_models.gpt import GPT

    model = GPT(WORDS, LENGTH, **SIZES)
    prompt = tokens[:, :PROMPT]
    writes = {"greedy decoding": lambda: model.generate(prompt, LENGTH)}
    return learner(model, tokens, None) | writes


def their_gpt(tokens):
    import keras
    import keras_hub
    import numpy as np

    gpt = keras_hub.models.GPT2Backbone(WORDS, max_sequence_length=LENGTH, **SIZES)
    causal = keras_hub.models.GPT2CausalLM(backbone=gpt, preprocessor=None)
    causal.compile(sampler="greedy", jit_compile=True)
    model = keras.Model(gpt.input, gpt.token_embedding(gpt.output, reverse=True))
    x = {"token_ids": tokens, "padding_mask": 0 * tokens + 1}
    prompt = {"token_ids": np.where(np.arange(LENGTH) < PROMPT, tokens, 0)}
    prompt["padding_mask"] = (prompt["token_ids"] > 0).astype("int32")
    writes = {"greedy decoding": lambda: causal.generate(prompt, stop_token_ids=None)}
    labels = np.pad(tokens[:, 1:], [(0, 0), (0, 1)])
    return learner(model, x, labels, cross_entropy()) | writes


MAKERS = {
    ("BERT", "ours"): our_bert,
    ("BERT", "theirs"): their_bert,
    ("GPT-2", "ours"): our_gpt,
    ("GPT-2", "theirs"): their_gpt,
}


if __name__ == "__main__":
    print(json.dumps(timed(*sys.argv[1:])))
