import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special

from jaxcr.legendre import legendre_polynomials
from jaxcr.traps import (
    AbsorbingEnd,
    DetailedBalance,
    LossCone,
    Trap,
    flux_tube_volume,
    gyrotropic_spectrum,
    steady_state,
    trap_chain,
    trap_distribution,
    trap_from_ratio,
)

DENSITIES = (1.2, 1.0, 0.7)  # left, own, right
ORIENTATIONS = [(4.0, 3.0), (3.0, 4.0), (1.2, 30.0), (2.0, 2.0)]
ORDER = np.arange(25)

# compiled once for each lmax: the suite has to stay fast
distribution = jax.jit(trap_distribution, static_argnames="lmax")


def density_pieces(minimum, mirrors, left, own, right):
    """Edges and values of f(mu), found by tracing each direction back to where it came from."""
    mu1, mu2 = (np.sqrt(1 - minimum / mirror) for mirror in mirrors)
    edges = np.unique([-1.0, -mu1, -mu2, mu2, mu1, 1.0])
    values = []
    for mu in (edges[1:] + edges[:-1]) / 2:
        can_left, can_right = abs(mu) > mu1, abs(mu) > mu2
        if not (can_left or can_right):
            values.append(own)  # came from this trap
        elif can_left and (mu > 0 or not can_right):
            values.append(left)  # came in from the left, or was turned at the right mirror
        else:
            values.append(right)
    return edges, values


def coefficients_by_quadrature(edges, values):
    """(2l + 1)/2 times the integral of f P_l, by Gauss nodes that are exact on each piece."""
    node, weight = scipy.special.roots_legendre(20)
    total = np.zeros(len(ORDER))
    for low, high, value in zip(edges[:-1], edges[1:], values, strict=True):
        x = (low + high + node * (high - low)) / 2
        legendre = scipy.special.eval_legendre(ORDER[:, None], x)
        total += value * (high - low) / 2 * legendre @ weight
    return (2 * ORDER + 1) / 2 * total


def power(coefficients):
    """C_l = 4 pi f_l² / (2l + 1)² relative to f_0², for l >= 1."""
    relative = np.asarray(coefficients) / float(coefficients[0])
    order = np.arange(len(relative))
    return (4 * np.pi * relative**2 / (2 * order + 1) ** 2)[1:]


def test_power_of_a_worked_trap():
    coefficients = distribution(Trap(1.0, 4.0, 3.0), *DENSITIES, lmax=6)
    expected = [
        1.28185582e-2,
        2.48583848e-3,
        6.05877166e-3,
        4.19281953e-5,
        1.07108192e-3,
        3.68072282e-4,
    ]
    # nine digits were printed; the fourth is the smallest and decides the tolerance
    np.testing.assert_allclose(power(coefficients), expected, rtol=1e-8)


def test_dipole_depends_on_the_stronger_mirror_only():
    left, own, right = DENSITIES
    # f_1 = -(3/4)(B0/B1)(right - left) for B1 > B2, the mirror image otherwise
    one = distribution(Trap(1.0, 4.0, 3.0), left, own, right, lmax=24)[1]
    other = distribution(Trap(1.0, 3.0, 4.0), left, own, right, lmax=24)[1]
    np.testing.assert_allclose(one, -0.75 / 4 * (right - left), rtol=1e-14)
    np.testing.assert_allclose(other, one, rtol=1e-14)


@pytest.mark.parametrize("mirrors", ORIENTATIONS)
def test_against_quadrature_of_the_traced_back_distribution(mirrors):
    edges, values = density_pieces(1.0, mirrors, *DENSITIES)
    coefficients = distribution(Trap(1.0, *mirrors), *DENSITIES, lmax=24)
    # 2e-13: rounding of (2l + 1)/2 times 100 terms
    expected = coefficients_by_quadrature(edges, values)
    np.testing.assert_allclose(coefficients, expected, atol=2e-13)


def test_series_converges_to_the_pieces():
    edges, values = density_pieces(1.0, (4.0, 3.0), *DENSITIES)
    coefficients = distribution(Trap(1.0, 4.0, 3.0), *DENSITIES, lmax=4000)
    centre = (edges[1:] + edges[:-1]) / 2
    series = legendre_polynomials(jnp.asarray(centre), 4000) @ coefficients
    # 0.02: the Gibbs ripple, jump / (pi l distance) with distance 0.025 and jump 0.5
    np.testing.assert_allclose(series, values, atol=0.02)


def test_mirror_image_flips_the_odd_orders():
    left, own, right = DENSITIES
    one = distribution(Trap(1.0, 4.0, 3.0), left, own, right, lmax=24)
    other = distribution(Trap(1.0, 3.0, 4.0), right, own, left, lmax=24)
    np.testing.assert_allclose(other, one * (-1.0) ** ORDER, rtol=1e-14)


def test_uniform_density_is_isotropic():
    coefficients = distribution(Trap(1.0, 4.0, 3.0), 0.7, 0.7, 0.7, lmax=24)
    np.testing.assert_allclose(coefficients, [0.7] + [0.0] * 24, atol=1e-15)


def interior_sky(closure, gradient=0.1, num_sites=20, site=9):
    """Coefficients at one site of an open chain between reservoirs of equal density."""
    trap = trap_from_ratio(3.0, gradient)
    ends = {"left_end": AbsorbingEnd(), "right_end": AbsorbingEnd()}
    chain = trap_chain(trap, num_sites, scattering_rate=1.0, closure=closure, **ends)
    volume = flux_tube_volume(trap, num_sites + 2)
    source = jnp.zeros(num_sites).at[0].add(chain.rate_right[0] * volume[0])
    source = source.at[-1].add(chain.rate_left[-1] * volume[-1])
    density = steady_state(chain, source) / volume[1:-1]
    return distribution(trap, *density[site - 1 : site + 2], lmax=24)


@pytest.mark.parametrize("gradient", [-0.1, 0.1, 0.5])
def test_equal_reservoirs_make_an_isotropic_sky_under_detailed_balance(gradient):
    coefficients = interior_sky(DetailedBalance(), gradient)
    # the recurrence's rounding; any wrong weight of n shows at the level of the gradient
    assert np.all(np.abs(coefficients[1:] / coefficients[0]) < 1e-12)


def test_equal_reservoirs_make_a_dipole_under_the_loss_cone_partition():
    coefficients = interior_sky(LossCone())
    assert abs(coefficients[1] / coefficients[0]) > 1e-3


def test_occupations_in_place_of_densities_give_a_false_dipole():
    # Mirrors 3 (1 ± 0.1), uniform f, so n = 1, b, b² with b = 11/9: f_1 = -(3/4)(n_r - n_l)/3.3.
    trap = Trap(1.0, 3.3, 2.7)
    occupation = flux_tube_volume(trap, 3)
    false = distribution(trap, *occupation, lmax=24)
    np.testing.assert_allclose(false[1], -0.75 / 3.3 * ((11 / 9) ** 2 - 1), rtol=1e-13)
    # a dipole of nine per cent, as printed to one digit, where there is none
    np.testing.assert_allclose(false[1] / false[0], -0.09, atol=5e-3)


def test_edge_width_damps_as_diffusion_in_angle():
    sharp = distribution(Trap(1.0, 4.0, 3.0), *DENSITIES, lmax=24)
    round_edge = distribution(Trap(1.0, 4.0, 3.0), *DENSITIES, lmax=24, edge_width=0.05)
    damping = np.exp(-ORDER * (ORDER + 1) * 0.05**2 / 2)
    np.testing.assert_allclose(round_edge, sharp * damping, rtol=1e-13)


def test_power_of_a_map_as_healpy_measures_it():
    healpy = pytest.importorskip("healpy")
    nside, lmax = 64, 12
    coefficients = distribution(Trap(1.0, 4.0, 3.0), *DENSITIES, lmax=lmax)
    axis = np.array([0.48, -0.6, 0.64])
    pixels = np.stack(healpy.pix2vec(nside, np.arange(healpy.nside2npix(nside))), axis=-1)
    sky = np.asarray(legendre_polynomials(jnp.asarray(pixels @ axis), lmax) @ coefficients)
    measured = healpy.anafast(sky / float(coefficients[0]), lmax=lmax, iter=3)
    # 1e-6 of the largest: healpy's quadrature of a band-limited map after three iterations
    np.testing.assert_allclose(measured[1:], power(coefficients), rtol=1e-6, atol=1e-8)


@jax.jit
def value_and_slopes(ratio, gradient):
    """The coefficients, and their derivative by R in forward and in reverse mode."""

    def coefficients(ratio):
        return trap_distribution(trap_from_ratio(ratio, gradient), *DENSITIES, lmax=12)

    return coefficients(ratio), jax.jacfwd(coefficients)(ratio), jax.jacrev(coefficients)(ratio)


@pytest.mark.parametrize("gradient", [-0.3, 0.3])
def test_gradient_by_the_mirror_ratio(gradient):
    step = 1e-5
    above, below = (value_and_slopes(ratio, gradient)[0] for ratio in (3.0 + step, 3.0 - step))
    _, forward, reverse = value_and_slopes(3.0, gradient)
    # 1e-8: step² times a third derivative of up to l³ / 24 = 70, and eps / step of rounding
    np.testing.assert_allclose(forward, (above - below) / (2 * step), atol=1e-8)
    np.testing.assert_allclose(reverse, forward, atol=1e-13)


def test_traps_and_densities_vmap():
    ratio, left = jnp.array([2.0, 3.0]), jnp.array([1.0, 1.1])

    def coefficients(ratio, left):
        return distribution(trap_from_ratio(ratio, 0.1), left, 1.0, 0.7, lmax=24)

    batch = jax.jit(jax.vmap(coefficients))(ratio, left)
    one_by_one = jnp.stack([coefficients(*pair) for pair in zip(ratio, left, strict=True)])
    np.testing.assert_allclose(batch, one_by_one, rtol=1e-13, atol=1e-15)


def test_the_monopole_alone():
    assert trap_distribution(Trap(1.0, 4.0, 3.0), *DENSITIES, lmax=0).shape == (1,)


def test_options_out_of_range_are_rejected():
    trap = Trap(1.0, 4.0, 3.0)
    with pytest.raises(ValueError, match=r"lmax: expected a number >= 0, got -1"):
        trap_distribution(trap, *DENSITIES, lmax=-1)
    with pytest.raises(ValueError, match=r"edge_width: expected an angle >= 0 in rad, got -0.1"):
        trap_distribution(trap, *DENSITIES, lmax=3, edge_width=-0.1)


def test_float32_stays_float32():
    trap = Trap(*(jnp.float32(b) for b in (1.0, 4e3, 3e3)))
    coefficients = distribution(trap, *DENSITIES, lmax=24, edge_width=0.01)
    assert coefficients.dtype == jnp.float32
    wide = distribution(Trap(1.0, 4e3, 3e3), *DENSITIES, lmax=24, edge_width=0.01)
    # 1e-4: f_l ~ l B0/B times 300 roundings of the recurrence; cancellation would give 1e-1
    np.testing.assert_allclose(coefficients, wide, rtol=1e-4)


def test_spectrum_equals_that_of_a_map():
    healpy = pytest.importorskip("healpy")
    nside, lmax = 128, 12
    trap = Trap(1.0, 4.0, 3.0)
    edges, values = density_pieces(1.0, (4.0, 3.0), *DENSITIES)
    axis = np.array([0.3, -0.5, 0.8]) / np.linalg.norm([0.3, -0.5, 0.8])
    cosine = np.array(healpy.pix2vec(nside, np.arange(12 * nside**2))).T @ axis
    intensity = np.array(values)[np.clip(np.searchsorted(edges, cosine) - 1, 0, len(values) - 1)]
    measured = healpy.anafast(intensity / intensity.mean() - 1, lmax=lmax)
    spectrum = gyrotropic_spectrum(distribution(trap, *DENSITIES, lmax=lmax))
    assert spectrum[0] == 0
    # 2 %: sharp edges on pixels of half a degree; the smallest of these C_l is 1/300 of the largest
    large = np.asarray(spectrum) > 1e-4
    np.testing.assert_allclose(measured[large], spectrum[large], rtol=0.02)
    expected = [1.28185582e-2, 2.48583848e-3, 6.05877166e-3]
    np.testing.assert_allclose(spectrum[1:4], expected, rtol=1e-8)
