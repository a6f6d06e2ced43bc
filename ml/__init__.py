"""Training, evaluation, export and inference. Never imports ``app``; ``app`` enters only through :mod:`ml.inference`."""
