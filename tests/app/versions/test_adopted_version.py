"""A SavedModel from elsewhere, taken in, answers through the same pages and /predict."""

import pytest
import tensorflow as tf

from ml.adoption import Description, adopt
from tests.factories import photo
from tests.versions import put_into_service


def test_a_savedmodel_from_elsewhere_serves(lite, tmp_path):
    tf.keras.utils.set_random_seed(1)
    layers = tf.keras.layers
    network = tf.keras.Sequential(
        [layers.Input((16, 16, 3)), layers.GlobalAveragePooling2D(), layers.Dense(3, "softmax")]
    )
    network.export(str(tmp_path / "theirs"), verbose=False)
    names = ("Aglais io", "Vanessa atalanta", "Pieris rapae")
    wanted = Description(labels=names, name="theirs", task="garden-browns", pixels="0..1")
    adopt(tmp_path / "theirs", tmp_path / "version", wanted)

    put_into_service(lite.sessions, lite.settings, tmp_path / "version")
    answer = lite.client.post("/predict", files=[("file", ("a.jpg", photo()))])

    assert answer.status_code == 200, answer.text
    [seen] = answer.json()["results"]
    assert {each["scientific_name"] for each in seen["predictions"]} == set(names)
    assert sum(each["probability"] for each in seen["predictions"]) == pytest.approx(1, abs=1e-5)
    assert seen["in_scope"] == 1
    assert seen["decision"] == "uncertain"  # no threshold is supported
    page = lite.client.get("/").text
    assert "peacock" in page.lower()
    assert "Pieris rapae" in page
