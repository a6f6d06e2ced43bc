"""Training: repeatable, watched, and stopped when it makes no sense."""

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest

from ml.config import Config, Optimisation, load_config
from ml.datasets.examples import Divided, divide
from ml.progress import EpochReport, print_epoch
from ml.steps import predict_raw, species_loss
from ml.training import RunOptions, Trained, TrainingError, train
from tests.ml.runs import QUIET


@pytest.fixture(scope="module")
def divided(drawn_data: Path) -> Divided:
    return divide(load_config("tiny"), drawn_data)


def trained(divided: Divided, config: Config | None = None, **changes: object) -> Trained:
    chosen = (config or load_config("tiny")).with_changes(epochs=2, **changes)
    return train(chosen, divided.train, divided.calibration, QUIET)


def test_the_same_seed_gives_the_same_network(divided: Divided) -> None:
    one, two, other = trained(divided), trained(divided), trained(divided, seed=2)

    figures = [[(r.loss, r.accuracy, r.calibration_loss) for r in each.history] for each in (one, two, other)]
    assert figures[0] == figures[1]
    assert figures[0] != figures[2]
    pixels = divided.test.pixels
    assert np.array_equal(predict_raw(one.network, pixels)["species"], predict_raw(two.network, pixels)["species"])


def test_reports_every_epoch(divided: Divided, capsys: pytest.CaptureFixture[str]) -> None:
    reports: list[EpochReport] = []
    train(
        load_config("tiny").with_changes(epochs=2),
        divided.train,
        divided.calibration,
        RunOptions(report=reports.append),
    )

    assert [report.epoch for report in reports] == [1, 2]
    assert all(report.images_per_second > 0 for report in reports)
    assert reports[-1].seconds_left == 0
    print_epoch(reports[0])
    shown = capsys.readouterr().out
    for word in ("1/2", "loss", "accuracy", "images/s", "left"):
        assert word in shown


def test_stops_at_a_loss_that_is_no_number(divided: Divided) -> None:
    tiny = load_config("tiny")
    wild = dataclasses.replace(
        tiny, optimisation=dataclasses.replace(tiny.optimisation, learning_rate=1e30, warm_up=0, schedule="constant")
    )
    with pytest.raises(TrainingError, match="no longer a number"):
        trained(divided, wild)


def test_keeps_the_best_epoch(divided: Divided) -> None:
    tiny = load_config("tiny")
    wobbly = dataclasses.replace(
        tiny,
        optimisation=Optimisation(epochs=2, learning_rate=0.05, schedule="constant", keep_best=True, patience=1),
    )
    result = train(wobbly.with_changes(epochs=6), divided.train, divided.calibration, QUIET)

    losses = [report.calibration_loss for report in result.history]
    assert losses[result.epoch - 1] == min(losses)
    species = divided.calibration.species
    logits = predict_raw(result.network, species.pixels)["species"]
    assert float(np.mean(species_loss(logits, species.classes, 0.0))) == pytest.approx(min(losses), abs=1e-5)


def test_an_average_of_weights_can_be_kept(divided: Divided) -> None:
    tiny = load_config("tiny")
    averaged = dataclasses.replace(tiny, optimisation=dataclasses.replace(tiny.optimisation, ema=0.9))

    plain, mean = trained(divided), trained(divided, averaged)

    last, average = (predict_raw(each.network, divided.test.pixels)["species"] for each in (plain, mean))
    assert not np.array_equal(last, average)


def test_losses_by_hand() -> None:
    two = species_loss(np.array([[0.0], [2.0]], np.float32), np.array([1, 0]), 0.0)
    assert np.asarray(two) == pytest.approx([math.log(2), math.log(1 + math.exp(2))])
    three = species_loss(np.array([[0.0, 0.0, 0.0]], np.float32), np.array([2]), 0.1)
    assert np.asarray(three) == pytest.approx([math.log(3)])
