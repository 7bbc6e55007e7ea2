"""Grad-CAM: weigh the last maps by how much the class depends on each, and add them.

Paper: Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via
       Gradient-based Localization", ICCV 2017.
Link:  https://arxiv.org/abs/1610.02391 (section 3, equations 1 and 2)
"""

import keras
import tensorflow as tf  # keras.ops has no gradient
from keras import ops

from modules.generative.generative_model import check_images
from modules.vision.interpretability.black_box import check_target


def grad_cam(model, layer, images, target, low=0.0, high=1.0):
    """Return where the maps of a layer speak for a class.

        alpha[k] = 1 / Z sum over i, j of  d y[c] / d A[i, j, k]     (equation 1)
        L[i, j] = relu(sum over k of  alpha[k] A[i, j, k])           (equation 2)

    A are the maps of the layer, Z = h w their positions, y[c] the logit of the class,
    before the softmax. The ReLU keeps what speaks for the class.

    Where the maps go through global average pooling and one dense layer W to the
    logits, alpha[k] = W[k, c] / Z: L is the class activation map (CAM) of Zhou et al.,
    divided by Z, where it is positive. Other networks need no such end.

    Args:
        model: keras.Model of layers that are connected, from images to (B, N) logits,
            not probabilities.
        layer: str or layer, whose output is (B, h, w, K); mostly the last convolution
            with its activation.
        images: (B, H, W, C) float.
        target: int, the class c, the same for all images.
        low, high: the range of images.

    Returns:
        Tensor (B, h, w) >= 0, as coarse as the maps.

    Raises:
        ValueError: images outside their range, no such class or layer, or a layer whose
            output is not of rank 4.

    Example:
        >>> x = keras.Input((8, 8, 3))
        >>> maps = keras.layers.Conv2D(4, 3, 2, name="maps")(x)
        >>> y = keras.layers.Dense(5)(keras.layers.Flatten()(maps))
        >>> heat = grad_cam(keras.Model(x, y), "maps", ops.ones((2, 8, 8, 3)), target=4)
        >>> tuple(heat.shape)
        (2, 3, 3)
    """
    check_images(images, low, high)
    if not getattr(model, "inputs", None):
        raise ValueError(f"model must be functional or sequential, got {model.name}")
    layer = model.get_layer(layer) if isinstance(layer, str) else layer
    if len(layer.output.shape) != 4:
        shape = layer.output.shape
        raise ValueError(f"layer must give maps (B, h, w, K), {layer.name} has {shape}")
    check_target(target, model.outputs[0].shape[-1])
    both = keras.Model(model.inputs, [layer.output, model.outputs[0]])
    x = ops.convert_to_tensor(images)
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(x)
        maps, y = both(x, training=False)
        score = y[:, target]  # (B,): an image's score depends on its maps alone
    slopes = tape.gradient(score, maps, unconnected_gradients="zero")
    alpha = ops.mean(slopes, axis=(1, 2), keepdims=True)  # (B, 1, 1, K)
    return ops.relu(ops.sum(alpha * maps, axis=-1))  # (B, h, w)
