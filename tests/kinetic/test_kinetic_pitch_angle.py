import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr.arrays import Scalar
from jaxcr.kinetic.pitch_angle.ends import FreeEnd, InflowEnd, PeriodicEnd, ReflectingEnd
from jaxcr.kinetic.pitch_angle.flux_tube import FluxTube, field_from_focusing
from jaxcr.kinetic.pitch_angle.operators import FiniteVolume, LegendreSeries
from jaxcr.kinetic.pitch_angle.problem import (
    PitchAngleProblem,
    solve_pitch_angle,
    steady_pitch_angle,
)
from jaxcr.kinetic.pitch_angle.region import UniformRegion
from jaxcr.kinetic.pitch_angle.time_methods import ImplicitSteps

# Most runs have 8 or 96 unknowns and two times, so that they share their compiled exponentials.
ROUNDING = 1e-12  # conservation: 1e-16 times the largest rate, about 100, times the time


class Scattering(eqx.Module):
    """D = nu (1 - mu²)(1 + b mu²) / 2."""

    nu: Scalar
    bend: Scalar

    def __init__(self, nu, bend=0.0):
        self.nu, self.bend = jnp.asarray(nu), jnp.asarray(bend)

    def __call__(self, mu):
        return self.nu * (1 - mu**2) * (1 + self.bend * mu**2) / 2


class Exact(eqx.Module):
    """f = 2 + e^(-z/L) e^(xi mu), steady for isotropic scattering, xi = v/(nu L)."""

    place: Scalar
    inverse: Scalar
    nu: Scalar

    def __call__(self, mu):
        return 2 + jnp.exp(self.inverse * (mu / self.nu - self.place))


def mirror(edges, length):
    return jnp.asarray(2 - np.cos(2 * np.pi * np.asarray(edges) / length))


def evolution(problem, initial, times, method, **options):
    return solve_pitch_angle(problem, initial, times=jnp.asarray(times), method=method, **options)


@pytest.mark.parametrize("method", [LegendreSeries(7), FiniteVolume(8)], ids=repr)
def test_modes_decay_as_l_of_l_plus_1(method):
    mu = method.cosines()
    # linear and quadratic functions of the cells' centres are sums of discrete modes too
    start = 1 + 0.3 * mu + 0.2 * mu**2
    run = evolution(PitchAngleProblem(Scattering(0.5)), start, [0.0, 3.0], method)
    first, later = np.asarray(method.coefficients(run.values, 2))
    expected = np.exp(-0.5 * np.array([0, 1, 3]) * 3.0)
    np.testing.assert_allclose(later / first, expected, rtol=ROUNDING)
    np.testing.assert_allclose(run.values[0], start, rtol=1e-14)


@pytest.mark.parametrize("method", [LegendreSeries(7), FiniteVolume(8)], ids=repr)
def test_focusing_leads_to_its_equilibrium(method):
    problem = PitchAngleProblem(Scattering(0.5), region=UniformRegion(0.3), speed=0.8)
    run = evolution(problem, jnp.ones(8), [1.0, 60.0], method)
    equilibrium = np.exp(0.8 * 0.3 / 0.5 * np.asarray(method.cosines()))
    # 1e-7: the series cut at order 8, xi^8/(2 8!); the finite volumes are exact there
    np.testing.assert_allclose(
        run.values[1] / run.values[1, 0], equilibrium / equilibrium[0], rtol=1e-7
    )
    np.testing.assert_allclose(run.number, 2, rtol=ROUNDING)


@pytest.mark.parametrize(
    ("method", "end"),
    [(LegendreSeries(7), ReflectingEnd()), (FiniteVolume(8), PeriodicEnd())],
    ids=repr,
)
def test_closed_mirror_keeps_its_particles_and_becomes_isotropic(method, end):
    edges = jnp.linspace(0.0, 6.0, 13)
    tube = FluxTube(edges, field_strength=mirror(edges, 6.0), left=end, right=end)
    mu, volumes = np.asarray(method.cosines()), np.asarray(tube.volumes)
    wave = 1 + 0.5 * np.sin(np.asarray(tube.centers))
    start = jnp.asarray(wave[:, None] + 0.3 * (mu + mu**3))
    run = evolution(PitchAngleProblem(Scattering(0.5), region=tube), start, [2.0, 300.0], method)
    number = volumes @ np.asarray(start) @ np.asarray(method.weights())
    np.testing.assert_allclose(run.number, number, rtol=ROUNDING)
    assert np.std(run.values[0]) > 1e-2
    # every uniform isotropic state is stationary (Liouville), and the others decay
    mean = number / (2 * volumes.sum())
    np.testing.assert_allclose(run.values[1], mean * np.ones((12, 8)), rtol=1e-9)


def test_uniform_isotropic_inflow_fills_any_tube_evenly():
    edges = jnp.asarray([0.0, 0.3, 1.0, 1.4, 2.0, 3.1])
    inverse = lambda z: 0.4 + jnp.sin(3 * z)  # noqa: E731
    field = field_from_focusing(edges, inverse)
    ends = {"left": InflowEnd(jnp.ones_like), "right": ReflectingEnd()}
    tube = FluxTube(edges, field_strength=field, **ends)
    problem = PitchAngleProblem(Scattering(0.5, 1.0), region=tube, speed=0.7)
    steady = steady_pitch_angle(problem, method=LegendreSeries(3))
    np.testing.assert_allclose(steady, np.ones((5, 4)), rtol=ROUNDING)
    exact = np.exp(-0.4 * edges - (1 - np.cos(3 * edges)) / 3)
    np.testing.assert_allclose(field, exact, rtol=1e-13)


def test_ballistic_streaming_is_a_translation():
    method, errors = LegendreSeries(3), []
    edges = jnp.linspace(0.0, 2 * jnp.pi, 25)
    problem = PitchAngleProblem(Scattering(0.0), region=FluxTube(edges), speed=0.9)
    for wave in (2, 1):  # over the same phase

        def mean(shift, wave=wave):  # of 1 + sin(wave z - shift) over each cell
            phase = wave * np.asarray(edges)[:, None] - np.asarray(shift)
            return jnp.asarray(1 - 24 * np.diff(np.cos(phase), axis=0) / (wave * 2 * np.pi))

        run = evolution(problem, mean(np.zeros((1, 4))), [0.5, 2.0 / wave], method)
        exact = mean(0.9 * 2.0 * np.asarray(method.cosines()))
        errors.append(np.abs(np.asarray(run.values[1]) - np.asarray(exact)).max())
    # Fromm's slopes: the phase is late by its part (wave h)²/12, up to the next order
    np.testing.assert_allclose(errors[0] / errors[1], 4, atol=0.5)
    np.testing.assert_allclose(errors[1], 0.9 * 2 * 0.8611 * (2 * np.pi / 24) ** 2 / 12, rtol=0.3)


@pytest.mark.parametrize("bend", [pytest.param(0.0, marks=pytest.mark.slow), 1.0])
def test_spread_along_the_field(bend):
    nu, method = 4.0, LegendreSeries(5)
    tube = FluxTube(jnp.linspace(-14.4, 14.4, 33))
    problem = PitchAngleProblem(Scattering(nu, bend), region=tube)
    square = np.asarray(tube.centers) ** 2
    weight = np.exp(-square)
    times = np.array([4.0, 6.0])
    run = evolution(problem, jnp.asarray(np.outer(weight, np.ones(6))), times, method)
    density = np.asarray(run.values) @ np.asarray(method.weights())
    variance = (density @ square) / density.sum(axis=1)
    if bend == 0:
        # 2/3 v² int (t - s) e^(-nu s) ds, the persistent random walk. Fromm's fluxes and the
        # series keep this moment exact; 1e-6 of it has come round the ends.
        spread = 2 / 3 * (times / nu - (1 - np.exp(-nu * times)) / nu**2)
        first = float(weight @ square / weight.sum())
        np.testing.assert_allclose(variance - first, spread, rtol=1e-6)
    # kappa = (v²/8) int (1 - mu²)²/D dmu; int (1 - mu²)/(1 + mu²) = pi - 2
    kappa = (4 / 3 if bend == 0 else np.pi - 2) / (4 * nu)
    # 1e-4: the series is cut at order 5, where 1/(1 + mu²) still has (1 + sqrt 2)^-10 = 1.5e-4
    np.testing.assert_allclose(np.diff(variance) / 4, kappa, rtol=1e-4)


def steady_error(cells):
    method, nu, inverse = LegendreSeries(7), jnp.asarray(1.0), jnp.asarray(0.5)
    edges = jnp.linspace(0.0, 2.0, cells + 1)
    tube = FluxTube(
        edges,
        field_strength=jnp.exp(-inverse * edges),
        left=InflowEnd(Exact(edges[0], inverse, nu)),
        right=InflowEnd(Exact(edges[-1], inverse, nu)),
    )
    steady = steady_pitch_angle(PitchAngleProblem(Scattering(nu), region=tube), method=method)
    exact = jax.vmap(lambda z: Exact(z, inverse, nu)(method.cosines()))(tube.centers)
    return float(jnp.max(jnp.abs(steady - exact)))


@pytest.mark.slow  # two shapes to compile
def test_steady_focused_flux_is_exact_to_second_order():
    # Flux = -v L (coth xi - 1/xi) df_0/dz, the focused diffusion, is that of this solution.
    coarse, fine = steady_error(8), steady_error(16)
    assert 3.4 < coarse / fine < 4.6  # 4, up to the next order in h = 1/8
    assert fine < 1e-3


@pytest.mark.slow  # diffrax alone compiles for five seconds
def test_implicit_steps_agree_with_the_exponential():
    method = LegendreSeries(7)
    problem = PitchAngleProblem(Scattering(0.5, 1.0), region=UniformRegion(0.3))
    start, source = 1 + method.cosines(), 0.1 * jnp.ones(8)
    exact = evolution(problem, start, [1.0, 4.0], method, source=source)
    steps = evolution(
        problem, start, [1.0, 4.0], method, source=source, time_method=ImplicitSteps(1e-9)
    )
    np.testing.assert_allclose(steps.values, exact.values, rtol=3e-8)  # some 30 steps of 1e-9
    np.testing.assert_allclose(exact.number, 2 + 0.2 * exact.time, rtol=ROUNDING)
    np.testing.assert_allclose(steps.number, exact.number, rtol=ROUNDING)


def test_gradient_of_a_coefficient_by_rate_and_focusing():
    method, edges = LegendreSeries(3), jnp.linspace(0.0, 2.0, 6)

    @jax.jit
    @jax.value_and_grad
    def dipole(x):
        field = field_from_focusing(edges, lambda z: x[1] * jnp.ones_like(z))
        tube = FluxTube(edges, field_strength=field, left=InflowEnd(jnp.ones_like), right=FreeEnd())
        steady = steady_pitch_angle(PitchAngleProblem(Scattering(x[0]), region=tube), method=method)
        return method.coefficients(steady[2], 1)[1]

    x, step = jnp.array([0.5, 0.3]), 1e-5
    difference = [(dipole(x + d)[0] - dipole(x - d)[0]) / (2 * step) for d in step * jnp.eye(2)]
    # 1e-7: step² of truncation and 1e-14/step of rounding
    np.testing.assert_allclose(dipole(x)[1], difference, rtol=1e-7)


def test_errors_of_the_tube():
    for edges, field, message in (
        ([0.0, 1.0, 1.0], None, "steps of edges: expected a positive"),
        ([0.0, 1.0], None, "number of edges: expected a number >= 3"),
        ([0.0, 1.0, 2.0], [1.0, 1.0], "field_strength: expected real numbers of shape \\(edge\\)"),
        ([0.0, 1.0, 2.0], [1.0, 0.0, 1.0], "field_strength: expected a positive"),
        ([0.0, 1.0, 2.0], [1.0, 1.0, 2.0], "one field at both periodic ends"),
    ):
        field = None if field is None else jnp.asarray(field)
        with pytest.raises(ValueError, match=f"FluxTube: .*{message}"):
            FluxTube(jnp.asarray(edges), field_strength=field)
    with pytest.raises(ValueError, match="both ends periodic, or neither, got PeriodicEnd and Fre"):
        FluxTube(jnp.arange(3.0), right=FreeEnd())


def test_errors_of_the_solvers():
    method, problem = LegendreSeries(3), PitchAngleProblem(Scattering(0.5))
    with pytest.raises(ValueError, match=r"speed: expected a number in \(0, 1\]"):
        PitchAngleProblem(Scattering(0.5), speed=1.5)
    for times in ([1.0, 1.0], [-1.0, 2.0]):
        with pytest.raises(
            ValueError, match=r"solve_pitch_angle: .*times: expected (a positive|at least one)"
        ):
            evolution(problem, jnp.ones(4), times, method)
    with pytest.raises(ValueError, match="initial: expected shape"):
        evolution(problem, jnp.ones(5), [1.0], method)
    with pytest.raises(ValueError, match="source: expected shape"):
        evolution(problem, jnp.ones(4), [1.0], method, source=jnp.ones(3))
    with pytest.raises(ValueError, match="diffusion: expected a number >= 0"):
        evolution(PitchAngleProblem(Scattering(-0.5)), jnp.ones(4), [1.0], method)
    with pytest.raises(ValueError, match="expected a FluxTube with a FreeEnd or an InflowEnd"):
        steady_pitch_angle(problem, method=method)
    with pytest.raises(ValueError, match="ImplicitSteps: rtol"):
        ImplicitSteps(0.0)
