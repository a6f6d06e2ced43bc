"""Runnable experiments: one config per file, with its command and the score to expect in its docstring."""
