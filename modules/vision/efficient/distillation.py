"""Knowledge distillation: a small network learns what a large one finds probable.

Paper: Hinton, Vinyals and Dean, "Distilling the Knowledge in a Neural Network", 2015.
Link:  https://arxiv.org/abs/1503.02531 (section 2, equations 1 to 4)
"""

import keras
from keras import ops

from modules.foundations.learning.softmax import log_softmax, softmax
from modules.generative.generative_model import restored, saved


@keras.saving.register_keras_serializable("vision/efficient")
class SoftTargets(keras.losses.Loss):
    """T^2 times the cross-entropy between two softened distributions.

        p = softmax(v / T)     q = softmax(z / T)     C = - T^2 sum over i of p_i ln q_i

        dC / dz_i = T (q_i - p_i)     -> (z_i - v_i) / N     for T to infinity, where
                                                             each has a mean of 0

    v are the teacher's logits, z the student's, N the classes. The paper's C has no
    T^2; its gradient falls with 1 / T^2, and section 2 multiplies it so that T can be
    changed without changing the balance with the other loss. The least C is T^2 times
    the entropy of p, not 0. keras.distillation.LogitsDistillation is C less that
    entropy: the Kullback-Leibler divergence, with the same gradient.

    Args:
        temperature: float > 0, called T.
        reduction: as in Keras, with its default: the mean over the batch.

    Shapes:
        v, z: (..., N) float, logits. No gradient flows to v.
        The loss is one number.

    Raises:
        ValueError: temperature is not > 0, or v and z differ in N.

    Example:
        >>> v = ops.array([[0.0, 0.0]])
        >>> print(f"{float(SoftTargets(temperature=2.0)(v, v)):.3f}")  # 4 ln 2
        2.773
    """

    def __init__(
        self,
        temperature=4.0,
        reduction="sum_over_batch_size",
        name="soft_targets",
        **kwargs,
    ):
        super().__init__(name=name, reduction=reduction, **kwargs)
        if not 0 < temperature < float("inf"):
            raise ValueError(f"temperature must be a number > 0, got {temperature!r}")
        self.temperature = temperature

    def call(self, v, z):
        if v.shape[-1] != z.shape[-1]:
            found = f"got {v.shape[-1]} and {z.shape[-1]}"
            raise ValueError(f"teacher and student must have the same classes, {found}")
        p = ops.stop_gradient(softmax(v, self.temperature))
        log_q = log_softmax(z, self.temperature)
        return -(self.temperature**2) * ops.sum(p * log_q, axis=-1)

    def get_config(self):
        return {**super().get_config(), "temperature": self.temperature}


@keras.saving.register_keras_serializable("vision/efficient")
class Distiller(keras.Model):
    """Train a student on a teacher's soft targets and on the labels.

        L = alpha SoftTargets(v, z) + (1 - alpha) H(y, z)

    H is the loss given to `compile`, at temperature 1; cross-entropy in the paper. Both
    networks see the same images. The teacher is frozen, and used as in inference. The
    model itself is the student: `predict` gives its logits, `evaluate` its metrics, all
    at temperature 1. With alpha = 1 there need be no labels: `compile` without a loss,
    and `fit(x)`.

    The paper says that a considerably lower weight on H was best, and for small
    students on MNIST temperatures from 2.5 to 4.

    Args:
        student, teacher: models from the same x to (..., N) logits. Sets
            `teacher.trainable = False`.
        temperature: float > 0, called T.
        alpha: float in [0, 1].

    Shapes:
        x: that of the student.
        y: (..., N), the student's logits.

    Raises:
        ValueError: temperature is not > 0, or alpha is outside [0, 1].

    Example:
        >>> x = keras.Input((3,))
        >>> student, teacher = (
        ...     keras.Model(x, keras.layers.Dense(2)(x)) for _ in range(2)
        ... )
        >>> distiller = Distiller(student, teacher)
        >>> loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        >>> distiller.compile("sgd", loss, metrics=["accuracy"])
        >>> len(distiller.trainable_weights), len(distiller.weights)
        (2, 4)
    """

    def __init__(self, student, teacher, temperature=4.0, alpha=0.9, **kwargs):
        super().__init__(**kwargs)
        if not 0 <= alpha <= 1:
            raise ValueError(f"alpha must be in [0, 1], got {alpha!r}")
        teacher.trainable = False
        self.student = student
        self.teacher = teacher
        self.temperature = temperature
        self.alpha = alpha
        self.soft = SoftTargets(temperature)
        self.built = True  # its parts are

    def call(self, x, training=False):
        return self.student(x, training=training)

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        loss = extra = sum(self.losses)  # such as weight decay; does not count twice
        if self.alpha < 1:
            hard = super().compute_loss(x, y, y_pred, sample_weight, training)
            loss = loss + (1 - self.alpha) * (hard - extra)
        if self.alpha > 0:
            v = self.teacher(x, training=False)
            loss = loss + self.alpha * self.soft(v, y_pred, sample_weight)
        return loss

    def get_config(self):
        student, teacher = saved(self.student, self.teacher)
        own = {"student": student, "teacher": teacher}
        own |= {"temperature": self.temperature, "alpha": self.alpha}
        return {**super().get_config(), **own}

    @classmethod
    def from_config(cls, config):
        return cls(**restored(config, "student", "teacher"))
