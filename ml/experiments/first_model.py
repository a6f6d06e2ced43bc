r"""A first model of photos of your own, whatever the species: all classes that the data have.

    wingcheck train first_model --data FOLDER

FOLDER is any data set that ``wingcheck dataset inspect`` can read; divide it first (``wingcheck dataset split``). The article's
small network, trained from chance in a minute or two on a laptop, shows that the whole road works. For a model to rely on:

    wingcheck train first_model --data FOLDER --set architecture=mobilenet_v2 --set input_size=96 \
        --set optimisation.epochs=20 --set optimisation.learning_rate=4e-4

and give it other subjects to tell apart (``outsiders``, see bundled_browns.py): without them whatever it is shown counts as in
scope. Expect anything between 0.5 and 0.9 from the small network: it depends on the photos, and 300 of a label are few.
"""

from ml.config import Augmentation, Config, Optimisation, SpeciesData

CONFIG = Config(
    name="first_model",
    task="garden-browns",
    model_name="first-model",
    version="1.0.0",
    architecture="article",
    input_size=75,
    species=SpeciesData(folder="."),
    augmentation=Augmentation(rotation=20, shift=0.1, zoom=0.15, brightness=0.1, contrast=0.15),
    optimisation=Optimisation(epochs=25, batch=16, learning_rate=1e-3, label_smoothing=0.05),
    flip_average=True,
    data_note="Photos collected from Flickr; their credits are published with the model.",
)
