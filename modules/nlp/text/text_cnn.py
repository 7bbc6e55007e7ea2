"""TextCNN: filters that look for short runs of words anywhere in a sentence.

Paper: Kim, "Convolutional Neural Networks for Sentence Classification", EMNLP 2014.
Link:  https://arxiv.org/abs/1408.5882 (section 2, equations 1 to 4; section 3.1)
"""

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable("nlp/text")
class ConvMaxOverTime(layers.Layer):
    """How strongly each filter answers to its best place in the sentence.

        c_i = relu(w . x_{i:i+h-1} + b)        y = max over i of c_i

    A sentence is a matrix, one row a word; a filter spans all D numbers of h words and
    slides over words only. There are `filters` filters of every width h, and y has them
    side by side. Where a run stands does not matter, nor how often.

    With a mask, a window counts if all its words are words. A sentence shorter than h
    has one window, filled up with zeros; a sentence of nothing but padding gives 0.

    Args:
        filters: int >= 1, of each width.
        widths: ints >= 1, called h.

    Shapes:
        x: (B, T, D) float, T >= 1, D known; mask: (B, T) bool.
        y: (B, filters * len(widths)). filters (h D + 1) weights for each width.

    Raises:
        ValueError: filters or a width is not an int >= 1, or T is 0.

    Example:
        >>> tuple(ConvMaxOverTime(4, widths=(2, 3))(ops.ones((2, 7, 5))).shape)
        (2, 8)
    """

    def __init__(self, filters=100, widths=(3, 4, 5), **kwargs):
        super().__init__(**kwargs)
        widths = tuple(widths)
        if not (widths and all(isinstance(n, int) and n >= 1 for n in widths)):
            raise ValueError(f"widths must be ints >= 1, got {widths!r}")
        if not (isinstance(filters, int) and filters >= 1):
            raise ValueError(f"filters must be an int >= 1, got {filters!r}")
        self.filters = filters
        self.widths = widths
        self.supports_masking = True

    def build(self, input_shape):
        self.convs = []
        for h in self.widths:
            conv = layers.Conv1D(
                self.filters, h, activation="relu", dtype=self.dtype_policy
            )
            conv.build((None, None, input_shape[-1]))
            self.convs.append(conv)

    def answers(self, x, mask=None):
        """Return c for each width, (B, T, filters); 0 where a window does not count."""
        if x.shape[1] == 0:
            raise ValueError("x must have a word or padding in it, got (B, 0, D)")
        if mask is None:
            mask = ops.ones(ops.shape(x)[:2], "bool")
        mask = ops.cast(mask, "bool")
        x = ops.where(mask[:, :, None], x, 0)
        found = []
        for conv, h in zip(self.convs, self.widths, strict=True):
            c = conv(ops.pad(x, [(0, 0), (0, h - 1), (0, 0)]))  # (B, T, filters)
            found.append(ops.where(windows(mask, h)[:, :, None], c, 0))
        return found

    def call(self, x, mask=None):
        most = [ops.max(c, axis=1) for c in self.answers(x, mask)]
        return ops.concatenate(most, axis=-1)

    def compute_mask(self, x, mask=None):
        return None  # there are no steps any more

    def get_config(self):
        config = super().get_config()
        return {**config, "filters": self.filters, "widths": list(self.widths)}


def windows(mask, h):
    """Return which windows of h words count, by their first place, (B, T) bool.

    Example:
        >>> mask = ops.array([[True, True, True, False], [True, False, False, False]])
        >>> ops.convert_to_numpy(windows(mask, 2)).astype(int).tolist()
        [[1, 1, 0, 0], [1, 0, 0, 0]]
    """
    words = ops.cast(mask, "int32")
    later = ops.pad(words, [(0, 0), (0, h - 1)])
    whole = words
    for j in range(1, h):
        whole = whole * later[:, j : (j - h + 1) or None]
    first = words * ops.cast(ops.cumsum(words, axis=1) == 1, "int32")
    short = 1 - ops.max(whole, axis=1, keepdims=True)
    return (whole + first * short) > 0


def text_cnn(
    vocabulary_size,
    num_classes,
    embedding_dim=300,
    filters=100,
    widths=(3, 4, 5),
    rate=0.5,
    max_norm=3.0,
):
    """Return the paper's network, from words to logits.

    Filters of three widths, dropout on what they found, and one dense layer, the
    weights of each class held at a norm of at most 3. This is the paper's CNN-rand; in
    its other variants the table of vectors starts from word2vec, and stays
    (CNN-static) or learns (CNN-non-static).

    Args:
        vocabulary_size: int; token 0 is padding.
        num_classes: int >= 1.
        embedding_dim: int >= 1, called k.
        filters, widths: as in `ConvMaxOverTime`.
        rate: float in [0, 1), dropout.
        max_norm: float > 0, called s, or None.

    Returns:
        keras.Model of (B, T) int.
    """
    tokens = keras.Input((None,), dtype="int32", name="tokens")
    table = layers.Embedding(vocabulary_size, embedding_dim, mask_zero=True)
    y = ConvMaxOverTime(filters, widths, name="filters")(table(tokens))
    y = layers.Dropout(rate)(y)
    limit = None if max_norm is None else keras.constraints.MaxNorm(max_norm, axis=0)
    y = layers.Dense(num_classes, kernel_constraint=limit, name="logits")(y)
    return keras.Model(tokens, y, name="text_cnn")
