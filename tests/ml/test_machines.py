"""Several machines train one network: here, two processes."""

import json
import signal
import socket
from pathlib import Path

import keras
import numpy as np
import pytest

from ml.inference import read_version
from ml.machines import Machines, MachinesError, machines_from_environment
from ml.stopping import EXIT_CODE
from tests.ml.runs import TrainingProcess

VALUES = ["optimisation.epochs=40", "optimisation.batch=16", "optimisation.clip_norm=1.0", "augmentation.mixup=0.2"]


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def test_two_machines_stop_together_go_on_and_end_with_the_same_weights(drawn_data: Path, tmp_path: Path) -> None:
    machines = started(drawn_data, tmp_path)
    machines[0].wait_for_epoch(2)
    assert machines[1].signal(signal.SIGTERM) == EXIT_CODE
    assert machines[0].end() == EXIT_CODE
    assert set(machines[0].epochs()) == set(machines[1].epochs())

    machines = started(drawn_data, tmp_path, "--resume")
    assert [machine.end() for machine in machines] == [0, 0]
    first, second = (machine.lines()[-1] for machine in machines)
    assert first["phase"] == second["phase"] == "done"
    assert first["weights"] == second["weights"]
    losses = [[epoch["loss"] for _, epoch in sorted(machine.epochs().items())] for machine in machines]
    assert len(losses[0]) == 40
    assert losses[0] == losses[1]
    assert read_version(tmp_path / "version-0").name == "browns-tiny"
    assert not (tmp_path / "version-1").exists()


def started(data: Path, folder: Path, *more: str) -> list[TrainingProcess]:
    """A process for each of two machines."""
    workers = [f"127.0.0.1:{port}" for port in free_ports(2)]
    arguments = [*(word for value in VALUES for word in ("--set", value)), *more]
    return [
        TrainingProcess(
            data,
            folder / f"version-{index}",
            *arguments,
            progress=folder / f"{index}.jsonl",
            environment={"TF_CONFIG": json.dumps({"cluster": {"worker": workers},
                                                  "task": {"type": "worker", "index": index}})},
        )
        for index in range(2)
    ]  # fmt: skip


def test_batch_statistics_become_their_mean_over_machines(monkeypatch: pytest.MonkeyPatch) -> None:
    layer = keras.layers.BatchNormalization()
    network = keras.Sequential([keras.Input((3,)), layer, keras.layers.Dropout(0.5)])
    layer.moving_mean.assign([1.0, 2.0, 3.0])
    counters = [v.numpy() for v in network.non_trainable_variables if v.dtype != "float32"]
    machines = Machines(0, 2, None)
    # The other machine counted the same and 2 more.
    monkeypatch.setattr(machines, "_everywhere", lambda values: [2 * value + 2 for value in values])

    machines.share_statistics(network)

    np.testing.assert_allclose(layer.moving_mean.numpy(), [2, 3, 4])
    assert all(np.array_equal(v.numpy(), before) for v, before in
               zip([v for v in network.non_trainable_variables if v.dtype != "float32"], counters, strict=True))  # fmt: skip


def test_machines_that_drift_apart_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    network = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    machines = Machines(0, 2, None)
    monkeypatch.setattr(machines, "_everywhere", lambda values: [2 * value for value in values])
    machines.check_same(network)
    monkeypatch.setattr(machines, "_everywhere", lambda values: [2 * value + 1 for value in values])
    with pytest.raises(MachinesError, match="no longer have the same weights"):
        machines.check_same(network)


def test_every_photo_of_a_batch_goes_to_one_machine() -> None:
    parts = [Machines(index, 3, None).own_part(np.arange(10)) for index in range(3)]

    assert sorted(np.concatenate(parts)) == list(range(10))
    assert {len(part) for part in parts} == {3, 4}


@pytest.mark.parametrize(
    "value",
    [
        "{",
        "[]",
        '{"cluster": {"worker": ["a:1", "b:1"]}}',
        '{"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": 2}}',
        '{"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "ps", "index": 0}}',
    ],
)
def test_a_malformed_environment_is_refused(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("TF_CONFIG", value)
    with pytest.raises(MachinesError, match="TF_CONFIG"):
        machines_from_environment()


@pytest.mark.parametrize("value", ["", '{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 0}}'])
def test_one_machine_is_no_cluster(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("TF_CONFIG", value)
    assert machines_from_environment() is None
