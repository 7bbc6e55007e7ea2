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
    # BEGIN SOLUTION cut the channels into heads, then bring the heads to the front
    # HINT First (B, T, heads, d), which leaves every number where it is in memory.
    # HINT Then exchange two axes: ops.transpose(x, (0, 2, 1, 3)).
    batch, steps, channels = ops.shape(x)
    x = ops.reshape(x, (batch, steps, heads, channels // heads))
    # WRONG x = ops.reshape(x, (batch, steps, channels // heads, heads))
    # WRONG x = ops.swapaxes(x, 2, 3)
    # WHY your head i takes every heads-th channel; its channels stand side by side
    return ops.transpose(x, (0, 2, 1, 3))
    # WRONG return x
    # WHY you return (B, T, heads, d): the heads belong in front of the words
    # WRONG return ops.reshape(x, (batch, heads, steps, channels // heads))
    # WHY a reshape alone deals the numbers out anew, and mixes words: exchange two
    # WHY axes instead
    # END SOLUTION


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
    # BEGIN SOLUTION share the keys, scale, mask, softmax, average
    # HINT Bring keys and values to H heads: ops.repeat(key, H // G, axis=1).
    # HINT Divide the scores by the root of d, the width of ONE head.
    # HINT Hide before the softmax: where mask is False, a score of -1e9.
    # HINT mask[:, None] is (B, 1, T, S) and fits all heads.
    # HINT At the end: ops.any(mask, axis=-1) says which queries may look somewhere.
    heads, d = query.shape[1], query.shape[-1]
    share = heads // key.shape[1]
    key, value = (ops.repeat(x, share, axis=1) for x in (key, value))
    # WRONG key, value = (ops.tile(x, (1, share, 1, 1)) for x in (key, value))
    # WHY your query heads take turns (0, 1, 0, 1); neighbours share: 0, 0, 1, 1
    # WRONG key, value = (ops.repeat(x[:, :1], heads, axis=1) for x in (key, value))
    # WHY all your query heads share the first head of keys; each group has its own
    scores = ops.matmul(query, ops.swapaxes(key, -1, -2)) / d**0.5  # (B, H, T, S)
    # WRONG scores = ops.matmul(query, ops.swapaxes(key, -1, -2)) / (heads * d) ** 0.5
    # WHY you divide by the root of the model's width; the dot product has the d terms
    # WHY of ONE head, and sqrt(d) brings its variance to 1
    # WRONG scores = ops.matmul(query, ops.swapaxes(key, -1, -2))
    # WHY the scale is missing: the scores have variance d, and the softmax saturates
    # WRONG scores = ops.matmul(query, ops.swapaxes(key, -1, -2)) / d
    # WHY you divide by d; its root brings the variance of the scores to 1
    hidden = ops.where(mask[:, None], scores, -1e9)
    # WRONG hidden = ops.where(mask[:, None], -1e9, scores)
    # WHY your mask is upside down: True is where a query MAY look
    # WRONG hidden = scores
    # WHY the mask is not used: every query sees everything
    # WRONG hidden = scores * ops.cast(mask[:, None], scores.dtype)
    # WHY you multiply scores by the mask: a score of 0 still gets weight, e^0 = 1
    weights = ops.softmax(hidden, axis=-1)
    # WRONG weights = ops.softmax(hidden, axis=-2)
    # WHY your softmax runs over the queries; the weights of ONE query sum to 1
    # WRONG weights = ops.softmax(scores) * ops.cast(mask[:, None], scores.dtype)
    # WHY you mask after the softmax, so the weights that are left do not sum to 1
    # WRONG weights = ops.softmax(hidden * d**0.5) / d**0.5
    # WHY you divide after the softmax, so the weights sum to 1 / sqrt(d)
    y = ops.matmul(weights, value)
    # WRONG y = ops.matmul(weights, key)
    # WHY you average the keys; they only decide how much of each value is taken
    return ops.where(ops.any(mask, axis=-1)[:, None, :, None], y, 0.0)
    # WRONG return y
    # WHY a query that may look nowhere gets the mean of all values; it gets zeros
    # END SOLUTION


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
    # BEGIN SOLUTION compare places of words with places of keys
    # HINT Places of new words: index + ops.arange(steps); of keys: ops.arange(L).
    # HINT keys[None, :] <= words[:, None] compares every pair: (T, L).
    # HINT Padding is a matter of keys: real[:, None, :] is (B, 1, L).
    words = index + ops.arange(steps)
    # WRONG words = ops.arange(steps)
    # WHY you forget the words in the cache: new word t stands at place index + t
    # WRONG words = index + 1 + ops.arange(steps)
    # WHY every word sees one word of the future
    keys = ops.arange(real.shape[1])
    past = keys[None, :] <= words[:, None]  # (T, L)
    # WRONG past = keys[None, :] < words[:, None]
    # WHY a word does not see itself; its own place belongs to what it sees
    # WRONG past = keys[None, :] >= words[:, None]
    # WHY your words see the future, and not the past
    return ops.logical_and(past[None], real[:, None, :])
    # WRONG return ops.logical_or(past[None], real[:, None, :])
    # WHY you ask for past OR real; a key must be both
    # WRONG return ops.logical_and(past[None], ops.ones_like(real[:, None, :]))
    # WHY padding is not hidden
    # END SOLUTION


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
    # BEGIN SOLUTION put the new ones in their place
    # HINT There is one function for it: see the documentation of ops.slice_update.
    # HINT The start has one number per axis, and only the third is not 0.
    return ops.slice_update(cache, (0, 0, index, 0), new)
    # WRONG return ops.concatenate([cache[:, :, new.shape[2] :], new], axis=2)
    # WHY you append at the end and drop the oldest; new words stand at `index`
    # WRONG return ops.slice_update(cache, (0, 0, 0, 0), new)
    # WHY you write at place 0, over the words that are there; `index` is the place
    # WRONG return ops.slice_update(cache, (0, 0, index - 1, 0), new)
    # WHY you write one place too early, over the last word of the cache
    # END SOLUTION


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
    # BEGIN SOLUTION count the numbers, then the bytes
    # HINT What is kept for each word and layer? Queries are not.
    # HINT Keys and values: twice groups * width numbers a word and layer.
    numbers = 2 * layers * groups * width * length
    # WRONG numbers = layers * groups * width * length
    # WHY a factor of two is missing: keys and values are both kept, and each number
    # WHY takes 2 bytes
    # WRONG numbers = 2 * layers * heads * width * length
    # WHY you count the query heads; kept are the G heads of keys and values, which
    # WHY is the whole point
    # WRONG numbers = 2 * layers * groups * width * length**2
    # WHY you count scores between pairs of words; the cache grows with L, not with
    # WHY its square
    # WRONG numbers = layers * (heads + 2 * groups) * width * length
    # WHY you keep the queries too; no later word asks for them
    return 2 * numbers
    # END SOLUTION


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
