"""Optimisers by name take a step downhill; learning rates follow the curves they are named after."""

from typing import Any

import keras
import numpy as np
import pytest

from ml.config import Optimisation
from ml.optimisers import OPTIMISERS, current_rate, lower_rate, make_optimiser


def options(**changes: Any) -> Optimisation:
    return Optimisation(**{"epochs": 10, "learning_rate": 0.1, "schedule": "constant", **changes})


def rates(steps: list[int], **changes: Any) -> list[float]:
    """Learning rates at these steps of a run with ten steps an epoch."""
    rate = make_optimiser(options(**changes), steps=10)._learning_rate
    return [float(rate(step)) for step in steps]


def after(steps: int, **changes: Any) -> float:
    """Where a variable that began at 1 stands after some steps down a slope of 1."""
    variable = keras.Variable(1.0)
    optimiser = make_optimiser(options(**changes), steps=10)
    for _ in range(steps):
        optimiser.apply_gradients([(keras.ops.ones(()), variable)])
    return float(variable.numpy())


@pytest.mark.parametrize("name", OPTIMISERS)
def test_every_optimiser_goes_downhill(name: str) -> None:
    assert after(3, optimiser=name) < 1


@pytest.mark.parametrize("name", OPTIMISERS)
def test_every_optimiser_takes_decay_an_average_and_a_clip(name: str) -> None:
    assert after(1, optimiser=name, weight_decay=0.5) < after(1, optimiser=name, weight_decay=0.0)
    optimiser = make_optimiser(options(optimiser=name, ema=0.9, clip_norm=1.0), steps=1)
    assert (optimiser.use_ema, optimiser.ema_momentum, optimiser.global_clipnorm) == (True, 0.9, 1.0)


def test_only_adamw_decays_by_itself() -> None:
    decays = {name: make_optimiser(options(optimiser=name), 1).weight_decay for name in OPTIMISERS}

    assert decays == {name: 0.01 if name == "adamw" else None for name in OPTIMISERS}


def test_momentum_and_nesterov_by_hand() -> None:
    assert after(2, optimiser="sgd") == pytest.approx(0.8)
    assert after(2, optimiser="sgd", momentum=0.5) == pytest.approx(1 - 0.1 - 0.15)
    assert after(2, optimiser="sgd", momentum=0.5, nesterov=True) == pytest.approx(1 - 0.15 - 0.175)


def test_warm_up_and_cosine() -> None:
    assert rates([0, 5, 10, 100], schedule="cosine", warm_up=1) == pytest.approx([0.0, 0.05, 0.1, 0.0], abs=1e-6)
    assert rates([0, 100], schedule="cosine", warm_up=0, lowest_rate=0.01) == pytest.approx([0.1, 0.01])


def test_time_step_and_exponential_by_hand() -> None:
    assert rates([0, 10, 40], schedule="time", decay=0.5) == pytest.approx([0.1, 0.1 / 1.5, 0.1 / 3])
    assert rates([19, 20, 40], schedule="step", decay=0.5, decay_every=2) == pytest.approx([0.1, 0.05, 0.025])
    assert rates([10, 20], schedule="exponential", decay=0.25, decay_every=2) == pytest.approx([0.05, 0.025])
    for name in ("time", "step", "exponential"):
        assert rates([1000], schedule=name, lowest_rate=0.02) == pytest.approx([0.02])


def test_a_plateau_lowers_the_rate_to_a_floor() -> None:
    chosen = options(schedule="plateau", decay=0.1, lowest_rate=0.005)
    optimiser = make_optimiser(chosen, 1)
    seen = []
    for _ in range(3):
        lower_rate(optimiser, chosen)
        seen.append(current_rate(optimiser))

    np.testing.assert_allclose(seen, [0.01, 0.005, 0.005], rtol=1e-6)


@pytest.mark.parametrize("change", [{"optimiser": "lion"}, {"schedule": "steps"}])
def test_unknown_optimisers_and_schedules_are_refused(change: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="there is no"):
        make_optimiser(options(**change), 1)
