"""Show and Tell: an LSTM is shown an image once, and then writes about it.

Paper: Vinyals, Toshev, Bengio and Erhan, "Show and Tell: A Neural Image Caption
       Generator", CVPR 2015.
Link:  https://arxiv.org/abs/1411.4555 (section 3, equations 1, 2 and 10 to 13)
"""

import keras
from keras import layers, ops

from modules.foundations.sequences.lstm import LSTM
from modules.generative.generative_model import check_images, restored, saved
from modules.nlp.language_models.language_model import check_tokens
from modules.nlp.language_models.perplexity import Perplexity, mean_loss, word_losses
from modules.nlp.translation.beam_search import beam_search
from modules.nlp.translation.greedy import compiled, greedy


@keras.saving.register_keras_serializable("multimodal")
class ShowAndTell(keras.Model):
    """The encoder-decoder of translation, with an image in place of the source.

        x_(-1) = W CNN(I)             x_t = E S_t,  t = 0, 1, ...
        p_(t+1) = softmax(V LSTM(x_t))
        L = - sum over t of ln p_t(S_t)

    The image is the first input and is never shown again: at every step it did worse,
    says the paper, since the network then learns its noise. S_0 is a start word, and
    the last word an end. Here L is the mean over words, so that captions of any length
    weigh by their words.

    `model.fit([images, captions])`; `model.caption(images, …)` writes.

    Args:
        image_encoder: model from images to (B, D); GoogLeNet in the paper.
        vocabulary_size: int >= 2, called K; 0 is padding.
        units: int >= 1, of the LSTM and of words; 512 in the paper.
        rate: float in [0, 1), dropout of words and of the LSTM's output.
        low, high: floats, what images are expected to lie between; None for any.

    Shapes:
        inputs: [images (B, H, W, C) float, captions (B, T) int]. A caption is a start
            word, words, an end and padding, T >= 2.
        y: (B, T, K) logits of the word AFTER each word of the caption.

    Raises:
        ValueError: a size is not an int >= 1, or `fit` gets other images or words.

    Example:
        >>> image = keras.Input((8, 8, 3))
        >>> encoder = keras.Model(image, layers.Flatten()(image))
        >>> model = ShowAndTell(encoder, vocabulary_size=9, units=4)
        >>> tuple(model([ops.ones((2, 8, 8, 3)), ops.ones((2, 5), "int32")]).shape)
        (2, 5, 9)
    """

    def __init__(
        self,
        image_encoder,
        vocabulary_size,
        units=512,
        rate=0.5,
        low=None,
        high=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        for name, size in (("vocabulary_size", vocabulary_size), ("units", units)):
            if not (isinstance(size, int) and size >= 1):
                raise ValueError(f"{name} must be an int >= 1, got {size!r}")
        self.image_encoder, self.vocabulary_size = image_encoder, vocabulary_size
        self.units, self.rate, self.low, self.high = units, rate, low, high
        policy = {"dtype": self.dtype_policy}
        self.show = layers.Dense(units, name="show", **policy)
        self.embedding = layers.Embedding(vocabulary_size, units, **policy)
        self.lstm = LSTM(units, return_sequences=True, return_state=True, **policy)
        self.dropout = layers.Dropout(rate, **policy)
        self.words = layers.Dense(vocabulary_size, name="words", **policy)
        self.perplexity = Perplexity()
        self._writers = {}  # compiled, one for each way to write

    def build(self, input_shape):
        self.show.build((None, self.image_encoder.output_shape[-1]))
        self.embedding.build((None, None))
        self.lstm.build((None, None, self.units))
        self.words.build((None, None, self.units))

    def shown(self, images, training=False):
        """Return the first input of the LSTM, (B, units)."""
        return self.show(self.image_encoder(images, training=training))

    def call(self, inputs, training=False):
        images, captions = inputs
        image = self.shown(images, training)[:, None]  # (B, 1, units)
        x = self.dropout(self.embedding(captions), training=training)
        x = ops.concatenate([image, x], axis=1)  # (B, 1 + T, units)
        y, *_ = self.lstm(x)
        return self.words(self.dropout(y[:, 1:], training=training))

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        if sample_weight is not None:
            raise ValueError("sample_weight is not supported: repeat rows instead")
        labels = x[1][:, 1:]
        counts = ops.cast(ops.not_equal(labels, 0), "float32")
        losses = word_losses(labels, y_pred[:, :-1])
        self.perplexity.add(losses, counts)
        return mean_loss(losses, counts) + sum(self.losses)

    def start(self, images):
        """Return the states of the LSTM when it has seen the images."""
        _, *states = self.lstm(self.shown(images)[:, None])
        return states

    def step(self, tokens, state, index):
        """Read words, as greedy.py says."""
        y, *state = self.lstm(self.embedding(tokens), initial_state=state)
        return self.words(y), state

    def write(self, images, length, start, end, beams):
        prompt = ops.full((ops.shape(images)[0], 1), start, "int32")
        state = self.start(images)
        if beams is None:
            return greedy(self.step, state, prompt, length + 1, end)[:, 1:]
        way = {"beams": beams, "alpha": 0.0}  # ln P alone, as in the paper
        tokens, _ = beam_search(self.step, state, prompt, length + 1, end, **way)
        return tokens[:, 0, 1:]

    def caption(self, images, length, start=1, end=2, beams=None):
        """Return captions (B, length) int32, without start, padded behind their end.

        Args:
            images: (B, H, W, C) float.
            length: int >= 1, words at most, with the end.
            start, end: int.
            beams: int >= 1, as the paper's 20; None for greedy decoding.
        """
        way = (length, start, end, beams)
        if way not in self._writers:
            self._writers[way] = compiled(lambda images: self.write(images, *way))
        return ops.convert_to_numpy(self._writers[way](images))

    def fit(self, x=None, *args, **kwargs):
        if isinstance(x, (list, tuple)):
            images, captions = x
            if len(images) != len(captions):
                counts = f"{len(images)} images and {len(captions)} captions"
                raise ValueError(f"each image needs its caption, got {counts}")
            if self.low is not None:
                check_images(images, self.low, self.high)
            check_tokens(captions, self.vocabulary_size)
        return super().fit(x, *args, **kwargs)

    def get_config(self):
        own = ("vocabulary_size", "units", "rate", "low", "high")
        config = {name: getattr(self, name) for name in own}
        config["image_encoder"] = saved(self.image_encoder)[0]
        return {**super().get_config(), **config}

    @classmethod
    def from_config(cls, config):
        return cls(**restored(config, "image_encoder"))
