"""``wingcheck explain``: one photo, and a sheet of where the network looked."""

from __future__ import annotations

from pathlib import Path
from typing import cast, get_args

from ml.explanation import Explainer, Method, explained
from ml.inference import Square, load_recogniser, open_photo

_HOW = {
    "activation": "class activation map: what each place of the photo added to the answer",
    "grad-cam": "Grad-CAM: places whose features the answer grows with",
    "gradient": "gradient by pixels: the pixels that move the answer most",
}


def explain_photo(
    photo: Path, folder: Path, out: Path, *, square: str | None = None, method: str | None = None, most: int = 2
) -> list[str]:
    """Write the sheet for a photo; returns what the model says of it, a line per label that is explained.

    Raises:
        PhotoError: the photo can't be read.
        ModelVersionError: the version is damaged, or can't be explained so.
        ValueError: ``square`` or ``method`` makes no sense.
        OSError: a file can't be read or written.
    """
    recogniser = load_recogniser(folder)
    classifier, info = recogniser.classifier, recogniser.info
    image, _ = open_photo(photo, max_side=None)
    chosen = _square(square) or next((found.square for found in recogniser.find(image)), None)
    pixels = recogniser.pixels(image, chosen)[0]
    output = classifier.predict(pixels[None])[0]
    explainer = Explainer(classifier, _method(method))
    looks, said, how = [], [], ""
    for index in output.probabilities.argsort()[::-1][:most].tolist():
        label = info.labels[index]
        name = label.vernacular_names.get("en") or label.scientific_name
        look = explainer.look(pixels, output, index)
        line = f"{100 * output.probabilities[index]:.1f} %"
        spoken = "in the light: what speaks for it" if look.heat.any() else "nothing speaks for it"
        looks.append((f"{name.capitalize()}: {line}", spoken, look.heat))
        said.append(f"{label.scientific_name}: {line}")
        how = _HOW[look.method]
    scope = "in scope" if output.in_scope >= info.policy.in_scope_threshold else "out of scope: none of its species"
    explained(pixels, looks, note=f"{info.name} {info.version}; {scope}. {how[0].upper()}{how[1:]}.").save(out)
    return [*said, f"{100 * output.in_scope:.1f} % sure that it shows one of its species ({scope})"]


def _square(text: str | None) -> Square | None:
    if text is None:
        return None
    sides = [float(each) for each in text.split(",")]
    if len(sides) != 4:
        raise ValueError("The square is four numbers: x,y,width,height.")
    return Square(*sides)


def _method(name: str | None) -> Method | None:
    if name is not None and name not in get_args(Method):
        raise ValueError(f"There is no way to explain called {name!r}; there are {', '.join(get_args(Method))}.")
    return cast("Method | None", name)
