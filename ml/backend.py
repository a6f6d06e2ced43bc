"""TensorFlow, fetched when it is needed: nothing here imports it, so serving under LiteRT never pays for it."""

from __future__ import annotations

import gc
import importlib
import os
from typing import Any


def tensorflow() -> Any:
    """The ``tensorflow`` module, imported on the first call with its start-up chatter off: also its "errors", of which there
    is one on every machine without a GPU. What goes wrong raises.

    Raises:
        ImportError: TensorFlow is not installed; ``pip install wingcheck[train]`` brings it.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    collecting = gc.isenabled()
    gc.disable()  # nothing that an import makes is garbage, and looking for some takes half a second
    try:
        return importlib.import_module("tensorflow")
    finally:
        if collecting:
            gc.enable()


def limit_threads(threads: int) -> None:
    """Set TensorFlow's CPU threads; without effect once it has run something, because it counts only once."""
    tf = tensorflow()
    try:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
    except RuntimeError:
        pass
