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
    # BEGIN SOLUTION the logits over T, then the softmax of each row
    # HINT The temperature acts on the logits, before anything becomes a probability.
    # HINT ops.softmax does not overflow; exp of a large number does.
    return ops.softmax(logits / temperature, axis=-1)
    # WRONG return ops.softmax(logits, axis=-1) / temperature
    # WHY you divide probabilities by the temperature, and rows no longer sum to 1; it
    # WHY is the logits that are divided
    # WRONG return ops.softmax(logits * temperature, axis=-1)
    # WHY you multiply by the temperature, which sharpens; dividing softens
    # WRONG return ops.softmax(logits / temperature, axis=0)
    # WHY your examples compete with each other: the softmax runs over the classes
    # END SOLUTION


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
    # BEGIN SOLUTION soften every teacher, then average over them
    # HINT Which of the three axes are the teachers?
    # HINT The softmax runs over the last axis whatever stands before it.
    # HINT return ops.mean(soften(teacher_logits, temperature), axis=0)
    p = ops.softmax(teacher_logits / temperature, axis=-1)
    # WRONG p = ops.softmax(teacher_logits, axis=-1)
    # WHY the temperature is missing: these are the teachers' probabilities at T = 1
    return ops.mean(p, axis=0)
    # WRONG return ops.softmax(ops.mean(teacher_logits, axis=0) / temperature, axis=-1)
    # WHY you average the logits and then soften, which is the geometric mean; asked is
    # WHY the arithmetic mean of the softened probabilities
    # WRONG return ops.sum(p, axis=0)
    # WHY you add the teachers up: a row sums to the number of teachers, not to 1
    # WRONG return ops.max(p, axis=0)
    # WHY you take the surest teacher of each class, not the mean of all
    # END SOLUTION


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
    # BEGIN SOLUTION soften the student too, and keep p = 0 away from the logarithm
    # HINT Teachers and student are compared at the same temperature.
    # HINT ops.log_softmax(student_logits / temperature) is ln q without overflow.
    # HINT 0 * ln 0 is NaN in floats: take the logarithm of ops.maximum(p, 1e-30).
    log_q = ops.log_softmax(student_logits / temperature, axis=-1)
    # WRONG log_q = ops.log_softmax(student_logits, axis=-1)
    # WHY only the targets are softened; the student is compared at the same temperature
    log_p = ops.log(ops.maximum(targets, 1e-30))
    divergence = ops.sum(targets * (log_p - log_q), axis=-1)  # (B,)
    # WRONG divergence = ops.sum(ops.exp(log_q) * (log_q - log_p), axis=-1)
    # WHY your divergence is the other way round: it is weighed by the student's
    # WHY probabilities, not by the targets
    # WRONG divergence = ops.mean(targets * (log_p - log_q), axis=-1)
    # WHY you average over the classes; the divergence is a sum over them
    # WRONG divergence = -ops.sum(targets * log_q, axis=-1)
    # WHY this is the cross-entropy; the divergence is less by the entropy of the
    # WHY targets, so that it is 0 where the student agrees
    return temperature**2 * ops.mean(divergence)
    # WRONG return ops.mean(divergence)
    # WHY T^2 is missing: without it the gradients of the soft part fade as 1 / T^2
    # WRONG return temperature * ops.mean(divergence)
    # WHY you multiply by T; the gradients fade as 1 / T^2, so it takes the square
    # WRONG return temperature**2 * ops.sum(divergence)
    # WHY you add up the examples; the loss is their mean
    # END SOLUTION


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
    # BEGIN SOLUTION stop the gradient, then weigh both parts
    # HINT ops.stop_gradient(a) is a, but a constant for the gradient.
    # HINT hard is - the mean of ln softmax(student_logits) at the labels.
    # HINT ops.one_hot(labels, student_logits.shape[-1]) picks a class in each row.
    targets = ops.stop_gradient(ensemble_targets(teacher_logits, temperature))
    # WRONG targets = ensemble_targets(teacher_logits, temperature)
    # WHY a gradient flows to the teachers: they would learn to agree with the student
    soft = soft_loss(student_logits, targets, temperature)
    chosen = ops.one_hot(labels, student_logits.shape[-1], dtype=student_logits.dtype)
    # WRONG chosen = ops.one_hot(ops.argmax(targets, axis=-1), targets.shape[-1])
    # WHY the hard part asks for what the teachers prefer; it asks for the labels
    log_q = ops.log_softmax(student_logits, axis=-1)
    # WRONG log_q = ops.log_softmax(student_logits / temperature, axis=-1)
    # WHY the hard part is softened too; labels are compared at temperature 1
    hard = -ops.mean(ops.sum(chosen * log_q, axis=-1))
    # WRONG hard = -ops.mean(ops.sum(chosen * log_q, axis=-1)) * temperature**2
    # WHY you multiply the hard part by T^2 as well; it has no temperature to undo
    # WRONG hard = -ops.mean(chosen * log_q)
    # WHY the hard part is averaged over the classes too; it is one number an example
    return alpha * soft + (1 - alpha) * hard
    # WRONG return (1 - alpha) * soft + alpha * hard
    # WHY alpha is swapped: it weighs the soft part
    # WRONG return alpha * soft + hard
    # WHY the hard part has the weight 1; it is 1 - alpha
    # END SOLUTION


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
    # BEGIN SOLUTION a difference of probabilities for each part
    # HINT The gradient of a cross-entropy to p by its logits is softmax minus p.
    # HINT In soft the logits are divided by T: the chain rule has 1 / T. And T^2?
    # HINT Both parts are means: one example has a B-th of the weight.
    soft = temperature * (soften(student_logits, temperature) - targets)
    # WRONG soft = temperature**2 * (soften(student_logits, temperature) - targets)
    # WHY you forget the chain rule: the logits are divided by T, so one T is left
    # WRONG soft = (soften(student_logits, temperature) - targets) / temperature
    # WHY you have the chain rule's 1 / T and not the loss's T^2
    # WRONG soft = temperature * (targets - soften(student_logits, temperature))
    # WHY the sign of the soft part is turned round: this points downhill
    chosen = ops.one_hot(labels, student_logits.shape[-1], dtype=student_logits.dtype)
    hard = ops.softmax(student_logits, axis=-1) - chosen
    # WRONG hard = soften(student_logits, temperature) - chosen
    # WHY the hard part's softmax is softened; labels are compared at temperature 1
    # WRONG hard = -chosen / ops.softmax(student_logits, axis=-1)
    # WHY this is the gradient by the probabilities; asked is that by the logits
    both = alpha * soft + (1 - alpha) * hard
    # WRONG both = (1 - alpha) * soft + alpha * hard
    # WHY alpha is swapped in your gradient: it weighs the soft part
    return both / student_logits.shape[0]
    # WRONG return both
    # WHY you forget that the loss is a mean: each example has a B-th of the weight
    # END SOLUTION


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
