"""Pages about model versions and training."""
