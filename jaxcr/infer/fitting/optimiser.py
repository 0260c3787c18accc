"""What every optimiser gives: where it ends, how it went, whether it arrived."""

import abc
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from jaxcr.infer.fitting.objective import Objective, Place
from jaxcr.infer.likelihood.base import jit_untitled

_ARRIVED = 0.02
"""Distance to the optimum in units of the errors: what is left to gain is below 4e-4 in cost."""


class Run(eqx.Module):
    """Where an optimiser ends; with a leading axis, one row for each start.

    Attributes
    ----------
    angles, cost
        The last point, angles of the free parameters, and -2 ln(likelihood × prior) there.
    distance, converged
        What is left to the optimum in units of the errors, and whether that is below 0.02.
    history
        Cost before every step ``(step,)``; the last cost alone of solvers that do not keep it.
    """

    angles: Float[Array, "*start free"]
    cost: Float[Array, "*start"]
    distance: Float[Array, "*start"]
    converged: Bool[Array, "*start"]
    history: Float[Array, "*start step"]


class Walk(eqx.Module):
    """What an optimiser gives: the last point, and the cost before every step, if it is kept."""

    angles: Float[Array, "*start free"]
    history: Float[Array, "*start step"] | None


class Optimiser(eqx.Module):
    """Minimises an objective from one start; a pure function, to be mapped over starts."""

    scaled: ClassVar[bool] = True
    """Whether it needs the errors at its start, which take as long as many steps."""

    @abc.abstractmethod
    def walk(
        self, objective: Objective, start: Float[Array, " free"], scale: Float[Array, "free free"]
    ) -> Walk:
        """Minimise the cost from the angles ``start``.

        ``scale`` turns steps in units of the errors at the start into steps of the angles; the
        unit matrix where the optimiser is not ``scaled``.
        """

    @abc.abstractmethod
    def __str__(self) -> str:
        """Return the name as reports print it."""


def run_starts(
    optimiser: Optimiser, objective: Objective, starts: Float[Array, "start free"]
) -> Run:
    """Run from every start; one program walks, another looks at where it starts and ends."""
    num, size = starts.shape
    scales = jnp.broadcast_to(jnp.eye(size, dtype=starts.dtype), (num, size, size))
    if optimiser.scaled:
        scales = _places(objective, starts).scale
    walks = _walk_all(optimiser, objective, starts, scales)
    last = _places(objective, walks.angles)
    history = last.cost[:, None] if walks.history is None else walks.history
    return Run(walks.angles, last.cost, last.distance, last.distance < _ARRIVED, history)


def _places(objective: Objective, rows: Float[Array, "start free"]) -> Place:
    places = [objective.place(jnp.asarray(angles)) for angles in np.asarray(rows)]
    return Place(*(jnp.asarray(np.stack(column)) for column in zip(*places, strict=True)))


@jit_untitled
def _walk_all(optimiser, objective, starts, scales) -> Walk:
    """Walk from every start, one after the other in one program: none waits for the slowest."""
    return jax.lax.map(lambda row: optimiser.walk(objective, *row), (starts, scales))


@jit_untitled
def start_angles(
    objective: Objective, starts: Float[Array, "start parameter"]
) -> Float[Array, "start free"]:
    """Return the angles of starting points, a little inside of the bounds."""
    return jax.vmap(objective.angles)(starts)


@jit_untitled
def values_at(
    objective: Objective, angles: Float[Array, "start free"]
) -> Float[Array, "start parameter"]:
    """Return the values of all parameters at such points."""
    return jax.vmap(objective.values)(angles)
