"""Networks behind the contract: through the engine they give what they give by themselves."""

import numpy as np
import pytest
import torch

from unweave import load
from unweave.engine.run import separate_array
from unweave.models import cards
from unweave.request import Execution

TRAINED_HERE = [name for name in cards.names() if name.startswith("mir1k-")]
INSIDE = [name for name in TRAINED_HERE if cards.card(name).segment.edge == "inside"]


def test_of_what_is_trained_here_only_the_unet_is_padded_with_zeros() -> None:
    assert set(TRAINED_HERE) - set(INSIDE) == {"mir1k-unet"}  # validation liked it better so


@pytest.mark.parametrize("name", INSIDE)
def test_a_short_recording_is_the_whole_input(name: str) -> None:
    """Zeros to fill up the segment would change it: LSTMs lost 2 dB to that."""
    separator = load(name)
    mix = 0.1 * np.random.default_rng(0).standard_normal((1, 40000)).astype(np.float32)
    stems = separate_array(
        separator, mix, 16000, execution=Execution(device="cpu", batch=1), warn=pytest.fail
    )
    with torch.inference_mode():
        own = separator(torch.from_numpy(mix)[None], 16000)[0, 0].numpy()
    np.testing.assert_allclose(stems["vocals"], own, atol=1e-6)
