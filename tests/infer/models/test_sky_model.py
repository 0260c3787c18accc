"""The sky model: moments of its own skies, the emulator's error, freed edges, gradients."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr import infer
from jaxcr.infer.models.sky_model import covariance_between

VALUES = jnp.array([np.log(1.3e-3), np.log(0.9), 0.2, 0.25])


@pytest.fixture(scope="module")
def exact(model):
    """The model with weights that meet every node, and no error of the emulator."""
    nodes = np.asarray(model.emulator.nodes)
    weights = infer.ChebyshevWeights(nodes, nodes[0], nodes[-1], (4,))
    return eqx.tree_at(
        lambda m: (m.emulator.mean_weights, m.emulator.covariance_weights, m.emulator.error),
        model,
        (weights, weights, jnp.zeros_like(model.emulator.error)),
    )


def one_sky(ell, c_ell, **options):
    ell = np.asarray(ell)
    zeros = np.zeros(ell.size)
    return infer.SpectrumData(ell, np.asarray(c_ell), zeros, zeros, **options)


def positive_multipoles(model, values):
    """Return multipoles whose half-cross C_l is positive in every simulated sky at every node.

    The small skies of the tests have C_l below their noise here and there.
    """
    ell = np.flatnonzero(np.all(np.asarray(model.spectra(values)) > 0, axis=(0, 1)))
    assert ell.size >= 3
    return ell[ell > 0][:3]


def test_single_sky_mean_is_that_of_the_logarithm(exact):
    ell = positive_multipoles(exact, VALUES)
    prediction = exact.predict(VALUES, one_sky(ell, np.full(ell.size, 1e-7)))
    spectra = np.asarray(exact.spectra(VALUES))[2][:, ell]
    # five nodes and a quartic: the curve meets each
    np.testing.assert_allclose(prediction.log_mean, np.log(spectra).mean(0), rtol=1e-10)
    expected = np.cov(np.log(spectra).T) * (1 + 1 / exact.emulator.independent_skies)
    np.testing.assert_allclose(prediction.log_covariance, expected, rtol=1e-9)
    assert np.all(prediction.log_mean < np.log(spectra.mean(0)))  # Jensen
    np.testing.assert_allclose(prediction.mean, spectra.mean(0), rtol=1e-10)
    covariance = np.cov(spectra.T) * (1 + 1 / exact.emulator.independent_skies)
    np.testing.assert_allclose(prediction.covariance, covariance, rtol=1e-9)


def test_mean_of_many_skies_is_log_normal_with_the_moments_of_the_mean(exact, rng):
    prediction = exact.predict(VALUES, one_sky([1, 2], [1e-6, 1e-7], num_skies=64))
    spectra = np.asarray(exact.spectra(VALUES))[2][:, [1, 2]]
    groups = spectra[rng.integers(0, len(spectra), (20_000, 64))].mean(1)
    # bootstrap groups of 64 skies; 20,000 groups: 4 standard errors of mean and variance,
    # and the variance of a bootstrap is (n - 1)/n of the unbiased one
    scale = np.log(groups).std(0) / np.sqrt(20_000)
    assert np.all(np.abs(prediction.log_mean - np.log(groups).mean(0)) < 4 * scale + 1e-4)
    independent = exact.emulator.independent_skies
    widened = (1 + 64 / independent) * len(spectra) / (len(spectra) - 1)
    ratio = np.diagonal(prediction.log_covariance) / np.log(groups).var(0) / widened
    np.testing.assert_allclose(ratio, 1.0, atol=0.05)


@pytest.mark.parametrize("num_skies", [1, 16])
def test_emulator_error_is_a_share_of_the_scatter_of_one_sky(exact, num_skies):
    error = jnp.linspace(0.0, 0.4, 9)
    worse = eqx.tree_at(lambda m: m.emulator.error, exact, error)
    data = one_sky([1, 3], [1e-6, 1e-7], num_skies=num_skies)
    a, b = (m.predict(VALUES, data) for m in (exact, worse))
    widening = 1 + num_skies / exact.emulator.independent_skies
    relative = np.diagonal(a.covariance) / np.asarray(a.mean) ** 2 / widening
    scatter = np.log1p(num_skies * relative)
    if num_skies == 1:
        scatter = np.diagonal(a.log_covariance) / widening
    added = np.diag(np.asarray(error)[[1, 3]] ** 2 * scatter)
    # differences of nearly equal numbers
    np.testing.assert_allclose(b.log_covariance - a.log_covariance, added, atol=1e-12)
    expected = added * np.asarray(a.mean)[:, None] ** 2
    np.testing.assert_allclose(b.covariance - a.covariance, expected, atol=1e-12 * 1e-6)


def test_blindness_to_m0_takes_its_share_of_each_multipole(model):
    ell = positive_multipoles(model, VALUES)
    full, blind = (
        model.predict(VALUES, one_sky(ell, np.full(ell.size, 1e-7), m0_blind=flag)).log_mean
        for flag in (False, True)
    )
    np.testing.assert_allclose(blind - full, np.log(2 * ell / (2 * ell + 1)), rtol=1e-10)


def test_a_freed_edge_width_is_that_of_the_traps(table, model):
    width = infer.Parameter("edge width", 0.05, 0.0, 0.15, infer.Flat(), "rad")
    free = infer.SkyModel(table, infer.TrapSeries(lmax=12), edge_width=width)
    assert free.parameters.names == (*model.parameters.names, "edge width")
    values = jnp.append(VALUES, 0.1)
    series = infer.TrapSeries(lmax=12, edge_width=0.1).series(1 + jnp.exp(VALUES[2]), VALUES[3])
    np.testing.assert_allclose(free.series(values), series, rtol=1e-12, atol=1e-15)
    expected = jnp.exp(2 * VALUES[0]) * jnp.mean(table.spectra(series), axis=1)
    # compressed to 1 % of single skies
    found = jnp.mean(free.spectra(values), axis=1)
    np.testing.assert_allclose(found[:, 1:5], expected[:, 1:5], rtol=1e-2)


def test_gradient_of_the_whole_prediction_equals_differences(model):
    data = one_sky([1, 2, 3], [1e-6, 1e-7, 1e-7]).with_level(1e-8)
    values = VALUES.at[1].set(-0.3)

    def flat(v):
        p = model.predict(v, data)
        scale = jnp.asarray(1e-7)
        parts = (p.mean / scale, p.covariance / scale**2, p.log_mean, p.log_covariance)
        return jnp.concatenate([x.ravel() for x in parts])

    both = jax.jit(lambda v, move: jax.jvp(flat, (v,), (move,)))
    step = 1e-5
    quotient, forward = [], []
    for move in jnp.eye(4):
        above, below = both(values + step * move, move)[0], both(values - step * move, move)[0]
        quotient.append((above - below) / (2 * step))
        forward.append(both(values, move)[1])
    quotient, forward = jnp.stack(quotient, 1), jnp.stack(forward, 1)
    # second-order differences: 1e-10 of the third derivative, round-off 1e-11 over the step
    np.testing.assert_allclose(forward, quotient, rtol=1e-6, atol=1e-6)
    along = jnp.sin(jnp.arange(quotient.shape[0], dtype=values.dtype))
    backward = jax.jit(jax.grad(lambda v: along @ flat(v)))(values)
    np.testing.assert_allclose(backward, along @ quotient, rtol=1e-6, atol=1e-6)


def test_parameters_and_convention_are_the_emulators(skies, table, model):
    assert model.parameters.names == ("ln A", "ln dB/B0", "ln(R-1)", "gradient")
    assert model.conventions() == "dB/B0 at fixed path of 3 r_L"
    level = model.parameters.parameters[1]
    assert (level.lower, level.upper) == pytest.approx((np.log(0.3), np.log(1.5)))


def test_orders_must_agree(table):
    with pytest.raises(
        ValueError, match="SkyModel: lmax of traps, as of skies: expected one of 12"
    ):
        infer.SkyModel(table, infer.TrapSeries(lmax=24))


def test_multipoles_that_are_noise_at_some_nodes_can_be_kept(table):
    # One node in five where the second multipole is a hundredth of its noise.
    faint = float(table.noise[4]) / 100
    scale = np.ones((*table.tensors.shape[:3], 1), np.float32)
    dipole = jnp.zeros(table.boundary_lmax + 1).at[1].set(1.0)
    scale[4, :, 2, 0] = faint / float(table.spectra(dipole)[4, :, 2].mean())
    dim = eqx.tree_at(lambda e: e.tensors, table, table.tensors * scale)
    data = one_sky([1, 2], [1e-6, 1e-7])
    traps = infer.TrapSeries(lmax=12)
    assert infer.SkyModel(dim, traps).comparable(data).ell.tolist() == [1]
    four_of_five = infer.SkyModel(dim, traps, bright_nodes=0.8)
    assert four_of_five.comparable(data).ell.tolist() == [1, 2]
    assert (
        four_of_five.comparable(data).noise[0]
        > infer.SkyModel(dim, traps).comparable(data).noise[0]
    )
    assert np.all(np.isfinite(four_of_five.predict(four_of_five.parameters.start, data).log_mean))


def test_data_beyond_the_simulated_multipoles(model):
    with pytest.raises(ValueError, match=r"fit: multipoles: expected a number in \[0, 8\]"):
        model.comparable(one_sky([1, 9], [1e-6, 1e-8]))


def test_scatter_that_grows_exponentially_is_met_between_the_nodes():
    # sd = exp(1.5 x) over -1 ... 1 with one correlation matrix: a positive mean of covariances
    # would be too wide by half in the middle, logarithms of sd are exact
    x = np.linspace(-1, 1, 5)
    correlation = np.array([[1.0, 0.4], [0.4, 1.0]])
    covariances = jnp.asarray(np.exp(3 * x)[:, None, None] * correlation)
    weights = infer.ChebyshevWeights(x[:, None], [-1.0], [1.0], (2,))
    positive = infer.EntropyWeights(x[:, None], [-1.0], [1.0])
    for point in (-0.75, 0.0, 0.25):
        at = jnp.array([point])
        between = covariance_between(weights(at), positive(at), covariances)
        np.testing.assert_allclose(between, np.exp(3 * point) * correlation, rtol=1e-10)
    mean = jnp.tensordot(positive(jnp.zeros(1)), covariances, axes=1)
    assert mean[0, 0] > 1.4


def test_the_simulations_noise_does_not_depend_on_where_the_data_start(model):
    dipole = jnp.zeros(model.emulator.boundary_lmax + 1).at[1].set(1e-3)
    mean = np.asarray(model.emulator.spectra(dipole)).mean((0, 1))
    ell = model.comparable(one_sky(np.arange(1, 9), mean[1:9])).ell
    full = model.comparable(one_sky(ell, mean[ell]))
    without = model.comparable(one_sky(ell[1:], mean[ell[1:]]))
    # the dipole of other nodes is another share of C_2: far less than C_1 is above C_2
    np.testing.assert_allclose(without.noise[0], full.noise[0], rtol=0.3)
    assert mean[1] > 2 * mean[2]
