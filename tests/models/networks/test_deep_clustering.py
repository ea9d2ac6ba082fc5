"""Deep clustering and Chimera: clusters with names, masks that sum to one, trainable."""

import pytest
import torch
import torch.nn.functional as F

from tests.models.networks import waveform
from unweave.models.deep_clustering.model import (
    DeepClustering,
    DeepClusteringConfig,
    build,
    named,
    owners,
)
from unweave.training.losses import Outcome, deep_clustering, magnitude_l1

SMALL = {"frame_size": 128, "hop": 64, "layers": 2, "width": 12, "embedding": 4}
TINY = {"frame_size": 64, "hop": 32, "layers": 2, "width": 12, "embedding": 4}
MONO = {"stems": ("voice", "accompaniment"), "channels": 1}
HEADS = [{"masks": True}, {"masks": False}, {"hidden": 10, "exponent": 1.0}]


def network(separate_by: str | None = None, **changes: object) -> DeepClustering:
    torch.manual_seed(0)
    net = DeepClustering(DeepClusteringConfig(**MONO | TINY | changes), separate_by)
    torch.nn.init.normal_(net.centres)
    return net.eval()


def spectra(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.complex64, generator=torch.Generator().manual_seed(7))


@pytest.mark.parametrize("stems", [2, 3])
def test_the_loss_equals_the_one_over_all_pairs_of_bins(stems: int) -> None:
    """As the papers define it; bins weigh as much as the mix is loud in them."""
    net = network(stems=("a", "b", "c")[:stems])
    outcome = Outcome(
        net, torch.randn(2, stems, 1, 300, generator=torch.Generator().manual_seed(3))
    )
    want = []
    for vectors, true in zip(outcome.embeddings, outcome.true_spectra, strict=True):
        v = vectors.flatten(0, 2).double()  # (bin, dimension)
        parts = true.flatten(1)  # (stem, bin)
        y = F.one_hot(parts.abs().argmax(0), stems).double()
        w = parts.sum(0).abs().double() / parts.sum(0).abs().sum()
        want.append((w[:, None] * w * (v @ v.T - y @ y.T).square()).sum())
    # The loss is float32, whose rounding is the tolerance; what it should be is summed in float64.
    torch.testing.assert_close(deep_clustering(outcome), torch.stack(want).float())


@pytest.mark.parametrize("changes", [*HEADS, {"layers": 1}])
def test_segments(changes: dict) -> None:
    net = network(**changes, channels=2, stems=("a", "b", "c"))
    waveform.check_segments(net, channels=2, stems=3, lengths=(1, 2, 31, 33, 1001))


@pytest.mark.parametrize("by", ["masks", "clusters"])
def test_masks_sum_to_the_mix(by: str) -> None:
    mix = torch.randn(2, 1, 1001)
    with torch.inference_mode():
        stems = network(by)(mix)
    torch.testing.assert_close(stems.sum(1), mix, atol=1e-5, rtol=1e-5)


def test_embeddings_are_unit_vectors_of_every_bin() -> None:
    spectrum = spectra(2, 2, 7, 33)
    net = network(channels=2)
    stems, vectors = net.estimate_and_embed(spectrum)
    assert vectors.shape == (2, 2, 7, 33, 4)
    torch.testing.assert_close(vectors.norm(dim=-1), torch.ones(2, 2, 7, 33))
    torch.testing.assert_close(stems, net.estimate(spectrum))
    assert network(masks=False).estimate_and_embed(spectra(2, 1, 7, 33))[0] is None


def test_clusters_take_the_names_of_the_centres_whatever_the_seed() -> None:
    vectors = F.normalize(torch.randn(2, 1, 6, 33, 4) * 0.1 + torch.tensor([1.0, 0, 0, 0]), dim=-1)
    voice = torch.rand(2, 1, 6, 33) > 0.5
    vectors[voice] *= -1
    net = network(masks=False)
    for sign in (1, -1):
        net.centres.copy_(sign * torch.tensor([[-1.0, 0, 0, 0], [1.0, 0, 0, 0]]))
        for net.seed in range(5):
            masks = net.clusters(vectors, torch.ones(2, 1, 6, 33))
            assert torch.equal(masks[:, 0] == 1, voice if sign > 0 else ~voice)
            assert torch.equal(masks.sum(1), torch.ones(2, 1, 6, 33))


def test_silent_bins_pull_no_cluster() -> None:
    vectors = F.normalize(torch.tensor([[1.0, 0.2], [1.0, -0.2], [-1.0, 0.0]]), dim=-1)
    vectors = vectors.repeat(10, 1).reshape(1, 1, 1, 30, 2)  # ten of each, in turn
    loud = torch.tensor([1.0, 1.0, 10 ** (-41 / 20)]).repeat(10).reshape(1, 1, 1, 30)
    net = network(masks=False, embedding=2)
    net.centres.copy_(vectors[0, 0, 0, :2])
    masks = net.clusters(vectors, loud)
    assert masks[0, 0, 0, 0, :2].tolist() == [1, 0]  # the loud ones are told apart
    masks = net.clusters(vectors, torch.ones_like(loud))
    assert masks[0, 0, 0, 0, 0] == masks[0, 0, 0, 0, 1]  # else the far one is a cluster


def test_observed_stems_become_the_centres() -> None:
    true = spectra(2, 2, 1, 6, 33)
    where = torch.tensor([[0.6, 0.8, 0, 0], [0, 0, -1.0, 0]])
    vectors = torch.einsum("bscft,sd->bcftd", owners(true), where)
    net = network(masks=False)
    for _ in range(1000):
        net.observe(vectors, true)
    torch.testing.assert_close(net.centres, where, atol=1e-3, rtol=1e-3)
    assert "centres" in net.state_dict()


def test_names_are_given_so_that_all_fit_best() -> None:
    known = torch.eye(3)
    assert named(known[[2, 0, 1]], known).tolist() == [2, 0, 1]
    # Both lie nearest to the first stem; the nearer one has it.
    assert named(torch.tensor([[0.9, 0.1], [1.0, 0.0]]), torch.eye(2)).tolist() == [1, 0]


@pytest.mark.parametrize("exponent", [0.0, 0.5, 1.0])
def test_what_it_sees_does_not_depend_on_the_level(exponent: float) -> None:
    features, spectrum = network(exponent=exponent).features, spectra(2, 1, 7, 33)
    torch.testing.assert_close(features(1e-3 * spectrum), features(spectrum), atol=1e-4, rtol=1e-4)
    assert features(0 * spectrum).isfinite().all()


def test_what_it_sees_is_compressed_as_the_exponent_says() -> None:
    spectrum = spectra(1, 1, 1, 5)
    ratio = spectrum[..., 1:].abs() / spectrum[..., :1].abs()
    for exponent in (0.5, 1.0):
        seen = network(exponent=exponent).features(spectrum)
        torch.testing.assert_close(seen[..., 1:] / seen[..., :1], ratio**exponent)
    logarithm = network().features(spectrum)
    torch.testing.assert_close(
        logarithm[..., 1:] - logarithm[..., :1], ratio.log(), atol=1e-2, rtol=1e-2
    )


@pytest.mark.parametrize("changes", HEADS)
def test_gradient_reaches_every_parameter(changes: dict) -> None:
    net = network(**changes).train()
    outcome = Outcome(net, torch.randn(2, 2, 1, 1000))
    loss = deep_clustering(outcome).sum()
    if net.mask is not None:
        loss = loss + magnitude_l1(outcome).sum()
    loss.backward()
    assert all(p.grad is not None and p.grad.any() for p in net.parameters())


@pytest.mark.parametrize("hidden", [0, 10])
def test_mixed_precision(hidden: int) -> None:
    net = network(hidden=hidden)
    waveform.check_mixed_precision(net, 1, apart={"embed.weight", "embed.bias"})


def test_mixed_precision_of_the_embeddings() -> None:
    net = network(masks=False).train()
    stems = torch.randn(2, 2, 1, 1000, generator=torch.Generator().manual_seed(4))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = Outcome(net, stems)
        deep_clustering(mixed).sum().backward()
    assert mixed.embeddings.dtype == torch.float32
    assert all(p.grad is not None and p.grad.isfinite().all() for p in net.parameters())
    whole = Outcome(net, stems).embeddings.detach()
    assert waveform.below_db(whole, mixed.embeddings.detach()) > 43


def test_one_batch_is_overfitted_by_the_masks() -> None:
    net = network()
    assert waveform.overfit(net, waveform.two_voices(), steps=100, rate=1e-2) > 15


def test_one_batch_is_overfitted_by_the_embeddings() -> None:
    net, stems = network(masks=False).train(), waveform.two_voices()
    optimiser = torch.optim.Adam(net.parameters(), lr=1e-2)
    for _ in range(100):
        optimiser.zero_grad()
        outcome = Outcome(net, stems)
        deep_clustering(outcome).sum().backward()
        net.observe(outcome.embeddings, outcome.true_spectra)
        optimiser.step()
    with torch.inference_mode():
        assert waveform.below_db(stems, net.eval()(stems.sum(1))) > 27


@pytest.mark.parametrize("by", ["masks", "clusters"])
def test_behind_the_contract(by: str) -> None:
    weights = waveform.random_arrays(network())
    waveform.check_behind_the_contract(
        "deep_clustering", TINY, weights, additive=True, separate_by=by, seed=3
    )


def test_published_sizes() -> None:
    """4 layers of 500 in either direction, 20 numbers for each of 513 bins."""
    found = waveform.parameters(lambda: DeepClustering(DeepClusteringConfig(masks=False)))
    first = 2 * 4 * 500 * (513 + 500 + 2)
    later = 2 * 4 * 500 * (1000 + 500 + 2)
    assert found == 2 * 513 + first + 3 * later + 1001 * 513 * 20


def test_layers_before_and_after_the_lstms() -> None:
    """They are what the LSTMs hear, and all that the heads hear of them."""
    net = network(hidden=10)
    assert net.body.input_size == net.embed.in_features == 10
    assert net.before[0].weight.shape == (10, 33)
    assert net.after[0].weight.shape == (10, 24)
    with torch.no_grad():
        net.after[0].bias.fill_(-1e3)  # ReLU lets nothing through
        assert not net.recur(spectra(1, 1, 5, 33)).any()


@pytest.mark.parametrize(
    ("config", "options", "words"),
    [
        ({"embedding": 1}, {}, "embedding is 2"),
        ({"layers": 0}, {}, "at least 1"),
        ({"hidden": -1}, {}, "or 0 for no such layers"),
        ({"exponent": -0.5}, {}, "exponent is above 0"),
    ],
)
def test_settings_that_mean_nothing_are_refused(config: dict, options: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        build(("a", "b"), 1, config, {}, **options)
