"""Exercise: grouped-query attention with a key/value cache.

A decoder that writes word by word keeps the keys and values of all earlier words. With
many heads and long texts this cache outgrows the model itself. Grouped-query attention
keeps all query heads, and lets several of them share one head of keys and values. You
write it from the scaled dot product up, and a small decoder learns and writes with it.

Paper: Ainslie et al., "GQA: Training Generalized Multi-Query Transformer Models from
       Multi-Head Checkpoints", EMNLP 2023.
Link:  https://arxiv.org/abs/2305.13245 (section 2.2, figure 2)
Paper: Vaswani et al., "Attention Is All You Need", NeurIPS 2017.
Link:  https://arxiv.org/abs/1706.03762 (section 3.2)
See:   modules/nlp/translation/transformer_layers.py, greedy.py
Needs: nlp/translation (attention, masks, the Transformer's decoder)
Time:  60 minutes
Grade: python -m course grade nlp/translation/grouped_query_attention

Letters: B examples, T new words, S or L places that hold keys, H query heads, G heads
of keys and values (G divides H), d the width of one head. Use keras.ops and not NumPy,
since gradients must flow and the functions run in a compiled loop.

When they are right, see what the cache of a large model costs, and yours at work:
python -m course demo nlp/translation/grouped_query_attention
"""

import keras
from keras import layers, ops

from modules.nlp.translation.greedy import compiled, greedy
from modules.nlp.translation.positional_encoding import PositionalEncoding
from modules.nlp.translation.transformer_layers import DecoderLayer


def split_heads(x, heads):
    """Return the heads of a projection, which stand side by side in its channels.

    Head i is channels i * d to (i + 1) * d - 1 of every word.

    Args:
        x: (B, T, heads * d) float; B and T may be unknown (None).
        heads: int >= 1.

    Returns:
        (B, heads, T, d) float.
    """
    return ops.stack(ops.split(x, heads, axis=-1), axis=1)


def attention(query, key, value, mask):
    """Return what each query head takes of the values, by softmax(Q K^T / sqrt(d)) V.

    Query heads 0 to H/G - 1 share head 0 of keys and values, the next H/G share head 1,
    and so on. A query that may look nowhere gets zeros.

    Args:
        query: (B, H, T, d) float.
        key, value: (B, G, S, d) float; G divides H.
        mask: (B, T, S) bool, True where a query may look; the same for all heads.

    Returns:
        (B, H, T, d) float.
    """
    batch, heads, steps, d = ops.shape(query)
    groups = key.shape[1]
    q = ops.reshape(query, (batch, groups, heads // groups, steps, d))
    scores = ops.einsum("bgrtd,bgsd->bgrts", q, key) * d**-0.5
    looks = ops.cast(mask, "float32")[:, None, None]
    scores = scores + (looks - 1) * 1e9
    powers = ops.exp(scores - ops.max(scores, axis=-1, keepdims=True)) * looks
    total = ops.sum(powers, axis=-1, keepdims=True)
    weights = ops.divide_no_nan(powers, total)
    y = ops.einsum("bgrts,bgsd->bgrtd", weights, value)
    return ops.reshape(y, (batch, heads, steps, d))


def visible(index, steps, real):
    """Return which places of a cache each new word may see.

    New word t stands at place index + t. It sees its own place and those before it, as
    far as they hold real words and no padding.

    Args:
        index: int, or an int tensor without axes: words the cache held before.
        steps: int T, the number of new words.
        real: (B, L) bool, the places that hold real words.

    Returns:
        (B, T, L) bool.
    """
    places = ops.arange(real.shape[1])
    rows = [ops.logical_and(places <= index + t, real) for t in range(steps)]
    return ops.stack(rows, axis=1)


def write(cache, new, index):
    """Return a cache with new keys, or values, at places index to index + T - 1.

    What stands elsewhere stays, and the shape stays too: that is what allows one
    compiled step to serve all words.

    Args:
        cache: (B, G, L, d) float.
        new: (B, G, T, d) float.
        index: int, or an int tensor without axes; index + T <= L.

    Returns:
        (B, G, L, d) float.
    """
    place = ops.arange(cache.shape[2])[:, None] - index
    chosen = ops.cast(place == ops.arange(new.shape[2])[None], cache.dtype)  # (L, T)
    kept = 1 - ops.sum(chosen, axis=1)
    return cache * kept[:, None] + ops.einsum("lt,bgtd->bgld", chosen, new)


def cache_bytes(layers, heads, groups, width, length):
    """Return the bytes that the cache of one text needs, in half precision.

    Args:
        layers: int, decoder layers; each has a cache.
        heads: int H, query heads of a layer.
        groups: int G, heads of keys and values of a layer.
        width: int d, of one head.
        length: int L, words.

    Returns:
        int. A number in half precision takes 2 bytes.
    """
    per_word = groups * width * 4
    return per_word * layers * length


class GroupedAttention(layers.Layer):
    """Your functions as causal self-attention with a cache; given."""

    def __init__(self, heads, groups, **kwargs):
        super().__init__(**kwargs)
        self.heads, self.groups = heads, groups

    def build(self, x_shape):
        channels = x_shape[-1]
        self.width = channels // self.heads
        sizes = [self.heads, self.groups, self.groups]
        self.projections = [layers.Dense(n * self.width) for n in sizes]
        self.out = layers.Dense(channels)
        for dense in self.projections:
            dense.build(x_shape)
        self.out.build((None, None, self.heads * self.width))

    def empty_cache(self, batch, length):
        return tuple(ops.zeros((batch, self.groups, length, self.width)) for _ in "kv")

    def call(self, x, cache=None, index=0):
        """Return y and the new cache; without one, the words of x are all there are."""
        batch, steps, _ = ops.shape(x)
        sizes = [self.heads, self.groups, self.groups]
        query, *new = (
            split_heads(dense(x), n)
            for dense, n in zip(self.projections, sizes, strict=True)
        )
        if cache is not None:
            new = (write(c, n, index) for c, n in zip(cache, new, strict=True))
        key, value = cache = tuple(new)
        real = ops.ones((batch, key.shape[2]), "bool")
        y = attention(query, key, value, visible(index, steps, real))
        y = ops.reshape(ops.transpose(y, (0, 2, 1, 3)), ops.shape(x))
        return self.out(y), cache


class GroupedDecoderLayer(DecoderLayer):
    """The decoder layer of the course with your attention in it; given."""

    groups = 2

    def attention(self, name, x_shape, memory_shape):
        layer = GroupedAttention(self.num_heads, self.groups, name=name)
        layer.build(x_shape)
        return layer

    def look_back(self, x, cache, index, **masks):
        y = self.enter(self.self_attention_norm, x)
        y, cache = self.self_attention(y, cache, index=0 if index is None else index)
        return self.leave(self.self_attention_norm, x, y), None, cache


class Writer(keras.Model):
    """A language model of one grouped decoder layer; given."""

    def __init__(self, words=9, channels=24, heads=4):
        super().__init__()
        self.embedding = layers.Embedding(words, channels)
        self.positions = PositionalEncoding()
        options = {"rate": 0.0, "cross_attention": False, "norm_first": True}
        self.layer = GroupedDecoderLayer(heads, 2 * channels, **options)
        self.logits = layers.Dense(words)

    def call(self, tokens):
        x = self.positions(self.embedding(tokens))
        return self.logits(self.layer(x))

    def step(self, tokens, cache, index):
        x = self.positions(self.embedding(tokens), start_index=index)
        x, cache = self.layer(x, cache=cache, cache_index=index)
        return self.logits(x), cache

    def write(self, prompt, length):
        cache = self.layer.start(prompt.shape[0], length)
        return greedy(self.step, cache, prompt, length)


def writer():
    """Return a compiled model; given."""
    keras.utils.set_random_seed(0)
    model = Writer()
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.02), loss, run_eagerly=True)
    return model


def step_by_step(model, tokens):
    """Return the logits of the same words read one by one, with the cache; given."""
    cache = model.layer.start(tokens.shape[0], tokens.shape[1])
    found = []
    for t in range(tokens.shape[1]):
        logits, cache = model.step(tokens[:, t : t + 1], cache, t)
        found.append(logits)
    return ops.concatenate(found, axis=1)


if __name__ == "__main__":
    print("cache of a text of 4,096 words: 32 layers, 32 query heads of width 128")
    for groups in (32, 8, 1):
        size = cache_bytes(32, 32, groups, 128, 4096)
        print(f"{groups:3} heads of keys and values: {size / 2**20:6,.0f} MB")
    songs = ops.array(
        [[(a + b * t) % 9 for t in range(12)] for a in (0, 4) for b in (1, 2)]
    )
    model = writer()
    model.fit(songs[:, :-1], songs[:, 1:], epochs=40, verbose=0)
    print("it has learned four songs; from two notes it goes on")
    for song in ops.convert_to_numpy(compiled(model.write)(songs[:, :2], 12)):
        print("   ", *song)
