"""Training, evaluation, export, inference. Never imports ``app``, which enters only through :mod:`ml.inference`."""
