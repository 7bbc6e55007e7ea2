"""Exercise: draws from a categorical, exact, relaxed and straight-through.

Adding Gumbel noise to logits and taking the largest draws one class; taking the k
largest draws k different ones. A softmax in place of the argmax lets gradients
through. Here you write all of them, and a network learns to choose.

Paper: Jang, Gu and Poole, "Categorical Reparameterization with Gumbel-Softmax", 2017.
Link:  https://arxiv.org/abs/1611.01144 (section 2)
Paper: Kool, van Hoof and Welling, "Stochastic Beams and Where to Find Them", 2019.
Link:  https://arxiv.org/abs/1903.06059 (section 2.3: the k largest)
See:   modules/foundations/learning/softmax.py
Needs: generative (Gumbel-softmax), foundations/learning (softmax)
Time:  35 minutes
Grade: python -m course grade generative/gumbel_draws

Gradients must flow through, so use keras.ops and not NumPy. Noise is an argument: your
functions draw nothing themselves.

When your functions are right, watch a network choose:
python -m course demo generative/gumbel_draws
"""

import keras
from keras import layers, ops

LEAST = 1e-20


def gumbel_noise(uniform):
    """Return standard Gumbel noise, -ln(-ln u), finite for every u that may come.

    A generator of uniform numbers can return 0. Take LEAST where u is below it, so that
    the result is -ln(-ln 1e-20) = -3.83 there. It never returns 1.

    Args:
        uniform: (B, K) float in [0, 1).

    Returns:
        (B, K) float, finite.
    """
    # TODO: two logarithms, two signs
    raise NotImplementedError


def relaxed_draw(logits, noise, temperature):
    """Return a soft draw: the softmax of the noisy logits over a temperature.

    Args:
        logits: (B, K) float.
        noise: (B, K) float, Gumbel noise.
        temperature: float > 0.

    Returns:
        (B, K) float > 0, whose rows sum to 1.
    """
    # TODO: noise, temperature, softmax
    raise NotImplementedError


def straight_through(y):
    """Return a one-hot draw that has the gradient of the soft one.

    The value is 1 at the largest entry of each row and 0 elsewhere, exactly. The
    gradient with respect to y is as if the function returned y. No two entries of a row
    are equal.

    Args:
        y: (B, K) float, soft draws.

    Returns:
        (B, K) float.
    """
    # TODO: forward one-hot, backward soft
    raise NotImplementedError


def distinct_draws(logits, noise, k):
    """Return k different classes, drawn one after the other without replacement.

    The k largest of the noisy logits are such a draw, in their order: the first is
    drawn from softmax(logits), the second from what is then left, and so on.

    Args:
        logits: (B, K) float.
        noise: (B, K) float, Gumbel noise.
        k: int from 1 to K.

    Returns:
        (B, k) int, the classes in the order in which they are drawn.
    """
    # TODO: the k largest of the noisy logits
    raise NotImplementedError


class Choose(layers.Layer):
    """Your draw as a layer; given. In inference it takes the likeliest class."""

    def __init__(self, temperature, hard, seed):
        super().__init__()
        self.temperature, self.hard = temperature, hard
        self.seeds = keras.random.SeedGenerator(seed)

    def call(self, logits, training=False):
        if not training:
            return ops.one_hot(ops.argmax(logits, axis=-1), logits.shape[-1])
        u = keras.random.uniform(ops.shape(logits), seed=self.seeds)
        y = relaxed_draw(logits, gumbel_noise(u), self.temperature)
        return straight_through(y) if self.hard else y

    def compute_output_shape(self, input_shape):
        return input_shape


def network(hard=True):
    """Return an autoencoder whose code is one of four classes; given."""
    keras.utils.set_random_seed(1)
    inputs = keras.Input((4,))
    code = Choose(1.0, hard, seed=1)(layers.Dense(4)(inputs))
    model = keras.Model(inputs, layers.Dense(4)(code))
    model.compile(keras.optimizers.Adam(0.1), "mse", run_eagerly=True)
    return model


if __name__ == "__main__":
    things = ops.one_hot(ops.arange(128) % 4, 4)
    for hard in (True, False):
        model = network(hard)
        print("straight-through" if hard else "soft draws", "while training")
        for steps in range(0, 61, 20):
            error = model.evaluate(things, things, verbose=0)
            print(f"{steps:5} steps: error {error:.3f} with hard codes")
            model.fit(things, things, 128, epochs=20, verbose=0)
    logits = ops.log(ops.array([[0.1, 0.2, 0.7]] * 10_000))
    noise = gumbel_noise(keras.random.uniform((10_000, 3), seed=0))
    first = distinct_draws(logits, noise, 2)[:, 0]
    share = ops.mean(ops.one_hot(first, 3), axis=0)
    said = " ".join(f"{float(s):.3f}" for s in share)
    print(f"classes of probability 0.1, 0.2 and 0.7 are drawn in shares of {said}")
