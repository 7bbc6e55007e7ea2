import numpy as np
import pytest
import tensorflow as tf

from course.checks import count_trainable
from modules.detection.ssd import SSD
from modules.detection.ssd_vgg import RATIOS_512, SCALES_512, ssd_vgg

VGG = 14_714_688  # the convolutions of VGG-16


def conv(size, channels, filters):
    return size * size * channels * filters + filters


def tail(channels, *pairs):
    total = 0
    for narrow, filters, size in pairs:
        total += conv(1, channels, narrow) + conv(size, narrow, filters)
        channels = filters
    return total


def heads(channels, counts, num_classes=20):
    pairs = zip(channels, counts, strict=True)
    return sum(conv(3, c, k * (num_classes + 1 + 4)) for c, k in pairs)


def build(size, *args):
    """Return the model, symbolically: no weight is made."""
    with tf.Graph().as_default():
        model = SSD(ssd_vgg(size), 20, *args)
        model.build((None, size, size, 3))
        return model, count_trainable(model)


def priors(model):
    shapes = [m.shape[1:3] for m in model.backbone.outputs]
    pairs = zip(shapes, model.ratios, strict=True)
    return [h * w * (2 + 2 * len(r)) for (h, w), r in pairs]


def test_ssd300():
    """26,285,486 is the number of the authors' model for the classes of VOC."""
    model, weights = build(300)
    want = VGG + 512 + conv(3, 512, 1024) + conv(1, 1024, 1024)
    pairs = (256, 512, 3), (128, 256, 3), (128, 256, 3), (128, 256, 3)
    want += tail(1024, *pairs)
    want += heads((512, 1024, 512, 256, 256, 256), (4, 6, 6, 6, 4, 4))
    assert weights == want == 26_285_486
    by_map = [38 * 38 * 4, 19 * 19 * 6, 10 * 10 * 6, 5 * 5 * 6, 3 * 3 * 4, 4]
    assert priors(model) == by_map and sum(by_map) == 8_732


def test_ssd512():
    model, weights = build(512, SCALES_512, RATIOS_512)
    want = VGG + 512 + conv(3, 512, 1024) + conv(1, 1024, 1024)
    want += tail(1024, (256, 512, 3), *3 * ((128, 256, 3),), (128, 256, 4))
    want += heads((512, 1024, 512, 256, 256, 256, 256), (4, 6, 6, 6, 6, 4, 4))
    assert weights == want == 27_188_676
    assert sum(priors(model)) == 24_564


def test_scales_512():
    """0.07 on conv4_3, then evenly from 0.15 to 0.9, and one step further."""
    np.testing.assert_allclose(SCALES_512[1:], np.linspace(0.15, 1.05, 7))
    assert SCALES_512[0] == 0.07


def test_fc6_sees_far_and_pool5_does_not_halve():
    with tf.Graph().as_default():
        model = ssd_vgg()
        fc6, pool = model.get_layer("fc6"), model.get_layer("pool5_stay")
        assert fc6.dilation_rate == (6, 6) and fc6.kernel_size == (3, 3)
        assert pool.input.shape == pool.output.shape == (None, 19, 19, 512)
        assert model.outputs[0].shape == (None, 38, 38, 512)
        assert model.get_layer("conv4_3_norm").scale == 20.0


def test_rejects():
    with pytest.raises(ValueError, match=r"size must be one of \[300, 512\], got 224"):
        ssd_vgg(224)
