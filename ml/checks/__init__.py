"""What a model that somebody else made may hold: looked at before anything loads it. A model is a program.

Nothing here runs a model or imports TensorFlow. :mod:`ml.checks.allowed` lists what is allowed; whatever is not listed is
refused by name.
"""
