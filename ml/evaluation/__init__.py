"""Measuring a model: pure functions of labels and scores, calibration, and the report that goes into the card."""
