"""The gradient of the Gaussian-smoothed mean: all parameters are moved at once."""

from collections.abc import Iterable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxcr.annotations import checked
from jaxcr.checks import check_positive, check_range
from jaxcr.infer.gradients.estimate import GradientEstimator, JacobianEstimate, Spectra
from jaxcr.infer.gradients.per_field import pseudo_values
from jaxcr.infer.gradients.simulations import field_numbers


class Smoothed(GradientEstimator):
    """Antithetic Gaussian smoothing with a least-squares fit over pairs and fields.

    Attributes
    ----------
    width
        Standard deviations of the moves, one for all parameters or one for each.
    num_pairs
        Pairs at plus and minus a random move, in every field.
    seed
        Of the moves; each field draws its own.
    """

    width: float | tuple[float, ...] = eqx.field(static=True, default=0.15)
    num_pairs: int = eqx.field(static=True, default=2)
    seed: int = eqx.field(static=True, default=0)
    label: str = eqx.field(static=True, default="smoothed")

    def __check_init__(self):
        check_positive("Smoothed: width", self.width, remedy="0.15 suits dB/B0 and logarithms.")
        check_range("Smoothed: num_pairs", self.num_pairs, 1)

    @checked
    def __call__(
        self, spectra: Spectra, values: Float[Array, " parameter"], numbers: Iterable[int]
    ) -> JacobianEstimate:
        """Return the Jacobian; see ``GradientEstimator``.

        Raises
        ------
        ValueError
            If without any one field fewer pairs than parameters are left.
        """
        numbers = field_numbers(numbers)
        pairs = (len(numbers) - 1) * self.num_pairs
        check_range(
            "Smoothed: pairs in all fields but one", pairs, values.size, remedy="Take more fields."
        )
        width = jnp.broadcast_to(jnp.asarray(self.width, values.dtype), values.shape)
        moves, halves = [], []
        for number in numbers:
            key = jax.random.fold_in(jax.random.key(self.seed), number)
            move = width[None] * jax.random.normal(key, (self.num_pairs, values.size), values.dtype)
            sides = [[spectra(values + sign * m, number) for m in move] for sign in (1, -1)]
            above, below = np.asarray(sides).mean(axis=2)
            moves.append(np.asarray(move))
            halves.append((above - below) / 2)
        cost = (("antithetic pairs", 2.0 * self.num_pairs),)
        return smoothed_estimate(np.stack(moves), np.stack(halves), cost, self.label)


def smoothed_estimate(
    moves: Float[np.ndarray, "field pair parameter"],
    halves: Float[np.ndarray, "field pair ell"],
    simulations: tuple[tuple[str, float], ...] = (("antithetic pairs", 2.0),),
    label: str = "smoothed",
) -> JacobianEstimate:
    """Return J that best solves half difference = J · move over all pairs and fields.

    Notes
    -----
    The linear fit replaces the mean of half difference × move / width², whose noise from one
    parameter would enter the others. The derivative is that of the mean smoothed over the
    width: a bias of order width², which is not estimated. Sources: Nesterov & Spokoiny (2017);
    Salimans et al., arXiv:1703.03864.
    """
    num_parameters = moves.shape[-1]
    normal = np.einsum("fpa,fpb->fab", moves, moves)
    right = np.einsum("fpa,fpl->fal", moves, halves)

    def solve(mean):
        return np.linalg.solve(mean[:, :num_parameters], mean[:, num_parameters:])

    rows = pseudo_values(solve, np.concatenate([normal, right], axis=-1))
    reason = f"{moves.shape[1]} pairs in each field move all parameters at once"
    return JacobianEstimate(rows, np.zeros(rows.shape[1:]), simulations, label, reason)
