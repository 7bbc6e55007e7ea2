"""Recurrent language model: a state that has read all words so far says what is next.

Paper: Mikolov, Karafiat, Burget, Cernocky and Khudanpur, "Recurrent Neural Network
       Based Language Model", Interspeech 2010.
Link:  https://www.isca-archive.org/interspeech_2010/mikolov10_interspeech.html
       (section 2); truncated: section 2 of https://doi.org/10.1109/ICASSP.2011.5947611
"""

import keras
from keras import layers, ops

from modules.foundations.sequences.gru import GRUCell
from modules.foundations.sequences.lstm import LSTMCell
from modules.foundations.sequences.recurrent import SimpleRNNCell
from modules.foundations.sequences.truncated_bptt import TruncatedCell
from modules.nlp.language_models.language_model import LanguageModel

CELLS = {"simple": SimpleRNNCell, "gru": GRUCell, "lstm": LSTMCell}


def check_sizes(**sizes):
    """Refuse sizes that are not ints >= 1.

    Raises:
        ValueError: it names the size.
    """
    for name, size in sizes.items():
        if not (isinstance(size, int) and size >= 1):
            raise ValueError(f"{name} must be an int >= 1, got {size!r}")


@keras.saving.register_keras_serializable("nlp/language_models")
class RecurrentLanguageModel(LanguageModel):
    """Read word by word, and predict from the state.

        s_t = cell(E w_t, s_(t-1))
        p(w_(t+1) | w_1 ... w_t) = softmax(V s_t + b)

    The paper's network is "simple", with a logistic unit where ours has tanh, and is
    trained by backpropagation that goes a few steps back; LSTMs took its place soon
    (Sundermeyer et al. 2012). No order of Markov is assumed: the state may hold any
    word of the past, though the gradient of a loss reaches back `steps` words at most.

    Args:
        vocabulary_size: int >= 2, called K.
        units: int >= 1, of the state.
        embedding_dim: int >= 1; None for units.
        cell: "simple", "gru" or "lstm".
        steps: int >= 1, the gradient is cut before every word whose place is a multiple
            of it, while the state goes on; None for no cut.
        rate: float in [0, 1), dropout of embeddings and of states on their way out.
        padding: int or None, as in `LanguageModel`.

    Shapes:
        tokens: (B, T) int, any T; logits: (B, T, K).
        K E + K units + K weights, and those of the cell.

    Raises:
        ValueError: cell is none of these, or a size is not an int >= 1.

    Example:
        >>> model = RecurrentLanguageModel(vocabulary_size=9, units=4)
        >>> tuple(model(ops.ones((2, 5), "int32")).shape)
        (2, 5, 9)
    """

    def __init__(
        self,
        vocabulary_size,
        units=128,
        embedding_dim=None,
        cell="lstm",
        steps=None,
        rate=0.0,
        padding=0,
        **kwargs,
    ):
        super().__init__(vocabulary_size, padding, **kwargs)
        if cell not in CELLS:
            raise ValueError(f"cell must be one of {', '.join(CELLS)}, got {cell!r}")
        width = units if embedding_dim is None else embedding_dim
        check_sizes(units=units, embedding_dim=width)
        self.units, self.embedding_dim, self.cell = units, embedding_dim, cell
        self.steps, self.rate = steps, rate
        policy = {"dtype": self.dtype_policy}
        self.embedding = layers.Embedding(vocabulary_size, width, **policy)
        inner = CELLS[cell](units, **policy)
        inner = inner if steps is None else TruncatedCell(inner, steps, **policy)
        self.rnn = layers.RNN(inner, return_sequences=True, return_state=True, **policy)
        self.dropout = layers.Dropout(rate, **policy)
        self.logits = layers.Dense(vocabulary_size, name="logits", **policy)

    def build(self, input_shape):
        width = self.embedding.output_dim
        self.embedding.build(input_shape)
        self.rnn.build((None, None, width))
        self.logits.build((None, None, self.units))

    def read(self, tokens, states=None):
        """Return logits (B, T, K) and the states after the last word."""
        x = self.dropout(self.embedding(tokens))
        y, *states = self.rnn(x, initial_state=states)
        return self.logits(self.dropout(y)), states

    def call(self, tokens):
        return self.read(tokens)[0]

    def start(self, batch, length):
        """Return states of 0; they have the same size however long the text is."""
        sizes = self.rnn.cell.state_size
        return [ops.zeros((batch, n), self.compute_dtype) for n in sizes]

    def step(self, tokens, state, index):
        return self.read(tokens, state)

    def words_given(self, prompt):
        given = super().words_given(prompt)
        if given.min(initial=prompt.shape[1]) < prompt.shape[1]:
            raise ValueError(
                "a recurrent model has read a prompt's padding before it writes: give "
                "prompts of one length together"
            )
        return given

    def get_config(self):
        own = ("units", "embedding_dim", "cell", "steps", "rate")
        return {**super().get_config(), **{name: getattr(self, name) for name in own}}
