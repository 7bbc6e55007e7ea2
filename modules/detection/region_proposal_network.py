"""Region proposal network: at every anchor, is there an object, and where exactly.

Paper: Ren, He, Girshick and Sun, "Faster R-CNN: Towards Real-Time Object Detection
       with Region Proposal Networks", NeurIPS 2015.
Link:  https://arxiv.org/abs/1506.01497 (section 3.1, equations 1 and 2)
"""

import copy

import keras
from keras import layers, ops

from modules.detection.anchors import anchor_grid, anchor_sizes, inside
from modules.detection.box_codec import decode, encode
from modules.detection.boxes import clip, iou
from modules.detection.matching import gather_objects, keep_top, match
from modules.detection.multi_task_loss import multi_task_loss
from modules.detection.non_maximum_suppression import detections


@keras.saving.register_keras_serializable("detection")
class RegionProposalNetwork(keras.Model):
    """Slide a small network over a map; at each position it judges k anchors.

        L = (1 / N_cls) sum of L_cls(p_i, p_i*) + (lambda / N_reg) sum of p_i* L_reg

    L_cls is the log loss over two classes, L_reg smooth L1 of the four numbers of the
    codec. Anchors are matched with the objects; of the background and of the positive
    ones a random sample counts, `sampled` an image, at most half of them positive. The
    paper divides by N_cls = 256 and N_reg = 2,400 positions and takes lambda = 10,
    which weighs both about equally; here, as in most code, both are divided by the
    number of sampled anchors, and `weight` is 1. All weights but the backbone's start
    from a normal distribution of deviation 0.01.

    `fit(images, y)` takes the ground truth of boxes.py for y; which class an object
    has does not matter. A class of -1 means that there is none in that row.

    Args:
        backbone: model from images to one map.
        strides: int, pixels of the image for one of the map; 16 in the paper.
        scales, ratios: as in anchor_sizes.
        filters: int, channels of the 3x3 convolution; 512 for VGG, 256 for ZF.
        positive, negative: as in match.
        sampled: int, anchors that count in each image.
        weight: float >= 0, called lambda in the paper.
        across: bool, whether anchors that cross the image's border count in training;
            the paper leaves them out.

    Shapes:
        images: (B, H, W, C) float, what the backbone takes.
        y: dict of "scores" (B, h, w, 2 k), for each anchor the logits of background
            and object, and "deltas" (B, h, w, 4 k).

    Example:
        >>> backbone = keras.Sequential([keras.Input((None, None, 3)),
        ...                              layers.Conv2D(8, 3, 8, padding="same")])
        >>> network = RegionProposalNetwork(backbone, 8, scales=[16, 32], filters=4)
        >>> y = network(ops.ones((1, 64, 48, 3)))
        >>> tuple(y["scores"].shape), tuple(y["deltas"].shape)
        ((1, 8, 6, 12), (1, 8, 6, 24))
    """

    def __init__(
        self,
        backbone,
        strides=16,
        scales=(128, 256, 512),
        ratios=(0.5, 1, 2),
        filters=512,
        positive=0.7,
        negative=0.3,
        sampled=256,
        weight=1.0,
        across=False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.backbone, self.strides = backbone, strides
        self.scales, self.ratios = tuple(scales), tuple(ratios)
        self.filters, self.sampled = filters, sampled
        self.positive, self.negative = positive, negative
        self.weight, self.across = weight, across
        self.sizes = anchor_sizes(scales, ratios)
        self.seeds = keras.random.SeedGenerator()
        self.slide = self._conv(filters, 3, padding="same", activation="relu")
        self.score = self._conv(2 * len(self.sizes), 1, name="score")
        self.regress = self._conv(4 * len(self.sizes), 1, name="regress")

    def _conv(self, *args, **kwargs):
        start = keras.initializers.RandomNormal(stddev=0.01)
        options = {"kernel_initializer": start, "dtype": self.dtype_policy}
        return layers.Conv2D(*args, **kwargs, **options)

    def build(self, input_shape):
        if not self.backbone.built:
            self.backbone.build(input_shape)
        channels = self.backbone.compute_output_shape(input_shape)[-1]
        self.slide.build((None, None, None, channels))
        self.score.build((None, None, None, self.filters))
        self.regress.build((None, None, None, self.filters))

    def call(self, images, training=None):
        x = self.slide(self.backbone(images, training=training))
        return {"scores": self.score(x), "deltas": self.regress(x)}

    def anchors(self, y):
        """Return the anchors, (h w k, 4), of what the network gave for some images."""
        return anchor_grid(self.sizes, *ops.shape(y["scores"])[1:3], self.strides)

    def targets(self, anchors, truth, height, width):
        """Return which object each anchor is to find, as `match` does: (B, h w k)."""
        overlaps = iou(anchors, truth["boxes"])  # (B, A, N)
        if not self.across:
            within = inside(anchors, height, width)[:, None]
            overlaps = ops.where(within, overlaps, 0)
        matches = match(overlaps, truth["classes"] >= 0, self.positive, self.negative)
        return matches if self.across else ops.where(within[:, 0], matches, -2)

    def sample(self, matches):
        """Return which anchors count, (B, A) bool: a random sample of both kinds."""
        noise = keras.random.uniform(ops.shape(matches), seed=self.seeds)
        found = keep_top(matches >= 0, noise, self.sampled // 2)
        left = self.sampled - ops.sum(ops.cast(found, "int32"), axis=-1)
        return found | keep_top(matches == -1, noise, left)

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        anchors = self.anchors(y_pred)
        truth = {"boxes": ops.cast(y["boxes"], "float32"), "classes": y["classes"]}
        matches = self.targets(anchors, truth, *ops.shape(x)[1:3])
        counted = self.sample(matches)
        logits = flat(y_pred["scores"], 2)
        losses = keras.losses.sparse_categorical_crossentropy(
            ops.cast(matches >= 0, "int32"), logits, from_logits=True
        )
        wanted = encode(gather_objects(truth["boxes"], matches), anchors)
        place = flat(y_pred["deltas"], 4), wanted, counted & (matches >= 0)
        return ops.mean(multi_task_loss(losses, counted, *place, self.weight))

    def propose(self, images, max_output=300, iou_threshold=0.7, top_k=6000):
        """Return the boxes in which objects are likeliest: the network's purpose.

        Args:
            images: (B, H, W, C) float.
            max_output, iou_threshold, top_k: as in `detections`.

        Returns:
            dict of boxes (B, K, 4), within the image, scores (B, K) and classes
            (B, K): 0, or -1 where there are fewer.
        """
        y = self(images)
        boxes = decode(flat(y["deltas"], 4), self.anchors(y))
        boxes = clip(boxes, *ops.shape(images)[1:3])
        scores = ops.softmax(flat(y["scores"], 2))[..., 1:]  # (B, h w k, 1): object
        return detections(boxes, scores, max_output, iou_threshold, None, top_k)

    def get_config(self):
        names = "strides scales ratios filters positive negative sampled weight across"
        own = {name: getattr(self, name) for name in names.split()}
        own["backbone"] = keras.saving.serialize_keras_object(self.backbone)
        return {**super().get_config(), **own}

    @classmethod
    def from_config(cls, config):
        plain = copy.deepcopy(config["backbone"])  # Keras empties what it reads
        backbone = keras.saving.deserialize_keras_object(plain)
        return cls(**{**config, "backbone": backbone})


def flat(maps, n):
    """Return maps (B, h, w, k n) as n numbers an anchor: (B, h w k, n), in float32."""
    return ops.cast(ops.reshape(maps, (ops.shape(maps)[0], -1, n)), "float32")
