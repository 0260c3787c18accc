"""What derivatives cost over the plain run, and that they are those of central differences."""

from collections.abc import Callable, Iterator
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from jaxcr import fields, orbits, sky, traps
from jaxcr.bench.jobs import RIGIDITY, STEP, directions, turbulent_field
from jaxcr.bench.rows import Effort, Peer, Row, difference
from jaxcr.bench.timing import time_in_turn, work_clock

_SMALL = 1e-4  # of central differences: their error is its square, and round-off 1e-16 over it


def gradients(effort: Effort) -> Iterator[Row]:
    """Yield the cost of a derivative over the plain run, for a sky, a chain and orbits."""
    yield of_sky(effort)
    yield of_chain(effort)
    yield of_orbits(effort)


def of_sky(effort: Effort) -> Row:
    """Return the cost of C_l and its derivative by dB/B0, in forward mode."""
    cells, nside, path = effort.choose((16, 2, 5.0), (64, 4, 30.0), (128, 8, 30.0))
    field = turbulent_field(cells, fields.CubicSpline(), jnp.float64)
    axis = jnp.array([1.0, 0.0, 0.0])

    def spectrum(level, field):
        arrivals = sky.backtrack(
            field.first + level * field.second, rigidity=RIGIDITY, stop=orbits.PathLength(path),
            observer=jnp.zeros(3), nside=nside, per_pixel=4, pusher=orbits.Boris(STEP),
            devices=jax.local_devices()[:1],
        )  # fmt: skip
        return sky.power_spectrum(
            sky.intensity_map(arrivals, sky.DipoleBoundary(axis, 1.0)), lmax=2 * nside
        )

    return _row(
        "gradient: sky C_l by dB/B0",
        f"forward mode; {12 * nside**2 * 4:,} orbits of {path:g} cells in {cells}³ cells, cubic "
        f"spline, float64, to C_l with lmax {2 * nside}",
        spectrum, jnp.asarray(1.0), field, effort, reverse=False,
    )  # fmt: skip


def of_chain(effort: Effort) -> Row:
    """Return the cost of C_1 of a chain and its derivatives by the trap, in reverse mode."""
    sites = effort.choose(10, 1000, 10_000)
    place = sites // 2
    source = jnp.zeros(sites).at[-1].set(1.0)

    def dipole(parameters, source):
        trap = traps.trap_from_ratio(parameters[0], parameters[1] / sites)
        line = traps.line_of_traps(parameters[0], parameters[1] / sites, sites)
        chain = traps.trap_chain(
            trap, sites, scattering_rate=1.0,
            left_end=traps.AbsorbingEnd(), right_end=traps.AbsorbingEnd(),
        )  # fmt: skip
        density = traps.steady_state(chain, source) / traps.flux_tube_volume(line)
        around = (density[place + i] for i in (-1, 0, 1))
        return traps.gyrotropic_spectrum(traps.trap_distribution(trap, *around, lmax=8))[1]

    return _row(
        "gradient: chain C_1 by trap",
        f"reverse mode, by mirror ratio and gradient; {sites:,} traps, float64",
        dipole, jnp.array([3.0, 1.0]), source, effort, reverse=True,
    )  # fmt: skip


def of_orbits(effort: Effort) -> Row:
    """Return the cost of a mean squared displacement and its derivatives by the whole grid."""
    cells, num, steps = effort.choose((16, 4, 10), (32, 256, 100), (128, 1024, 100))
    field = turbulent_field(cells, fields.CubicSpline(), jnp.float64)
    start = directions(num, jnp.float64)

    def displacement(coefficients, field):
        field = eqx.tree_at(lambda f: f.second.coefficients, field, coefficients)
        exits = orbits.trace_ensemble(
            field, jnp.zeros(3), start, rigidity=RIGIDITY, stop=orbits.PathLength(STEP * steps),
            pusher=orbits.Boris(STEP),
        )  # fmt: skip
        return jnp.mean(jnp.sum(exits.position**2, axis=1))

    return _row(
        "gradient: orbits by the grid",
        f"reverse mode, by every coefficient; {num:,} orbits of {steps} Boris steps in {cells}³ "
        "cells, cubic spline, float64",
        displacement, field.second.coefficients, field, effort, reverse=True,
    )  # fmt: skip


def _row(
    name: str,
    conditions: str,
    function: Callable[[Any, Any], Any],
    parameters: Any,
    rest: Any,
    effort: Effort,
    *,
    reverse: bool,
) -> Row:
    """Return the cost of value and derivative over that of the value alone.

    Differences are made along one direction, and their time counted for each parameter.
    """
    direction = jnp.cos(jnp.arange(parameters.size, dtype=float)).reshape(parameters.shape)
    plain = eqx.filter_jit(function)

    @eqx.filter_jit
    def derivative(parameters, rest):
        if reverse:
            return jax.value_and_grad(function)(parameters, rest)
        return jax.jvp(lambda p: function(p, rest), (parameters,), (direction,))

    def differences():
        ahead = plain(parameters + _SMALL * direction, rest)
        return (ahead - plain(parameters - _SMALL * direction, rest)) / (2 * _SMALL)

    forward, both, peer = time_in_turn(
        lambda: plain(parameters, rest),
        lambda: derivative(parameters, rest),
        differences,
        repeats=effort.repeats,
    )
    own = both.result[1]
    along = jnp.sum(own * direction) if reverse else own
    whole = peer.over(forward).times(parameters.size)
    note = "" if parameters.size == 1 else f"timed along one direction, times {parameters.size:,}"
    beside = Peer("central differences", "", whole, difference(along, peer.result), note)
    return Row(name, conditions, both.over(forward), "× plain run", work_clock(), False, (beside,))
