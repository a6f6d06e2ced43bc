"""What this process may use of its machine; a container often gets only a part."""

import os
from collections.abc import Iterator
from pathlib import Path

_CGROUPS = Path("/sys/fs/cgroup")
_OWN = Path("/proc/self/cgroup")


def cores() -> int:
    """Cores that this process may use, within the CPU quota of its container."""
    try:
        count = len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS
        count = os.cpu_count() or 1
    for quota, _, period in (line.partition(" ") for line in _limits("cpu.max")):
        if quota.isdigit() and period.isdigit():
            count = min(count, round(int(quota) / int(period)))
    return max(1, count)


def memory() -> int:
    """Bytes of memory that this process may use: the machine's, or its container's limit."""
    installed = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min([installed, *(int(limit) for limit in _limits("memory.max") if limit.isdigit())])


def _limits(name: str) -> Iterator[str]:
    """The content of a file in the process's control group (version 2) and in each of its parents."""
    try:
        own = next(line for line in _OWN.read_text().splitlines() if line.startswith("0::"))
    except (OSError, StopIteration):
        return
    folder = _CGROUPS / own.removeprefix("0::").lstrip("/")
    for place in (folder, *folder.parents):
        if not place.is_relative_to(_CGROUPS):
            return
        try:
            yield (place / name).read_text().strip()
        except OSError:
            continue
