"""Work on what somebody else made, in a process of its own that may take only so much memory and time."""

from __future__ import annotations

import multiprocessing
import os
import resource
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any, TypeVar

from ml.errors import UserError

_Result = TypeVar("_Result")


class LimitError(UserError):
    """The work was ended: it took too much memory or time, or crashed."""


def limited(function: Callable[..., _Result], *arguments: Any, megabytes: int, seconds: int) -> _Result:
    """What ``function(*arguments)`` returns or raises, from a process of its own. No GPU is used there.

    Args:
        function: of a module, so that the other process can import it.
        arguments: for it; they and the result are pickled.
        megabytes: of address space, which is more than the memory that is used: code and threads count, too.
        seconds: of CPU time.

    Raises:
        LimitError: it took more, or crashed.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(theirs, megabytes, seconds, function, arguments), daemon=True)
    process.start()
    theirs.close()
    try:
        returned, value = ours.recv()
    except EOFError as error:
        process.join()
        raise LimitError(
            f"It crashed, or needed more than {megabytes} MB of memory or {seconds} s of computing "
            f"(exit code {process.exitcode})."
        ) from error
    finally:
        process.kill()
        process.join()
        ours.close()
    if returned:
        return value
    raise value


def _work(
    connection: Connection, megabytes: int, seconds: int, function: Callable[..., Any], arguments: tuple[Any, ...]
) -> None:
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"  # a GPU's driver reserves more addresses than any limit allows
    resource.setrlimit(resource.RLIMIT_AS, (megabytes * 1_000_000, megabytes * 1_000_000))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        result = True, function(*arguments)
    except MemoryError:
        result = False, LimitError(f"It needs more than {megabytes} MB of memory.")
    except Exception as error:  # whatever it is, it is the caller's
        result = False, error
    connection.send(result)
