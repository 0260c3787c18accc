"""Five problems of Parker's equation that the grid and pseudo-particles both solve."""

from typing import NamedTuple

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from jaxcr import kinetic, units
from jaxcr.experiments.transport_theory.parker import GIGAVOLT, WIND, solar_wind


class Comparison(NamedTuple):
    """A problem, points (place, momentum, length of paths), and a wrong problem for the paths."""

    problem: kinetic.ParkerProblem
    points: tuple[tuple, ...]
    wrong: kinetic.ParkerProblem | None = None


def disc(x: Float[Array, " axis"], p: Float[Array, ""]) -> Float[Array, ""]:
    """Return a smooth disc of sources with the spectrum p^-1.2."""
    return jnp.exp(-((x[0] / 0.3) ** 2) / 2) * p**-1.2


def plain_halo(cells: int) -> Comparison:
    """Return free escape at ±1."""
    grid = kinetic.CartesianGrid(jnp.linspace(-1, 1, cells + 1))
    problem = kinetic.ParkerProblem(grid, diffusion=0.5, source=disc)
    return Comparison(problem, tuple(((x,), None, 6.0) for x in (-0.8, 0.0, 0.4)))


def windy_halo(cells: int) -> Comparison:
    """Return the upper half of a halo whose wind rises from the plane, and cools."""
    grid = kinetic.CartesianGrid(jnp.linspace(0, 1, cells + 1))
    problem = kinetic.ParkerProblem(
        grid, diffusion=lambda x, p: 0.3 * p**0.4, velocity=lambda x: 0.5 * jnp.tanh(x / 0.3),
        momentum=kinetic.MomentumGrid(1.0, 1e3, cells, reference_index=1.5, continued=True),
        source=disc, boundaries=((kinetic.Reflecting(), kinetic.FreeEscape()),),
    )  # fmt: skip
    places = ((0.1, 2.0), (0.1, 10.0), (0.1, 50.0), (0.6, 2.0), (0.6, 10.0))
    return Comparison(problem, tuple(((x,), p, 5.0) for x, p in places))


def graded_halo(cells: int) -> Comparison:
    """Return kappa that grows by e³ across the box; wrong paths leave out its derivative."""

    def kappa(x, p):
        return 0.5 * jnp.exp(1.5 * x[0])

    def problem(diffusion):
        grid = kinetic.CartesianGrid(jnp.linspace(-1, 1, cells + 1))
        return kinetic.ParkerProblem(grid, diffusion=diffusion, source=disc)

    wrong = problem(lambda x, p: kappa(lax.stop_gradient(x), p))
    points = tuple(((x,), None, 8.0) for x in (-0.7, 0.0, 0.6))
    return Comparison(problem(kappa), points, wrong)


def heliosphere(cells: int) -> Comparison:
    """Return a wind of 400 km/s out to 90 au, of modulation potential 0.3 GV."""
    momentum = kinetic.MomentumGrid(0.5 * GIGAVOLT, 200 * GIGAVOLT, cells, continued=True)
    problem = solar_wind(0.3, 10 * units.au, momentum, cells)
    # steps of about 3 au, short against the core that throws particles back
    points = tuple(
        ((radius * units.au,), p * GIGAVOLT, 60 * units.au / WIND / p)
        for radius, p in ((15.0, 1.0), (15.0, 3.0), (40.0, 1.0), (40.0, 3.0), (70.0, 1.0))
    )
    return Comparison(problem, points)


def drifting_box(cells: int) -> Comparison:
    """Return a tilted tensor with drifts that turn about the middle; wrong paths do not drift."""

    def tensor(drift):
        def function(x, p):
            turn = drift * jnp.cos(jnp.pi * x[0] / 2) * jnp.cos(jnp.pi * x[1] / 2)
            turning = jnp.array([[0.0, 1.0], [-1.0, 0.0]])
            return jnp.array([[0.5, 0.15], [0.15, 0.3]]) + turn * turning

        return function

    def problem(drift):
        edges = jnp.linspace(-1, 1, cells // 2 + 1)
        return kinetic.ParkerProblem(
            kinetic.CartesianGrid(edges, edges), diffusion=tensor(drift),
            source=lambda x, p: jnp.exp(-jnp.sum((x - jnp.array([0.4, 0.0])) ** 2) / 0.18),
        )  # fmt: skip

    places = ((0.0, 0.4), (0.0, -0.4), (-0.5, 0.3), (0.5, 0.5))
    return Comparison(problem(1.0), tuple((x, None, 5.0) for x in places), problem(0.0))


PROBLEMS = {
    "halo": plain_halo, "halo, wind, kappa(p)": windy_halo, "kappa(x)": graded_halo,
    "heliosphere": heliosphere, "2-D tensor, drifts": drifting_box,
}  # fmt: skip
"""From the number of cells to the problem; momenta in any unit, or in PV in the heliosphere."""
