"""The scheme in ln p: fluxes of particles through the edges of momentum cells.

Densities are divided by the reference power law, which is then carried without error.
"""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxcr.kinetic.parker.cells import ParkerCells, along
from jaxcr.kinetic.parker.fluxes import monotonised


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


def limited_fluxes(cells: ParkerCells, density: Array) -> Float[Array, "edge ..."]:
    """Return the particles that pass each edge upward, per volume and pc; limited slopes."""
    scaled = density / along(cells.cell_shape, 0, density.ndim)
    padded = jnp.concatenate([scaled[:1], scaled, scaled[-1:]])
    low, high = padded[:-2], padded[2:]
    rise = monotonised((scaled - low) / 2, (high - low) / 4, (high - scaled) / 2)
    nobody = jnp.zeros_like(scaled[:1])
    at_bottom, at_top = (scaled[:1], scaled[-1:]) if cells.continued else (nobody, nobody)
    from_below = jnp.concatenate([at_bottom, scaled + rise])
    from_above = jnp.concatenate([scaled - rise, at_top])
    passing = jnp.maximum(cells.gain, 0) * from_below + jnp.minimum(cells.gain, 0) * from_above
    return passing * along(cells.edge_shape, 0, passing.ndim)
