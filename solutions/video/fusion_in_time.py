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
    # BEGIN SOLUTION lay the frames side by side as channels, and the kernel likewise
    # HINT ops.conv(image, filters, padding="same") wants filters of (k, k, C_in, F).
    # HINT Bring the frames beside the channels first: (B, H, W, T, C). Then reshape.
    # HINT The kernel needs the same: (k, k, T, C, F), then (k, k, T * C, F).
    steps, height, width, channels = clip.shape[1:]
    size, filters = kernel.shape[1], kernel.shape[-1]
    image = ops.transpose(clip, (0, 2, 3, 1, 4))  # (B, H, W, T, C)
    # WRONG image = clip
    # WHY you reshape without moving the frames beside the channels, so pixels of
    # WHY different rows and frames are mixed
    # WRONG image = ops.transpose(clip, (0, 2, 3, 4, 1))
    # WHY in your image the frames run fastest, in your kernel the channels: both must
    # WHY have the same order
    # WRONG image = ops.flip(ops.transpose(clip, (0, 2, 3, 1, 4)), axis=3)
    # WHY your kernel runs backwards in time: kernel[0] belongs to the first frame
    # WRONG mean = ops.mean(clip, axis=1)[:, :, :, None]
    # WRONG image = ops.repeat(mean, steps, axis=3)
    # WHY you average the frames before the filters see them, so motion is lost
    image = ops.reshape(image, (-1, height, width, steps * channels))
    kernel = ops.transpose(kernel, (1, 2, 0, 3, 4))  # (k, k, T, C, F)
    kernel = ops.reshape(kernel, (size, size, steps * channels, filters))
    return ops.conv(image, kernel, padding="same")
    # WRONG return ops.conv(image, kernel, padding="same") / steps
    # WHY you divide by the number of frames: a convolution sums over what it sees
    # WRONG frames = ops.reshape(clip, (-1, height, width, channels))
    # WRONG return ops.conv(frames, kernel[:, :, :channels], padding="same")
    # WHY you lay the frames along the batch, so no filter sees two of them
    # END SOLUTION


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
    # BEGIN SOLUTION use early on every window
    # HINT A window is clip[:, start : start + extent]; for which starts does it fit?
    # HINT range(0, T - t + 1, stride) has (T - t) // stride + 1 of them.
    # HINT ops.stack(maps, axis=1) makes (B, T', H, W, F) of T' maps.
    extent, frames = kernel.shape[0], clip.shape[1]
    starts = range(0, frames - extent + 1, stride)
    # WRONG starts = range(0, frames - extent, stride)
    # WHY the last window is missing: it begins at T - t, which this range leaves out
    # WRONG starts = range(0, frames - extent + 1)
    # WHY your windows are one frame apart: stride is ignored
    # WRONG starts = range(0, frames - extent + 1, extent)
    # WHY your windows do not overlap: they begin stride frames apart, not t
    # WRONG starts = range(0, frames - extent + 1, stride)
    # WRONG clip = ops.pad(clip, [(0, 0), (1, 1), (0, 0), (0, 0), (0, 0)])
    # WHY you put a frame of zeros before the clip; the first window begins at frame 0
    maps = [early(clip[:, s : s + extent], kernel) for s in starts]
    return ops.stack(maps, axis=1)
    # END SOLUTION


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
    # BEGIN SOLUTION two towers, one kernel; concatenate before the dense layer
    # HINT features(clip[:, 0], kernel) is what the tower sees in the first frame.
    # HINT ops.concatenate([first, second], axis=-1) is twice as wide.
    # HINT ops.relu(ops.matmul(both, dense))
    first, second = features(clip[:, 0], kernel), features(clip[:, gap], kernel)
    # WRONG first, second = features(clip[:, 0], kernel), features(clip[:, -1], kernel)
    # WHY you take the last frame, however long the clip is; the second is frame gap
    # WRONG first = features(clip[:, 0], kernel)
    # WRONG second = features(clip[:, gap - 1], kernel)
    # WHY your second frame is one too early: it is gap frames after frame 0
    # WRONG second, first = features(clip[:, 0], kernel), features(clip[:, gap], kernel)
    # WHY the features of frame 0 come first
    # WRONG first = features(clip[:, 0], kernel)
    # WRONG second = features(clip[:, gap], kernel[..., ::-1])
    # WHY the second tower has other weights than the first: both share one kernel
    both = ops.concatenate([first, second], axis=-1)
    # WRONG both = ops.concatenate([first + second, first + second], axis=-1) / 2
    # WHY you add the features of the two frames, so their order is lost; concatenate
    return ops.relu(ops.matmul(both, dense))
    # WRONG a, b = ops.split(dense, 2)
    # WRONG return ops.relu(ops.matmul(first, a)) + ops.relu(ops.matmul(second, b))
    # WHY you merge behind the ReLU of the dense layer; its units must see both frames
    # WRONG return ops.matmul(both, dense)
    # WHY the ReLU behind the dense layer is missing
    # END SOLUTION


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
    # BEGIN SOLUTION count kernels, biases, and the dense layer
    # HINT Two towers that share their weights have as many weights as one.
    # HINT early leaves one map of each filter, late two: one for each frame.
    # HINT k * k * C * F + F is a convolution over one frame.
    extent, maps = (frames, 1) if kind == "early" else (1, 2)
    # WRONG extent, maps = (frames, 1) if kind == "early" else (2, 2)
    # WHY you count the tower of late fusion twice; both frames use the same weights
    # WRONG extent, maps = (frames, 1) if kind == "early" else (1, 1)
    # WHY the dense layer of late fusion reads the maps of two frames
    # WRONG extent, maps = (1, 1) if kind == "early" else (1, 2)
    # WHY a filter of early fusion has weights for each of the T frames
    # WRONG extent, maps = (frames, frames) if kind == "early" else (1, 2)
    # WHY early fusion leaves one map a filter: time is gone behind the convolution
    convolution = (extent * size * size * channels + 1) * filters
    # WRONG convolution = extent * size * size * channels * filters
    # WHY the biases of the filters are missing
    return convolution + (maps * places * filters + 1) * units
    # END SOLUTION


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
    # BEGIN SOLUTION shrink the whole, cut out the middle
    # HINT Reshape H to (H / factor, factor) and W likewise, and average over both.
    # HINT The fovea begins at row (H - H / factor) // 2.
    # HINT fovea = clip[:, :, top : top + h, left : left + w]
    steps, height, width, channels = clip.shape[1:]
    h, w = height // factor, width // factor
    blocks = ops.reshape(clip, (-1, steps, h, factor, w, factor, channels))
    context = ops.mean(blocks, axis=(3, 5))
    # WRONG context = blocks[:, :, :, 0, :, 0]
    # WHY you take one pixel of each block: fine patterns alias. The statement averages
    # WRONG context = ops.max(blocks, axis=(3, 5))
    # WHY you take the largest pixel of each block; the statement takes the mean
    top, left = (height - h) // 2, (width - w) // 2
    # WRONG top, left = 0, 0
    # WHY your fovea is the corner of the frame, not its middle
    # WRONG top, left = (height - h + 1) // 2, (width - w + 1) // 2
    # WHY your fovea is one pixel too low: of an odd rest, more is cut off below
    # WRONG top, left = height // 2, width // 2
    # WHY your fovea begins in the middle of the frame; its own middle belongs there
    fovea = clip[:, :, top : top + h, left : left + w]
    return context, fovea
    # WRONG return fovea, context
    # WHY you return the two in the other order: the context is the whole, made smaller
    # END SOLUTION


def video_probabilities(logits):
    """Return the probabilities of a video of which T clips were classified.

    So the paper tests all of its models: the mean of the clips' probabilities.

    Args:
        logits: (B, T, K) float, K classes.

    Returns:
        (B, K) float; each row sums to 1.
    """
    # BEGIN SOLUTION softmax first, then the mean
    # HINT Which axis holds the classes, and which one the clips?
    # HINT A mean of logits is not a mean of probabilities.
    # HINT ops.mean(ops.softmax(logits, axis=-1), axis=1)
    return ops.mean(ops.softmax(logits, axis=-1), axis=1)
    # WRONG return ops.softmax(ops.mean(logits, axis=1), axis=-1)
    # WHY you average logits: that is a geometric mean of probabilities
    # WRONG return ops.mean(ops.softmax(logits, axis=1), axis=1)
    # WHY your softmax runs over the clips, so the classes of a clip do not sum to 1
    # WRONG return ops.max(ops.softmax(logits, axis=-1), axis=1)
    # WHY you take the clip that is most certain; the statement averages all
    # WRONG return ops.sum(ops.softmax(logits, axis=-1), axis=1)
    # WHY you sum over the clips: what you return sums to T, not to 1
    # END SOLUTION


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
