"""Exercise: reverse-mode differentiation, by hand.

Automatic differentiation needs two things: for every operation a rule that takes the
gradient of the loss from its output to its inputs, and a walk backwards through what
was computed. Here you write four rules and the walk, and a network learns with them.

Paper: Rumelhart, Hinton and Williams, "Learning representations by back-propagating
       errors", Nature 1986.
Link:  https://doi.org/10.1038/323533a0 (equations 4 to 7)
See:   modules/foundations/learning/multilayer_perceptron.py (the network)
Needs: foundations/learning (softmax, losses, reverse mode), the chain rule
Time:  60 minutes
Grade: python -m course grade foundations/learning/reverse_mode_engine

Throughout, g is the gradient of the loss with respect to the OUTPUT of an operation,
and has its shape. A rule returns gradients with respect to the inputs, which have the
shapes of the inputs. No Jacobian is ever formed.

When your functions are right, train a network on digits with them:
python -m assignments.foundations.learning.reverse_mode_engine
"""

import keras
from keras import ops

from course.data.load import load
from modules.foundations.learning.activations import relu
from modules.foundations.learning.losses import cross_entropy_from_logits
from modules.foundations.learning.multilayer_perceptron import mlp


def matmul_vjp(g, x, w):
    """Take the gradient back through y = x w.

    Args:
        g: (B, K) float, the gradient with respect to y.
        x: (B, D) float.
        w: (D, K) float.

    Returns:
        [dx, dw]: (B, D) and (D, K).
    """
    # TODO: one matrix product for each input
    raise NotImplementedError


def unbroadcast(g, shape):
    """Return the gradient of an array that was broadcast to the shape of g.

    An array of shape (3,), (1, 3), (4, 1) or () can be added to one of shape (4, 3): it
    is repeated, along new axes in front and along axes of size 1. Each of its values
    then acts in several places.

    Args:
        g: float, of the shape of the sum.
        shape: tuple of int, that of the array before it was repeated.

    Returns:
        A tensor of that shape.
    """
    # TODO: add up what comes back from all the places
    raise NotImplementedError


def add_vjp(g, a, b):
    """Take the gradient back through y = a + b, with broadcasting; given."""
    return [unbroadcast(g, tuple(a.shape)), unbroadcast(g, tuple(b.shape))]


def relu_vjp(g, x):
    """Take the gradient back through y = max(0, x).

    Args:
        g: float, the gradient with respect to y.
        x: float, of the shape of g, what went INTO the ReLU.

    Returns:
        dx, of the shape of x. Where x is 0 you may choose 0 or g.
    """
    # TODO: let through where the unit was on
    raise NotImplementedError


def softmax_cross_entropy_vjp(g, z, y):
    """Take the gradient back through the mean cross-entropy behind a softmax.

        L = 1/B sum over b of ( - sum over k of y_bk ln softmax(z_b)_k )

    The result must be finite and right for scores of any size, also 10,000.

    Args:
        g: float scalar, the gradient with respect to L.
        z: (B, K) float, logits.
        y: (B, K) float, rows sum to 1. A constant: no gradient is asked for.

    Returns:
        dz, (B, K).
    """
    # TODO: what the softmax says minus what is true
    raise NotImplementedError


def backward(tape, values):
    """Return the gradients of the last value with respect to every value.

    The tape lists what the forward pass did, in that order. Each step is a tuple
    (vjp, inputs, output) of a rule and of places in `values`: values[output] was
    computed from values[i] for i in inputs, and

        vjp(g, *[values[i] for i in inputs])

    takes g, the gradient with respect to values[output], to a list with one gradient
    for each input. A value may be an input of several steps, or twice of the same.
    What no step computes (data, weights) stands in `values` too.

    Args:
        tape: list of (vjp, inputs, output).
        values: list of float tensors. The last one is a scalar, the loss, and was
            computed by the last step.

    Returns:
        List of gradients, one for each value and of its shape; zeros where the loss
        does not depend on a value. That of the loss itself is 1.
    """
    # TODO: start with 1 at the loss, walk the tape backwards, accumulate
    raise NotImplementedError


def loss_and_gradients(weights, x, y):
    """Run a perceptron with one hidden layer forwards, then your walk; given."""
    values, tape = [x, *weights], []

    def record(value, vjp, *inputs):
        values.append(value)
        tape.append((vjp, inputs, len(values) - 1))
        return len(values) - 1

    def affine(i, kernel, bias):
        i = record(ops.matmul(values[i], values[kernel]), matmul_vjp, i, kernel)
        return record(values[i] + values[bias], add_vjp, i, bias)

    hidden = affine(0, 1, 2)
    hidden = record(relu(values[hidden]), lambda g, x: [relu_vjp(g, x)], hidden)
    z = affine(hidden, 3, 4)
    loss = ops.mean(cross_entropy_from_logits(y, values[z]))
    record(loss, lambda g, z: [softmax_cross_entropy_vjp(g, z, y)], z)
    return loss, backward(tape, values)[1 : 1 + len(weights)]


class ByHand(keras.Model):
    """A perceptron that learns with the gradients of your functions; given."""

    def __init__(self):
        super().__init__()
        self.network = mlp((32,), num_classes=10, input_shape=(64,))

    def call(self, x):
        return self.network(x)

    def train_step(self, data):
        x, y, _ = keras.utils.unpack_x_y_sample_weight(data)
        weights = [w.value for w in self.trainable_variables]
        loss, found = loss_and_gradients(weights, x, y)
        found = [ops.convert_to_tensor(g, "float32") for g in found]
        self.optimizer.apply(found, self.trainable_variables)
        return {"loss": loss}


def network():
    """Return the model, ready to train; given."""
    model = ByHand()
    model.compile(keras.optimizers.SGD(0.5), run_eagerly=True)
    return model


def digits(split):
    """Return digits as (B, 64) floats and their classes as (B, 10); given."""
    x, y = load("course_digits", split, as_supervised=True, batch_size=-1)
    x = ops.reshape(ops.cast(x, "float32") / 255, (-1, 64))
    return x, ops.one_hot(y, 10)


if __name__ == "__main__":
    keras.utils.set_random_seed(0)
    model, (x, y) = network(), digits("test")
    for _ in range(5):
        model.fit(*digits("train"), batch_size=32, verbose=0)
        z = model(x)
        loss = float(ops.mean(cross_entropy_from_logits(y, z)))
        right = float(ops.mean(keras.metrics.categorical_accuracy(y, z)))
        print(f"unseen digits: loss {loss:.3f}, {100 * right:.1f} % right")
