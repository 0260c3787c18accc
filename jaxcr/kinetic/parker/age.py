"""How long the particles of a steady state have been on their way."""

import equinox as eqx
from jaxtyping import Array, Float

from jaxcr.kinetic.parker.problem import ParkerProblem
from jaxcr.kinetic.parker.solution import ParkerSolution
from jaxcr.kinetic.parker.steady import solve_parker


def mean_age(problem: ParkerProblem, solution: ParkerSolution) -> Float[Array, "momentum ..."]:
    """Return the mean time since injection of the particles in every cell, pc.

    If dN/dt = A N + S, the density of the steady state is N = -A^-1 S, and that weighted with
    age -A^-1 N: the same problem with the density as its source.

    Parameters
    ----------
    problem, solution
        As given to and returned by ``solve_parker``; no prescribed density, whose age is unknown.

    Returns
    -------
    Mean age, nan where there are no particles, in the shape of the density.

    Notes
    -----
    At a shock this is the mean acceleration time, in a halo the mean residence time.
    """
    aged = eqx.tree_at(lambda p: p.source, problem, solution.density, is_leaf=lambda x: x is None)
    return solve_parker(aged).density / solution.density
