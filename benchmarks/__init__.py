"""Measurements, each against a stated baseline in the same run: `python -m benchmarks` (or `make bench`)."""
