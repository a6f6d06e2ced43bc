"""What this process may use of its machine: a container is often given less than there is."""

import os
from collections.abc import Iterator
from pathlib import Path

_CGROUPS = Path("/sys/fs/cgroup")
_OWN = Path("/proc/self/cgroup")


def cores() -> int:
    """Cores that this process may use, counting in what its container may take of their time."""
    try:
        found = len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS
        found = os.cpu_count() or 1
    for quota, _, period in (line.partition(" ") for line in _limits("cpu.max")):
        if quota.isdigit() and period.isdigit():
            found = min(found, round(int(quota) / int(period)))
    return max(1, found)


def memory() -> int:
    """Bytes of memory that this process may take: the machine's, or what its container is allowed."""
    found = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min([found, *(int(limit) for limit in _limits("memory.max") if limit.isdigit())])


def _limits(name: str) -> Iterator[str]:
    """What the process's control group (version 2), and each one around it, says in that file."""
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
