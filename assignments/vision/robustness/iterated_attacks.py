"""Exercise: attacks of many steps, and their gradient by hand.

The fast gradient sign method takes one step as if the network were linear. Projected
gradient descent takes many small ones and looks again after each; it is the attack that
a defence has to stand. You write it, towards a wrong class too, and the gradient by the
input that drives it, without automatic differentiation.

Paper: Madry et al., "Towards Deep Learning Models Resistant to Adversarial Attacks",
       ICLR 2018; Goodfellow et al., "Explaining and Harnessing Adversarial Examples".
Link:  https://arxiv.org/abs/1706.06083 (section 2.1), https://arxiv.org/abs/1412.6572
See:   modules/vision/robustness/fgsm.py: one step, away from the true label
Needs: vision/robustness (the fast gradient sign method), backpropagation
Time:  50 minutes
Grade: python -m course grade vision/robustness/iterated_attacks

B is the number of examples, D of input values, H of hidden units, N of classes. An
input is a row of D values; |x' - x| <= epsilon is meant for each of them. NumPy,
keras.ops and TensorFlow are all fine; nothing here is differentiated by a tape.

When your functions are right, see how much one step and ten steps leave of a network:
python -m course demo vision/robustness/iterated_attacks
"""

import keras
import numpy as np
from keras import ops

from course.data.load import load
from modules.foundations.learning.multilayer_perceptron import mlp


def margin_change(w, label, rival, epsilon):
    """Return by how much an attack can change the lead of a rival, for a linear model.

    The logits are z = x w + b. The lead of the rival is z[rival] - z[label]. Return the
    largest change of the lead that any x' with |x' - x| <= epsilon brings about. There
    is no box.

    Args:
        w: (D, N) float.
        label, rival: int, two classes.
        epsilon: float >= 0.

    Returns:
        A float scalar.
    """
    # TODO: which weights does the lead have, and which x' suits them best?
    raise NotImplementedError


def input_gradient(x, labels, w1, b1, w2, b2):
    """Return the gradient of the loss by the input, for a perceptron, by hand.

        z = relu(x w1 + b1) w2 + b2
        loss = sum over examples of -ln softmax(z)[label]

    It is a sum, so each example has a gradient that does not depend on the others.

    Args:
        x: (B, D) float.
        labels: (B,) int.
        w1, b1, w2, b2: (D, H), (H,), (H, N) and (N,) float.

    Returns:
        (B, D) float.
    """
    # TODO: forward to the probabilities, then back through both layers
    raise NotImplementedError


def sign_step(x, gradient, size, targeted):
    """Return x after one step of the given size in every value. Nothing is clipped.

    An attack goes up the loss of the true label. If it is targeted, the gradient is
    that of the loss of a class that is wanted instead, and the step goes down.

    Args:
        x: (B, D) float.
        gradient: (B, D) float, of the loss by x.
        size: float >= 0.
        targeted: bool.

    Returns:
        (B, D) float.
    """
    # TODO: the sign of the gradient, up or down
    raise NotImplementedError


def project(x_new, x, epsilon, low, high):
    """Return the x' nearest to x_new that is allowed, value by value.

    Allowed is what lies within epsilon of x and from low to high.

    Args:
        x_new: (B, D) float.
        x: (B, D) float, the inputs before the attack, from low to high.
        epsilon: float >= 0.
        low, high: float, low < high.

    Returns:
        (B, D) float.
    """
    # TODO: into the ball of every value, and into the box
    raise NotImplementedError


def attack(gradient, x, start, epsilon, size, steps, low, high, targeted):
    """Return x' after projected gradient descent: start, then step and project.

    Begin at x + start, projected. Then, `steps` times: take the gradient where you are,
    take a sign step from there, and project. With a start of 0, one step and a size of
    epsilon it is the fast gradient sign method.

    Args:
        gradient: function of (B, D) that returns (B, D), the gradient of the loss.
        x: (B, D) float, from low to high.
        start: (B, D) float, noise.
        epsilon, size: float >= 0.
        steps: int >= 0.
        low, high: float, low < high.
        targeted: bool.

    Returns:
        (B, D) float.
    """
    # TODO: the start, then a loop of three lines
    raise NotImplementedError


class Hardened(keras.Model):
    """A perceptron that learns from your attacks on itself; given.

    Args:
        network: mlp of one hidden layer.
        epsilon, size: float >= 0.
        steps: int; with 0 it is the usual training.
    """

    def __init__(self, network, epsilon, size, steps):
        super().__init__()
        self.network = network
        self.epsilon, self.size, self.steps = epsilon, size, steps
        self.built = True

    def call(self, x, training=False):
        return self.network(x, training=training)

    def attacked(self, x, labels, start=0.0, steps=None, targeted=False):
        weights = [ops.convert_to_tensor(w) for w in self.network.weights]
        x, labels = ops.convert_to_tensor(x), ops.cast(labels, "int32")
        return attack(
            lambda x_new: input_gradient(x_new, labels, *weights),
            x,
            start + ops.zeros_like(x),
            self.epsilon,
            self.size,
            self.steps if steps is None else steps,
            0.0,
            1.0,
            targeted,
        )

    def compute_loss(self, x, y, y_pred, sample_weight=None, training=True):
        y = ops.reshape(y, (-1,))
        attacked = ops.stop_gradient(ops.convert_to_tensor(self.attacked(x, y)))
        return super().compute_loss(attacked, y, self(attacked, training=training))


def network(classes=3, size=12, hidden=16, epsilon=0.1, steps=3):
    """Return a perceptron that trains on attacks of a few steps, compiled; given."""
    small = mlp((hidden,), classes, input_shape=(size,))
    model = Hardened(small, epsilon, 2.5 * epsilon / max(steps, 1), steps)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.02), loss, run_eagerly=True)
    return model


def digits(split):
    """Return 8x8 digits as rows of 64 values from 0 to 1, and their labels; given."""
    x, y = load("course_digits", split, as_supervised=True, batch_size=-1)
    x = np.asarray(x, "float32").reshape(len(x), -1)
    return x / x.max(), np.asarray(y)


if __name__ == "__main__":
    (x, y), (unseen, truth) = digits("train"), digits("test")
    noise = np.random.default_rng(0).uniform(-0.1, 0.1, unseen.shape)
    tries = {"none": (0, 0, 0), "1 step": (0, 1, 0.1), "20 steps": (noise, 20, 0.02)}
    for steps in (0, 1, 5):
        keras.utils.set_random_seed(0)
        model = network(10, 64, 64, steps=steps)
        model.fit(x, y, 64, epochs=8, verbose=0)
        print(f"trained on attacks of {steps} steps; right in % under attacks of")
        for name, (start, tried, model.size) in tries.items():
            found = model.attacked(unseen, truth, start, tried)
            right = np.mean(np.argmax(model(found), -1) == truth)
            print(f"    {name:8} {100 * right:5.1f}")
