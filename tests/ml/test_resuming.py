"""A run that was stopped, or killed, goes on as if nothing had happened."""

import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from ml.checkpoints import forget
from ml.config import Config, load_config
from ml.datasets.examples import Divided, divide
from ml.progress import Curves, EpochReport, Journal
from ml.stopping import EXIT_CODE, Stop, Stopped, listening
from ml.training import RunOptions, Trained, TrainingError, train
from tests.ml.runs import TrainingProcess, silent

# Everything that has a state of its own: dropout, momentum, averaged weights, the best epoch, the schedule.
RECIPE = [
    "optimisation.epochs=24", "optimisation.ema=0.9", "optimisation.schedule=plateau", "optimisation.decay_every=2",
    "optimisation.keep_best=true", "augmentation.mixup=0.2",
]  # fmt: skip


def test_stopped_then_killed_it_ends_like_one_that_was_not(drawn_data: Path, tmp_path: Path) -> None:
    recipe = [word for value in RECIPE for word in ("--set", value)]

    def start(name: str, *more: str) -> TrainingProcess:
        return TrainingProcess(drawn_data, tmp_path / name, *recipe, *more, progress=tmp_path / f"{name}.jsonl")

    whole, broken = start("whole"), start("broken")
    broken.wait_for_epoch(3)
    assert broken.signal(signal.SIGTERM) == EXIT_CODE
    assert broken.lines()[-1]["phase"] == "stopped"
    assert not (tmp_path / "broken").exists()
    reached = max(broken.epochs())

    broken = start("broken", "--resume")
    broken.wait_for_epoch(reached + 3)
    assert broken.signal(signal.SIGKILL) == -signal.SIGKILL

    broken = start("broken", "--resume")
    assert (broken.end(), whole.end()) == (0, 0)
    figures = [[[epoch[key] for key in ("loss", "accuracy", "calibration_loss", "learning_rate")]
                for _, epoch in sorted(run.epochs().items())] for run in (whole, broken)]  # fmt: skip
    assert len(figures[0]) == 24
    np.testing.assert_allclose(figures[1], figures[0], rtol=1e-5)
    one, other = (keras.models.load_model(tmp_path / name / "model.keras") for name in ("whole", "broken"))
    for before, after in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(after, before, atol=1e-6)
    assert not (tmp_path / "broken.checkpoint").exists()


@pytest.fixture(scope="module")
def divided(drawn_data: Path) -> Divided:
    return divide(load_config("tiny"), drawn_data)


def followed(
    divided: Divided,
    checkpoints: Path,
    *values: str,
    resume: bool = False,
    report: Callable[[EpochReport], None] = silent,
) -> Trained:
    config = load_config("tiny").with_values(["optimisation.epochs=2", "optimisation.steps_per_epoch=2", *values])
    options = RunOptions(checkpoints=checkpoints, resume=resume, report=report)
    return train(config, divided.train, divided.calibration, options)


def test_a_finished_run_is_not_trained_again(divided: Divided, tmp_path: Path) -> None:
    seen: list[EpochReport] = []
    first = followed(divided, tmp_path)
    again = followed(divided, tmp_path, resume=True, report=seen.append)

    assert not seen
    assert again.history == first.history
    assert all(
        np.array_equal(a, b) for a, b in zip(first.network.get_weights(), again.network.get_weights(), strict=True)
    )
    forget(tmp_path)
    assert not tmp_path.exists()


def test_without_a_checkpoint_resuming_is_starting(divided: Divided, tmp_path: Path) -> None:
    assert len(followed(divided, tmp_path, resume=True).history) == 2


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["optimisation.checkpoint_every=0"], []),
        (["optimisation.checkpoint_every=2"], [2]),
        ([], [1, 2, 3]),
    ],
)
def test_it_is_written_down_every_so_many_epochs(
    divided: Divided, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, values: list[str], expected: list[int]
) -> None:
    written: list[int] = []
    monkeypatch.setattr(
        "ml.checkpoints.Checkpoint.save", lambda self, standing, *_: written.append(len(standing.history))
    )
    followed(divided, tmp_path, "optimisation.epochs=3", *values)

    assert written == expected


def test_only_the_best_is_written_down_where_that_is_asked(
    divided: Divided, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[int] = []
    monkeypatch.setattr(
        "ml.checkpoints.Checkpoint.save", lambda self, standing, *_: written.append(len(standing.history))
    )
    values = ["optimisation.epochs=6", "optimisation.learning_rate=0.1", "optimisation.checkpoint_best_only=true"]
    losses = [report.calibration_loss for report in followed(divided, tmp_path, *values).history]

    assert written == [n for n, loss in enumerate(losses, start=1) if loss < min([*losses[: n - 1], np.inf])]
    assert len(written) < 6


def test_it_stops_early_after_its_patience_and_stays_stopped(divided: Divided, tmp_path: Path) -> None:
    values = ["optimisation.epochs=9", "optimisation.patience=2", "optimisation.min_delta=10.0"]

    assert len(followed(divided, tmp_path, *values).history) == 3
    assert len(followed(divided, tmp_path, *values, resume=True).history) == 3


def test_a_run_goes_on_only_from_its_own_checkpoint(divided: Divided, tmp_path: Path) -> None:
    followed(divided, tmp_path)
    with pytest.raises(TrainingError, match="another config"):
        followed(divided, tmp_path, "optimisation.batch=4", resume=True)
    fewer = divided.train.where(np.arange(len(divided.train)) > 0)
    config = load_config("tiny").with_values(["optimisation.epochs=2", "optimisation.steps_per_epoch=2"])
    with pytest.raises(TrainingError, match="other photos"):
        train(config, fewer, divided.calibration, RunOptions(checkpoints=tmp_path, resume=True))
    (tmp_path / "run-0.npz").write_bytes(b"half a file")
    with pytest.raises(TrainingError, match="can't be read"):
        followed(divided, tmp_path, resume=True)


def test_asked_to_stop_it_writes_down_in_the_middle_of_an_epoch(divided: Divided, tmp_path: Path) -> None:
    stop = Stop()
    config: Config = load_config("tiny").with_values(["optimisation.epochs=2"])

    class Impatient(Journal):
        def under_way(self, figures: Any) -> None:
            if figures()["step"] == 3 and not stop.asked:
                stop.ask()

    def run(**keywords: Any) -> Trained:
        return train(
            config, divided.train, divided.calibration,
            RunOptions(stop=stop, checkpoints=tmp_path, report=silent, **keywords),
        )  # fmt: skip

    with pytest.raises(Stopped):
        run(journal=Impatient())
    stop.asked = False
    broken = run(resume=True)
    forget(tmp_path)
    whole = run()

    assert [each.loss for each in broken.history] == pytest.approx([each.loss for each in whole.history], rel=1e-5)


def test_stopping_waits_only_where_someone_looks() -> None:
    stop = Stop()
    with pytest.raises(Stopped):
        stop.ask()
    with stop.patience():
        stop.ask()
        assert stop.asked
        with pytest.raises(Stopped):
            stop.ask()


def test_signals_ask_and_are_given_back() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with listening() as stop, stop.patience():
        signal.raise_signal(signal.SIGTERM)
        assert stop.asked
    assert signal.getsignal(signal.SIGTERM) is before


REPORT = EpochReport(2, 5, 0.5, 0.9, 0.4, 0.8, 100.0, 3.0, 1e-3)


def test_the_journal_is_lines_of_json(tmp_path: Path) -> None:
    file = tmp_path / "new" / "progress.jsonl"
    journal = Journal(file)
    journal.write("reading")
    journal.under_way(lambda: {"epoch": 1, "loss": float("nan")})  # too soon after the line before
    journal.epoch(REPORT, steps=7)
    journal.write("failed", reason="no photos", loss=float("inf"))

    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    assert [line["phase"] for line in lines] == ["reading", "training", "failed"]
    assert {"epoch", "epochs", "step", "steps", "loss", "accuracy", "images_per_second", "seconds_left"} <= set(
        lines[1]
    )
    assert lines[1]["steps"] == 7
    assert lines[2]["loss"] is None


def test_curves_can_be_read_by_tensorboard(tmp_path: Path) -> None:
    import tensorflow as tf

    Curves(tmp_path).epoch(REPORT)

    events = list(tf.compat.v1.train.summary_iterator(str(next(tmp_path.glob("events.*")))))
    points = {value.tag: (event.step, float(tf.make_ndarray(value.tensor)), value.metadata.plugin_data.plugin_name)
              for event in events for value in event.summary.value}  # fmt: skip
    assert points["loss/training"] == (2, 0.5, "scalars")
    assert set(points) == {"loss/training", "loss/calibration", "accuracy/training", "accuracy/calibration",
                           "run/images_per_second", "run/learning_rate"}  # fmt: skip
