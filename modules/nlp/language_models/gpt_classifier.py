"""GPT-1's fine-tuning: one linear layer for the task, and the language model goes on.

Paper: Radford, Narasimhan, Salimans and Sutskever, "Improving Language Understanding by
       Generative Pre-Training", 2018.
Link:  https://openai.com/index/language-unsupervised/ (sections 3.2 and 3.3, equations
       3 to 5, figure 1)
"""

import keras
import numpy as np
from keras import layers, ops

from modules.nlp.language_models.gpt import GPT
from modules.nlp.language_models.language_model import check_tokens
from modules.nlp.language_models.perplexity import mean_loss, word_losses


def pack(sentences, length, start, end, delimiter=None):
    """Return rows (B, length) int32: start, text, extract token, padding.

    Args:
        sentences: list of lists of int; with a delimiter, of pairs of such lists, which
            become one text with the delimiter in between, as entailment needs it.
        length: int.
        start, end: int, the tokens before and behind; the end is called <extract>.
        delimiter: int or None.

    Raises:
        ValueError: a sentence is empty, or too long.

    Example:
        >>> print(pack([[7, 8], [9]], 5, start=1, end=2))
        [[1 7 8 2 0]
         [1 9 2 0 0]]
    """
    rows = np.zeros((len(sentences), length), "int32")
    for number, text in enumerate(sentences):
        parts = [text] if delimiter is None else text
        if not all(map(len, parts)):
            raise ValueError(f"text {number} has an empty sentence")
        row = [start, *parts[0]]
        for part in parts[1:]:
            row += [delimiter, *part]
        if len(row) >= length:
            raise ValueError(f"text {number} needs {len(row) + 1} places, of {length}")
        rows[number, : len(row) + 1] = [*row, end]
    return rows


@keras.saving.register_keras_serializable("nlp/language_models")
class GPTClassifier(keras.Model):
    """Classify by what a GPT knows when it has read all; keep predicting words.

        p(y | w_1 ... w_m) = softmax(W h_m), h_m at the last token, <extract>
        L = L_task + lambda L_words

    The sum of both, and no weighted mean. New are the weights W and the embeddings of
    the start, delimiter and extract tokens, nothing else.

    Args:
        gpt: a `GPT` with padding 0.
        num_classes: int >= 2.
        word_weight: float >= 0, called lambda: 0.5 in the paper.

    Shapes:
        tokens: (B, T) int, padded behind, as `pack` gives them; y: (B,) int.
        y_pred: [(B, num_classes), (B, T, K)] logits, of the classes and of the words.

    Raises:
        ValueError: gpt is no `GPT` with padding, num_classes is not an int >= 2, or
            word_weight is below 0.

    Example:
        >>> gpt = GPT(20, 9, num_layers=1, num_heads=2, hidden_dim=8, norm_first=False)
        >>> classes, words = GPTClassifier(gpt, 3)(ops.ones((2, 5), "int32"))
        >>> tuple(classes.shape), tuple(words.shape)
        ((2, 3), (2, 5, 20))
    """

    def __init__(self, gpt, num_classes, word_weight=0.5, **kwargs):
        super().__init__(**kwargs)
        if not (isinstance(gpt, GPT) and gpt.padding is not None):
            raise ValueError(f"gpt must be a GPT with padding, got {gpt!r}")
        if not (isinstance(num_classes, int) and num_classes >= 2):
            raise ValueError(f"num_classes must be an int >= 2, got {num_classes!r}")
        if not word_weight >= 0:
            raise ValueError(f"word_weight must be >= 0, got {word_weight!r}")
        self.gpt = gpt
        self.num_classes = num_classes
        self.word_weight = word_weight
        names = ("task_loss", "accuracy", "word_loss")
        self.trackers = {name: keras.metrics.Mean(name=name) for name in names}
        small = keras.initializers.TruncatedNormal(stddev=0.02)
        self.classes = layers.Dense(
            num_classes,
            use_bias=False,
            kernel_initializer=small,
            dtype=self.dtype_policy,
        )

    def build(self, input_shape):
        if not self.gpt.built:
            self.gpt.build(input_shape)
        self.classes.build((None, self.gpt.hidden_dim))

    def call(self, tokens):
        x = self.gpt.features(tokens)
        words = ops.sum(ops.cast(self.gpt.counts(tokens), "int32"), axis=1)
        last = ops.maximum(words - 1, 0)[:, None, None]
        h = ops.take_along_axis(x, last, axis=1)[:, 0]  # (B, D)
        return [self.classes(h), self.gpt.logits(x)]

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        if sample_weight is not None:
            raise ValueError("sample_weight is not supported: repeat rows instead")
        classes, words = y_pred
        y = ops.reshape(y, (-1,))
        task = ops.mean(word_losses(y, classes))
        others = mean_loss(*self.gpt.losses_of(x, words))
        right = ops.equal(ops.argmax(classes, axis=-1), ops.cast(y, "int64"))
        found = (task, ops.mean(ops.cast(right, "float32")), others)
        for tracker, value in zip(self.trackers.values(), found, strict=True):
            tracker.update_state(value)
        return task + self.word_weight * others + sum(self.losses)

    def fit(self, x=None, y=None, *args, **kwargs):
        self.check(x, y)
        return super().fit(x, y, *args, **kwargs)

    def evaluate(self, x=None, y=None, *args, **kwargs):
        self.check(x, y)
        return super().evaluate(x, y, *args, **kwargs)

    def check(self, x, y):
        """Refuse tokens and classes that are not there.

        Raises:
            ValueError: as in `check_tokens`, of words and of classes.
        """
        self.gpt.check(x)
        if y is not None:
            check_tokens(np.reshape(y, (-1, 1)), self.num_classes)

    def get_config(self):
        gpt = keras.saving.serialize_keras_object(self.gpt)
        own = {"num_classes": self.num_classes, "word_weight": self.word_weight}
        return {**super().get_config(), "gpt": gpt, **own}

    @classmethod
    def from_config(cls, config):
        gpt = keras.saving.deserialize_keras_object(config["gpt"])
        return cls(**{**config, "gpt": gpt})
