"""Several machines, one run: each learns from its part of every batch, and all take the same step.

TensorFlow's own variable ``TF_CONFIG`` says who takes part and which of them this is. ``MultiWorkerMirroredStrategy`` with
``model.fit`` fails on Keras 3, and so do mirrored variables in some of its layers. So every machine keeps plain variables,
built from one seed, and the strategy only sums gradients between them: the sums are the same bits everywhere, hence the
weights are, too.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from typing import Any

import numpy as np

from ml.architectures.registry import Network
from ml.backend import tensorflow

VARIABLE = "TF_CONFIG"


class MachinesError(Exception):
    """The machines of a run don't fit together; the message says why."""


class Machines:
    """This machine and the others of a run; ``index`` counts from 0, and machine 0 writes the model version."""

    def __init__(self, index: int, count: int, strategy: Any) -> None:
        self.index, self.count, self._strategy = index, count, strategy
        self._summed: Any = None
        self._wish: Any = None if strategy is None else _flag()
        self._wishes: Any = None if strategy is None else _flag()

    def wish_to_stop(self, wanted: bool) -> None:
        """Tell the other machines with the next sum whether this one was asked to stop."""
        self._wish.assign(float(wanted))

    def should_stop(self) -> bool:
        """Whether any machine was asked, as of the last sum; the same answer everywhere, so that all stop together."""
        return float(self._wishes) > 0

    def together(self, function: Callable[..., list[Any]], batch: tuple[Any, ...]) -> list[Any]:
        """What a function makes of this machine's batch, a list of float32 tensors, summed over all machines."""
        tf = tensorflow()

        def summed(*own: Any) -> Any:
            # As one vector: machines that wait for each other's sums in different orders would wait for ever.
            values = [*function(*own), self._wish.read_value()]
            together = self._sum(tf.concat([tf.reshape(value, [-1]) for value in values], axis=0))
            parts = tf.split(together, [int(np.prod(value.shape)) for value in values])
            self._wishes.assign(parts[-1][0])
            return [tf.reshape(part, value.shape) for part, value in zip(parts[:-1], values[:-1], strict=True)]

        return list(self._strategy.run(summed, args=batch))

    def total(self, value: Any) -> Any:
        """The sum of a tensor over all machines, inside a function that runs :meth:`together`, before its own sum."""
        # What another machine's photos count for is a given number: no gradient goes through it.
        return self._sum(tensorflow().stop_gradient(value))

    def _sum(self, value: Any) -> Any:
        tf = tensorflow()
        return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, value)

    def own_part(self, chosen: np.ndarray) -> np.ndarray:
        """Which photos of a batch this machine learns from."""
        return chosen[self.index :: self.count]

    def share_statistics(self, network: Network) -> None:
        """Give all machines the mean of what batch normalisation counted on each."""
        tf = tensorflow()
        statistics = [variable for variable in network.non_trainable_variables if variable.dtype == "float32"]
        if statistics:
            sums = self._everywhere([tf.convert_to_tensor(variable.value) for variable in statistics])
            for variable, total in zip(statistics, sums, strict=True):
                variable.assign(total / self.count)

    def check_same(self, network: Network) -> None:
        """Raise MachinesError unless every machine has the same weights."""
        tf = tensorflow()
        # 16 bits at a time, so that their sum is exact in 32-bit floats.
        words = [int(weights_digest(network)[start : start + 4], 16) for start in range(0, 64, 4)]
        sums = self._everywhere([tf.constant(words, tf.float32)])[0].numpy()
        if any(total != self.count * word for total, word in zip(sums, words, strict=True)):
            raise MachinesError(
                "The machines no longer have the same weights. Do all run the same code on the same photos, "
                "and go on from the same batch?"
            )

    def _everywhere(self, values: list[Any]) -> list[Any]:
        tf = tensorflow()
        if self._summed is None:
            self._summed = tf.function(lambda *own: self.together(lambda *each: list(each), own), autograph=False)
        return list(self._summed(*values))


def _flag() -> Any:
    return tensorflow().Variable(0.0, trainable=False)


def machines_from_environment() -> Machines | None:
    """The machines that TF_CONFIG names, or None where it names no more than one. Waits until all of them are there.

    Raises:
        MachinesError: TF_CONFIG is malformed.
    """
    text = os.environ.get(VARIABLE)
    if not text:
        return None
    try:
        value = json.loads(text)
        workers, task = value["cluster"]["worker"], value["task"]
        index = int(task["index"])
        if task["type"] != "worker" or not 0 <= index < len(workers):
            raise ValueError(f"there is no task {task} among {len(workers)} workers")
    except (ValueError, KeyError, TypeError) as error:
        raise MachinesError(
            f"{VARIABLE} is not what TensorFlow expects (cluster.worker and task): {error!r}"
        ) from error
    if len(workers) == 1:
        return None
    return Machines(index, len(workers), tensorflow().distribute.MultiWorkerMirroredStrategy())


def weights_digest(network: Network) -> str:
    """Hexadecimal sha256 of all weights."""
    digest = hashlib.sha256()
    for value in network.get_weights():
        digest.update(np.ascontiguousarray(value).tobytes())
    return digest.hexdigest()
