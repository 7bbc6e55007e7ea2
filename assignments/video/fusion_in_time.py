"""Exercise: fusion in time.

A tower of convolutions looks at images; a clip has T of them. Where do they meet? In
the first convolution (early), in the first dense layer (late), or little by little
(slow)? Here you write all three with their weights in hand, count them, and write the
two views of a frame, context and fovea, for any factor.

Paper: Karpathy et al., "Large-scale Video Classification with Convolutional Neural
       Networks", CVPR 2014.
Link:  https://cs.stanford.edu/people/karpathy/deepvideo/ (sections 3.1, 3.2 and 4.1)
See:   modules/video/tower.py, modules/video/fusion.py
Needs: video (fusion in time, context and fovea)
Time:  50 minutes
Grade: python -m course grade video/fusion_in_time

Clips are (B, T, H, W, C) tensors. All sizes but B are known, and B is None while a
network is put together: write -1 for it. Convolutions have no bias and strides of 1 in
space, and zeros around the image, so that H and W stay as they are (padding="same").
"""

import keras
from keras import layers, ops

from modules.video.group_norm import GroupNorm
from modules.video.tower import classify


def early(clip, kernel):
    """Return what filters that see all T frames at once make of a clip.

        y[h, w] = sum over t of (frame t convolved with kernel[t])[h, w]

    This is a 2-D convolution of one image whose channels are those of all frames.

    Args:
        clip: (B, T, H, W, C) float.
        kernel: (T, k, k, C, F) float, k odd.

    Returns:
        (B, H, W, F) float.
    """
    # TODO: lay the frames side by side as channels, and the kernel likewise
    raise NotImplementedError


def slow(clip, kernel, stride):
    """Return what filters that see t frames make of a clip: one map a window.

    The windows begin at the frames 0, stride, 2 * stride, ... and lie inside the clip:
    there are no zeros before its first and behind its last frame.

    Args:
        clip: (B, T, H, W, C) float.
        kernel: (t, k, k, C, F) float, t <= T.
        stride: int >= 1.

    Returns:
        (B, (T - t) // stride + 1, H, W, F) float: 10 frames become 4 with t = 4 and
        stride = 2.
    """
    # TODO: use early on every window
    raise NotImplementedError


def features(image, kernel):
    """Return the flat maps of a tower with one convolution; given.

    Args:
        image: (B, H, W, C) float.
        kernel: (k, k, C, F) float.

    Returns:
        (B, H * W * F) float.
    """
    maps = ops.relu(ops.conv(image, kernel, padding="same"))
    return ops.reshape(maps, (-1, maps.shape[1] * maps.shape[2] * maps.shape[3]))


def late(clip, gap, kernel, dense):
    """Return what the first dense layer makes of two frames.

    The same tower looks at frame 0 and at frame `gap`. The features of both, those of
    frame 0 first, are the input of the dense layer; a ReLU follows it.

    Args:
        clip: (B, T, H, W, C) float, T > gap.
        gap: int >= 1.
        kernel: (k, k, C, F) float, of the tower.
        dense: (2 * H * W * F, U) float.

    Returns:
        (B, U) float.
    """
    # TODO: two towers, one kernel; concatenate before the dense layer
    raise NotImplementedError


def count_weights(kind, frames, size, channels, filters, places, units):
    """Return how many weights the model of `early` or `late` has up to its dense layer.

    A convolution with a bias for each filter, then a dense layer with a bias for each
    unit, which reads all maps that the convolution leaves.

    Args:
        kind: "early", filters over all frames, or "late", the towers of two frames.
        frames: int >= 1, called T.
        size: int >= 1, called k; channels: int, called C; filters: int, called F.
        places: int >= 1, H * W of a map.
        units: int >= 1, called U.

    Returns:
        int.
    """
    # TODO: count kernels, biases, and the dense layer
    raise NotImplementedError


def streams(clip, factor):
    """Return the context and the fovea of every frame.

    Context: the whole frame, made smaller by the mean of factor x factor pixels.
    Fovea: the middle of the frame, not made smaller, as large as the context. If an odd
    number of rows (or columns) remains around it, one more is cut off below (at the
    right). The paper has factor 2.

    Args:
        clip: (B, T, H, W, C) float; factor divides H and W.
        factor: int >= 1.

    Returns:
        Two tensors (context, fovea), each (B, T, H / factor, W / factor, C).
    """
    # TODO: shrink the whole, cut out the middle
    raise NotImplementedError


def video_probabilities(logits):
    """Return the probabilities of a video of which T clips were classified.

    So the paper tests all of its models: the mean of the clips' probabilities.

    Args:
        logits: (B, T, K) float, K classes.

    Returns:
        (B, K) float; each row sums to 1.
    """
    # TODO: softmax first, then the mean
    raise NotImplementedError


class SlowConvolution(layers.Layer):
    """Your `slow` as a layer, with a ReLU; given."""

    def __init__(self, filters, extent, stride, **kwargs):
        super().__init__(**kwargs)
        self.filters, self.extent, self.stride = filters, extent, stride

    def build(self, input_shape):
        shape = (self.extent, 3, 3, input_shape[-1], self.filters)
        self.kernel = self.add_weight(shape=shape, initializer="he_normal")

    def call(self, x):
        return ops.relu(slow(x, ops.convert_to_tensor(self.kernel), self.stride))


def network(frames=10):
    """Return a network of slow fusion, 10 to 4 to 2 to 1, on your function; given."""
    x = inputs = keras.Input((frames, 8, 10, 1))
    for number, (extent, filters) in enumerate(((4, 4), (2, 8), (2, 8)), 1):
        x = SlowConvolution(filters, extent, stride=2, name=f"slow{number}")(x)
        x = GroupNorm(groups=4)(x)
    model = classify(inputs, x, units=(16,), num_classes=2)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.01), loss, jit_compile=False)
    return model


if __name__ == "__main__":
    model = network()
    steps = [model.get_layer(f"slow{i}").output.shape[1] for i in (1, 2, 3)]
    print(f"10 frames become {steps}")
    for kind in ("early", "late"):
        print(kind, f"{count_weights(kind, 10, 11, 3, 96, 57 * 57, 100):,} weights")
