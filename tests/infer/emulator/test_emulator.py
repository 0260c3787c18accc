"""Emulators of small skies: against direct simulation, cache, errors."""

import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr import infer
from jaxcr.infer.emulator.build import assemble
from jaxcr.infer.emulator.cross_validation import reference_boundaries


@pytest.fixture(scope="module")
def dipole(skies):
    return jnp.zeros(skies.boundary_lmax + 1).at[1].set(1.0)


def made_up(skies, tensors_of, num_skies=16):
    """Return an emulator over dB/B0 and index whose tensors are a known function."""
    axes = infer.turbulence_axes(skies, ("level", "index"))
    unit = np.array([[x, y] for x in np.linspace(-1, 1, 7) for y in np.linspace(-1, 1, 3)])
    low, high = (np.array([getattr(a, end) for a in axes]) for end in ("low", "high"))
    nodes = low + (high - low) * (unit + 1) / 2
    tensors = np.stack([tensors_of(*x) for x in unit])
    return assemble(
        axes, nodes, tensors, np.full(21, 1e-9), num_observers=1, convention="made up"
    ), low, high  # fmt: skip


@pytest.mark.slow
def test_curve_predicts_a_level_between_the_nodes(skies, table, dipole):
    mean = jnp.exp(table.mean_weights(jnp.log(jnp.array([0.75]))) @ jnp.log(
        jnp.mean(table.spectra(dipole), axis=1)[:, 1:5]
    ))  # fmt: skip
    direct = np.mean([infer.simulated_spectra(skies, 0.75, i) for i in range(6)], axis=(0, 1))
    # same phases, so the only difference is the curve's: a few percent on five wide nodes
    np.testing.assert_allclose(mean, direct[1:5], rtol=0.1)


def test_known_tensors_come_back_and_have_no_error(skies, rng):
    sky = np.abs(rng.standard_normal((16, 9, 91))) * 0.1 + 1

    def tensors_of(x, y):
        return sky * np.exp(-x + 0.5 * x**2 + 0.3 * y - 0.2 * x * y)

    emulator, low, high = made_up(skies, tensors_of)
    series = jnp.zeros(13).at[1].set(1.0)
    point = jnp.asarray((low + 0.3 * (high - low)).round(3))
    x = (2 * np.asarray(point) - low - high) / (high - low)
    expected = np.log(tensors_of(*x)[:, :, 13]).mean(0)
    # ln C is a polynomial of the weighted degree; tensors are float32
    np.testing.assert_allclose(emulator.log_mean(point, series), expected, rtol=1e-5, atol=1e-5)
    assert np.all(emulator.error < 1e-4)


def test_error_of_a_curve_that_no_polynomial_follows_is_found(skies, rng):
    sky = np.abs(rng.standard_normal((16, 9, 91))) * 0.1 + 1
    kinked, _, _ = made_up(skies, lambda x, y: sky * np.exp(np.abs(x + y - 0.2)))
    # |x + y - .2| less its best polynomial has an rms of about .1 and a node left out sees more;
    # the made-up skies scatter by .06
    assert np.all((kinked.error > 0.3) & (kinked.error < 20))


def test_leave_one_out_is_the_fit_without_the_node(skies, rng):
    sky = 1 + 0.1 * rng.random((16, 9, 91))
    noise = iter(np.exp(0.1 * rng.standard_normal((21, 16, 1, 1))))
    emulator, low, high = made_up(skies, lambda x, y: sky * next(noise))
    found = infer.leave_one_out(emulator)
    nodes = np.asarray(emulator.nodes)
    inner = np.flatnonzero(np.all(np.abs(2 * nodes - low - high) < 0.95 * (high - low), axis=1))
    best = np.zeros((3, 9))
    for series in reference_boundaries(12):
        own = emulator.spectra(series) + 2 * emulator.noise[:, None, None]
        logs = np.log(np.asarray(own))
        away = []
        for i in inner:
            rest = np.arange(21) != i
            weights = infer.ChebyshevWeights(nodes[rest], low, high, (6, 2))
            predicted = np.tensordot(weights(emulator.nodes[i]), logs[rest], axes=1)
            away.append(predicted - logs[i])
        away, scatter = np.array(away), logs[inner].std(1)
        of_mean = away.std(1, ddof=1) / 4  # 16 skies of a field each
        parts = (away.mean(1), away.mean(1) / scatter, of_mean / scatter)
        own = np.array([np.sqrt(np.mean(x**2, axis=0)) for x in parts])
        best = np.where(own[1] > best[1], own, best)
    # the shortcut by the leverage is an identity; float32 spectra on both sides
    for value, expected in zip((found.error, found.ratio, found.chance), best, strict=True):
        np.testing.assert_allclose(value, expected, rtol=1e-3)
    excess = np.sqrt(np.maximum(found.ratio**2 - found.chance**2, 0))
    np.testing.assert_allclose(emulator.error, excess, rtol=1e-9)


def test_noise_of_the_nodes_is_seen_as_chance(skies, rng):
    sky = np.exp(0.3 * rng.standard_normal((16, 9, 91)))
    smooth = lambda x, y: sky * np.exp(x + 0.3 * y)  # noqa: E731 one formula
    noisy, _, _ = made_up(
        skies, lambda x, y: smooth(x, y) * np.exp(0.1 * rng.standard_normal((16, 9, 1)))
    )
    found = infer.leave_one_out(noisy)
    # both are the same noise of sd .1: their means over 8 multipoles agree to four standard
    # errors, each ratio being one of some five nodes: .3/sqrt(8) of it
    assert np.mean(found.ratio[1:]) == pytest.approx(float(np.mean(found.chance[1:])), rel=0.42)


@pytest.mark.slow
def test_an_emulator_of_two_parameters_is_resumable_and_recentred(skies, tmp_path):
    options = {"num_fields": 2, "num_nodes": 14, "cache": tmp_path}
    first = infer.build_emulator(skies, ("level", "index"), **options)
    stored = sorted(tmp_path.glob("sky-tensors-*.npz"))
    assert len(stored) == 2
    stored[1].unlink()  # a build killed before its second field
    times = stored[0].stat().st_mtime_ns
    again = infer.build_emulator(skies, ("level", "index"), **options)
    np.testing.assert_array_equal(first.tensors, again.tensors)
    assert stored[0].stat().st_mtime_ns == times
    assert first.tensors.shape == (14, 16, 9, 91)
    assert first.names == ("ln dB/B0", "index")
    assert first.convention == "dB/B0 at fixed path of 3 r_L"


@pytest.mark.slow
def test_a_recentred_emulator_bends_less(skies):
    first = infer.build_emulator(skies, ("level", "reach"), num_fields=2, num_nodes=14)
    assert first.names == ("ln dB/B0", "ln reach")
    assert first.convention == "dB/B0 at fixed path"
    near = infer.recentred(first, skies, jnp.log(jnp.array([0.6, 3.0])), half_widths=(0.3, 0.2))
    np.testing.assert_allclose(near.nodes.min(0), np.log([0.6, 3.0]) - [0.3, 0.2], rtol=1e-9)
    # the same fields on a box a sixth as long: the curve bends less
    away, close = (infer.leave_one_out(e).error[1:5] for e in (first, near))
    assert np.mean(close) < np.mean(away)


@pytest.mark.slow
def test_direct_simulation_agrees_with_a_table(skies, table):
    found = infer.against_simulation(table, skies, np.log([[0.5], [1.1]]))
    # the small skies lose memory fast: their nodes scatter by a tenth of a sky's own scatter
    assert np.all(found.ratio[1:5] < 0.4)
    assert np.all(found.chance[1:5] < found.ratio[1:5] + 0.15)


def test_independent_skies_are_at_most_all_of_them(table):
    assert 1 <= table.independent_skies <= table.num_skies == 48


def test_compressed_skies_are_the_skies(model, table):
    for values in ([0.0, 0.0, -1.93, 0.11], [0.0, 0.0, 0.37, 0.6], [0.0, 0.0, 2.41, 0.03]):
        exact = np.asarray(table.spectra(model.series(jnp.array(values))))[:, :, 1:]
        away = np.asarray(model.spectra(jnp.array(values)))[:, :, 1:] - exact
        # rms over the skies below 1 % of the mean at sampled traps; between them twice that
        assert np.max(np.sqrt(np.mean(away**2, 1)) / np.abs(exact.mean(1))) < 0.02
    assert model.skies.tensors.shape[-1] < table.tensors.shape[-1]


def test_bad_nodes(skies):
    with pytest.raises(ValueError, match=r"build_emulator: nodes: expected shape \(.*, 1\)"):
        infer.build_emulator(skies, num_fields=1, nodes=np.ones((4, 2)))
    with pytest.raises(ValueError, match="turbulence_axes: low end of level: expected a number"):
        infer.build_emulator(skies, num_fields=1, nodes=[[0.0], [0.3], [0.6]])


def test_bad_axes(skies, table):
    with pytest.raises(ValueError, match="expected different ones of level, index"):
        infer.turbulence_axes(skies, ("level", "colour"))
    with pytest.raises(ValueError, match="turbulence_axes: low end of level: expected a number"):
        infer.turbulence_axes(skies, ("level",), {"level": (0.9, 0.4)})
    with pytest.raises(ValueError, match=r"series: expected shape \(13,\)"):
        table.spectra(jnp.ones(5))
