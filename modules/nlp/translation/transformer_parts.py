"""What the layers of Transformers are put together from: branches and their residuals.

Paper: Vaswani et al., "Attention Is All You Need", NeurIPS 2017.
Link:  https://arxiv.org/abs/1706.03762 (sections 3.1, 3.3 and 5.4)

Where normalization stands is a parameter. After the addition, as in this paper and in
BERT (post-LN), or inside the branch, as in GPT-2 and most later networks (pre-LN: Xiong
et al., "On Layer Normalization in the Transformer Architecture", ICML 2020).
"""

import keras
from keras import layers

from modules.nlp.translation.attention import MultiHeadAttention, first_weights


class TransformerLayer(layers.Layer):
    """What encoder and decoder layers share: their parts, and how these are joined.

        post-LN: x + F(x) is normalized          y = LN(x + Dropout(F(x)))
        pre-LN:  what enters F is normalized     y = x + Dropout(F(LN(x)))

    Args:
        num_heads: int >= 1; must divide the channels of x.
        intermediate_dim: int >= 1, units between the two dense layers, called d_ff.
        activation: str or function, ReLU in the paper, "gelu" in BERT and GPT.
        rate: float, dropout of what each branch adds.
        attention_rate: float, dropout of attention weights; 0 in the paper.
        norm_first: bool, pre-LN. A stack of such layers needs a last normalization.
        epsilon: float, of layer normalization; 1e-6 in the paper's code.
        use_bias: bool, biases in all dense layers.
        stddev: float, how kernels start, as in `MultiHeadAttention`.
        residual_stddev: float, the same for the last kernel of each branch.

    Shapes:
        x, y: (B, T, D).
    """

    def __init__(
        self,
        num_heads,
        intermediate_dim,
        activation="relu",
        rate=0.1,
        attention_rate=0.0,
        norm_first=False,
        epsilon=1e-6,
        use_bias=True,
        stddev=None,
        residual_stddev=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.num_heads = num_heads
        self.intermediate_dim = intermediate_dim
        self.activation = keras.activations.get(activation)
        self.rate = rate
        self.attention_rate = attention_rate
        self.norm_first = norm_first
        self.epsilon = epsilon
        self.use_bias = use_bias
        self.stddev, self.residual_stddev = stddev, residual_stddev
        self.supports_masking = True

    def attention(self, name, x_shape, memory_shape):
        """Return attention whose heads share the channels of x, with weights."""
        if x_shape[-1] % self.num_heads:
            sizes = f"{x_shape[-1]} and {self.num_heads}"
            raise ValueError(f"num_heads must divide the channels, got {sizes}")
        layer = MultiHeadAttention(
            self.num_heads,
            x_shape[-1] // self.num_heads,
            use_bias=self.use_bias,
            rate=self.attention_rate,
            stddev=self.stddev,
            residual_stddev=self.residual_stddev,
            dtype=self.dtype_policy,
            name=name,
        )
        layer.build(x_shape, memory_shape)
        return layer

    def norm(self, name, x_shape):
        """Return a normalization with weights; a subclass may choose another kind."""
        norm = layers.LayerNormalization(
            epsilon=self.epsilon, dtype=self.dtype_policy, name=name
        )
        norm.build(x_shape)
        return norm

    def build_feed_forward(self, x_shape):
        plain = {"use_bias": self.use_bias, "dtype": self.dtype_policy}
        added = self.stddev if self.residual_stddev is None else self.residual_stddev
        sizes = {"expand": self.intermediate_dim, "reduce": x_shape[-1]}
        self.expand, self.reduce = (
            layers.Dense(size, kernel_initializer=first_weights(s), name=name, **plain)
            for (name, size), s in zip(sizes.items(), (self.stddev, added), strict=True)
        )
        self.expand.build(x_shape)
        self.reduce.build((*x_shape[:-1], self.intermediate_dim))
        self.feed_forward_norm = self.norm("feed_forward_norm", x_shape)
        self.dropout = layers.Dropout(self.rate, dtype=self.dtype_policy)

    def enter(self, norm, x):
        """Return what a branch is given."""
        return norm(x) if self.norm_first else x

    def leave(self, norm, x, y):
        """Return x with what its branch found."""
        y = x + self.dropout(y)
        return y if self.norm_first else norm(y)

    def feed_forward(self, x):
        """Add max(0, x W1 + b1) W2 + b2, the same two dense layers at each position."""
        y = self.enter(self.feed_forward_norm, x)
        y = self.reduce(self.activation(self.expand(y)))
        return self.leave(self.feed_forward_norm, x, y)

    def get_config(self):
        own = ("num_heads", "intermediate_dim", "rate", "attention_rate")
        own += ("norm_first", "epsilon", "use_bias", "stddev", "residual_stddev")
        config = {name: getattr(self, name) for name in own}
        config["activation"] = keras.activations.serialize(self.activation)
        return {**super().get_config(), **config}
