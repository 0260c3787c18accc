"""Geometries: spectrum, rms and correlations of both generators against closed forms."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import j0

from jaxcr.fields import (
    Alfven,
    Fast,
    GoldreichSridhar,
    Isotropic,
    PowerLaw,
    Slab,
    SlabTwoD,
    Slow,
    TwoDimensional,
    WaveField,
    realise_grid,
    realise_waves,
)
from jaxcr.fields.field import sample_field

AXIS = jnp.array([1.0, 2.0, 2.0]) / 3
Z = jnp.array([0.0, 0.0, 1.0])
LAW = PowerLaw(5 / 3, outer_scale=20.0, inner_scale=0.5)
KRAICHNAN = PowerLaw(3 / 2, outer_scale=20.0, inner_scale=0.5)
EVERYWHERE, ACROSS, ALONG = (0, 1, 2), (0, 1), (2,)
# Each geometry about z, and the axes of k that its spectrum runs over.
GEOMETRIES = {
    "isotropic": (Isotropic(), EVERYWHERE),
    "helical": (Isotropic(helicity=0.6), EVERYWHERE),
    "slab": (Slab(7 * Z), ALONG),
    "two-dimensional": (TwoDimensional(Z), ACROSS),
    "goldreich-sridhar": (GoldreichSridhar(Z), ACROSS),
    "alfven": (Alfven(Z), ACROSS),
    "slow": (Slow(Z, 0.2), ACROSS),
    "fast": (Fast(Z, 0.2), EVERYWHERE),
}
BOTH_KINDS = GEOMETRIES | {"slab and two-dimensional": (SlabTwoD(Z, 0.2), None)}

every_geometry = pytest.mark.parametrize(
    ("geometry", "over"), GEOMETRIES.values(), ids=GEOMETRIES.keys()
)
every_kind = pytest.mark.parametrize("name", BOTH_KINDS)


def law_of(geometry, outer, inner):
    index = 5 / 3 if geometry.index is None else geometry.index
    return PowerLaw(index, outer_scale=outer, inner_scale=inner)


def waves(geometry, key, num=60):
    law = law_of(geometry, 20.0, 0.5)
    return realise_waves(law, key=key, num_waves=num, rms=1.0, geometry=geometry)


def mode_power(geometry, law, shape, num_keys, **options):
    """Return the mean power of each mode over realisations, ``(kx, ky, kz)``, and the rms²."""

    @jax.jit
    def samples_of(key):
        field = realise_grid(
            law, key=key, shape=shape, spacing=1.0, rms=2.0,
            geometry=geometry, storage=jnp.float64, **options,
        )  # fmt: skip
        return field.scale * field.coefficients[: shape[0], : shape[1], : shape[2]]

    total, squares = 0.0, []
    for number in range(num_keys):
        samples = np.asarray(samples_of(jax.random.key(number)))
        squares.append(np.mean(np.sum(samples**2, axis=-1)))
        modes = np.fft.fftn(samples, axes=(0, 1, 2), norm="forward")
        total = total + np.sum(np.abs(modes) ** 2, axis=-1)
    return total / num_keys, np.array(squares)


def estimate(power, over):
    """Return wavenumbers and E at each, the power summed over the other axes of k."""
    summed = power.sum(axis=tuple(i for i in range(3) if i not in over))
    steps = [2 * np.pi / n for n in summed.shape]
    k = np.meshgrid(
        *(np.fft.fftfreq(n, 1 / n) * d for n, d in zip(summed.shape, steps, strict=True)),
        indexing="ij",
    )
    size = np.sqrt(sum(x**2 for x in k))
    surface = {1: 2.0 + 0 * size, 2: 2 * np.pi * size, 3: 4 * np.pi * size**2}[len(over)]
    return size.ravel(), (surface * summed / np.prod(steps)).ravel()


@every_geometry
def test_grid_has_the_spectrum(geometry, over):
    # Enough realisations for 1.5 % in every bin: a mode has one or two complex amplitudes.
    shape, num_keys = {
        EVERYWHERE: ((32, 32, 32), 40),
        ACROSS: ((32, 32, 32), 80) if geometry.varies_along else ((64, 64, 1), 300),
        ALONG: ((1, 1, 256), 1500),
    }[over]
    law = law_of(geometry, max(shape) / 1.5, 2.5)
    power, _ = mode_power(geometry, law, shape, num_keys)
    k, measured = estimate(power, over)
    fundamental = 2 * np.pi / max(shape)
    low, high = 3.5 * fundamental, 2 * np.pi / 2.5 - fundamental
    # Modes whose cell lies within the range have E averaged over it, 0.2/n² above E itself.
    edges = np.geomspace(low, high, 5)
    for below, above in itertools.pairwise(edges):
        chosen = (k >= below) & (k < above)
        asked = 4.0 * np.mean(np.asarray(law(jnp.asarray(k[chosen]))))
        assert measured[chosen].mean() == pytest.approx(asked, rel=0.05)


@every_geometry
def test_waves_have_the_spectrum(geometry, over, key):
    law = law_of(geometry, 20.0, 0.5)
    field = realise_waves(law, key=key, num_waves=3000, rms=1.0, geometry=geometry)
    vectors = 2 * np.pi * np.asarray(field.frequencies)[:, list(over)]
    k = np.linalg.norm(vectors, axis=1)
    power = np.sum(np.asarray(field.amplitudes) ** 2, axis=1) / 2
    edges = np.geomspace(*(float(x) for x in law.edges(jnp.float64)), 9)
    measured, _ = np.histogram(k, edges, weights=power)
    for i, value in enumerate(measured):
        around = np.linspace(edges[i] * (1 + 1e-9), edges[i + 1] * (1 - 1e-9), 2001)
        asked = np.trapezoid(np.asarray(law(jnp.asarray(around))), around)
        # One wave in 375 falls into the next bin.
        assert value == pytest.approx(asked, rel=0.01)


@pytest.mark.parametrize(
    "name",
    [
        # those that share their cascade, or their plane, with another of the list
        pytest.param(name, marks=pytest.mark.slow)
        if name in ("alfven", "slow", "two-dimensional", "slab and two-dimensional")
        else name
        for name in BOTH_KINDS
    ],
)
def test_grid_has_the_rms(name):
    geometry, _ = BOTH_KINDS[name]
    law = law_of(geometry, 16.0, 2.5)
    power, squares = mode_power(geometry, law, (16, 16, 16), 200)
    error = squares.std(ddof=1) / np.sqrt(200)
    assert abs(squares.mean() - 4.0) < 3 * error
    assert error < 0.12
    # No mean field.
    assert power[0, 0, 0] < 1e-30
    _, squares = mode_power(geometry, law, (16, 16, 16), 2, exact_rms=True)
    np.testing.assert_allclose(squares, 4.0, rtol=1e-12)


@every_kind
def test_every_field_of_waves_has_the_rms(name, key):
    field = waves(BOTH_KINDS[name][0], key)
    # Cells in ln k by Gauss's rule.
    assert np.sum(np.asarray(field.amplitudes) ** 2) / 2 == pytest.approx(1, rel=1e-9)
    along = np.sum(field.frequencies * field.amplitudes, axis=1)
    # Round-off of unit vectors.
    np.testing.assert_allclose(along, 0, atol=1e-14)


def test_slab_share_is_the_power_of_slab_waves(key):
    geometry = SlabTwoD(Z, 0.2)
    power, _ = mode_power(geometry, law_of(geometry, 16.0, 2.5), (16, 16, 16), 300)
    # Slab waves have one complex pair in each of 5 modes: 300 fields scatter by 4 %.
    assert power[0, 0].sum() / power.sum() == pytest.approx(0.2, rel=0.1)
    assert power[0, 0].sum() + power[:, :, 0].sum() == pytest.approx(power.sum(), rel=1e-12)
    strengths = np.sum(np.asarray(waves(geometry, key).amplitudes) ** 2, axis=1)
    assert strengths[::2].sum() / 2 == pytest.approx(0.2, rel=1e-9)


def test_slab_varies_along_the_axis_and_two_dimensional_across_it(key):
    for geometry, still in (
        (Slab(AXIS), jnp.array([2.0, -1.0, 0.0])),
        (TwoDimensional(AXIS), AXIS),
    ):
        field = waves(geometry, key)
        here = jnp.array([0.3, -2.0, 1.0])
        # Sums of sixty cosines: round-off.
        np.testing.assert_allclose(field(here + 5 * still), field(here), atol=1e-12)
        assert jnp.abs(field(here) @ AXIS) < 1e-14
        assert jnp.linalg.norm(field(here + 0.7) - field(here)) > 0.1


@pytest.mark.parametrize("helicity", [pytest.param(-1.0, marks=pytest.mark.slow), 0.5])
def test_helicity_is_the_mean_of_field_and_curl(helicity):
    geometry = Isotropic(helicity=helicity)
    grid = realise_grid(
        law_of(geometry, 16.0, 4.0), key=jax.random.key(1), shape=(32, 32, 32), spacing=1.0,
        rms=1.0, geometry=geometry, storage=jnp.float64,
    )  # fmt: skip
    modes = np.fft.fftn(np.asarray(sample_field(grid, grid.lattice())), axes=(0, 1, 2))
    n = np.fft.fftfreq(32, 1 / 32)
    k = np.stack(np.meshgrid(n, n, n, indexing="ij"), axis=-1)
    size = np.maximum(np.linalg.norm(k, axis=-1, keepdims=True), 1e-9)
    curl = 1j * np.cross(k / size, modes)
    relative = np.sum(curl * modes.conj()).real / np.sum(np.abs(modes) ** 2)
    # Each mode of a Gaussian field scatters, about 250 independent of them; at ±1 none does.
    assert relative == pytest.approx(helicity, abs=1e-12 if abs(helicity) == 1 else 0.15)


def test_helical_waves_turn_as_their_curl(key):
    field = waves(Isotropic(helicity=1.0), key)
    num = field.phases.shape[0] // 2
    here = jnp.array([0.3, -2.0, 1.0])

    def one(i):
        return WaveField(field.frequencies[i::num], field.phases[i::num], field.amplitudes[i::num])

    for i in (0, 17, 59):
        slope = jax.jacfwd(one(i))(here)
        curl = jnp.stack(
            [slope[2, 1] - slope[1, 2], slope[0, 2] - slope[2, 0], slope[1, 0] - slope[0, 1]]
        )
        k = 2 * jnp.pi * jnp.linalg.norm(field.frequencies[i])
        # Round-off, and that of the cosine's derivative.
        np.testing.assert_allclose(curl, k * one(i)(here), rtol=1e-9, atol=1e-12)


def correlation(geometry, lag, key):
    """Return <B(0)·B(lag)> over realisations, and its standard error."""

    def product(key):
        field = waves(geometry, key)
        return field(jnp.zeros(3)) @ field(lag)

    products = jax.jit(jax.vmap(product))(jax.random.split(key, 5_000))
    return float(products.mean()), float(products.std()) / 5_000**0.5


def expected(kernel):
    """Return the integral of E(k) kernel(k)."""
    k = np.geomspace(2 * np.pi / 20 * (1 + 1e-9), 2 * np.pi / 0.5 * (1 - 1e-9), 20_001)
    return np.trapezoid(np.asarray(LAW(jnp.asarray(k))) * kernel(k), k)


@pytest.mark.parametrize(
    ("geometry", "lag", "kernel"),
    [
        (Isotropic(), jnp.array([0.0, 1.5, 0.0]), lambda k: np.sinc(1.5 * k / np.pi)),
        (Slab(AXIS), 1.5 * AXIS, lambda k: np.cos(1.5 * k)),
        (TwoDimensional(AXIS), jnp.array([0.0, 1.5, -1.5]), lambda k: j0(1.5 * np.sqrt(2) * k)),
        (SlabTwoD(AXIS, 0.2), 1.5 * AXIS, lambda k: 0.2 * np.cos(1.5 * k) + 0.8),
    ],
    ids=["isotropic", "slab", "two-dimensional", "both"],
)
def test_correlations_are_those_of_the_spectrum(geometry, lag, kernel, key):
    mean, error = correlation(geometry, lag, key)
    assert error < 0.03
    assert abs(mean - expected(kernel)) < 4 * error


@pytest.mark.parametrize("generator", ["waves", pytest.param("grid", marks=pytest.mark.slow)])
def test_gradient_by_the_share(generator):
    def bx(share):
        geometry = SlabTwoD(Z, share)
        if generator == "waves":
            return waves(geometry, jax.random.key(0))(jnp.ones(3))[0]
        options = {"shape": (16, 16, 16), "spacing": 1.0, "rms": 1.0, "storage": jnp.float64}
        law = law_of(geometry, 16.0, 4.0)
        return realise_grid(law, key=jax.random.key(0), geometry=geometry, **options)(jnp.ones(3))[
            0
        ]

    slope = jax.grad(bx)(jnp.asarray(0.3))
    difference = (bx(jnp.asarray(0.3 + 1e-6)) - bx(jnp.asarray(0.3 - 1e-6))) / 2e-6
    # Rounding 1e-16 / 1e-6.
    assert jnp.isclose(slope, difference, rtol=1e-7, atol=1e-9)
    assert abs(slope) > 1e-3


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Slab(jnp.zeros(3)), "Slab: axis: expected a direction"),
        (lambda: SlabTwoD(AXIS, 1.2), "SlabTwoD: slab_share: expected a share between 0 and 1"),
        (lambda: Isotropic(helicity=1.5), "Isotropic: helicity: expected a relative helicity"),
        (
            lambda: realise_grid(
                LAW, key=jax.random.key(0), shape=(64,) * 3, spacing=0.25, rms=1.0,
                geometry=Slab(AXIS),
            ),
            r"axis of Slab: expected an axis of the box.*use realise_waves",
        ),
        (
            lambda: realise_waves(
                KRAICHNAN, key=jax.random.key(0), num_waves=60, rms=1.0, geometry=Alfven(Z)
            ),
            r"Alfven: index of the spectrum: expected 1\.667.*got 1\.5",
        ),
    ],
)  # fmt: skip
def test_rejects_what_is_no_geometry(make, message):
    with pytest.raises(ValueError, match=message):
        make()
