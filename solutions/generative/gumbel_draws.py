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
    # BEGIN SOLUTION two logarithms, two signs
    # HINT The logarithm of u is negative, so one sign goes between the two logarithms.
    # HINT ops.maximum(uniform, LEAST) keeps 0 away.
    u = ops.maximum(uniform, LEAST)
    # WRONG u = uniform
    # WHY for u = 0 this is infinite: a generator does return 0 once in a while
    # WRONG u = uniform + 0.01
    # WHY you move every u, so the noise has another distribution; only those below
    # WHY LEAST are to be replaced
    return -ops.log(-ops.log(u))
    # WRONG return ops.log(-ops.log(u))
    # WHY the outer sign is missing: your noise is the mirror image, with its long tail
    # WHY to the left
    # WRONG return -ops.log(u)
    # WHY this is exponential noise; Gumbel noise takes the logarithm once more
    # END SOLUTION


def relaxed_draw(logits, noise, temperature):
    """Return a soft draw: the softmax of the noisy logits over a temperature.

    Args:
        logits: (B, K) float.
        noise: (B, K) float, Gumbel noise.
        temperature: float > 0.

    Returns:
        (B, K) float > 0, whose rows sum to 1.
    """
    # BEGIN SOLUTION noise, temperature, softmax
    # HINT Logits and noise are both divided by the temperature.
    y = (logits + noise) / temperature
    # WRONG y = (logits + noise) * temperature
    # WHY you multiply by the temperature, so a low one gives soft draws and a high one
    # WHY sharp ones
    # WRONG y = logits / temperature + noise
    # WHY the noise is not divided by the temperature, so the largest entry is not a
    # WHY draw from softmax(logits) any more
    # WRONG y = ops.softmax(logits) + noise
    # WHY the noise goes to the logits; you add it to the probabilities
    # WRONG y = (logits + noise[:1]) / temperature
    # WHY all examples share the noise of the first one, so they draw the same
    return ops.softmax(y, axis=-1)
    # WRONG return ops.softmax(y, axis=0)
    # WHY the softmax runs over the batch; each example's classes must sum to 1
    # WRONG return y
    # WHY the softmax is missing: a draw is positive and sums to 1
    # END SOLUTION


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
    # BEGIN SOLUTION forward one-hot, backward soft
    # HINT ops.stop_gradient(a) has the value of a and no gradient.
    # HINT y - ops.stop_gradient(y) is 0 and has the gradient of y.
    hard = ops.one_hot(ops.argmax(y, axis=-1), y.shape[-1], dtype=y.dtype)
    # WRONG hard = ops.cast(y > 0.5, y.dtype)
    # WHY you cut at 0.5, and rows whose largest entry is below that get no class
    return hard + (y - ops.stop_gradient(y))
    # WRONG return hard
    # WHY this has no gradient: argmax is flat, nothing can be learnt through it
    # WRONG return y
    # WHY the value is still the soft draw; forward it must be one-hot
    # WRONG return hard * y
    # WHY you keep the largest entry as it is: its value is not 1, and the gradient
    # WHY reaches that entry only
    # WRONG return hard + ops.stop_gradient(y) - y
    # WHY the gradient has the wrong sign: what is stopped must be subtracted
    # END SOLUTION


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
    # BEGIN SOLUTION the k largest of the noisy logits
    # HINT ops.top_k returns values and indices, the largest first.
    return ops.top_k(logits + noise, k)[1]
    # WRONG return ops.argsort(logits + noise)[:, :k]
    # WHY you take the smallest ones: argsort counts up
    # WRONG return ops.sort(ops.top_k(logits + noise, k)[1])
    # WHY the classes are right but sorted by number; the order of the draw is lost
    # WRONG return ops.top_k(logits, k)[1]
    # WHY the noise is missing, so the same classes come every time
    # END SOLUTION


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
