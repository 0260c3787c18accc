"""The scheme in ln p: fluxes of particles through the edges of momentum cells.

Densities are divided by the reference power law N ~ p^-r, which is then carried without error.
With n the quotient, the flux upward is N/n times (gain + (3 + r) D) n - D dn/dlnp.
"""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxcr.kinetic.parker.cells import ParkerCells, along
from jaxcr.kinetic.parker.fluxes import monotonised
from jaxcr.kinetic.parker.lines import LineMatrix


def downward(cells: ParkerCells) -> tuple[ParkerCells, Array]:
    """Return the coefficients with momenta ordered so that particles go down, and whether turned.

    The momentum axis is turned round where particles gain, so that they enter at its last cell.
    """
    upward = jnp.max(cells.gain) > -jnp.min(cells.gain)

    def turn(values):
        return jnp.where(upward, values[::-1], values)

    space = cells.space
    turned = eqx.tree_at(
        lambda c: (c.space.tensor, c.space.held, c.loss, c.source, c.edge_shape, c.cell_shape),
        cells,
        (
            tuple(turn(x) for x in space.tensor),
            tuple((turn(a), turn(b)) for a, b in space.held),
            turn(cells.loss),
            turn(cells.source),
            turn(cells.edge_shape),
            turn(cells.cell_shape),
        ),
    )
    gain = jnp.where(upward, -cells.gain[::-1], cells.gain)
    return eqx.tree_at(lambda c: c.gain, turned, gain), upward


def drains(cells: ParkerCells) -> Float[Array, "momentum ..."]:
    """Return the rate at which each cell's own density leaves it by losses, 1/pc.

    Two-point upwind: 3/2 of the cell less 1/2 of the one above; the highest cell by itself.
    """
    below = edge_weights(cells)[:-1] * 1.5
    last = below[-1] / 1.5
    if cells.continued:
        last = last - edge_weights(cells)[-1]
    rate = jnp.concatenate([below[:-1], last[None]])
    return rate / along(cells.cell_shape, 0, rate.ndim)


def feed(weight_above: Array, weight_below: Array, above: Array, higher: Array) -> Array:
    """Return what a cell receives from the scaled densities of the next two cells above."""
    return weight_above * (1.5 * above - 0.5 * higher) + 0.5 * weight_below * above


def edge_weights(cells: ParkerCells) -> Float[Array, "edge ..."]:
    """Return minus gain times reference power law over the width, at all edges."""
    return -cells.gain * along(cells.edge_shape, 0, cells.gain.ndim) / cells.log_width


def downward_fluxes(cells: ParkerCells, density: Array) -> Float[Array, "edge ..."]:
    """Return the particles that pass each edge downward, per volume and pc; as in the march."""
    scaled = density / along(cells.cell_shape, 0, density.ndim)
    higher = jnp.concatenate([scaled[1:], scaled[-1:]])
    entering = scaled[-1:] if cells.continued else jnp.zeros_like(scaled[-1:])
    passing = jnp.concatenate([1.5 * scaled - 0.5 * higher, entering])
    return edge_weights(cells) * cells.log_width * passing


def fitted_fluxes(cells: ParkerCells, density: Array) -> Float[Array, "edge ..."]:
    """Return the particles that pass each edge upward, per volume and pc: exponential fitting.

    Between two cells flow and diffusion are taken as constant, for which the flux is exact; zero
    in equilibrium, and upwind without diffusion. Nobody is beyond the ends, or the power law.
    Source: Scharfetter & Gummel, IEEE Trans. Electron Devices 16 (1969) 64; Chang & Cooper,
    J. Comput. Phys. 6 (1970) 1.
    """
    scaled = density / along(cells.cell_shape, 0, density.ndim)
    nobody = jnp.zeros_like(scaled[:1])
    below, above = (scaled[:1], scaled[-1:]) if cells.continued else (nobody, nobody)
    upward, downward, _ = _exchange(cells)
    from_below = upward * jnp.concatenate([below, scaled])
    return from_below - downward * jnp.concatenate([scaled, above])


def sharpened(cells: ParkerCells, density: Array, *, limited: bool) -> Float[Array, "edge ..."]:
    """Return what ``fitted_fluxes`` lack of second order where the flow outruns diffusion.

    By the slope in the cell that the flow comes from: two-point upwind, or limited.
    """
    scaled = density / along(cells.cell_shape, 0, density.ndim)
    padded = jnp.concatenate([scaled[:1], scaled, scaled[-1:]])
    before, after = (scaled - padded[:-2]) / 2, (padded[2:] - scaled) / 2
    if limited:
        before = after = monotonised(before, (before + after) / 2, after)
    flow = sharpened_flow(cells) * along(cells.edge_shape, 0, cells.gain.ndim)
    none = jnp.zeros_like(scaled[:1])
    rise, fall = jnp.concatenate([none, before]), jnp.concatenate([-after, none])
    return jnp.maximum(flow, 0) * rise + jnp.minimum(flow, 0) * fall


def sharpened_flow(cells: ParkerCells) -> Float[Array, "edge ..."]:
    """Return the part of dlnp/dt that ``sharpened`` takes, 1/pc; all of it without diffusion."""
    return _exchange(cells)[2]


def momentum_fluxes(cells: ParkerCells, density: Array) -> Float[Array, "edge ..."]:
    """Return the particles that pass each edge upward with diffusion, second order throughout."""
    return fitted_fluxes(cells, density) + sharpened(cells, density, limited=False)


def momentum_lines(cells: ParkerCells, *, sharp: bool) -> LineMatrix:
    """Return the matrix of the divergence of ``fitted_fluxes``, for scaled densities.

    With ``sharp`` it has the diagonal of what ``sharpened`` adds, and that of the neighbour.
    """
    upward, downward, flow = _exchange(cells)
    if sharp:
        flow = flow * along(cells.edge_shape, 0, flow.ndim) / 2
        upward, downward = upward + jnp.maximum(flow, 0), downward + jnp.maximum(-flow, 0)
    size = cells.log_width * along(cells.cell_shape, 0, upward.ndim)
    diagonal = upward[1:] + downward[:-1]
    if cells.continued:
        diagonal = diagonal.at[0].add(-upward[0]).at[-1].add(-downward[-1])
    lower, upper = -upward[:-1].at[0].set(0), -downward[1:].at[-1].set(0)
    return LineMatrix(lower / size, diagonal / size, upper / size)


def _exchange(cells: ParkerCells) -> tuple[Array, Array, Array]:
    """Return what passes each edge upward and downward for a scaled density of 1 on that side.

    And the part of the flow that ``sharpened`` takes: exponential fitting diffuses with
    D (z/2) coth(z/2), z = flow times width over D; the part 1 - 2/z takes nearly all that is too
    much for z > 2 and leaves equilibria alone that change by less than e² from cell to cell.
    """
    shape = along(cells.edge_shape, 0, cells.gain.ndim)
    flow, spread = cells.gain, cells.momentum_diffusion
    if spread is None:
        return jnp.maximum(flow, 0) * shape, jnp.maximum(-flow, 0) * shape, flow
    index = jnp.log(cells.edge_shape[0] / cells.edge_shape[1]) / cells.log_width
    flow = flow + (3 + index) * spread
    conductance = spread / cells.log_width
    if not cells.continued:  # the density is zero at the ends, half a cell away
        conductance = conductance.at[jnp.array([0, -1])].multiply(2)
    against, part = _against(flow, conductance)
    upward, downward = against + jnp.maximum(flow, 0), against + jnp.maximum(-flow, 0)
    return upward * shape, downward * shape, part * flow


def _against(flow: Array, conductance: Array) -> tuple[Array, Array]:
    """Return conductance z/(e^z - 1) with z = flow/conductance in size, and max(0, 1 - 2/z)."""
    size = jnp.abs(flow)
    spreads = 80 * conductance > size
    z = size / jnp.where(spreads, conductance, 1)
    safe = jnp.where(spreads & (z > 1e-3), z, 1)
    fitted = jnp.where(z > 1e-3, safe / jnp.expm1(safe), 1 - z / 2 + z**2 / 12)
    part = jnp.where(spreads, jnp.maximum(1 - 2 / safe, 0), 1)
    return jnp.where(spreads, conductance * fitted, 0), part
