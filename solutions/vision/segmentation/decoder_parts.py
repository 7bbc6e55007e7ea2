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
    # BEGIN SOLUTION find the middle, refuse if there is none, concatenate
    # HINT H - h pixels have to go, half of them above: the first row is (H - h) // 2.
    # HINT skip[:, top : top + h, left : left + w]
    # HINT ops.concatenate([...], axis=-1) lays channels side by side.
    rows, columns = skip.shape[1] - up.shape[1], skip.shape[2] - up.shape[2]
    if min(rows, columns) < 0 or rows % 2 or columns % 2:
        raise ValueError(f"{skip.shape} has no middle of the size of {up.shape}")
    top, left = rows // 2, columns // 2
    # WRONG top = left = 0
    # WHY you cut at the corner: what stands at one place of the two maps is then not
    # WHY the same place of the image
    # WRONG top, left = rows, columns
    # WHY you cut away above and on the left only; half of it belongs to the other side
    # WRONG top, left = columns // 2, rows // 2
    # WHY rows and columns are exchanged where you cut
    skip = skip[:, top : top + up.shape[1], left : left + up.shape[2]]
    # WRONG skip = ops.image.resize(skip, up.shape[1:3])
    # WHY you shrink the skip to the size; it has to be cut, so that pixels stay pixels
    return ops.concatenate([skip, up], axis=-1)
    # WRONG return ops.concatenate([up, skip], axis=-1)
    # WHY the channels of the way up come first; the skip's do
    # WRONG return skip + up
    # WHY you add the skip: U-Net lays it beside, so channels add up and values do not
    # END SOLUTION


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
    # BEGIN SOLUTION four products, woven together
    # HINT ops.einsum can give an array whose axes are b, i, u, j, v, n.
    # HINT In which order must the axes stand, so that a reshape weaves the rows?
    # HINT y = ops.einsum("bijc,uvcn->biujvn", x, kernel), then reshape.
    _, height, width, _ = x.shape
    y = ops.einsum("bijc,uvcn->biujvn", x, kernel)
    # WRONG y = ops.einsum("bijc,uvcn->buivjn", x, kernel)
    # WHY your four products stand as four small images beside each other; rows and
    # WHY columns have to be woven: 2i + u, not u H + i
    # WRONG y = ops.einsum("bijc,vucn->biujvn", x, kernel)
    # WHY the kernel is used transposed: kernel[u, v] belongs to row 2i + u
    # WRONG y = ops.einsum("bijc,uvcn->biujvn", x, kernel[::-1, ::-1])
    # WHY the kernel is used upside down and mirrored
    # WRONG total = ops.mean(kernel, axis=(0, 1), keepdims=True) + 0 * kernel
    # WRONG y = ops.einsum("bijc,uvcn->biujvn", x, total)
    # WHY the four pixels of a block are equal: you repeat pixels, and each has a matrix
    # WHY of its own
    return ops.reshape(y, (-1, 2 * height, 2 * width, kernel.shape[-1]))
    # END SOLUTION


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
    # BEGIN SOLUTION the four pixels of a window on one axis, then max and argmax
    # HINT Reshape to (B, H/2, 2, W/2, 2, C), and bring the two axes of 2 together.
    # HINT k = argmax over the four is 2u + v: row 2i + u, column 2j + v.
    # HINT ops.argmax gives the first of equal maxima.
    _, height, width, channels = x.shape
    h, w = height // 2, width // 2
    windows = ops.reshape(x, (-1, h, 2, w, 2, channels))
    windows = ops.transpose(windows, (0, 1, 3, 2, 4, 5))  # (B, h, w, 2, 2, C)
    windows = ops.reshape(windows, (-1, h, w, 4, channels))
    k = ops.cast(ops.argmax(windows, axis=3), "int32")
    # WRONG k = 3 - ops.cast(ops.argmax(windows[:, :, :, ::-1], axis=3), "int32")
    # WHY of equal maxima you take the last; behind a ReLU many are equal: the first
    # WHY one counts
    # WRONG k = ops.cast(ops.argmax(windows, axis=3), "int32")
    # WRONG k = 2 * (k % 2) + k // 2
    # WHY the place in the window is transposed: the second of four is in the first row
    i = 2 * ops.arange(h)[:, None, None] + k // 2
    j = 2 * ops.arange(w)[:, None] + k % 2
    indices = i * width + j
    # WRONG indices = k
    # WHY your index counts within the window, from 0 to 3; it has to count the pixels
    # WHY of the image
    # WRONG indices = j * height + i
    # WHY your index runs down the columns; reading order runs along the rows
    # WRONG indices = (i * width + j) * channels + ops.arange(channels)
    # WHY your index counts the channels too, as tf.nn.max_pool_with_argmax does; here
    # WHY it counts pixels, in each channel alike
    # WRONG indices = (i // 2) * w + j // 2
    # WHY your index is that of the window in the pooled map, and says nothing of where
    # WHY in the window the maximum was
    return ops.max(windows, axis=3), indices
    # WRONG return ops.mean(windows, axis=3), indices
    # WHY you give the mean of the window; its maximum is asked for
    # END SOLUTION


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
    # BEGIN SOLUTION scatter, channel by channel
    # HINT Each channel of each image is a row of height * width pixels to be filled.
    # HINT A one-hot row of each index, times its value, summed, does it.
    # HINT ops.one_hot(indices, height * width) is (B, h, w, C, height * width).
    one_hot = ops.one_hot(indices, height * width)  # (B, h, w, C, height width)
    # WRONG one_hot = ops.one_hot(indices[..., :1] + 0 * indices, height * width)
    # WHY all channels go where the first one was; each has its own indices
    # WRONG rows = 2 * ops.arange(y.shape[1])[:, None, None] * width
    # WRONG corner = rows + 2 * ops.arange(y.shape[2])[:, None] + 0 * indices
    # WRONG one_hot = ops.one_hot(corner, height * width)
    # WHY each value goes to the first pixel of its window: the indices are not used
    flat = ops.einsum("bhwc,bhwcn->bnc", y, one_hot)  # (B, height width, C)
    # WRONG flat = ops.einsum("bhwc,bhwcn->bnc", ops.ones_like(y), one_hot)
    # WHY you mark the places with 1; the values belong there
    return ops.reshape(flat, (-1, height, width, y.shape[-1]))
    # WRONG tall = ops.repeat(y, height // y.shape[1], axis=1)
    # WRONG return ops.repeat(tall, width // y.shape[2], axis=2)
    # WHY you repeat each value in its whole window; three of four stay 0
    # WRONG flat = ops.reshape(flat, (-1, width, height, y.shape[-1]))
    # WRONG return ops.transpose(flat, (0, 2, 1, 3))
    # WHY you fill column by column; an index counts along the rows
    # END SOLUTION


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
    # BEGIN SOLUTION distances to each thing, the two smallest, the bell
    # HINT The distances of all pixels to all pixels are an (H W, H W) array.
    # HINT For thing i take the least over its pixels: (H W,) distances to thing i.
    # HINT Sort those of all things, and take the first two.
    height, width = instances.shape
    if count < 2:
        return ops.ones((height, width))
    rows, columns = ops.meshgrid(ops.arange(height), ops.arange(width), indexing="ij")
    places = ops.reshape(ops.stack([rows, columns], axis=-1), (-1, 2))
    apart = ops.cast(places[:, None] - places, "float32")
    distance = ops.sqrt(ops.sum(apart**2, axis=-1))  # (H W, H W)
    # WRONG distance = ops.sum(ops.abs(apart), axis=-1)
    # WHY you count steps along rows and columns; the distance is the straight line
    # WRONG distance = ops.sum(apart**2, axis=-1)
    # WHY these are squared distances: the root is missing
    flat = ops.reshape(instances, (-1,))
    to_things = ops.stack(
        [
            ops.min(ops.where(flat == i, distance, 1e9), axis=1)
            for i in range(1, count + 1)
        ]
    )
    d = ops.sort(to_things, axis=0)  # (count, H W), nearest first
    # WRONG d = ops.sort(to_things, axis=0)[::-1]
    # WHY you take the two farthest things; the two nearest squeeze a pixel between them
    total = d[0] + d[1]
    # WRONG total = 2 * d[0]
    # WHY the nearest thing is taken twice: then every border counts, not only those
    # WHY between two things
    # WRONG total = ops.sqrt(d[0] ** 2 + d[1] ** 2)
    # WHY you add the squares of the distances; the sum is squared
    bell = w0 * ops.exp(-(total**2) / (2 * sigma**2))
    # WRONG bell = w0 * ops.exp(-(total**2) / sigma**2)
    # WHY the 2 of 2 sigma^2 is missing
    # WRONG bell = w0 * ops.exp(-total / (2 * sigma**2))
    # WHY the sum of the distances is not squared
    bell = ops.where(flat == 0, bell, 0.0)
    # WRONG pass
    # WHY pixels of things are weighed up too; only the ground between them is
    return ops.reshape(1 + bell, (height, width))
    # WRONG return ops.reshape(bell, (height, width))
    # WHY the 1 is missing: pixels far from any border would not count at all
    # END SOLUTION


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
    # BEGIN SOLUTION log-probabilities, those of the labels, a weighted mean
    # HINT ops.log_softmax(logits, axis=-1), then ops.take_along_axis.
    # HINT `ignore` is no index: put 0 in its place first, and its weight to 0 as well.
    # HINT If all weights are 0 the divisor is; ops.maximum keeps it above 0.
    counts = labels != ignore
    # WRONG labels = ops.where(labels != ignore, labels, 0)
    # WRONG counts = ops.ones_like(labels, "bool")
    # WHY ignored pixels count, as if they were of class 0
    log_p = ops.log_softmax(logits, axis=-1)
    # WRONG log_p = ops.log_softmax(logits, axis=1)
    # WHY the softmax runs over the rows of the image; it has to run over the classes
    # WRONG log_p = ops.log(ops.softmax(logits, axis=-1) + 1e-7)
    # WHY softmax and logarithm apart, and a small number between them: the loss of a
    # WHY pixel stops at 16, however wrong it is
    index = ops.where(counts, labels, 0)
    right = ops.take_along_axis(log_p, index[..., None], axis=-1)[..., 0]
    w = weights * ops.cast(counts, weights.dtype)
    # WRONG w = ops.cast(counts, weights.dtype)
    # WHY the weights are not used
    divisor = ops.maximum(ops.sum(w), 1e-7)
    # WRONG divisor = ops.cast(ops.size(labels), "float32")
    # WHY you divide by the number of all pixels, ignored ones too
    # WRONG divisor = ops.maximum(ops.sum(ops.cast(counts, "float32")), 1e-7)
    # WHY you divide by the number of pixels that count; it is a weighted mean: divide
    # WHY by the sum of their weights
    # WRONG divisor = ops.sum(weights)
    # WHY the weights of ignored pixels are in the divisor
    # WRONG each = ops.maximum(ops.sum(w, axis=(1, 2)), 1e-7)
    # WRONG return ops.mean(-ops.sum(w * right, axis=(1, 2)) / each)
    # WHY you take a mean for each image, and then their mean: pixels of an image with
    # WHY few labels count more
    return -ops.sum(w * right) / divisor
    # WRONG return ops.sum(w * right) / divisor
    # WHY the sign is missing: the loss would grow as the network gets better
    # END SOLUTION


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
