"""The packaged campaign holds what was published."""

import csv
from importlib import resources

import numpy as np
import pytest

from unweave.evaluation import sisec

# Medians over tracks, dB, as the campaign published them: vocals, drums, bass, other.
PUBLISHED = {
    "MIX": (1.12, 1.33, 0.67, 1.16),
    "IBM1": (7.67, 7.09, 5.19, 5.89),
    "IRM1": (8.52, 7.33, 6.18, 6.92),
    "IRM2": (9.43, 8.45, 7.12, 7.85),
    "MWF": (9.13, 8.09, 6.75, 7.56),
}


@pytest.mark.parametrize("system", PUBLISHED)
def test_published_figures_come_out(system):
    found = [np.median(sisec.campaign().of(system, t, "SDR")) for t in sisec.TARGETS[:4]]
    assert found == pytest.approx(PUBLISHED[system], abs=0.006)


def test_thirty_systems_and_the_mixture_on_fifty_tracks():
    campaign = sisec.campaign()
    assert campaign.values.shape == (31, 50, 5, 4)
    groups = [sisec.training(system) for system in campaign.systems]
    counts = {group: groups.count(group) for group in sorted(set(groups))}
    assert counts == {"MUSDB18": 13, "blind": 7, "mixture": 1, "more data": 5, "oracle": 5}


def test_every_row_of_the_file_is_in_its_place():
    campaign = sisec.campaign()
    text = resources.files("unweave.evaluation").joinpath("sisec2018.csv").read_text("utf-8")
    rows = list(csv.reader(text.splitlines()))[1:]
    for system, subset, track, target, *figures in rows:
        assert subset == "test"
        at = campaign.tracks.index(track)
        found = [campaign.of(system, target, metric)[at] for metric in sisec.METRICS]
        assert found == [float(figure) for figure in figures]
    assert np.isfinite(campaign.values).sum() == 4 * len(rows)


def test_what_was_not_submitted_is_nan_and_what_there_is_not_raises():
    assert np.isnan(sisec.campaign().of("HPSS", "drums", "SDR")).all()
    for names in [("XYZ", "vocals", "SDR"), ("HPSS", "piano", "SDR"), ("HPSS", "vocals", "SNR")]:
        with pytest.raises(KeyError, match=names[0]):
            sisec.campaign().of(*names)


def test_nobody_can_change_the_shared_figures():
    with pytest.raises(ValueError, match="read-only"):
        sisec.campaign().values[0] = 0.0
