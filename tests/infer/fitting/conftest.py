"""Models whose spectrum is any given function of the parameters, with Gaussian errors of ln C."""

import inspect

import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr import infer


class ToyModel(infer.SpectrumModel):
    """ln C_l is Gaussian about a function of the parameters, with independent errors sigma."""

    parameters: infer.ParameterSet
    function: object
    sigma: float

    def mean_spectrum(self, values):
        return jnp.exp(self.function(values))

    def predict(self, values, data):
        log_mean = self.function(values)
        one = jnp.eye(log_mean.size)
        mean = jnp.exp(log_mean)
        return infer.Prediction(
            mean=mean,
            covariance=self.sigma**2 * one * mean[:, None] ** 2,
            noise=jnp.zeros_like(mean),
            log_mean=log_mean,
            log_covariance=self.sigma**2 * one,
            num_simulations=jnp.asarray(jnp.inf),
        )

    def comparable(self, data):
        return data

    def conventions(self):
        return "a toy"


@pytest.fixture(scope="session")
def toy():
    """Return a function that makes a problem: model ``function``, data ``ln C``, parameters."""

    def make(function, log_c, parameters, sigma=0.1):
        assert len(inspect.signature(function).parameters) == 1
        log_c = np.asarray(log_c, float)
        data = infer.SpectrumData(
            np.arange(1, log_c.size + 1),
            np.exp(log_c),
            np.zeros(log_c.size),
            np.zeros(log_c.size),
        )
        return infer.Problem(ToyModel(infer.ParameterSet(tuple(parameters)), function, sigma), data)

    return make
