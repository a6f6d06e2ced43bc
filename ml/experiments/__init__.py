"""Runnable experiments: one config per file, with its command and the score to expect in its docstring."""

REFERENCE_PHOTOS = """\
Trained on small photos from the web (75 pixels square where the labels are concerned), not on photos of a garden count.
Their licences include ones that forbid commercial use, and author and licence of each photo are lost; so no photo comes
with Wingcheck, and **a charity should retrain on photos of its own volunteers** (`wingcheck train`) before relying on
this. Some photos that passed a first screening still bear a wrong label (of the two browns about 4 %, by one estimate),
in training and in test alike: a figure on such labels can't come near 100 %, whatever the model does."""
