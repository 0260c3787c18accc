"""Ways to follow a linear system with constant coefficients in time."""

import abc

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxcr.arrays import Scalar, ScalarLike
from jaxcr.checks import as_float, check_range

_MAX_SQUARINGS = 40
_MAX_STEPS = 4096


class TimeMethod(eqx.Module):
    """A way to solve dy/dt = A y + s."""

    @abc.abstractmethod
    def states(
        self,
        matrix: Float[Array, "unknown unknown"],
        source: Float[Array, " unknown"],
        initial: Float[Array, " unknown"],
        times: Float[Array, " time"],
    ) -> Float[Array, "time unknown"]:
        """Return y at rising times from y at time zero."""


class Exponential(TimeMethod):
    """The matrix exponential over each interval between times: no error in time.

    Notes
    -----
    O(n³) for each time, some 25 products of matrices. Every doubling of the interval doubles
    rounding, to about 1e-16 times the largest rate times the interval.
    """

    def states(
        self,
        matrix: Float[Array, "unknown unknown"],
        source: Float[Array, " unknown"],
        initial: Float[Array, " unknown"],
        times: Float[Array, " time"],
    ) -> Float[Array, "time unknown"]:
        """Return exp(A t) y and what the source has become, as one more column of A."""
        return _exponential(matrix, source, initial, times)


class ImplicitSteps(TimeMethod):
    """Adaptive steps of Kvaerno's implicit Runge-Kutta method of order five, by diffrax.

    Parameters
    ----------
    rtol
        Error of one step, relative to each value and to the largest, in (0, 1).

    Raises
    ------
    ValueError
        If ``rtol`` is known and not in (0, 1).

    Notes
    -----
    Any stiffness; each step costs O(n³) and there are tens to hundreds, so this is slower than
    ``Exponential`` and serves to check it. Derivatives to about 10 ``rtol``.
    Source: Kvaerno 2004, BIT 44, 489.
    """

    rtol: Scalar

    def __init__(self, rtol: ScalarLike = 1e-9):
        self.rtol = as_float(rtol)
        check_range("ImplicitSteps: rtol", self.rtol, 0, 1, ends="()")

    def states(
        self,
        matrix: Float[Array, "unknown unknown"],
        source: Float[Array, " unknown"],
        initial: Float[Array, " unknown"],
        times: Float[Array, " time"],
    ) -> Float[Array, "time unknown"]:
        """Return y, every time being the end of a step."""
        return _implicit(matrix, source, initial, times, self.rtol)


@eqx.filter_jit
def _exponential(matrix, source, initial, times):
    """Return the states by exponentials of the matrix with the source in its last column."""
    whole = jnp.pad(matrix, ((0, 1), (0, 1))).at[:-1, -1].set(source)

    def over(state, interval):
        moved = jax.scipy.linalg.expm(whole * interval, max_squarings=_MAX_SQUARINGS) @ state
        return moved, moved[:-1]

    start = jnp.concatenate([initial, jnp.ones(1, initial.dtype)])
    intervals = jnp.diff(times, prepend=jnp.zeros(1, times.dtype))
    return jax.lax.scan(over, start, intervals)[1]


@eqx.filter_jit
def _implicit(matrix, source, initial, times, rtol):
    """Return the states by diffrax."""
    largest = jnp.maximum(jnp.max(jnp.abs(initial)), times[-1] * jnp.max(jnp.abs(source)))
    scale = jax.lax.stop_gradient(jnp.where(largest > 0, largest, 1))
    controller = diffrax.PIDController(rtol=rtol, atol=rtol * scale)
    return diffrax.diffeqsolve(
        diffrax.ODETerm(lambda _, state, system: system[0] @ state + system[1]),
        diffrax.Kvaerno5(),
        0.0,
        times[-1],
        None,
        initial,
        (matrix, source),
        saveat=diffrax.SaveAt(ts=times),
        stepsize_controller=diffrax.ClipStepSizeController(controller, step_ts=times),
        max_steps=_MAX_STEPS,
    ).ys
