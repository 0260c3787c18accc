"""How many programs the first call of an entry point compiles, and that a text is no reason to."""

import logging
from contextlib import contextmanager

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr import fields, infer, orbits, sky
from jaxcr.infer.fitting.objective import Objective


@contextmanager
def compiled():
    """Give the names of the programs that are compiled within, as JAX logs them."""
    names = []
    handler = logging.Handler()
    handler.emit = lambda record: names.append(record.args[0])
    handler.addFilter(lambda record: str(record.msg).startswith("Compiling"))
    log = logging.getLogger("jax._src.interpreters.pxla")
    level = log.level
    log.addHandler(handler)
    log.setLevel(logging.DEBUG)
    try:
        yield names
    finally:
        log.removeHandler(handler)
        log.setLevel(level)


def waves():
    spectrum = fields.PowerLaw(5 / 3, outer_scale=100.0, inner_scale=1.0)
    options = {"geometry": fields.Isotropic(helicity=0.5), "key": jax.random.key(0)}
    return lambda: fields.realise_waves(spectrum, num_waves=60, rms=1.0, **options)


def arrivals():
    field, stop = fields.UniformField(np.array([1.0, 2.0, 2.0])), orbits.Sphere(0.1)
    observer = jnp.zeros(3)
    return lambda: sky.backtrack(field, rigidity=10.0, stop=stop, observer=observer, nside=1)


def folds():
    samples = np.random.default_rng(0).standard_normal((48, 4))
    return lambda: sky.fold_spectrum(samples, folds=2, lmax=4)


def tensor():
    traced, axis = arrivals()(), np.array([0.0, 0.0, 1.0])
    return lambda: sky.transfer_tensor(traced, axis, lmax=2, boundary_lmax=3)


@pytest.mark.parametrize(
    ("prepare", "most"),
    [(waves, 6), (arrivals, 6), (folds, 6), (tensor, 6)],
)
def test_the_first_call_compiles_few_programs(prepare, most):
    call = prepare()
    jax.clear_caches()
    with compiled() as names:
        call()
    assert 1 <= len(names) <= most, names


def test_a_new_label_or_reason_does_not_compile_again():
    model = infer.CascadeModel()
    ell = np.arange(1, 5)

    def problem(text):
        data = infer.SpectrumData(ell, 1.0 / ell, 0.1 * np.ones(4), np.zeros(4), label=text)
        return infer.Problem(model, data, likelihood=infer.GammaLikelihood(text))

    def run(text):
        own, values = problem(text), model.parameters.start
        Objective(own).place(model.parameters.free(values))
        return infer.chi_squared(own, values), infer.fisher_matrix(own, values), own

    first = run("one")
    with compiled() as names:
        second = run("two")
    assert names == []
    assert np.array_equal(first[1], second[1])
    assert second[2].data.label == second[2].likelihood.reason == "two"
