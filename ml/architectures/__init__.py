"""Networks by name. Each takes RGB pixels 0…255 and gives the same four outputs."""

from ml.architectures.registry import Network, architectures, build, options_of, parameters, register, summary_of

__all__ = ["Network", "architectures", "build", "options_of", "parameters", "register", "summary_of"]
