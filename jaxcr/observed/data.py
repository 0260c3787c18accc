"""An angular power spectrum to be fitted."""

import equinox as eqx
import numpy as np
from jaxtyping import Array, Float, Int

from jaxcr.checks import argument_error, check_finite, check_range, check_shape

Values = Float[Array | np.ndarray, "..."]  # one for each ell, checked with a better message


class SpectrumData(eqx.Module):
    """Measured C_l of the relative intensity.

    Attributes
    ----------
    ell, c_ell
        Multipoles in rising order, and C_l in sr, ``(ell,)``.
    log_error
        Error of ln C_l beyond cosmic variance, ``(ell,)``.
    noise
        Noise level N_l that is in, or was subtracted from, c_ell; sr, ``(ell,)``.
    num_skies
        Independent skies that c_ell is the mean of; 1 for an observation.
    m0_blind
        Whether a_l0 was lost, as in every spectrum from ground experiments: the model is then
        multiplied by 2l/(2l+1).
    debiased
        Whether the noise was subtracted; only then may C_l be negative.
    label
        Where the numbers are from, and what they are worth.
    """

    ell: Int[Array | np.ndarray, " ell"]
    c_ell: Values
    log_error: Values
    noise: Values
    num_skies: int = eqx.field(static=True, default=1)
    m0_blind: bool = eqx.field(static=True, default=False)
    debiased: bool = eqx.field(static=True, default=True)
    label: str = eqx.field(static=True, default="")

    def __check_init__(self):
        check_range("SpectrumData: num_skies", self.num_skies, 1.0, remedy="1: an observation.")
        if self.ell.size == 0 or self.ell[0] < 1 or np.any(np.diff(self.ell) <= 0):
            raise argument_error(
                "SpectrumData: ell",
                expected="multipoles from 1 on, in strictly rising order",
                got=str(self.ell.tolist()),
                remedy="Sort the rows by ell, and leave out l = 0 and repeats.",
            )
        for name in ("c_ell", "log_error", "noise"):
            check_shape(f"SpectrumData: {name}", getattr(self, name), self.ell.shape)
        check_finite("SpectrumData: c_ell", self.c_ell)
        check_range("SpectrumData: log_error", self.log_error, 0.0, remedy="A level in ln C_l.")
        check_range("SpectrumData: noise", self.noise, 0.0, remedy="A level in sr.")
        self._check_sign()

    def _check_sign(self):
        bad = self.ell[(self.total() if self.debiased else self.c_ell) <= 0]
        if bad.size:
            raise argument_error(
                "SpectrumData: c_ell",
                expected="C_l > 0, or debiased C_l with C_l + noise > 0",
                got=f"not so at l = {bad.tolist()}",
                remedy="If the noise was subtracted set debiased = true and give the noise "
                "column; otherwise leave those multipoles out.",
            )

    def total(self) -> Float[Array | np.ndarray, " ell"]:
        """Return C_l + N_l, whose logarithm is compared."""
        return self.c_ell + self.noise if self.debiased else self.c_ell

    def select(self, keep: np.ndarray) -> "SpectrumData":
        """Return the data of the multipoles where ``keep`` is true."""
        return SpectrumData(
            self.ell[keep], self.c_ell[keep], self.log_error[keep], self.noise[keep],
            self.num_skies, self.m0_blind, self.debiased, self.label,
        )  # fmt: skip

    def with_level(self, level: float) -> "SpectrumData":
        """Return the data with a constant (sr) added to the noise, to be added to models too."""
        c_ell = self.c_ell if self.debiased else self.c_ell + level
        return SpectrumData(
            self.ell, c_ell, self.log_error, self.noise + level,
            self.num_skies, self.m0_blind, self.debiased, self.label,
        )  # fmt: skip
