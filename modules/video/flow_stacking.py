"""Stacked optical flow: motion as the channels of one image.

Paper: Simonyan and Zisserman, "Two-Stream Convolutional Networks for Action Recognition
       in Videos", NeurIPS 2014.
Link:  https://arxiv.org/abs/1406.2199 (sections 2 to 3.1, equation 1, figure 1)
"""

import keras
from keras import ops

from modules.video.fusion import single_frame
from modules.video.tower import (
    LocalResponseNormalization,
    Stage,
    classify,
    tower,
)

TWO_STREAM = (
    Stage(96, 7, 2, norm=True, pool=2),
    Stage(256, 5, 2, pool=2),
    Stage(512, 3),
    Stage(512, 3),
    Stage(512, 3, pool=2),
)


def stack_flow(flow, length=None, start=0, subtract_mean=True):
    """Return L fields of displacement as 2 L channels, x and y by turns.

        I(u, v, 2k - 1) = d^x_{tau + k - 1}(u, v)
        I(u, v, 2k)     = d^y_{tau + k - 1}(u, v)        k = 1, ..., L

    All fields are read at the same place (u, v), wherever what was there has gone to;
    following it is trajectory stacking, equation 2. The paper counts channels from 1:
    here channel 0 is the first x. From each field its mean vector over the image is
    subtracted, since a moving camera moves all pixels.

    Args:
        flow: (B, T, H, W, 2) float, to the right and down, from each frame to the next.
            T + 1 frames have T fields.
        length: int >= 1, called L, 10 in the paper; None for all from start on.
        start: int >= 0, the first field, called tau.
        subtract_mean: bool.

    Returns:
        (B, H, W, 2 L), in the dtype of flow.

    Raises:
        ValueError: flow is not of that shape, or has fewer fields.

    Example:
        >>> flow = ops.broadcast_to(ops.array([3.0, -1]), (1, 2, 4, 5, 2))
        >>> stack_flow(flow, subtract_mean=False)[0, 0, 0].numpy().tolist()
        [3.0, -1.0, 3.0, -1.0]
        >>> stack_flow(flow)[0, 0, 0].numpy().tolist()
        [0.0, 0.0, 0.0, 0.0]
    """
    flow = ops.convert_to_tensor(flow)
    if len(flow.shape) != 5 or flow.shape[-1] != 2:
        raise ValueError(f"flow must be (B, T, H, W, 2), got {tuple(flow.shape)}")
    fields = flow.shape[1]
    length = fields - start if length is None else length
    if start < 0 or length < 1 or start + length > fields:
        wanted = f"{length} fields from field {start} on"
        raise ValueError(f"need {wanted}, but {fields + 1} frames have {fields}")
    flow = flow[:, start : start + length]
    if subtract_mean:
        flow = flow - ops.mean(flow, axis=(2, 3), keepdims=True)
    flow = ops.transpose(flow, (0, 2, 3, 1, 4))  # (B, H, W, L, 2)
    return ops.reshape(flow, (-1, *flow.shape[1:3], 2 * length))


def stream(
    plan=TWO_STREAM,
    units=(4096, 2048),
    num_classes=101,
    input_shape=(224, 224, 20),
    norm=LocalResponseNormalization,
):
    """Return one of the two streams: a tower over one image, from channels to logits.

    The temporal stream takes stacked flow, L = 10 fields by default; the spatial stream
    is the same with input_shape=(224, 224, 3). Both are trained apart, and the classes
    get the mean of their probabilities. conv1 of the temporal stream has 94,176
    weights. The spatial stream of the paper normalizes behind conv2 too (figure 1).

    Args:
        plan: Stages of the tower, those of the paper by default.
        units: int >= 1, of each hidden dense layer.
        num_classes: int >= 1; UCF-101 has 101.
        input_shape: (H, W, C), all known.
        norm: function without arguments that returns a new layer.

    Returns:
        ClipClassifier, with layers conv1 to conv5, pool1, pool2, pool5, fc1, fc2.

    Raises:
        ValueError: images are too small, or sizes are unknown.
    """
    if len(input_shape) != 3 or None in input_shape:
        raise ValueError(f"an image must be (H, W, C), all known, got {input_shape}")
    inputs = keras.Input(input_shape)
    x = tower(inputs[:, None], single_frame(), plan, norm)  # a clip of one frame
    return classify(inputs, x, units, num_classes, name="stream")
