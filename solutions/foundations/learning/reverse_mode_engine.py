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
    # BEGIN SOLUTION one matrix product for each input
    # HINT y_bk is the sum over d of x_bd w_dk. Which y does x_bd act on, and how much?
    # HINT There is only one way to multiply g and w so that the result is (B, D).
    # HINT dx = ops.matmul(g, ops.transpose(w)), and dw is similar.
    dx = ops.matmul(g, ops.transpose(w))
    # WRONG dx = ops.matmul(g, w)
    # WHY you multiply by w where its transpose belongs; only for a square w do the
    # WHY shapes fit at all
    dw = ops.matmul(ops.transpose(x), g)
    # WRONG dw = ops.matmul(ops.transpose(g), x)
    # WHY this is the gradient of w transposed: its rows must belong to the inputs
    # WRONG dw = ops.matmul(ops.transpose(x), g) / x.shape[0]
    # WHY you divide by the batch; the examples' contributions add up (if the loss is a
    # WHY mean, its 1/B is in g already)
    return [dx, dw]
    # END SOLUTION


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
    # BEGIN SOLUTION add up what comes back from all the places
    # HINT A bias of shape (K,) acts on every row of (B, K). How do contributions join?
    # HINT First sum over the axes that are new: the first len(g.shape) - len(shape).
    # HINT Then sum over the axes where shape has a 1, with keepdims=True.
    new = len(g.shape) - len(shape)
    # WRONG new = 0
    # WHY you leave the new axes in front as they are: the gradient of a bias must be
    # WHY summed over the batch
    g = ops.sum(g, axis=tuple(range(new)))
    # WRONG g = ops.mean(g, axis=tuple(range(new)))
    # WHY you average over the batch; the contributions of a repeated value add up
    # WRONG g = ops.sum(g, axis=tuple(range(new)), keepdims=new > 0)
    # WHY you keep the axes that broadcasting has put in front; the gradient has the
    # WHY shape of the array itself
    # WRONG g = ops.sum(g)
    # WHY you add up everything to one number; only repeated axes are summed
    repeated = tuple(i for i, size in enumerate(shape) if size == 1)
    # WRONG repeated = ()
    # WHY axes of size 1 are repeated too: sum over them and keep them with size 1
    return ops.sum(g, axis=repeated, keepdims=True)
    # END SOLUTION


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
    # BEGIN SOLUTION let through where the unit was on
    # HINT The slope of max(0, x) is 1 right of 0, and 0 left of it.
    # HINT x > 0 says where; ops.where or a product with its cast picks.
    return ops.where(x > 0, g, ops.zeros_like(g))
    # WRONG return ops.where(ops.relu(x) >= 0, g, ops.zeros_like(g))
    # WHY everything passes: what comes out of a ReLU is never below 0, so a mask of
    # WHY y >= 0 holds everywhere; ask where x > 0
    # WRONG return ops.where(g > 0, g, ops.zeros_like(g))
    # WHY you apply the ReLU to the gradient; what decides is the sign of x
    # WRONG return g * ops.relu(x)
    # WHY you multiply by the output; the slope of a ReLU is 0 or 1, not x
    # END SOLUTION


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
    # BEGIN SOLUTION what the softmax says minus what is true
    # HINT For one example the derivative of the loss in its logits is p - y.
    # HINT The loss is a mean over B examples. Where does B go, and where does g?
    # HINT ops.softmax(z, axis=-1) subtracts the largest score for you.
    p = ops.softmax(z, axis=-1)
    # WRONG p = ops.softmax(z, axis=0)
    # WHY your softmax runs over the batch; it must sum to 1 over the classes of each
    # WHY example
    # WRONG p = z
    # WHY you subtract y from the logits; the softmax is missing
    # WRONG p = ops.exp(z) / ops.sum(ops.exp(z), axis=-1, keepdims=True)
    # WHY e to the power of a large score is infinite, and infinity by infinity is no
    # WHY number: subtract the largest score of each example first
    return g * (p - y) / z.shape[0]
    # WRONG return g * (p - y)
    # WHY the loss is the mean over the batch: 1/B is missing
    # WRONG return g * (p - y) / z.shape[0] ** 2
    # WHY you divide by the batch twice
    # WRONG return g * (p - y) / (z.shape[0] * z.shape[1])
    # WHY you average over the classes too; the loss sums over classes, and takes the
    # WHY mean over examples only
    # WRONG return g * (y - p) / z.shape[0]
    # WHY the sign is turned round: this points downhill, and the gradient uphill
    # WRONG return g * (p - y) * y / z.shape[0]
    # WHY only the score of the right class gets a gradient here; the others must fall
    # WHY by p
    # WRONG return (p - y) / z.shape[0]
    # WHY you leave out g: what comes from above must be passed on
    # END SOLUTION


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
    # BEGIN SOLUTION start with 1 at the loss, walk the tape backwards, accumulate
    # HINT Begin with a list of zeros of the shapes of the values, and a 1 at the end.
    # HINT When a step is reached, all steps that used its output must be done.
    # HINT for vjp, inputs, output in reversed(tape): ...
    # HINT A value that is used twice has two gradients, and they add up.
    grads = [ops.zeros_like(v) for v in values]
    grads[-1] = ops.ones_like(values[-1])
    # WRONG grads[-1] = values[-1]
    # WHY you start with the loss itself; its derivative with respect to itself is 1
    for vjp, inputs, output in reversed(tape):
        parts = vjp(grads[output], *[values[i] for i in inputs])
        # WRONG one = ops.ones_like(values[output])
        # WRONG parts = vjp(one, *[values[i] for i in inputs])
        # WHY you hand every rule a 1; it needs the gradient that has come back to its
        # WHY output so far
        for i, part in zip(inputs, parts, strict=True):
            grads[i] = grads[i] + part
            # WRONG grads[i] = part
            # WHY you overwrite: a value that is used in several places gets a gradient
            # WHY from each, and they add up
        # WRONG for i, part in dict(zip(inputs, parts, strict=True)).items():
        # WRONG     grads[i] = grads[i] + part
        # WHY a value that enters one step twice, as in x * x, has two gradients, and
        # WHY you keep only one of them
    # WRONG for vjp, inputs, output in tape:
    # WRONG     parts = vjp(grads[output], *[values[i] for i in inputs])
    # WRONG     for i, part in zip(inputs, parts, strict=True):
    # WRONG         grads[i] = grads[i] + part
    # WHY you walk the tape forwards: the gradient starts at the loss, so the last step
    # WHY comes first
    return grads
    # END SOLUTION


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
