"""How long the particles of a steady state have been on their way."""

import equinox as eqx
from jaxtyping import Array, Float

from jaxcr.checks import argument_error, check_shape
from jaxcr.kinetic.parker.boundaries import Prescribed
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
        As given to and returned by ``solve_parker``.

    Returns
    -------
    Mean age, nan where there are no particles, in the shape of the density.

    Raises
    ------
    ValueError
        With a prescribed density or a continued spectrum: the age of what comes in is unknown.

    Notes
    -----
    At a shock this is the mean acceleration time, in a halo the mean residence time.
    """
    prescribed = any(isinstance(end, Prescribed) for pair in problem.boundaries for end in pair)
    if prescribed or (problem.momentum is not None and problem.momentum.continued):
        raise argument_error(
            "mean_age: problem",
            expected="particles that all come from the source",
            got="a prescribed density or a continued spectrum",
            remedy="Replace it by a source.",
        )
    aged = eqx.tree_at(lambda p: p.source, problem, solution.density, is_leaf=lambda x: x is None)
    density = solve_parker(aged).density
    check_shape("mean_age: solution.density", solution.density, density.shape)
    return density / solution.density
