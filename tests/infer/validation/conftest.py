"""A model whose posterior is exactly Gaussian: a straight line with known errors."""

from types import SimpleNamespace

import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import Array

from jaxcr import infer

NUM_ELL, ERROR = 6, 0.2


class StraightLine(infer.SpectrumModel):
    """C_l = 10 + a + b (l - 3.5), of Gaussian errors 0.2 times ``scale`` over sqrt(num_skies)."""

    scale: Array

    @property
    def parameters(self):
        """Height a and slope b, with Gaussian priors that the bounds do not cut."""
        return infer.ParameterSet(
            (
                infer.Parameter("a", 0.1, -3.0, 3.0, infer.Normal(0.0, 0.3)),
                infer.Parameter("b", 0.1, -3.0, 3.0, infer.Normal(0.0, 0.3)),
            )
        )

    def mean_spectrum(self, values):
        """Return C_l, l = 0 ... 6."""
        return 10 + values[0] + values[1] * (jnp.arange(NUM_ELL + 1.0) - 3.5)

    def predict(self, values, data):
        """Return Gaussian C_l of constant variance."""
        mean = self.mean_spectrum(values)[jnp.asarray(data.ell)]
        variance = (self.scale * ERROR) ** 2 / data.num_skies * jnp.eye(mean.size)
        total = mean + jnp.asarray(data.noise)
        return infer.Prediction(
            mean=mean,
            covariance=variance,
            noise=jnp.asarray(data.noise),
            log_mean=jnp.log(total),
            log_covariance=variance / total[:, None] / total[None],
            num_simulations=jnp.asarray(jnp.inf),
        )

    def comparable(self, data):
        """Return the data."""
        return data

    def conventions(self):
        """Return what the parameters mean."""
        return "straight line"


@pytest.fixture(scope="session")
def line():
    ell = np.arange(1, NUM_ELL + 1)
    data = infer.SpectrumData(ell, np.ones(NUM_ELL), np.zeros(NUM_ELL), np.zeros(NUM_ELL))
    design = np.stack([np.ones(NUM_ELL), ell - 3.5], axis=1)
    exact = StraightLine(jnp.asarray(1.0))
    # F = X^T X / sigma² + 1 / 0.3²
    fisher = design.T @ design / ERROR**2
    prior = np.eye(2) / 0.3**2

    def problem(scale=1.0):
        return infer.Problem(
            StraightLine(jnp.asarray(scale)), data, likelihood=infer.GaussianLikelihood()
        )

    def simulate(values, key):
        return infer.simulate_from(exact, values, key, data, draw=infer.draw_gaussian)

    return SimpleNamespace(
        model=exact, data=data, fisher=fisher, prior=prior, design=design,
        problem=problem, simulate=simulate,
    )  # fmt: skip
