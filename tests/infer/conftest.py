"""One small ensemble of skies and its table, shared by all tests of the folder."""

import jax.numpy as jnp
import pytest

from jaxcr import infer


@pytest.fixture(scope="session")
def skies():
    return infer.SkyEnsemble(
        cells=32, outer_scale=12.8, gyroradius=8.0, path=3.0, nside=4, lmax=8, boundary_lmax=12
    )


@pytest.fixture(scope="session")
def table(skies):
    nodes = [[0.3], [0.6], [0.9], [1.3], [1.6]]
    return infer.build_emulator(skies, num_fields=6, nodes=nodes)


@pytest.fixture(scope="session")
def model(table, skies):
    return infer.SkyModel(table, infer.TrapSeries(lmax=skies.boundary_lmax))


@pytest.fixture(scope="session")
def data(skies, model):
    planted = jnp.array(infer.PLANTED)
    return infer.simulate_data(skies, model.traps, planted, seed=0, num_skies=4)


@pytest.fixture(scope="session")
def problem(model, data, table):
    return infer.Problem(model, model.comparable(data), infer.default_parameters(table.axes))
