"""BERT's pre-training: name the masked words, and tell whether a sentence follows.

Paper: Devlin, Chang, Lee and Toutanova, "BERT: Pre-training of Deep Bidirectional
       Transformers for Language Understanding", NAACL 2019.
Link:  https://arxiv.org/abs/1810.04805 (section 3.1; appendix A.2)
"""

import keras
from keras import layers, ops

from modules.foundations.learning.losses import binary_cross_entropy_from_logits
from modules.nlp.language_models.bert import Bert
from modules.nlp.language_models.language_model import check_tokens
from modules.nlp.language_models.perplexity import mean_loss, word_losses
from modules.nlp.translation.attention import first_weights


@keras.saving.register_keras_serializable("nlp/language_models")
class BertPretraining(keras.Model):
    """A Bert with two heads, and the sum of their losses.

        words:   softmax(E LN(gelu(W h_t + c)) + b),  E being the embeddings
        follows: sigmoid of a linear map of the pooled [CLS]
        L = mean over SELECTED words of -ln p(word) + mean over pairs of -ln p(follows)

    Words that were not selected add nothing, nor does padding: a batch in which nothing
    is selected has the first term 0. The paper's second head has two logits, of which
    only the difference matters; here it is one.

    Use: `model.fit([tokens, segments], labels)`, or `[labels, is_next]` for both.

    Args:
        bert: a `Bert`.

    Shapes:
        x: [tokens, segments], (B, T) int each.
        y: labels (B, T) int, 0 where nothing is asked, as `mask_tokens` gives them; or
            [labels, is_next], the second (B,) or (B, 1), 0 or 1.
        y_pred: [(B, T, K), (B, 1)] logits.

    Raises:
        ValueError: bert is no `Bert`.

    Example:
        >>> bert = Bert(20, 9, num_layers=1, num_heads=2, hidden_dim=8)
        >>> tokens = ops.ones((2, 5), "int32")
        >>> words, follows = BertPretraining(bert)([tokens, ops.zeros_like(tokens)])
        >>> tuple(words.shape), tuple(follows.shape)
        ((2, 5, 20), (2, 1))
    """

    def __init__(self, bert, **kwargs):
        super().__init__(**kwargs)
        if not isinstance(bert, Bert):
            raise ValueError(f"bert must be a Bert, got {bert!r}")
        self.bert = bert
        names = ("word_loss", "word_accuracy", "next_loss", "next_accuracy")
        self.trackers = {name: keras.metrics.Mean(name=name) for name in names}

    def build(self, input_shape=None):
        bert, policy = self.bert, {"dtype": self.dtype_policy}
        bert.build()
        shape, start = (None, None, bert.hidden_dim), first_weights(0.02)
        kernel = {"kernel_initializer": start, **policy}
        self.transform = layers.Dense(bert.hidden_dim, bert.activation, **kernel)
        self.norm = layers.LayerNormalization(epsilon=bert.epsilon, **policy)
        self.follows = layers.Dense(1, name="follows", **kernel)
        self.transform.build(shape)
        self.norm.build(shape)
        self.follows.build((None, bert.hidden_dim))
        self.bias = self.add_weight((bert.vocabulary_size,), "zeros", name="bias")

    def call(self, inputs):
        x, pooled = self.bert(inputs)
        x = self.norm(self.transform(x))
        words = self.bert.embedding(x, reverse=True)  # (B, T, K)
        return [words + ops.cast(self.bias, words.dtype), self.follows(pooled)]

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        if sample_weight is not None:
            raise ValueError("sample_weight is not supported: a label of 0 counts not")
        labels, *is_next = y if isinstance(y, (list, tuple)) else [y]
        words, follows = y_pred
        asked = ops.cast(ops.not_equal(labels, 0), "float32")
        loss = mean_loss(word_losses(labels, words), asked)
        right = ops.equal(ops.argmax(words, axis=-1), ops.cast(labels, "int64"))
        self.report("word", loss, right, asked)
        loss = loss + 0 * ops.mean(ops.cast(follows, "float32"))  # every weight learns
        if is_next:
            z = ops.cast(follows[:, 0], "float32")
            true = ops.cast(ops.reshape(is_next[0], (-1,)), "float32")
            more = ops.mean(binary_cross_entropy_from_logits(true, z))
            self.report("next", more, ops.equal(z > 0, true > 0.5), None)
            loss = loss + more
        return loss + sum(self.losses)

    def report(self, name, loss, right, counts):
        self.trackers[f"{name}_loss"].update_state(loss)
        right = ops.cast(right, "float32")
        self.trackers[f"{name}_accuracy"].update_state(right, sample_weight=counts)

    def fit(self, x=None, *args, **kwargs):
        self.check(x)
        return super().fit(x, *args, **kwargs)

    def evaluate(self, x=None, *args, **kwargs):
        self.check(x)
        return super().evaluate(x, *args, **kwargs)

    def check(self, x):
        """Refuse tokens and segments that the model cannot read.

        Raises:
            ValueError: as in `check_tokens`.
        """
        if isinstance(x, (list, tuple)):
            sizes = (self.bert.vocabulary_size, self.bert.num_segments)
            for part, size in zip(x, sizes, strict=True):
                check_tokens(part, size, self.bert.max_length)

    def get_config(self):
        bert = keras.saving.serialize_keras_object(self.bert)
        return {**super().get_config(), "bert": bert}

    @classmethod
    def from_config(cls, config):
        bert = keras.saving.deserialize_keras_object(config["bert"])
        return cls(**{**config, "bert": bert})
