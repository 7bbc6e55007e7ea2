"""Recurrent encoder and decoder: one network reads a sentence, another writes one.

Paper: Cho et al., "Learning Phrase Representations using RNN Encoder-Decoder for
       Statistical Machine Translation", EMNLP 2014. The bidirectional encoder is
       Bahdanau et al.'s, "Neural Machine Translation by Jointly Learning to Align and
       Translate", ICLR 2015.
Link:  https://arxiv.org/abs/1406.1078 (section 2.2)
Link:  https://arxiv.org/abs/1409.0473 (section 3.2)
"""

import keras
from keras import layers, ops

from modules.foundations.sequences.gru import GRU
from modules.nlp.translation.additive_attention import AdditiveScore
from modules.nlp.translation.decoder_cell import Decoder, DecoderCell
from modules.nlp.translation.global_attention import (
    DotScore,
    GeneralScore,
    GlobalCell,
)
from modules.nlp.translation.translator import Translator

PREVIOUS, CURRENT = (None, "additive"), ("dot", "general", "concat")


@keras.saving.register_keras_serializable("nlp/translation")
class EncoderDecoder(Translator):
    """Read with a GRU, write with a GRU, and look back as `attention` says.

        p(y | x) = product over t = 1 to T' of p(y_t | y_1, ..., y_{t-1}, x)
        p(y_t | ...) = softmax(V o_t)

    T' is the length of the OUTPUT, which need not be that of the input. While
    training, the decoder reads the right words before (`teacher_forcing`), and the loss
    is the sum of logarithms: `SmoothedCrossEntropy(0, ignore=0)`. Token 0 is padding.

    Args:
        vocabulary_size: int, tokens of both languages and the special ones.
        units: int, of every GRU and of the score; 1,000 in both papers.
        embedding_dim: int, width of the words, which each language has for itself.
        attention: None, the last state is all (Cho et al.); "additive", look with the
            previous state (Bahdanau et al.); "dot", "general" or "concat", look with
            the current one (Luong et al.).
        bidirectional: bool, a second GRU reads backwards, and an annotation is both
            states side by side; None for attention == "additive", as in that paper.
        input_feeding: bool, each step reads the readout of the one before; for
            Luong's attention only.

    Shapes:
        source: (B, S) int, target: (B, T) int, from 0 to vocabulary_size - 1.
        logits: (B, T, vocabulary_size). Rows of padding give finite logits.

    Raises:
        ValueError: source or target has no place for a word, not even a padded one;
            attention is none of these, or there is no input feeding for it;
            "dot" with a bidirectional encoder, whose annotations are twice as wide.

    Example:
        >>> model = EncoderDecoder(20, units=8, embedding_dim=4, attention="additive")
        >>> tuple(model([ops.ones((2, 7), "int32"), ops.ones((2, 5), "int32")]).shape)
        (2, 5, 20)
    """

    def __init__(
        self,
        vocabulary_size,
        units=1000,
        embedding_dim=620,
        attention=None,
        bidirectional=None,
        input_feeding=False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if attention not in PREVIOUS + CURRENT:
            known = (*PREVIOUS, *CURRENT)
            raise ValueError(f"attention must be one of {known}, got {attention!r}")
        if input_feeding and attention not in CURRENT:
            raise ValueError(f"attention {attention!r} has no input feeding")
        self.vocabulary_size = vocabulary_size
        self.units = units
        self.embedding_dim = embedding_dim
        self.kind = attention
        if bidirectional is None:
            bidirectional = attention == "additive"
        self.bidirectional = bidirectional
        self.input_feeding = input_feeding

    def build(self, input_shape):
        policy = {"dtype": self.dtype_policy}
        sizes, width = (self.vocabulary_size, self.embedding_dim), self.units
        large = keras.initializers.RandomNormal(stddev=1.0)  # Keras's make gates sleep
        words = {"embeddings_initializer": large, **policy}
        self.source_embedding = layers.Embedding(*sizes, name="source", **words)
        self.target_embedding = layers.Embedding(*sizes, name="target", **words)
        read = {"reset_after": False, "return_sequences": True, "return_state": True}
        ways = [False, True] if self.bidirectional else [False]
        self.encoder = [GRU(width, go_backwards=w, **read, **policy) for w in ways]
        self.first = layers.Dense(width, "tanh", name="first", **policy)
        self.decoder = Decoder(self.cell(policy), **policy)
        self.output_layer = layers.Dense(self.vocabulary_size, name="logits", **policy)
        words = (None, None, self.embedding_dim)
        for layer in (self.source_embedding, self.target_embedding):
            layer.build((None, None))
        for layer in self.encoder:
            layer.build(words)
        self.first.build((None, width * len(ways)))
        self.decoder.cell.build(words, width * len(ways))
        self.decoder.build(words)
        self.output_layer.build((None, None, width))

    def cell(self, policy):
        """Return the decoder's step."""
        scores = {"dot": DotScore, "general": GeneralScore}
        if self.kind is None:
            return DecoderCell(self.units, **policy)
        if self.kind in scores:
            score = scores[self.kind](name="score", **policy)
        else:
            score = AdditiveScore(self.units, name="score", **policy)
        if self.kind in PREVIOUS:
            return DecoderCell(self.units, score, **policy)
        return GlobalCell(self.units, score, self.input_feeding, **policy)

    def encode(self, source):
        """Return annotations (B, S, M) and the encoder's last state (B, M)."""
        has_words("source", source)
        x, mask = self.source_embedding(source), ops.not_equal(source, 0)
        read = [gru(x, mask=mask) for gru in self.encoder]
        ways = [ops.flip(h, 1) if i else h for i, (h, _) in enumerate(read)]
        states = [state for _, state in read]
        return ops.concatenate(ways, axis=-1), ops.concatenate(states, axis=-1)

    def start(self, source, length=None):
        """Return the state of a decoder that has written nothing; it has no length."""
        annotations, last = self.encode(source)
        mask = ops.not_equal(source, 0)
        seen = self.decoder.cell.keys(annotations), annotations, mask, last
        h = self.first(last)
        states = [h] + [ops.zeros_like(h)] * self.input_feeding
        return seen, states, ops.zeros_like(annotations[:, :, 0])

    def read(self, target, state):
        """Return the readouts, the weights and the state after these words."""
        has_words("target", target)
        seen, states, looked = state
        y = self.target_embedding(target)
        o, weights, states = self.decoder(y, seen, states)
        return o, weights, (seen, states, looked + ops.sum(weights, axis=1))

    def call(self, inputs, return_attention_scores=False):
        """Return logits; and where each step looks, (B, T, S)."""
        source, target = inputs
        o, weights, _ = self.read(target, self.start(source))
        logits = self.output_layer(o)
        return (logits, weights) if return_attention_scores else logits

    def step(self, tokens, state, index):
        """Read words (B, n); return logits and the new state. Places do not matter."""
        o, _, state = self.read(tokens, state)
        return self.output_layer(o), state

    def attention(self, state):
        """Return what each word of the source has got, (B, S), and 1 at padding."""
        (_, _, mask, _), _, looked = state
        return ops.where(mask, looked, 1.0)

    def get_config(self):
        own = ("vocabulary_size", "units", "embedding_dim")
        own += ("bidirectional", "input_feeding")
        config = {name: getattr(self, name) for name in own}
        return {**super().get_config(), **config, "attention": self.kind}


def has_words(name, tokens):
    """Refuse tokens (B, 0), over which no recurrence can run.

    Raises:
        ValueError: as it says.
    """
    if tokens.shape[1] == 0:
        raise ValueError(f"{name} must have a word or padding in it, got (B, 0)")
