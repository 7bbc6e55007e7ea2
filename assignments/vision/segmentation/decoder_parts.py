"""Exercise: the way up of U-Net and SegNet, and a loss that minds the borders.

On the way down a network learns what is in an image and forgets where. U-Net brings the
places back by laying the maps of the way down beside those of the way up. SegNet keeps
nothing but the index of each maximum, and puts each value back where it came from. Here
you write both decoders as functions of explicit arrays, and the loss of U-Net, which
weighs the pixels between two things more than others.

Paper: Ronneberger, Fischer and Brox, "U-Net", MICCAI 2015.
Link:  https://arxiv.org/abs/1505.04597 (section 2; section 3, equations 1 and 2)
Paper: Badrinarayanan, Kendall and Cipolla, "SegNet", 2015.
Link:  https://arxiv.org/abs/1511.00561 (section 3, figures 2 and 3)
See:   modules/vision/segmentation/unet.py, crop.py
Needs: vision/segmentation (U-Net, the loss of a label image)
Time:  60 minutes
Grade: python -m course grade vision/segmentation/decoder_parts

Height and width are known numbers, x.shape[1] and x.shape[2]; the batch may be unknown
(None) inside a network, so do not loop over it. Gradients must flow: use keras.ops and
not NumPy, but for border_weights, where you may choose.

When your functions are right, see the weights of a border, and a network that learns:
python -m course demo vision/segmentation/decoder_parts
"""

import keras
from keras import layers, ops

from modules.vision.segmentation.unet import double_conv


def join(skip, up):
    """Return a map of the way down beside one of the way up, as U-Net does.

    The skip is cut to the size of the other one around the middle: as many pixels fall
    away above as below, and left as right. Its channels come first.

    Args:
        skip: (B, H, W, C) float.
        up: (B, h, w, D) float.

    Returns:
        (B, h, w, C + D) float.

    Raises:
        ValueError: h > H or w > W, or H - h or W - w is odd, so there is no middle.
    """
    # TODO: find the middle, refuse if there is none, concatenate
    raise NotImplementedError


def up_convolution(x, kernel):
    """Return x doubled in height and width: each pixel becomes 2 x 2 of its own.

    y[b, 2i + u, 2j + v] = x[b, i, j] kernel[u, v], a product of a vector and a matrix,
    for u and v in 0 and 1. (It is a transposed convolution with strides of 2. Keras's
    kernel of it has the last two axes the other way round.)

    Args:
        x: (B, H, W, C) float.
        kernel: (2, 2, C, N) float.

    Returns:
        (B, 2H, 2W, N) float.
    """
    # TODO: four products, woven together
    raise NotImplementedError


def pool_with_indices(x):
    """Return 2 x 2 max pooling with strides of 2, and where each maximum was.

    An index counts the pixels of one channel of one image in reading order: row i and
    column j of x have the index i * W + j, in each channel alike. Of equal maxima the
    first in reading order counts. H and W are even.

    Args:
        x: (B, H, W, C) float.

    Returns:
        y: (B, H / 2, W / 2, C) float.
        indices: (B, H / 2, W / 2, C) int32, from 0 to H * W - 1.
    """
    # TODO: the four pixels of a window on one axis, then max and argmax
    raise NotImplementedError


def unpool(y, indices, height, width):
    """Return a map with each value at its index and 0 elsewhere: SegNet's way up.

    No two indices of a channel of an image are equal.

    Args:
        y: (B, h, w, C) float.
        indices: (B, h, w, C) int, from 0 to height * width - 1, counted as above.
        height, width: int.

    Returns:
        (B, height, width, C) float.
    """
    # TODO: scatter, channel by channel
    raise NotImplementedError


def border_weights(instances, count, w0, sigma):
    """Return how much each pixel counts in U-Net's loss (its equation 2, with w_c = 1).

        w(x) = 1 + w0 exp(-(d1(x) + d2(x))^2 / (2 sigma^2))

    for pixels of the ground; pixels of things have the weight 1. d1 is the distance
    from x to the nearest thing and d2 that to the second nearest one. The distance to a
    thing is that to its nearest pixel, from centre to centre in a straight line, in
    pixels. Where there are less than two things all weights are 1.

    Args:
        instances: (H, W) int, 0 on the ground and 1 to count on things. Each of these
            numbers occurs.
        count: int >= 0.
        w0, sigma: float.

    Returns:
        (H, W) float.
    """
    # TODO: distances to each thing, the two smallest, the bell
    raise NotImplementedError


def pixel_loss(logits, labels, weights, ignore):
    """Return the weighted mean of -ln p(label) over all pixels that count.

        sum of w(x) (-ln p_label(x)(x)) / sum of w(x)

    Both sums run over the pixels of all images whose label is not `ignore`: one mean,
    and not one for each image. If no pixel counts the loss is 0. p is the softmax of
    the logits over the classes. (U-Net's equation 1 neither divides nor has a minus.)

    Args:
        logits: (B, H, W, K) float, of any size: softmax first and logarithm then would
            give infinities.
        labels: (B, H, W) int, 0 to K - 1 or `ignore`.
        weights: (B, H, W) float > 0.
        ignore: int, no class, such as 255 or -1.

    Returns:
        a scalar.
    """
    # TODO: log-probabilities, those of the labels, a weighted mean
    raise NotImplementedError


class Pool(layers.Layer):
    """Your pooling as a layer, which gives a map and indices; given."""

    def call(self, x):
        return pool_with_indices(x)

    def compute_output_spec(self, x):
        shape = (x.shape[0], x.shape[1] // 2, x.shape[2] // 2, x.shape[3])
        return keras.KerasTensor(shape), keras.KerasTensor(shape, dtype="int32")


class Unpool(layers.Layer):
    """Your unpooling as a layer; given."""

    def call(self, y, indices):
        return unpool(y, indices, 2 * y.shape[1], 2 * y.shape[2])

    def compute_output_spec(self, y, indices):
        batch, height, width, channels = y.shape
        return keras.KerasTensor((batch, 2 * height, 2 * width, channels))


class UpConvolution(layers.Layer):
    """Your up-convolution as a layer, with weights; given."""

    def __init__(self, filters, **kwargs):
        super().__init__(**kwargs)
        self.filters = filters

    def build(self, input_shape):
        shape = (2, 2, input_shape[-1], self.filters)
        start = keras.initializers.RandomNormal(stddev=0.3, seed=0)
        self.kernel = self.add_weight(shape=shape, initializer=start, name="kernel")

    def call(self, x):
        return up_convolution(x, ops.copy(self.kernel))

    def compute_output_shape(self, input_shape):
        batch, height, width, _ = input_shape
        return batch, 2 * height, 2 * width, self.filters


class Join(layers.Layer):
    """Your join as a layer; given."""

    def call(self, skip, up):
        return join(skip, up)

    def compute_output_spec(self, skip, up):
        channels = skip.shape[-1] + up.shape[-1]
        return keras.KerasTensor((*up.shape[:-1], channels))


def labels_and_weights(labels, weights):
    """Return (B, H, W, 2) float, as the loss of the network gets both; given."""
    labels = ops.cast(labels, "float32")
    return ops.stack([labels, ops.cast(weights, "float32")], axis=-1)


def network(height=12, width=16, filters=8, num_classes=3):
    """Return a small network with both ways up, compiled with your loss; given.

    Its logits are 4 pixels smaller than the image each way, two on every side. It
    learns from labels_and_weights; a label of 255 does not count.
    """
    inputs = keras.Input((height, width, 3))
    skip = double_conv(inputs, filters, "same", "down0")
    x, indices = Pool(name="pool")(skip)
    x = double_conv(x, filters, "same", "down1")
    unpooled = Unpool(name="unpool")(x, indices)
    doubled = UpConvolution(filters, name="double")(x)
    up = double_conv(
        layers.Add(name="ways")([unpooled, doubled]), filters, "valid", "up"
    )
    x = Join(name="join")(skip, up)
    model = keras.Model(inputs, layers.Conv2D(num_classes, 1, name="logits")(x))

    def loss(y, logits):
        return pixel_loss(logits, ops.cast(y[..., 0], "int32"), y[..., 1], 255)

    model.compile(keras.optimizers.Adam(0.01), loss, run_eagerly=True)
    return model


if __name__ == "__main__":
    things = ops.convert_to_tensor(
        [[0, 1, 1, 0, 2, 2, 0, 0, 0, 3], [0, 1, 1, 0, 2, 2, 0, 0, 0, 3]]
    )
    print("weights of a row of pixels with three things in it:")
    print(ops.convert_to_numpy(border_weights(things, 3, 10.0, 2.0))[0].round(1))
    keras.utils.set_random_seed(0)
    images = keras.random.uniform((8, 12, 16, 3), seed=0)
    labels = ops.argmax(images, axis=-1)[:, 2:-2, 2:-2]  # the strongest colour
    y = labels_and_weights(labels, ops.ones(labels.shape))
    losses = network().fit(images, y, 8, epochs=20, verbose=0).history["loss"]
    print(f"a small network learns: loss {losses[0]:.3f} -> {losses[-1]:.3f}")
