"""The Wingcheck service: submissions, verdicts, pages, API. See docs/architecture.md for the direction of imports."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("wingcheck")
except PackageNotFoundError:  # a checkout that was not installed
    __version__ = "0"
