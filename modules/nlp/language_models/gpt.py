"""GPT: a stack of Transformer blocks that see the past predicts the next word.

Paper: Radford, Wu, Child, Luan, Amodei and Sutskever, "Language Models are Unsupervised
       Multitask Learners", 2019 (GPT-2). Radford, Narasimhan, Salimans and Sutskever,
       "Improving Language Understanding by Generative Pre-Training", 2018 (GPT-1).
Link:  https://openai.com/index/better-language-models/ (section 2.3);
       https://openai.com/index/language-unsupervised/ (sections 3.1 and 4.1)
"""

import keras
from keras import layers

from modules.nlp.language_models.gelu import gelu_tanh
from modules.nlp.language_models.language_model import LanguageModel
from modules.nlp.translation.attention import first_weights
from modules.nlp.translation.masks import padding_mask
from modules.nlp.translation.positional_encoding import LearnedPositions
from modules.nlp.translation.transformer_layers import DecoderLayer


@keras.saving.register_keras_serializable("nlp/language_models")
class GPT(LanguageModel):
    """Learned positions, N blocks, and logits by the matrix of the embeddings.

        h_0 = E[w] + P
        h_l = Block(h_(l-1)), word t seeing words 1 to t
        p(w_(t+1) | w_1 ... w_t) = softmax(E LN(h_N,t))

    A block is a decoder layer of the Transformer without attention to a memory. GPT-2
    normalizes what enters a branch (norm_first) and once more at the end. It starts
    kernels at a width of 0.02, and the last kernel of each branch at 0.02 / sqrt(2 N):
    2 N branches are added up, and their sum shall not grow with depth. GPT-1 normalizes
    behind each addition, and has no LN at the end: GPT(40478, 512, norm_first=False).

    The defaults are GPT-2's smallest: 124,439,808 weights, which the paper prints as
    117M. Its real vocabulary has no padding, token 0 is "!": padding=None.

    Args:
        vocabulary_size: int >= 2, called K; 50,257 = 256 bytes + 50,000 merges + 1.
        max_length: int >= 1, positions.
        num_layers: int >= 0, called N.
        num_heads: int >= 1, divides hidden_dim.
        hidden_dim: int >= 1.
        intermediate_dim: int; None for 4 hidden_dim.
        rate: float in [0, 1), dropout of embeddings, branches and attention weights.
        norm_first: bool, pre-LN.
        activation: str or function.
        epsilon: float, of layer normalization.
        padding: int or None, as in `LanguageModel`.

    Shapes:
        tokens: (B, T) int, T <= max_length; logits: (B, T, K). Rows of nothing but
            padding give finite logits.

    Raises:
        ValueError: a sentence is longer than the positions, or num_heads does not
            divide hidden_dim.

    Example:
        >>> sizes = dict(num_layers=1, num_heads=2, hidden_dim=8)
        >>> model = GPT(vocabulary_size=20, max_length=9, **sizes)
        >>> tuple(model(keras.ops.ones((2, 5), "int32")).shape)
        (2, 5, 20)
    """

    PARTS = ("num_heads", "intermediate_dim", "rate", "norm_first", "epsilon")

    def __init__(
        self,
        vocabulary_size=50_257,
        max_length=1024,
        num_layers=12,
        num_heads=12,
        hidden_dim=768,
        intermediate_dim=None,
        rate=0.1,
        norm_first=True,
        activation=gelu_tanh,
        epsilon=1e-5,
        padding=0,
        **kwargs,
    ):
        super().__init__(vocabulary_size, padding, **kwargs)
        self.max_length = max_length
        self.num_layers = num_layers
        self.num_heads = num_heads
        self.hidden_dim = hidden_dim
        self.intermediate_dim = intermediate_dim or 4 * hidden_dim
        self.rate = rate
        self.norm_first = norm_first
        self.activation = keras.activations.get(activation)
        self.epsilon = epsilon

    def build(self, input_shape):
        shape, policy = (None, None, self.hidden_dim), {"dtype": self.dtype_policy}
        self.embedding = layers.ReversibleEmbedding(
            self.vocabulary_size,
            self.hidden_dim,
            embeddings_initializer=first_weights(0.02),
            reverse_dtype=self.compute_dtype,
            **policy,
        )
        self.embedding.build()
        self.positions = LearnedPositions(self.max_length, **policy)
        self.positions.build(shape)
        self.dropout = layers.Dropout(self.rate, **policy)
        self.blocks = [self.block(policy) for _ in range(self.num_layers)]
        self.end = layers.Identity(**policy)
        if self.norm_first:
            self.end = layers.LayerNormalization(epsilon=self.epsilon, **policy)
        for layer in (*self.blocks, self.end):
            layer.build(shape)

    def block(self, policy):
        """Return one block, not yet built."""
        options = {name: getattr(self, name) for name in self.PARTS}
        branches = 2 * self.num_layers if self.norm_first else 1
        return DecoderLayer(
            cross_attention=False,
            activation=self.activation,
            attention_rate=self.rate,
            stddev=0.02,
            residual_stddev=0.02 / branches**0.5,
            **options,
            **policy,
        )

    def embed(self, tokens, start_index=0):
        """Return (B, T, D): embeddings and places."""
        x = self.positions(self.embedding(tokens), start_index=start_index)
        return self.dropout(x)

    def features(self, tokens):
        """Return what the last block says of each word, normalized, (B, T, D)."""
        mask = None if self.padding is None else padding_mask(tokens, self.padding)
        x = self.embed(tokens)
        for block in self.blocks:
            x = block(x, attention_mask=mask)
        return self.end(x)

    def logits(self, x):
        """Return (B, T, K) for features (B, T, D)."""
        return self.embedding(x, reverse=True)

    def call(self, tokens):
        return self.logits(self.features(tokens))

    def start(self, batch, length):
        """Return empty caches of keys and values, one a block."""
        return [block.start(batch, length) for block in self.blocks]

    def step(self, tokens, state, index):
        """Read words (B, n) that stand at `index`; return logits and the caches."""
        x, after = self.embed(tokens, start_index=index), []
        for block, cache in zip(self.blocks, state, strict=True):
            x, cache = block(x, cache=cache, cache_index=index)
            after.append(cache)
        return self.logits(self.end(x)), after

    def get_config(self):
        own = ("max_length", "num_layers", "hidden_dim", *self.PARTS)
        config = {name: getattr(self, name) for name in own}
        config["activation"] = keras.activations.serialize(self.activation)
        return {**super().get_config(), **config}
