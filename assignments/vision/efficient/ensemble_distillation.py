"""Exercise: one student, several teachers, and the gradient by hand.

Distillation trains a small network on what a large one finds probable. Here there are
several teachers: the student learns their mean, and the labels besides. You write the
loss, and its gradient without automatic differentiation.

Paper: Hinton, Vinyals and Dean, "Distilling the Knowledge in a Neural Network", 2015.
Link:  https://arxiv.org/abs/1503.02531 (sections 1 and 2, equations 1 to 4)
See:   modules/vision/efficient/distillation.py: one teacher, and a loss that is not 0
       where student and teacher agree
Needs: vision/efficient (distillation), cross-entropy and its gradient
Time:  45 minutes
Grade: python -m course grade vision/efficient/ensemble_distillation

B is the number of examples, N of classes, M of teachers, T the temperature. Logits are
scores before the softmax. In the functions that return a loss use keras.ops and not
NumPy: a student trains with them.

When your functions are right, watch a student that never sees a label:
python -m course demo vision/efficient/ensemble_distillation
"""

import keras
from keras import layers, ops

from modules.vision.classification.global_average_pooling import GlobalAverageClassifier
from modules.vision.classification.residual_parts import Conv, classifier
from modules.vision.efficient.depthwise_separable import separable_block
from modules.vision.efficient.separable_parts import conv, norm_relu6


def soften(logits, temperature):
    """Return the probabilities that softmax gives at a temperature.

    A high temperature makes them more alike, and shows what a network thinks of the
    classes that it does not choose.

    Args:
        logits: (B, N) float, of any size: thousands must not overflow.
        temperature: float > 0.

    Returns:
        (B, N) float, each row with a sum of 1.
    """
    # TODO: the logits over T, then the softmax of each row
    raise NotImplementedError


def ensemble_targets(teacher_logits, temperature):
    """Return the soft targets of several teachers: the mean of their probabilities.

    Each teacher is softened, and then the arithmetic mean is taken. (The paper also
    allows the geometric mean; here it is the arithmetic one.)

    Args:
        teacher_logits: (M, B, N) float, a teacher after the other.
        temperature: float > 0.

    Returns:
        (B, N) float, each row with a sum of 1.
    """
    # TODO: soften every teacher, then average over them
    raise NotImplementedError


def soft_loss(student_logits, targets, temperature):
    """Return T^2 times the Kullback-Leibler divergence from student to targets.

        soft = T^2 * mean over examples of sum over classes of p * (ln p - ln q)

    p are the targets and q the student's probabilities at the temperature. A class
    with p = 0 adds nothing. The loss is 0 where the student agrees.

    Args:
        student_logits: (B, N) float.
        targets: (B, N) float >= 0, softened already.
        temperature: float > 0.

    Returns:
        A float scalar.
    """
    # TODO: soften the student too, and keep p = 0 away from the logarithm
    raise NotImplementedError


def distillation_loss(student_logits, teacher_logits, labels, temperature, alpha):
    """Return alpha * soft + (1 - alpha) * hard; teachers get no gradient.

    soft is the soft_loss against the ensemble's targets. hard is the mean cross-entropy
    to the labels, of the student as it will be used: at temperature 1. The teachers
    are finished: no gradient may flow to their logits.

    Args:
        student_logits: (B, N) float.
        teacher_logits: (M, B, N) float.
        labels: (B,) int.
        temperature: float > 0.
        alpha: float in [0, 1], the weight of the soft part.

    Returns:
        A float scalar.
    """
    # TODO: stop the gradient, then weigh both parts
    raise NotImplementedError


def student_gradient(student_logits, targets, labels, temperature, alpha):
    """Return the gradient of the loss with respect to the student's logits, by hand.

    Of alpha * soft_loss(student_logits, targets, temperature) + (1 - alpha) * hard, the
    loss of distillation_loss with its targets given. It is short: no logarithm is left.

    Args:
        student_logits: (B, N) float.
        targets: (B, N) float, each row with a sum of 1.
        labels: (B,) int.
        temperature: float > 0.
        alpha: float in [0, 1].

    Returns:
        (B, N) float.
    """
    # TODO: a difference of probabilities for each part
    raise NotImplementedError


class Student(keras.Model):
    """A network that learns from teachers with your loss; given."""

    def __init__(self, network, teachers, temperature, alpha):
        super().__init__()
        self.network, self.teachers = network, teachers
        self.temperature, self.alpha = temperature, alpha
        self.built = True

    def call(self, x, training=False):
        return self.network(x, training=training)

    def compute_loss(self, x, y, y_pred, sample_weight=None, training=True):
        teachers = ops.stack([teacher(x) for teacher in self.teachers])
        labels = ops.cast(ops.reshape(y, (-1,)), "int32")
        return distillation_loss(y_pred, teachers, labels, self.temperature, self.alpha)


def teachers():
    """Return two teachers that name the brightest channel of an image; given."""
    found = []
    for edge in (0, 1):  # the whole image, and without its edge
        x = keras.Input((6, 7, 3))
        maps = layers.Rescaling(3.0)(layers.Cropping2D(edge)(x))
        found.append(keras.Model(x, GlobalAverageClassifier(activation=None)(maps)))
    return found


def network(temperature=3.0, alpha=0.7):
    """Return a small separable network that learns with your loss, compiled; given."""
    inputs = keras.Input((6, 7, 3))
    x = norm_relu6(conv(inputs, Conv(8, 3), "stem"), "stem")
    x = separable_block(x, 12, name="block1")
    small = classifier(inputs, x, num_classes=3, name="small")
    model = Student(small, teachers(), temperature, alpha)
    model.compile(keras.optimizers.Adam(0.02), run_eagerly=True)
    return model


if __name__ == "__main__":
    labels = ops.arange(48) % 3
    images = ops.one_hot(labels, 3)[:, None, None]
    images += keras.random.normal((48, 6, 7, 3), seed=0)
    for alpha, name in ((0.7, "labels and teachers"), (1.0, "teachers alone")):
        keras.utils.set_random_seed(1)
        model = network(alpha=alpha)
        losses = model.fit(images, labels, 48, epochs=15, verbose=0).history["loss"]
        right = ops.mean(ops.argmax(model(images), -1) == labels)
        print(
            f"{name}: loss {losses[0]:.3f} -> {losses[-1]:.3f}, "
            f"{100 * float(right):.0f} % of the labels"
        )
