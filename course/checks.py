"""The common examination: what every layer, model and function here must pass.

A test states what is particular (shape, number of weights); the properties that
all of them share are examined here. A failing property raises AssertionError with
one sentence. Weights are seeded noise throughout, because zeros and ones hide
what is wrong.
"""

import inspect
import math
import tempfile
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf


def check_layer(
    make, x, y_shape, weights, non_trainable=0, *, training="same", tolerance=1e-5
):
    """Examine a layer.

    Args:
        make: function without arguments that returns a new layer.
        x: array (B, ..., C), or a tuple of arrays for a layer called with several.
        y_shape: shape of the output; a list of shapes for several outputs.
        weights: number of trainable weights.
        non_trainable: number of other weights, random seeds not counted.
        training: "same" if the layer does the same when training, else "differs".
        tolerance: largest difference, relative to the largest output.
    """
    inputs = x if isinstance(x, tuple) else (x,)
    layer = make()
    _check_output(layer, inputs, y_shape)
    _check_weights(layer, weights, non_trainable)
    _check_config(layer)
    noise_weights(layer, seed=0)
    _check_training(layer, inputs, training)
    _check_gradients(layer, inputs)
    want = _run(layer, inputs)
    wrapped = _check_symbolic(make(), layer, inputs, want, tolerance)
    _check_saving(wrapped, inputs, want, tolerance)
    _check_compiled(layer, inputs, want, tolerance)
    half = type(layer).from_config({**layer.get_config(), "dtype": "mixed_float16"})
    _check_mixed_precision(half, layer, inputs, want)


def check_model(
    make, x, y_shape, weights, non_trainable=0, *, training="same", tolerance=1e-5
):
    """Examine a model of less than a million weights; arguments as in check_layer."""
    inputs = (list(x),) if isinstance(x, tuple) else (x,)
    model = make()
    _check_output(model, inputs, y_shape)
    _check_weights(model, weights, non_trainable)
    noise_weights(model, seed=0)
    _check_training(model, inputs, training)
    _check_gradients(model, inputs)
    want = _run(model, inputs)
    if not type(model).__module__.startswith("keras."):  # a class of our own
        _check_config(model)
        _check_symbolic(make(), model, inputs, want, tolerance)
    _check_saving(model, inputs, want, tolerance)
    _check_compiled(model, inputs, want, tolerance)
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        _check_mixed_precision(make(), model, inputs, want)
    finally:
        keras.config.set_dtype_policy(before)


def check_function(function, *args, y_shape, tolerance=1e-5):
    """Examine a pure function of arrays: sizes unknown, compiled, half precision."""
    want = _arrays(function(*map(tf.convert_to_tensor, args)))
    _same_shapes(want, y_shape)
    unknown = [tf.TensorSpec([None] * np.ndim(a), np.asarray(a).dtype) for a in args]
    traced = tf.function(function, input_signature=unknown)
    _close(_arrays(traced(*args)), want, tolerance, "with unknown sizes")
    compiled = tf.function(function, jit_compile=True)
    _close(_arrays(compiled(*args)), want, tolerance, "when compiled")
    halves = [np.asarray(a).astype("float16") if _is_float(a) else a for a in args]
    for got, full in zip(_arrays(function(*halves)), want, strict=True):
        if _is_float(full):
            assert got.dtype == "float16", f"float16 in, {got.dtype} out"


def check_mask(make, x, *, call=None, tolerance=1e-5):
    """Examine what a layer makes of padding: nothing.

    Each example gets another length, and noise behind it. Masked, it must give what
    it gives when it is cut at its length and no mask is there: at its own steps if the
    output has steps, everywhere if not. No gradient may reach the padding.

    Args:
        make: function without arguments that returns a new layer.
        x: (B, T, ...) array of floats with T > B. An output of rank 3 or more whose
            second axis has T entries is taken to have the steps of x.
        call: function of (layer, x, mask) that returns the outputs; None for
            `layer(x, mask=mask)`. The mask is None or (B, T) bool.
        tolerance: largest difference, relative to the largest output.
    """

    def run(x, mask=None):
        outputs = (call or _call_masked)(layer, x, mask)
        return keras.tree.flatten(outputs)

    layer = make()
    assert layer.supports_masking, "supports_masking is False: Keras drops the mask"
    run(x)
    noise_weights(layer, seed=0)
    batch, steps = x.shape[:2]
    assert steps > batch, f"x must have more steps than examples, got {x.shape}"
    lengths = steps - 1 - np.arange(batch)
    mask = np.arange(steps) < lengths[:, None]  # (B, T)
    variable = tf.Variable(x)
    with tf.GradientTape() as tape:
        outputs = run(variable + 0, tf.constant(mask))
        loss = sum(_weighed(y, mask) for y in outputs)
    slopes = keras.ops.convert_to_numpy(tape.gradient(loss, variable))
    for i, length in enumerate(lengths):
        for got, want in zip(outputs, run(x[i : i + 1, :length]), strict=True):
            mine = got[i : i + 1, :length] if _has_steps(got, mask) else got[i : i + 1]
            _close(_arrays(mine), _arrays(want), tolerance, "masked and not cut")
    assert slopes[mask].any(), "no gradient reaches the input"
    assert not slopes[~mask].any(), "a gradient reaches the padding"


def check_optimizer(make, slots, *, tolerance=1e-5):
    """Examine an optimizer.

    Args:
        make: function without arguments that returns a new optimizer.
        slots: number of variables that it keeps for each variable of a model.
        tolerance: largest difference, relative to the largest value.
    """
    _check_config(make())
    _check_slots(make(), slots)
    first, want = (_descend(make(), SHAPES, steps=steps) for steps in (1, 6))
    for shape, early, value in zip(SHAPES, first, want, strict=True):
        moved = (early != _start(shape)) | (value != _start(shape))
        assert np.isfinite(value).all(), f"shape {shape}: not finite"
        assert moved.all(), f"shape {shape}: some values never move"
        alone = _descend(make(), [shape])
        _close(alone, [value], tolerance, f"shape {shape} without the others")
    _close(_descend(_scheduled(make()), SHAPES), want, tolerance, "with a schedule")
    try:
        half = _descend(make(), SHAPES, dtype="float16")
    except Exception as error:
        raise AssertionError(f"fails for gradients in float16: {error}") from error
    _close(half, want, tolerance, "with gradients in float16")
    _check_fit(make, tolerance)


def path(optimizer, gradients, start=0.0):
    """Return where an optimizer takes a variable along given gradients.

    Args:
        optimizer: a Keras optimizer that is not yet built.
        gradients: (T, ...) floats, one gradient for each step.
        start: float or (...), where the variable starts.

    Returns:
        (T, ...) array: the variable after each step.
    """
    gradients = np.asarray(gradients, "float32")
    start = np.broadcast_to(start, gradients.shape[1:])
    variable = keras.Variable(start, dtype="float64")  # the rule, not its rounding
    found = []
    for gradient in gradients:
        optimizer.apply([tf.constant(gradient)], [variable])
        found.append(variable.numpy())
    return np.array(found)


def assert_same_path(ours, theirs, tolerance=1e-6):
    """Compare two optimizers over fifty steps along the same gradients.

    The gradients of different weights differ in size, so that an epsilon shows, and
    each weight is compared on its own scale.
    """
    rng = np.random.default_rng(0)
    gradients = rng.normal(size=(50, 4, 3)) * [1, 1e-2, 1e-4]
    got, want = (path(o, gradients, start=1e-3) for o in (ours, theirs))
    error = np.abs(got - want) / np.abs(want).max(axis=0)
    step = int(error.max(axis=(1, 2)).argmax()) + 1
    assert error.max() <= tolerance, f"step {step}: differs by {error.max():.1e}"


def count_trainable(model):
    """Return the number of trainable weights of a layer or model."""
    return sum(math.prod(w.shape) for w in model.trainable_weights)


def noise_weights(model, seed, gain=1.0):
    """Set every weight and moving statistic of a built model to seeded noise.

    Kernels have variance gain^2 / fan-in, so that the size of activations is about
    kept; scales and variances lie in [0.5, 1.5]; all others are small.
    """
    rng = np.random.default_rng(seed)
    for weight in model.weights:
        if "float" not in weight.dtype:
            continue  # the state of a random seed
        name, shape = weight.path.lower(), weight.shape
        if name.endswith(("gamma", "scale", "variance")):
            value = rng.uniform(0.5, 1.5, size=shape)
        elif len(shape) < 2:
            value = rng.normal(scale=0.3, size=shape)
        else:
            outputs = math.prod(shape[-2:]) if "depthwise" in name else shape[-1]
            fan_in = 1 if "embedding" in name else math.prod(shape) // outputs
            value = rng.normal(scale=gain / math.sqrt(fan_in), size=shape)
        weight.assign(value)


def assert_close_relative(got, want, tolerance):
    """Compare outputs for several examples, relative to how much examples differ.

    The yardstick is the standard deviation over the examples (the first axis): an
    output that hardly depends on the input would agree with anything.
    """
    got, want = (keras.ops.convert_to_numpy(a).astype("float64") for a in (got, want))
    assert got.shape == want.shape, f"shape {got.shape}, expected {want.shape}"
    assert np.isfinite(got).all() and np.isfinite(want).all(), "not all are finite"
    deviation = float(np.sqrt(np.mean(np.var(want, axis=0))))
    floor = 1e-3 * max(1.0, float(np.abs(want).max()))
    assert deviation > floor, f"standard deviation {deviation:.1e}: too small to tell"
    error = float(np.abs(got - want).max()) / deviation
    assert error <= tolerance, f"relative error {error:.1e}, allowed {tolerance:.1e}"


SHAPES = [(), (3,), (2, 5), (1, 2, 3, 2)]  # of the variables that optimizers change


def _start(shape):
    return np.random.default_rng(0).uniform(1, 2, size=shape).astype("float32")


def _descend(optimizer, shapes, dtype="float32", steps=6):
    """Return variables of these shapes after some steps along fixed gradients."""
    variables = [keras.Variable(_start(shape)) for shape in shapes]
    optimizer.build(variables)

    noise = [np.random.default_rng(len(shape)) for shape in shapes]
    for _ in range(steps):
        gradients = (
            r.normal(size=s).astype("float16")
            for r, s in zip(noise, shapes, strict=True)
        )  # float16, so that both dtypes get the same
        optimizer.apply([tf.constant(g, dtype) for g in gradients])
    return [v.numpy() for v in variables]


def _scheduled(optimizer):
    """Return the same optimizer with a schedule, which is constant, for its rate."""
    config = optimizer.get_config()
    rate = config["learning_rate"]
    schedule = keras.optimizers.schedules.PiecewiseConstantDecay([99], [rate, rate])
    return type(optimizer).from_config({**config, "learning_rate": schedule})


def _check_slots(optimizer, slots):
    before = len(optimizer.variables)
    optimizer.build([keras.Variable(_start(shape)) for shape in SHAPES])
    got, want = len(optimizer.variables) - before, slots * len(SHAPES)
    assert got == want, f"{got} variables of state for {len(SHAPES)}, expected {want}"


def _check_fit(make, tolerance):
    """Train an embedding and a dense layer: compiled, and over saving and loading."""
    x = np.random.default_rng(0).integers(6, size=(4, 5))
    y = np.random.default_rng(1).normal(size=(4, 3)).astype("float32")

    def train(model, x):
        model.fit(x, y, epochs=2, shuffle=False, verbose=0)
        return model.get_weights()

    def fresh(**how):
        tokens = keras.Input((None,), dtype="int32")
        mean = keras.layers.GlobalAveragePooling1D()(
            keras.layers.Embedding(6, 4)(tokens)
        )
        model = keras.Model(tokens, keras.layers.Dense(3)(mean))
        noise_weights(model, seed=0)
        model.compile(make(), "mse", **how)
        return model

    model = fresh(run_eagerly=True)
    want = train(model, x)
    _close(train(fresh(jit_compile=True), x), want, tolerance, "in a compiled fit")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        model.save(path)
        loaded = keras.saving.load_model(path)
    longer = np.concatenate([x, x[::-1, :2]], axis=1)
    got, want = train(loaded, longer), train(model, longer)
    _close(got, want, tolerance, "after saving and loading, training on")


def _call_masked(layer, x, mask):
    return layer(x, mask=mask)


def _has_steps(y, mask):
    return len(y.shape) > 2 and y.shape[1] == mask.shape[1]


def _weighed(y, mask):
    """Return the sum of y, weighed by noise; steps that are padding do not count."""
    noise = np.random.default_rng(0).normal(size=y.shape)
    if _has_steps(y, mask):
        noise[~mask] = 0
    return keras.ops.sum(y * keras.ops.cast(noise, y.dtype))


def _run(layer, inputs, training=False):
    return _arrays(layer(*inputs, training=training))


def _arrays(outputs):
    return [keras.ops.convert_to_numpy(y) for y in keras.tree.flatten(outputs)]


def _packed(inputs):
    return inputs[0] if len(inputs) == 1 else list(inputs)


def _is_float(a):
    return np.issubdtype(np.asarray(a).dtype, np.floating)


def _same_shapes(outputs, y_shape):
    want = y_shape if isinstance(y_shape, list) else [y_shape]
    got = [y.shape for y in outputs]
    assert got == [tuple(s) for s in want], f"output shape {got}, expected {want}"


def _close(got, want, tolerance, when):
    for a, b in zip(got, want, strict=True):
        assert a.shape == b.shape, f"{when}: shape {a.shape}, expected {b.shape}"
        size = np.abs(b.astype("float64")).max()
        error = np.abs(a.astype("float64") - b).max()
        assert error <= tolerance * max(size, 1e-6), f"{when}: differs by {error:.1e}"


def _check_output(layer, inputs, y_shape):
    outputs = _run(layer, inputs)
    _same_shapes(outputs, y_shape)
    assert all(np.isfinite(y).all() for y in outputs), "the output is not finite"


def _check_weights(layer, weights, non_trainable):
    got = count_trainable(layer)
    assert got == weights, f"{got:,} trainable weights, expected {weights:,}"
    others = [w for w in layer.non_trainable_weights if "float" in w.dtype]
    got = sum(math.prod(w.shape) for w in others)
    assert got == non_trainable, f"{got:,} other weights, expected {non_trainable:,}"


def _check_config(layer):
    config = layer.get_config()
    for name, argument in inspect.signature(type(layer).__init__).parameters.items():
        if name != "self" and argument.kind not in (
            argument.VAR_KEYWORD,
            argument.VAR_POSITIONAL,
        ):
            assert name in config, f"get_config forgets {name}"
    again = type(layer).from_config(config).get_config()
    for name in config:
        assert str(again[name]) == str(config[name]), f"{name} changes on a round trip"


def _check_training(layer, inputs, training):
    state = [w.numpy() for w in layer.weights]
    first = _run(layer, inputs)
    for weight, value in zip(layer.weights, state, strict=True):
        assert np.array_equal(weight, value), f"inference changes {weight.path}"
    _close(_run(layer, inputs), first, 0, "inference, a second time")
    learning = _run(layer, inputs, training=True)
    assert all(np.isfinite(y).all() for y in learning), "not finite when training"
    _same_shapes(learning, [y.shape for y in first])
    same = all(np.allclose(a, b) for a, b in zip(learning, first, strict=True))
    got = "same" if same else "differs"
    assert got == training, f"training: {got!r}, expected {training!r}"
    for weight, value in zip(layer.weights, state, strict=True):
        weight.assign(value)  # forget what the moving statistics saw


def _check_gradients(layer, inputs):
    with tf.GradientTape() as tape:
        outputs = keras.tree.flatten(layer(*inputs, training=False))
        noise = [np.random.default_rng(0).normal(size=y.shape) for y in outputs]
        loss = sum(
            keras.ops.sum(y * keras.ops.cast(n, y.dtype))
            for y, n in zip(outputs, noise, strict=True)
        )
    weights = layer.trainable_weights
    for weight, gradient in zip(
        weights, tape.gradient(loss, [w.value for w in weights]), strict=True
    ):
        reached = gradient is not None and np.any(keras.ops.convert_to_numpy(gradient))
        assert reached, f"no gradient reaches {weight.path}"


def _check_symbolic(fresh, layer, inputs, want, tolerance):
    """Build a fresh layer on unknown batch and sizes; return it as a model."""

    def symbol(a):
        sizes = [None] * (np.ndim(a) - 1)
        if _is_float(a):
            sizes[-1] = np.shape(a)[-1]  # the channels
        return keras.Input(sizes, dtype=np.asarray(a).dtype.name)

    symbols = keras.tree.map_structure(symbol, inputs)
    try:
        model = keras.Model(_packed(symbols), fresh(*symbols))
    except Exception as error:
        raise AssertionError(f"fails when sizes are unknown: {error}") from error
    fresh.set_weights(layer.get_weights())
    model(_packed(keras.tree.map_structure(lambda a: a[:1], inputs)))  # leaves no trace
    _close(_arrays(model(_packed(inputs))), want, tolerance, "with unknown sizes")
    return model


def _check_saving(model, inputs, want, tolerance):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        model.save(path)
        loaded = keras.saving.load_model(path)
    _close(
        _arrays(loaded(_packed(inputs))), want, tolerance, "after saving and loading"
    )


def _check_compiled(layer, inputs, want, tolerance):
    @tf.function(jit_compile=True)
    def compiled(*args):
        return layer(*args, training=False)

    _close(_arrays(compiled(*inputs)), want, tolerance, "when compiled")


def _check_mixed_precision(half, layer, inputs, want):
    try:
        half(*inputs)
    except Exception as error:
        raise AssertionError(f"fails in mixed precision: {error}") from error
    half.set_weights(layer.get_weights())
    for weight in half.trainable_weights:
        assert weight.dtype == "float32", f"{weight.path} is kept in {weight.dtype}"
    for got, full in zip(_run(half, inputs), want, strict=True):
        if _is_float(full):
            assert got.dtype == "float16", f"mixed precision gives {got.dtype}"
        _close([got], [full], 0.05, "in mixed precision")
