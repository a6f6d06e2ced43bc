"""Networks by name. Each takes RGB pixels 0…255 and gives the same four outputs."""

from ml.architectures.registry import Network, architectures, build, register

__all__ = ["Network", "architectures", "build", "register"]
