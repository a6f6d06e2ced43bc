"""The training loop: repeatable from its seed, and stopped by the first loss that is no number."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from ml.architectures import Network, build
from ml.backend import limit_threads, tensorflow
from ml.config import Config, Optimisation, OutsiderData
from ml.datasets.examples import NAMELESS, OUTSIDER, Examples
from ml.datasets.pipeline import batches, epoch_order
from ml.progress import EpochReport, Report, print_epoch


class TrainingError(Exception):
    """The run can't go on; the message says why."""


@dataclass(frozen=True)
class Trained:
    """A trained network, what each epoch reported, and which epoch's weights it has (from 1)."""

    network: Network
    history: list[EpochReport]
    epoch: int


def train(
    config: Config, training: Examples, calibration: Examples, *, report: Report = print_epoch, threads: int = 1
) -> Trained:
    """Train a config's network.

    Args:
        config: the run; its seed settles weights, order and random changes.
        training: photos to learn from.
        calibration: photos to watch; only with ``keep_best`` or ``patience`` do they choose the epoch.
        report: called after each epoch.
        threads: CPU threads. Several share out a sum as they happen to be free, and floating-point sums depend on their
            order: only a run with one repeats exactly.

    Raises:
        TrainingError: the loss became infinite or no number.
    """
    prepare(config.seed, threads)
    network = build(
        config.architecture,
        size=config.input_size,
        labels=len(config.species.labels),
        subjects=int(training.subjects.max(initial=NAMELESS)) + 1,
        options=config.architecture_options,
    )
    if config.outsiders is None:
        network.get_layer("scope").trainable = False
    options = config.optimisation
    steps = math.ceil(len(epoch_order(training, config, 0)) / options.batch)
    optimiser = make_optimiser(options, steps)
    step = training_step(network, optimiser, options, config.outsiders)
    history: list[EpochReport] = []
    best: tuple[float, int, list[np.ndarray]] | None = None
    started = time.monotonic()
    for epoch in range(1, options.epochs + 1):
        seconds, loss, accuracy = _run_epoch(step, batches(training, config, epoch))
        watched = _watch(network, calibration.species)
        per_epoch = (time.monotonic() - started) / epoch
        count = len(epoch_order(training, config, epoch))
        left = per_epoch * (options.epochs - epoch)
        history.append(EpochReport(epoch, options.epochs, loss, accuracy, *watched, count / seconds, left))
        report(history[-1])
        if options.keep_best and (best is None or watched[0] < best[0]):
            best = (watched[0], epoch, network.get_weights())
        if options.patience is not None and epoch - _best_epoch(history) >= options.patience:
            break
    if options.ema is not None:
        optimiser.finalize_variable_values(network.trainable_variables)
    if best is not None:
        network.set_weights(best[2])
    return Trained(network, history, len(history) if best is None else best[1])


def prepare(seed: int, threads: int) -> None:
    """Make what follows repeatable: seeds of Python, NumPy and TensorFlow, and only operations with a fixed order."""
    tf = tensorflow()
    limit_threads(threads)
    tf.keras.backend.clear_session()
    tf.keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()


def make_optimiser(options: Optimisation, steps: int) -> Any:
    """The optimiser of a run with ``steps`` batches per epoch. Raises ValueError for an unknown one."""
    keras = tensorflow().keras
    rate: Any = options.learning_rate
    if options.schedule == "cosine":
        warm_up = int(options.warm_up * steps)
        rate = keras.optimizers.schedules.CosineDecay(
            initial_learning_rate=0.0 if warm_up else options.learning_rate,
            decay_steps=max(1, options.epochs * steps - warm_up),
            warmup_target=options.learning_rate if warm_up else None,
            warmup_steps=warm_up,
        )
    elif options.schedule != "constant":
        raise ValueError(f"there is no schedule {options.schedule!r}")
    shared: dict[str, Any] = {"learning_rate": rate, "global_clipnorm": options.clip_norm}
    if options.ema is not None:
        shared |= {"use_ema": True, "ema_momentum": options.ema}
    if options.optimiser == "adamw":
        return keras.optimizers.AdamW(weight_decay=options.weight_decay, **shared)
    if options.optimiser == "rmsprop":
        return keras.optimizers.RMSprop(**shared)
    raise ValueError(f"there is no optimiser {options.optimiser!r}")


def species_loss(logits: Any, classes: Any, smoothing: float) -> Any:
    """Cross-entropy per photo, ``(n,)``, from logits ``(n, 1)`` or ``(n, k)``; rows of outsiders mean nothing."""
    tf = tensorflow()
    known = tf.maximum(classes, 0)
    if logits.shape[-1] == 1:
        target = tf.cast(known, tf.float32) * (1 - smoothing) + 0.5 * smoothing
        return tf.nn.sigmoid_cross_entropy_with_logits(labels=target, logits=logits[:, 0])
    count = logits.shape[-1]
    target = tf.one_hot(known, count) * (1 - smoothing) + smoothing / count
    return tf.nn.softmax_cross_entropy_with_logits(labels=target, logits=logits)


def training_step(
    network: Network, optimiser: Any, options: Optimisation, outsiders: OutsiderData | None = None
) -> Any:
    """A compiled step: pictures ``(b, size, size, 3)``, classes and subjects ``(b,)`` to the loss, the number of species
    photos named right, and their number.
    """
    tf = tensorflow()

    def step(pictures: Any, classes: Any, subjects: Any) -> Any:
        shown = tf.cast(classes != OUTSIDER, tf.float32)
        with tf.GradientTape() as tape:
            outputs = network(pictures, training=True)
            each = species_loss(outputs["species"], classes, options.label_smoothing)
            loss = tf.reduce_sum(each * shown) / tf.maximum(tf.reduce_sum(shown), 1.0)
            if outsiders is not None:
                scope = tf.nn.sigmoid_cross_entropy_with_logits(labels=shown, logits=outputs["scope"][:, 0])
                loss += options.scope_weight * tf.reduce_mean(scope)
            if "subjects" in outputs and outsiders is not None:
                loss += outsiders.subjects_weight * _subjects_loss(outputs["subjects"], subjects)
        variables = network.trainable_variables
        gradients = tape.gradient(loss, variables)
        optimiser.apply_gradients(zip(gradients, variables, strict=True))
        right = tf.reduce_sum(tf.cast(_guess(outputs["species"]) == classes, tf.float32) * shown)
        return loss, right, tf.reduce_sum(shown)

    optimiser.build(network.trainable_variables)
    return tf.function(step, reduce_retracing=True, autograph=False)


def _subjects_loss(logits: Any, subjects: Any) -> Any:
    """Mean cross-entropy over the photos whose subject has a name."""
    tf = tensorflow()
    named = tf.cast(subjects != NAMELESS, tf.float32)
    each = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=tf.maximum(subjects, 0), logits=logits)
    return tf.reduce_sum(each * named) / tf.maximum(tf.reduce_sum(named), 1.0)


def _guess(logits: Any) -> Any:
    tf = tensorflow()
    return tf.cast(logits[:, 0] > 0, tf.int64) if logits.shape[-1] == 1 else tf.argmax(logits, axis=-1)


def _run_epoch(step: Any, epoch: Any) -> tuple[float, float, float]:
    """Seconds, mean loss, and share of species photos named right."""
    started = time.monotonic()
    losses, right, shown = [], 0.0, 0.0
    for pictures, classes, subjects in epoch:
        loss, good, count = step(pictures, classes, subjects)
        losses.append(float(loss))
        if not math.isfinite(losses[-1]):
            raise TrainingError("The loss is no longer a number. Try a lower learning rate, or clip_norm.")
        right, shown = right + float(good), shown + float(count)
    return max(time.monotonic() - started, 1e-9), float(np.mean(losses)), right / max(1.0, shown)


def _watch(network: Network, species: Examples) -> tuple[float, float]:
    logits = predict_raw(network, species.pixels)["species"]
    losses = species_loss(tensorflow().constant(logits), species.classes, 0.0).numpy()
    guesses = (logits[:, 0] > 0).astype(int) if logits.shape[1] == 1 else logits.argmax(1)
    return float(losses.mean()), float((guesses == species.classes).mean())


def _best_epoch(history: list[EpochReport]) -> int:
    return min(history, key=lambda report: report.calibration_loss).epoch


def predict_raw(network: Network, pixels: np.ndarray, batch: int = 64) -> dict[str, np.ndarray]:
    """``species`` and ``scope`` logits for uint8 or float pixels ``(n, size, size, 3)``."""
    tf = tensorflow()
    function = _compiled(network)
    rows = [function(tf.constant(pixels[start : start + batch], tf.float32)) for start in range(0, len(pixels), batch)]
    return {name: np.concatenate([row[name].numpy() for row in rows]) for name in ("species", "scope")}


def _compiled(network: Network) -> Any:
    """The network as a compiled function, kept with it: calling a Keras model eagerly is several times slower."""
    tf = tensorflow()
    if not hasattr(network, "_wingcheck_function"):
        signature = tf.TensorSpec((None, *network.input_shape[1:]), tf.float32)
        network._wingcheck_function = tf.function(
            lambda x: network(x, training=False), input_signature=[signature], autograph=False
        )
    return network._wingcheck_function
