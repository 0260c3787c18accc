"""Moments against power laws, the relativistic thermal gas, and gases that move."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import Array
from scipy import integrate
from scipy.special import kn

from jaxcr.kinetic import kinematics as km
from jaxcr.kinetic import moments

PROTON = km.proton()
MASS = float(PROTON.mass)
LIGHT = km.Species(1, 0.0)
FLOW = np.array([0.3, -0.2, 0.4])
FUNCTIONS = (moments.energy_density, moments.kinetic_energy_density, moments.pressure)


class Thermal(eqx.Module):
    """f of a gas at rest with n = 1, of the momentum vector.

    Source: Jüttner (1911): u = m (3 T + K_1/K_2), P = T m with T over the rest energy.
    """

    temperature: Array
    norm: Array

    def __call__(self, p):
        return self.at(jnp.sqrt(p @ p + MASS**2))

    def at(self, energy):
        return self.norm * jnp.exp(-energy / (MASS * self.temperature))


class Moving(eqx.Module):
    """f of that gas in a flow u, an invariant: f(E') with E' = gamma (E - u · p)."""

    gas: Thermal
    flow: Array

    def __call__(self, p):
        gamma = 1 / jnp.sqrt(1 - self.flow @ self.flow)
        return self.gas.at(gamma * (jnp.sqrt(p @ p + MASS**2) - p @ self.flow))


def thermal(temperature):
    """Return the gas with its energy density and its pressure."""
    k1, k2 = kn(1, 1 / temperature), kn(2, 1 / temperature)
    norm = 1 / (4 * np.pi * MASS**3 * temperature * k2)
    gas = Thermal(jnp.asarray(temperature), jnp.asarray(norm))
    return gas, MASS * (3 * temperature + k1 / k2), MASS * temperature


@pytest.mark.parametrize("index", [2.0, 3.0, 4.7])
def test_power_laws_are_exact_on_any_grid(index):
    p = jnp.array([1e-3, 2e-3, 0.5, 40.0])
    density = moments.number_density(p**-index, p)
    a, b, power = 1e-3, 40.0, 3 - index
    exact = np.log(b / a) if power == 0 else (b**power - a**power) / power
    # 1e-13: Gauss's rule over an interval of e^5.5, and the cubes
    np.testing.assert_allclose(density, 4 * np.pi * exact, rtol=1e-13)
    # at the speed of light u = J-like = 3 P
    energy = moments.energy_density(p**-index, p, LIGHT)
    power = 4 - index
    np.testing.assert_allclose(energy, 4 * np.pi * (b**power - a**power) / power, rtol=1e-13)
    np.testing.assert_allclose(moments.pressure(p**-index, p, LIGHT), energy / 3, rtol=1e-14)
    flux = moments.particle_flux(jnp.stack([p**-index, -(p**-index)]), p, LIGHT)
    np.testing.assert_allclose(flux, float(density) / 3 * np.array([1.0, -1.0]), rtol=1e-13)


def test_a_power_law_of_massive_particles():
    # between samples only f is a power law, energies are exact: over decades from four samples
    p = MASS * jnp.array([0.05, 0.1, 10.0, 20.0])
    for function, weight in zip(FUNCTIONS, (energy, kinetic, push), strict=True):
        exact = integrate.quad(
            lambda x, w=weight: 4 * np.pi * x**-2.2 * w(x), p[0], p[-1], epsrel=1e-12
        )[0]
        # 1e-9: Gauss's rule over the bend of the energy at p = m
        np.testing.assert_allclose(function(p**-4.2, p, PROTON), exact, rtol=1e-9)


def energy(p):
    return np.hypot(p, MASS)


def kinetic(p):
    return p**2 / (energy(p) + MASS)


def push(p):
    return p**2 / energy(p) / 3


@pytest.mark.parametrize("temperature", [0.02, 1.0, 20.0])
def test_thermal_gas(temperature):
    gas, total, pressure = thermal(temperature)
    p = MASS * np.sqrt(temperature * (temperature + 1)) * jnp.geomspace(1e-5, 60.0, 40)
    # 1e-10: what lies outside the grid, of order (1e-5)³, and SciPy's Bessel functions
    exact = [1, total, total - MASS, pressure]
    np.testing.assert_allclose(thermal_moments(gas, p), exact, rtol=1e-10)


@jax.jit
def thermal_moments(gas, p):
    values = [function(gas, p, PROTON, degree=1) for function in FUNCTIONS]
    return jnp.stack([moments.number_density(gas, p, degree=1), *values])


def test_samples_converge_with_the_square_of_the_step():
    gas, total, _ = thermal(1.0)
    errors = []
    for num in (41, 81):
        p = MASS * np.geomspace(1e-4, 200.0, num)
        f = float(gas.norm) * np.exp(-np.hypot(p, MASS) / MASS)
        density = moments.energy_density(jnp.asarray(f), jnp.asarray(p), PROTON)
        errors.append(float(density) / total - 1)
    np.testing.assert_allclose(errors[0] / errors[1], 4, rtol=0.1)  # the next order of the step


@jax.jit
def moving_moments(gas, p):
    return (
        moments.number_density(gas, p, degree=23),
        moments.particle_flux(gas, p, PROTON, degree=23),
        moments.energy_density(gas, p, PROTON, degree=23),
        moments.number_density(gas, p, degree=3),
    )


@pytest.mark.parametrize("temperature", [0.5, 5.0])
def test_a_gas_that_moves(temperature):
    gas, total, pressure = thermal(temperature)
    p = MASS * jnp.geomspace(1e-4, 300 * (1 + temperature), 25)
    density, flux, energy, coarse = moving_moments(Moving(gas, jnp.asarray(FLOW)), p)
    # n = gamma, J = gamma u, T^00 = gamma² (u + P) - P; 1e-7: a rule of degree 23 over directions
    gamma = 1 / np.sqrt(1 - FLOW @ FLOW)
    np.testing.assert_allclose(density, gamma, rtol=1e-7)
    np.testing.assert_allclose(flux, gamma * FLOW, rtol=1e-7)
    np.testing.assert_allclose(energy, gamma**2 * (total + pressure) - pressure, rtol=1e-7)
    assert abs(float(coarse) / gamma - 1) > 1e-3  # too few directions are seen


def test_samples_of_the_dipole_agree_with_the_function():
    dipole = jnp.array([0.3, 0.0, -0.1])

    def f(p):
        size = jnp.sqrt(p @ p)
        return size**-4.5 * (1 + p @ dipole / size)

    p = jnp.geomspace(1e-7, 1e-5, 4)
    samples = dipole[:, None] * p[None] ** -4.5
    by_samples = moments.particle_flux(samples, p, PROTON)
    by_function = moments.particle_flux(f, p, PROTON, degree=2)
    np.testing.assert_allclose(by_samples, by_function, rtol=1e-12, atol=1e-5)  # round-off of 6e9


def test_zeros_and_changes_of_sign_are_trapezia():
    p = jnp.array([1.0, np.e, np.e**2, np.e**3])
    f = jnp.array([0.0, 2.0, -1.0, 0.0]) * p**-3.0
    # 4 pi (1 + 1/2 - 1/2)
    np.testing.assert_allclose(moments.number_density(f, p), 4 * np.pi, rtol=1e-14)
    gradient = jax.grad(lambda f: moments.number_density(f, p))(f)
    assert bool(jnp.all(jnp.isfinite(gradient)))


def test_gradient():
    p = jnp.geomspace(1e-7, 1e-4, 4)

    def pressure(index, mass):
        return moments.pressure((p / 1e-6) ** -index, p, km.Species(1, mass)) * 1e20

    step = 1e-5
    by_index = (pressure(4.2 + step, 1e-6) - pressure(4.2 - step, 1e-6)) / (2 * step)
    by_mass = (pressure(4.2, 1e-6 * (1 + step)) - pressure(4.2, 1e-6 * (1 - step))) / (2e-6 * step)
    # 1e-8: step² of truncation and eps/step of rounding
    found = jax.grad(pressure, argnums=(0, 1))(4.2, 1e-6)
    np.testing.assert_allclose(found, (by_index, by_mass), rtol=1e-8)


def test_float32_stays_float32():
    p = jnp.geomspace(1e-7, 1e-4, 4)
    low = moments.energy_density(p.astype(jnp.float32) ** -2, p.astype(jnp.float32), PROTON)
    assert low.dtype == jnp.float32
    # 1e-5: cubes and powers of float32
    np.testing.assert_allclose(low, moments.energy_density(p**-2, p, PROTON), rtol=1e-5)


@pytest.mark.parametrize(
    ("f", "p", "degree", "message"),
    [
        (
            jnp.ones(3),
            jnp.array([1.0, 1.0, 2.0]),
            15,
            r"steps of momentum: expected a positive .* got 0.0 at index 0",
        ),
        (
            jnp.ones(2),
            jnp.array([0.0, 1.0]),
            15,
            r"number_density: momentum: expected a positive .* got 0.0",
        ),
        (jnp.ones(1), jnp.array([1.0]), 15, r"number of momenta: expected a number >= 2, got 1"),
        (
            jnp.ones((2, 3)),
            jnp.array([1.0, 2.0]),
            15,
            r"distribution: expected shape \(2, 2\), got shape \(2, 3\)",
        ),
        (lambda p: p[0], jnp.array([1.0, 2.0]), 0, r"degree: expected a number >= 1, got 0"),
    ],
)
def test_errors(f, p, degree, message):
    with pytest.raises(ValueError, match=message):
        moments.number_density(f, p, degree=degree)
