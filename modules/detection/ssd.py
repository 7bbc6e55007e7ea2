"""SSD: maps of several sizes each look for things of their own size, in one pass.

Paper: Liu, Anguelov, Erhan, Szegedy, Reed, Fu and Berg, "SSD: Single Shot MultiBox
       Detector", ECCV 2016.
Link:  https://arxiv.org/abs/1512.02325 (sections 2 and 3.1)
"""

import math

import keras
from keras import layers, ops

from modules.detection.anchors import anchor_grid, anchor_sizes
from modules.detection.box_codec import decode, encode
from modules.detection.boxes import clip, iou
from modules.detection.detector import Detector, read_truth
from modules.detection.matching import gather_objects, match
from modules.detection.multibox_loss import multibox_loss
from modules.detection.non_maximum_suppression import detections
from modules.detection.region_proposal_network import flat

# SSD300: 0.1 on conv4_3, then from 0.2 to 0.9 in even steps, then one step further
SCALES = (0.1, 0.2, 0.375, 0.55, 0.725, 0.9, 1.075)
RATIOS = ((2,), (2, 3), (2, 3), (2, 3), (2,), (2,))


def prior_sizes(scales=SCALES, ratios=RATIOS):
    """Return the widths and heights of the priors of every map, in widths of an image.

        w = s sqrt(a)    h = s / sqrt(a)

    for a = 1, then for each ratio a and 1 / a; after the first stands one more square
    of the scale sqrt(s_k s_{k+1}), halfway to the next map. So a map with r ratios has
    2 + 2 r priors a position.

    Args:
        scales: floats > 0, called s_k: one for each map, and one more.
        ratios: for each map numbers > 1, called a_r, width by height.

    Returns:
        list of (k, 2) float32.

    Raises:
        ValueError: there is not one scale more than there are maps.

    Example:
        >>> prior_sizes((0.25, 1), ((4,),))[0].numpy().tolist()
        [[0.25, 0.25], [0.5, 0.5], [0.5, 0.125], [0.125, 0.5]]
    """
    if len(scales) != len(ratios) + 1:
        got = f"{len(scales)} scales for {len(ratios)} maps"
        raise ValueError(f"need one scale more than maps, got {got}")
    sizes = []
    for s, after, more in zip(scales, scales[1:], ratios, strict=False):
        squares = anchor_sizes([s, math.sqrt(s * after)], [1])
        both = [r for a in more for r in (1 / a, a)]  # anchors.py has height by width
        oblong = [anchor_sizes([s], both)] if both else []
        sizes.append(ops.concatenate([squares, *oblong]))
    return sizes


@keras.saving.register_keras_serializable("detection")
class SSD(Detector):
    """Predict class and box of the priors of every map with one 3x3 convolution each.

    There are no proposals, and nothing is computed twice. The loss is that of
    multibox_loss.py; a prior is matched with every object that it overlaps by 0.5 or
    more, and every object with its best prior.

    Args:
        backbone: model from images to a list of maps, from the largest to the smallest;
            `ssd_vgg` in the paper.
        num_classes: int >= 1, without background.
        scales, ratios: as in prior_sizes; the defaults are those of SSD300.
        weight, negatives: as in multibox_loss.
        variances: four floats, as in box_codec.py; not in the paper, but in its code.

    Shapes:
        images: (B, H, W, C) float, what the backbone takes.
        y: dict of lists, one item a map: "scores" (B, h, w, k (num_classes + 1)) with
            background first, "deltas" (B, h, w, 4 k).

    Raises:
        ValueError: num_classes is not an int >= 1, or scales, ratios and maps differ
            in number.

    Example:
        >>> image = keras.Input((32, 32, 3))
        >>> backbone = keras.Model(image, [layers.Conv2D(4, 3, 8, "same")(image)])
        >>> y = SSD(backbone, 2, (0.4, 0.8), ((2,),))(ops.ones((1, 32, 32, 3)))
        >>> tuple(y["scores"][0].shape), tuple(y["deltas"][0].shape)
        ((1, 4, 4, 12), (1, 4, 4, 16))
    """

    def __init__(
        self,
        backbone,
        num_classes,
        scales=SCALES,
        ratios=RATIOS,
        weight=1.0,
        negatives=3,
        variances=(0.1, 0.1, 0.2, 0.2),
        **kwargs,
    ):
        super().__init__(**kwargs)
        if not (isinstance(num_classes, int) and num_classes >= 1):
            raise ValueError(f"num_classes must be an int >= 1, got {num_classes!r}")
        prior_sizes(scales, ratios)  # raises
        if len(backbone.outputs) != len(ratios):
            got = f"{len(backbone.outputs)} maps, {len(ratios)} rows of ratios"
            raise ValueError(f"need ratios for each map of the backbone, got {got}")
        self.backbone, self.num_classes = backbone, num_classes
        self.scales, self.ratios = tuple(scales), tuple(map(tuple, ratios))
        self.weight, self.negatives = weight, negatives
        self.variances = tuple(variances)
        self.score = self._heads(num_classes + 1, "score")
        self.regress = self._heads(4, "regress")

    def _heads(self, n, name):
        options = {"padding": "same", "dtype": self.dtype_policy}
        return [
            layers.Conv2D((2 + 2 * len(more)) * n, 3, name=f"{name}_{i}", **options)
            for i, more in enumerate(self.ratios)
        ]

    def build(self, input_shape):
        for heads in (self.score, self.regress):
            for head, m in zip(heads, self.backbone.outputs, strict=True):
                head.build((None, None, None, m.shape[-1]))

    def call(self, images, training=None):
        maps = self.backbone(images, training=training)
        maps = maps if isinstance(maps, (list, tuple)) else [maps]
        heads = {"scores": self.score, "deltas": self.regress}
        return {
            name: [head(m) for head, m in zip(each, maps, strict=True)]
            for name, each in heads.items()
        }

    def priors(self, y, height, width):
        """Return the priors (A, 4), in pixels, of what images of that size gave."""
        grids, sizes_of = [], prior_sizes(self.scales, self.ratios)
        for m, sizes in zip(y["deltas"], sizes_of, strict=True):
            h, w = ops.shape(m)[1:3]
            steps = 1 / ops.cast(h, "float32"), 1 / ops.cast(w, "float32")
            grids.append(anchor_grid(sizes, h, w, steps))
        grid = ops.concatenate(grids)
        return grid * ops.cast(ops.stack([width, height, width, height]), grid.dtype)

    def _flat(self, y):
        """Return logits (B, A, num_classes + 1) and deltas (B, A, 4)."""
        columns = {"scores": self.num_classes + 1, "deltas": 4}
        return [
            ops.concatenate([flat(m, n) for m in y[name]], axis=1)
            for name, n in columns.items()
        ]

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        boxes, classes = read_truth(y, self.num_classes)
        priors = self.priors(y_pred, *ops.shape(x)[1:3])
        matches = match(iou(priors, boxes), classes >= 0, 0.5, 0.5)
        wanted = ops.where(matches >= 0, gather_objects(classes, matches), matches)
        targets = encode(gather_objects(boxes, matches), priors, self.variances)
        args = *self._flat(y_pred), wanted, targets
        return multibox_loss(*args, self.weight, self.negatives)

    def detect(self, images, max_output=200, iou_threshold=0.45, score_threshold=0.01):
        """Return boxes (B, K, 4), scores and classes, as `detections` does."""
        y = self(images)
        height, width = ops.shape(images)[1:3]
        logits, deltas = self._flat(y)
        boxes = decode(deltas, self.priors(y, height, width), self.variances)
        scores = ops.softmax(logits)[..., 1:]
        places = clip(boxes, height, width)
        return detections(places, scores, max_output, iou_threshold, score_threshold)

    def get_config(self):
        names = "num_classes scales ratios weight negatives variances"
        own = {name: getattr(self, name) for name in names.split()}
        return {**super().get_config(), **own}
