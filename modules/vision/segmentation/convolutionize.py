"""Convolutionize: a dense layer is a convolution whose filter covers its whole input.

Paper: Long, Shelhamer and Darrell, "Fully Convolutional Networks for Semantic
       Segmentation", CVPR 2015.
Link:  https://arxiv.org/abs/1411.4038 (section 3.1, figure 2)
"""

import keras
from keras import layers


def dense_to_conv(kernel, size):
    """Return a dense layer's kernel as that of a convolution without padding.

        y_n = sum over h, w, c of x[h, w, c] K[h, w, c, n]
        K[h, w, c, n] = k[(h W + w) C + c, n]

    Flatten puts the channels of one pixel side by side, then the pixels of a row, then
    the rows. So the reshape goes to (H, W, C, N), and to nothing else.

    Args:
        kernel: (H * W * C, N) array.
        size: (H, W).

    Returns:
        (H, W, C, N) array.

    Raises:
        ValueError: H * W does not divide the rows of the kernel.

    Example:
        >>> import numpy as np
        >>> dense_to_conv(np.zeros((7 * 7 * 512, 10)), (7, 7)).shape
        (7, 7, 512, 10)
    """
    rows, units = kernel.shape
    if rows % (size[0] * size[1]):
        raise ValueError(f"{rows} rows are not {size[0]} x {size[1]} pixels")
    return kernel.reshape(*size, -1, units)


def take_weights(model, classifier):
    """Give a convolutional model the weights of a classifier, layer by layer.

    Layers of one name are taken for the same, such as conv1_1 to conv5_3, fc6 and fc7
    of VGG; dense kernels are reshaped. Layers that only one of them has are left alone.

    Args:
        model, classifier: keras.Model.

    Returns:
        list of str, the names of the layers that were filled.

    Raises:
        ValueError: two layers of one name have kernels of different size.
    """
    known = {layer.name: layer for layer in classifier.layers if layer.weights}
    taken = []
    for layer in model.layers:
        if layer.name not in known or not layer.weights:
            continue
        weights = known[layer.name].get_weights()
        if isinstance(known[layer.name], layers.Dense):
            weights[0] = dense_to_conv(weights[0], layer.kernel_size)
        layer.set_weights(weights)
        taken.append(layer.name)
    return taken


def convolutionize(classifier, input_shape=(None, None, 3)):
    """Return a classifier as a network that gives scores on a grid of places.

    On an image of the classifier's size the grid is 1 x 1 and holds what the classifier
    gives. On a larger one each place holds what the classifier would give for the
    window below it, if its convolutions had no padding; and all in one pass.

    Args:
        classifier: functional keras.Model from (B, H, W, C) through one Flatten to
            dense layers, one after the other.
        input_shape: (H, W, C); None for what shall be free.

    Returns:
        keras.Model with the classifier's weights, copied.

    Raises:
        ValueError: the classifier has no Flatten, or something behind it that is no
            Dense, Dropout or Activation.
    """
    kinds = [isinstance(layer, layers.Flatten) for layer in classifier.layers]
    if True not in kinds:
        raise ValueError(f"{classifier.name} has no Flatten, so no dense part")
    flatten = classifier.layers[kinds.index(True)]
    body = keras.Model(classifier.input, flatten.input)
    inputs = keras.Input(input_shape)
    x = keras.models.clone_model(body, input_tensors=inputs).output
    size = flatten.input.shape[1:3]
    for layer in classifier.layers[kinds.index(True) + 1 :]:
        x, size = _as_convolution(layer, x, size)
    model = keras.Model(inputs, x, name=f"{classifier.name}_convolutional")
    take_weights(model, classifier)
    return model


def _as_convolution(layer, x, size):
    if isinstance(layer, layers.Dense):
        options = {"activation": layer.activation, "use_bias": layer.use_bias}
        conv = layers.Conv2D(layer.units, size, **options, name=layer.name)
        return conv(x), (1, 1)
    if not isinstance(layer, (layers.Dropout, layers.Activation, layers.ReLU)):
        raise ValueError(f"{layer.name} behind Flatten is no dense layer")
    return type(layer).from_config(layer.get_config())(x), size
