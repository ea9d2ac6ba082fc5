"""Every parameter of Spleeter's published weights arrives under its new name, untouched."""

import math
import pickle
import warnings
import zipfile
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest

from unweave.core.errors import WeightsError
from unweave.pretrained import cards, store
from unweave.pretrained.convert import converter, spleeter


def theirs():
    rng = np.random.default_rng(0)
    return {
        name: rng.standard_normal(shape).astype(np.float32)
        for name, _, shape in spleeter.parameters()
    }


def saved(path, arrays):
    path.write_bytes(pickle.dumps(arrays, 2))
    return path


def test_the_table_has_every_parameter_of_the_paper():
    table = list(spleeter.parameters())
    assert len({source for source, _, _ in table}) == len({ours for _, ours, _ in table}) == 74
    assert sum(math.prod(shape) for _, _, shape in table) == 9_826_759  # 9.82 million a stem


@pytest.mark.parametrize("count", [1, 2, 4, 5])
def test_any_number_of_stems(tmp_path, small, count):
    stems = ["vocals", "piano", "drums", "bass", "other"][:count]
    sources = {stem: saved(tmp_path / f"{stem}.ckpt", theirs()) for stem in stems}
    ours = converter("spleeter")(sources)
    assert len(ours) == 74 * count
    assert {name.split(".")[0] for name in ours} == set(stems)


def test_names_follow_the_rule(tmp_path, small):
    source = theirs()
    ours = spleeter.convert({"vocals": saved(tmp_path / "vocals.ckpt", source)})
    for name, before in {
        "vocals.down1.conv.weight": "down1_conv.1.weight",
        "vocals.down6.norm.mean": "down6_act.0.running_mean",
        "vocals.up1.conv.bias": "up1.0.bias",
        "vocals.up6.norm.var": "up6.3.running_var",
        "vocals.up7.conv.weight": "up7.0.weight",
    }.items():
        np.testing.assert_array_equal(ours[name], source[before])


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda a: a.pop("up3.3.bias"), "1 parameters are missing, as up3.3.bias"),
        (lambda a: a.update(spy=np.zeros(1, np.float32)), "1 unknown parameters, as 'spy'"),
        (lambda a: a.update({"up7.0.bias": np.zeros(3, np.float32)}), r"up7.0.bias is .*\(3,\)"),
        (lambda a: a.update({"up7.0.bias": np.zeros(2)}), "up7.0.bias is float64"),
    ],
)
def test_a_wrong_parameter_stops_the_conversion(tmp_path, small, change, reason):
    arrays = theirs()
    change(arrays)
    file = saved(tmp_path / "vocals.ckpt", arrays)
    with pytest.raises(WeightsError, match=reason) as error:
        spleeter.convert({"vocals": file})
    assert str(file) in str(error.value)


def test_the_published_weights_arrive_whole(cache):
    """Against numpy's own unpickling of the package's files, whose hashes are pinned."""
    card = cards.card("spleeter-2stems")
    ours = store.weights(card)
    package = metadata.distribution(card.package.name)
    for file in card.package.files:
        path = Path(str(package.locate_file(file.path)))
        with zipfile.ZipFile(path) as archive, warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # numpy.core has moved
            published = pickle.loads(archive.read(f"{path.stem}/data.pkl"))
        for source, name, _ in spleeter.parameters():
            np.testing.assert_array_equal(ours.pop(f"{file.role}.{name}"), published.pop(source))
        assert not published
    assert not ours
