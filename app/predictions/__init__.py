"""Asking a model version about photos: /predict, the loaded versions, verdict rules, bulk prediction."""
