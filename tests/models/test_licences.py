"""Permissive is what names such a licence and nothing else."""

import pytest

from unweave.models.licences import permissive, short


@pytest.mark.parametrize(
    "text",
    ["MIT", "mit", "MIT (from a paper)", "Apache-2.0", "Apache 2.0", "BSD-3-Clause", "CC0-1.0",
     "CC BY 4.0", "CC-BY-4.0", "MIT, as third parties say"],
)  # fmt: skip
def test_what_anyone_may_use(text):
    assert permissive(text)


@pytest.mark.parametrize(
    "text",
    ["", "not stated", "research only (the authors)", "CC BY-NC-SA 4.0", "CC-BY-NC-4.0",
     "CC BY-SA 4.0", "GPL-3.0", "AGPL-3.0", "no MIT", "MITRE", "MIT for code"],
)  # fmt: skip
def test_what_not_everyone_may_use(text):
    assert not permissive(text)


def test_a_licence_without_what_is_said_of_it():
    assert short("research only (facebookresearch/demucs#327)") == "research only"
    assert short("CC BY-NC-SA 4.0") == "CC BY-NC-SA 4.0"
