"""The training loop: repeatable from its seed, resumable, watched, and stopped by the first loss that is no number."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ml.architectures.registry import Network, build
from ml.architectures.task import Scaling
from ml.backend import limit_threads, tensorflow
from ml.checkpoints import Checkpoint, CheckpointError, RunState
from ml.config import Config
from ml.datasets.arrays import mean_and_deviation
from ml.datasets.examples import NAMELESS, Examples
from ml.datasets.pipeline import Feed
from ml.errors import ModelVersionError, UserError
from ml.keras_files import load_archived_weights
from ml.machines import MachinesError, machines_from_environment
from ml.optimisers import current_rate, lower_rate, make_optimiser
from ml.progress import Curves, EpochReport, Journal, Report, print_epoch
from ml.steps import guess, label_weights, predict_raw, species_loss, training_step
from ml.stopping import Stop, Stopped


class TrainingError(UserError):
    """The run can't go on; the message says why."""


@dataclass(frozen=True)
class Trained:
    """A trained network, what each epoch reported, which epoch's weights it has (from 1), and which machine of a run on
    several this is.
    """

    network: Network
    history: list[EpochReport]
    epoch: int
    machine: int = 0


@dataclass(frozen=True)
class RunOptions:
    """How a run goes about its work: none of this changes what a network learns, but where it starts.

    ``threads`` are CPU threads: several share out a sum as they happen to be free, and floating-point sums depend on their
    order, so only a run with one repeats exactly. ``report`` is called after each epoch, ``say`` with lines for a person. The
    run is saved in the folder ``checkpoints``, and continues from there with ``resume``, if anything is there. A new run starts
    with the weights of the model version in ``start``, whose finder and names it takes over; those of the version in ``parts``
    come first.
    """

    journal: Journal = field(default_factory=Journal)
    curves: Curves = field(default_factory=Curves)
    stop: Stop = field(default_factory=Stop)
    report: Report = print_epoch
    say: Callable[[str], None] = print
    threads: int = 1
    checkpoints: Path | None = None
    resume: bool = False
    start: Path | None = None
    parts: Path | None = None


def train(config: Config, training: Examples, calibration: Examples, options: RunOptions | None = None) -> Trained:
    """Train a config's network.

    Args:
        config: the run; its seed settles weights, order and random changes.
        training: photos to learn from.
        calibration: photos to watch; only with ``keep_best``, ``patience`` or a plateau do they choose anything.
        options: checkpoints, progress, and a way to stop.

    Raises:
        TrainingError: the loss became infinite or no number, a checkpoint does not fit, or the machines don't.
        Stopped: it was asked to stop; a checkpoint was written.
    """
    options = options or RunOptions()
    try:
        run = _Run(config, training, calibration, options)
        with options.stop.patience():
            run.go()
        return run.finished()
    except (CheckpointError, MachinesError) as error:
        raise TrainingError(str(error)) from error


def prepare(seed: int, threads: int) -> None:
    """Make what follows repeatable: seeds of Python, NumPy and TensorFlow, and only operations with a fixed order."""
    tf = tensorflow()
    limit_threads(threads)
    tf.keras.backend.clear_session()
    tf.keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()


class _Run:
    """One run from its first step, or from where it stopped, to its last."""

    def __init__(self, config: Config, training: Examples, calibration: Examples, run: RunOptions) -> None:
        limit_threads(run.threads)
        # Before anything else of TensorFlow runs: it can't join other machines later.
        self.machines = machines_from_environment()
        run.stop.listen()  # TensorFlow takes SIGTERM for itself when it joins others
        prepare(config.seed, run.threads)
        self.config, self.training, self.options = config, training, config.optimisation
        self.run, self.several = run, bool(config.species.several)
        self.watched = calibration.species
        self.feed = Feed(training, config, self.machines)
        self.network = self._built(self.options.mixed_precision)
        if run.start is not None:
            begin_with(self.network, run.start)
        self.optimiser = make_optimiser(self.options, self.feed.steps)
        weights = label_weights(self.options, config.species.labels, training)
        self.step = training_step(
            self.network,
            self.optimiser,
            self.options,
            config.outsiders,
            weights=weights,
            machines=self.machines,
            several=self.several,
        )
        self.state = RunState()
        self.checkpoint: Checkpoint | None = None
        if run.checkpoints is not None:
            machine = 0 if self.machines is None else self.machines.index
            self.checkpoint = Checkpoint(run.checkpoints, config, training, machine=machine)
            if run.resume:
                self.state = self.checkpoint.load(self.network, self.optimiser) or self.state
        self.started, self.first_epoch = time.monotonic(), self.state.epoch

    def _built(self, precision: str | None = None) -> Network:
        config = self.config
        try:
            with _computing_in(precision):
                network = build(
                    config.architecture,
                    size=config.input_size,
                    labels=len(config.species.labels),
                    several=self.several,
                    subjects=int(self.training.subjects.max(initial=NAMELESS)) + 1,
                    colour=config.colour,
                    scaling=_scaling(config, self.training),
                    options=config.architecture_options,
                )
        except ValueError as error:
            raise TrainingError(f"The network can't be built: {error}.") from error
        if config.outsiders is None:
            network.get_layer("scope").trainable = False
        return network

    def go(self) -> None:
        """Train until the last epoch, or until nothing gets better. Raises TrainingError, Stopped."""
        if self.machines is not None:
            self.machines.check_same(self.network)
        while self.state.epoch <= self.options.epochs and not self._waited_long_enough():
            self._epoch()
            self._close_epoch()

    def finished(self) -> Trained:
        """The network to keep, in 32 bits whatever it was trained in."""
        if self.options.ema is not None:
            self.optimiser.finalize_variable_values(self.network.trainable_variables)
        state = self.state
        if self.options.keep_best and state.best_weights is not None:
            self.network.set_weights(state.best_weights)
        network = self.network
        if self.options.mixed_precision is not None:
            network = self._built()
            network.set_weights(self.network.get_weights())
        kept = state.best[1] if self.options.keep_best and state.best else len(state.history)
        return Trained(network, state.history, kept, 0 if self.machines is None else self.machines.index)

    def _epoch(self) -> None:
        state = self.state
        began = time.monotonic()
        for batch in self.feed.epoch(state.epoch, first=state.step):
            if self.machines is not None:
                self.machines.wish_to_stop(self.run.stop.asked)
            loss, right, shown = (float(value) for value in self.step(*batch))
            if not math.isfinite(loss):
                raise TrainingError("The loss is no longer a number. Try a lower learning rate, or clip_norm.")
            state.losses.append(loss)
            state.right, state.shown = state.right + right, state.shown + shown
            now = time.monotonic()
            state.step, state.seconds, began = state.step + 1, state.seconds + now - began, now
            self.run.journal.under_way(self._under_way)
            if self._asked_to_stop():
                self._write_down()
                raise Stopped

    def _asked_to_stop(self) -> bool:
        """Of several machines all stop after the same batch, whichever was asked."""
        return self.run.stop.asked if self.machines is None else self.machines.should_stop()

    def _close_epoch(self) -> None:
        state, options = self.state, self.options
        if self.machines is not None:
            self.machines.share_statistics(self.network)
            self.machines.check_same(self.network)
        loss, accuracy = self._watch()
        better = state.best is None or loss < state.best[0] - options.min_delta
        if better:
            state.best, state.waited = (loss, state.epoch), 0
            state.best_weights = self.network.get_weights() if options.keep_best else None
        else:
            state.waited += 1
            if options.schedule == "plateau" and state.waited >= options.decay_every:
                lower_rate(self.optimiser, options)
                state.waited = 0
        figures = self._report(loss, accuracy)
        state.history.append(figures)
        self.run.journal.epoch(figures, state.step)
        self.run.curves.epoch(figures)
        self.run.report(figures)
        ended = state.epoch
        state.next_epoch()
        due = options.checkpoint_every > 0 and ended % options.checkpoint_every == 0
        if due and (better or not options.checkpoint_best_only):
            self._write_down()

    def _watch(self) -> tuple[float, float]:
        """Loss and accuracy on the calibration part's species."""
        logits = predict_raw(self.network, self.watched.pixels)["species"]
        answers, classes = tensorflow().constant(logits), self.watched.classes
        losses = species_loss(answers, classes, 0.0, several=self.several).numpy()
        return float(losses.mean()), float((guess(answers, self.several).numpy() == classes).mean())

    def _waited_long_enough(self) -> bool:
        if self.options.patience is None or self.state.best is None:
            return False
        return len(self.state.history) - self.state.best[1] >= self.options.patience

    def _write_down(self) -> None:
        if self.checkpoint is not None:
            self.checkpoint.save(self.state, self.network, self.optimiser)

    def _report(self, loss: float, accuracy: float) -> EpochReport:
        state, epochs = self.state, self.options.epochs
        per_epoch = (time.monotonic() - self.started) / (state.epoch - self.first_epoch + 1)
        return EpochReport(
            epoch=state.epoch,
            epochs=epochs,
            loss=float(np.mean(state.losses)),
            accuracy=state.right / max(1.0, state.shown),
            calibration_loss=loss,
            calibration_accuracy=accuracy,
            images_per_second=self.feed.photos(state.epoch) / max(state.seconds, 1e-9),
            seconds_left=per_epoch * (epochs - state.epoch),
            learning_rate=current_rate(self.optimiser),
        )

    def _under_way(self) -> dict[str, Any]:
        state, epochs, steps = self.state, self.options.epochs, self.feed.steps
        done = state.epoch - self.first_epoch + state.step / steps
        per_epoch = (time.monotonic() - self.started) / max(done, 1e-9)
        return {
            "epoch": state.epoch,
            "epochs": epochs,
            "step": state.step,
            "steps": steps,
            "loss": float(np.mean(state.losses)),
            "accuracy": state.right / max(1.0, state.shown),
            "images_per_second": state.step * self.options.batch / max(state.seconds, 1e-9),
            "seconds_left": per_epoch * (epochs - state.epoch + 1 - state.step / steps),
        }


def begin_with(network: Network, version: Path) -> None:
    """Give a network the weights of a model version's network. Raises TrainingError where they don't fit."""
    try:
        load_archived_weights(network, version)
    except ModelVersionError as error:
        raise TrainingError(f"The run can't begin with {version.name}: {error}") from error
    except (OSError, ValueError) as error:
        raise TrainingError(f"The run can't begin with {version.name}: it is built in another way.") from error


@contextmanager
def _computing_in(precision: str | None) -> Iterator[None]:
    """Layers built inside compute in 16 bits and keep their weights in 32."""
    mixed = tensorflow().keras.mixed_precision
    before = mixed.dtype_policy()
    mixed.set_dtype_policy("float32" if precision is None else f"mixed_{precision}")
    try:
        yield
    finally:
        mixed.set_dtype_policy(before)


def _scaling(config: Config, training: Examples) -> Scaling:
    """What the network does to pixels; "standard" is worked out from the training part."""
    if config.normalise != "standard":
        return config.normalise
    return mean_and_deviation(training.pixels, grey=config.colour == "grey")
