"""Wrong objects for every argument: a named error, eagerly and under jit, or a right result."""

import jax
import numpy as np
import pytest

from jaxcr import fields
from jaxcr.checks import ArgumentError

SPECTRUM = {"index": 2, "outer_scale": 8, "inner_scale": 2}
KEY, ZERO, UP = jax.random.key(0), np.zeros(3), np.array([0.0, 0, 1])
SAMPLES = np.random.default_rng(0).normal(size=(4, 4, 4, 3))


def _cube():
    return fields.GridField(SAMPLES, spacing=1, origin=ZERO)


def _spectrum():
    return fields.PowerLaw(**SPECTRUM)


CALLS = {
    fields.PowerLaw: lambda: SPECTRUM,
    fields.BendOver: lambda: SPECTRUM | {"energy_index": 4, "bend_over_scale": 1},
    fields.realise_grid: lambda: {
        "spectrum": _spectrum(), "key": KEY, "shape": (8, 8, 8), "spacing": 1, "rms": 1,
        "geometry": None, "stencil": None, "origin": None, "storage": None, "exact_rms": False,
    },
    fields.realise_waves: lambda: {
        "spectrum": _spectrum(), "key": KEY, "num_waves": 10, "rms": 1, "geometry": None,
    },
    fields.UniformField: lambda: {"value": UP},
    fields.GridField: lambda: {
        "samples": SAMPLES, "spacing": 1, "origin": ZERO, "stencil": None, "boundary": None,
        "scale": 1, "storage": None,
    },
    fields.MirrorChainField: lambda: {
        "minimum": 1, "left_mirror": 2, "right_mirror": 3, "length": 1, "num_bottles": 2,
    },
    fields.DipoleField: lambda: {"polar_strength": 1, "radius": 1, "axis": UP, "center": ZERO},
    fields.ParkerSpiralField: lambda: {
        "strength": 1, "source_radius": 1, "pitch": 1, "sheet_width": 0,
    },
    fields.JanssonFarrarField: lambda: {"arm_strengths": (1.0,) * 7, "x_strength": 1, "x_core": 1},
    fields.SlabTwoD: lambda: {"axis": UP, "slab_share": 0.5},
    fields.Slow: lambda: {"axis": UP, "beta": 0.5, "alfven_mach": 1},
    fields.rescale_field: lambda: {"field": _cube(), "rms": 1, "mean_strength": 1},
    fields.solenoidal_part: lambda: {"field": _cube()},
    fields.describe: lambda: {
        "field": _cube(), "spectrum": None, "rigidities": (), "sphere": None, "lattice": None,
    },
}  # fmt: skip
WRONG = [
    "periodic", 16, 0, -1.0, None, np.nan, np.inf, 1 + 2j, np.ones((2, 2)), np.array([]), object,
    fields.Periodic,
]  # fmt: skip


@pytest.mark.parametrize("function", CALLS, ids=lambda x: x.__name__)
def test_wrong_objects_are_named(function):
    for name in CALLS[function]():
        for wrong in WRONG:

            def call(name=name, wrong=wrong):
                return function(**(CALLS[function]() | {name: wrong}))

            nothing = isinstance(wrong, (complex, type)) or (
                isinstance(wrong, float) and not np.isfinite(wrong)
            )
            for run in (call, lambda call=call: jax.jit(lambda: len(jax.tree.leaves(call())))()):
                try:
                    run()
                except ArgumentError as problem:
                    assert name in str(problem) or function is fields.describe  # noqa: PT017
                else:
                    assert not nothing, f"{name}={wrong} was taken"
