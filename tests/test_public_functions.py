"""Every public function and constructor, called with what it was not made for.

Each is found in the ``__all__`` of its folder, called once with arguments made from its
annotations, and then with one argument at a time replaced by NaN, infinity, zero, a negative
number, an integer, a list, a NumPy array, a complex number, a wrong shape, nothing, a text, None,
a class; outside and inside ``jit``, in two precisions. It must answer with `ArgumentError`, with
NaN where it was given NaN, or with a result. An exception of JAX, equinox or NumPy, a finite
result from NaN, or more than 20 s are failures.
"""

import collections
import importlib
import inspect
import signal
import types
import typing
import warnings
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import AbstractArray, Array, Float

from jaxcr import fields, kinetic, observed, orbits, sky, traps
from jaxcr.annotations import checked
from jaxcr.checks import ArgumentError

FOLDERS = ("fields", "kinetic", "orbits", "traps", "sky", "observed", "infer", "plots", "units")

SIZES = collections.defaultdict(
    lambda: 3, particle=16, walker=16, pair=15, orbit=16, pixel=48, mask_pixel=48,
    error_pixel=48, weight_pixel=48, child=4, ell=5, l=5, site=4, edge=5, nx=4, ny=4,
    nz=4, momentum=4, time=3, bond=5,
)  # fmt: skip
"""Lengths of named axes."""

NUMBERS = {
    "nside": 2, "lmax": 4, "lmax_in": 4, "boundary_lmax": 4, "l": 2, "num": 4, "per_pixel": 4,
    "num_skies": 8, "num_fields": 2, "num_steps": 16, "num_samples": 4, "num_particles": 64,
    "num_groups": 4, "num_cells": 8, "num_nodes": 8, "cells": 8, "seed": 1, "pixel": 3,
    "outer_scale": 16.0, "inner_scale": 4.0, "index": 5 / 3, "spacing": 1.0, "rms": 1.0,
    "rigidity": 2.0, "strength": 3.0, "mean_strength": 3.0, "cosine": 0.5, "speed": 0.5,
    "upstream_speed": 0.02, "downstream_speed": 0.005, "compression": 3.0, "path": 2.0,
    "path_length": 2.0, "duration": 2.0, "lower": 0.1, "upper": 0.9, "low": 0.5, "high": 2.0,
    "minimum": 1.0, "left_mirror": 4.0, "right_mirror": 3.0, "mirror_ratio": 3.0,
    "gradient": 0.2, "asymmetry": 0.2, "length": 2.0, "radius": 3.0,
    "num_events": 1e6, "num_pixels": 48, "energy": 1.0, "num_simulations": 40, "num_ell": 4,
    "num_parameters": 2, "target_acceptance": 0.8, "rate": 0.5, "slab_share": 0.2,
    "background": 40.0, "counts": 50.0, "fwhm": 0.2, "lowest": 2, "highest": 4, "width": 1,
    "ratio": 0.5, "latitude": -0.5, "declination": 0.3, "largest_zenith": 1.0, "levels": (0.68,),
    "shape": (8, 8, 8), "relative_error": 0.3, "exponent": 0.5, "charge": 1.0, "most": 8,
    "helicity": 0.2, "site": 1, "num_sites": 4, "place": 2.0, "iterations": 1, "degree": 1,
    "degrees": (1, 1, 1), "edges": (2, 3, 5), "ell": 2.0, "num_walkers": 64, "repeats": 1,
    "inner_radius": 0.5, "outer_radius": 2.0,
    "nucleus_radius": 0.2, "extent": 8.0, "half_width": 2.0, "half_height": 2.0,
}  # fmt: skip
"""Numbers by the name of the parameter; 0.7, or 4 where whole ones are asked for, elsewhere."""

NO_NUMBERS = {"text": "boris", "None": None, "class": dict, "complex": 1.5 + 0.5j}
NUMBERS_TO_TRY = {"nan": np.nan, "inf": np.inf, "-inf": -np.inf, "zero": 0.0, "negative": -1.5}
LIMIT = 20


def public():
    """Return ``(folder, name, object)`` of every public function and constructor."""
    found = []
    for folder in FOLDERS:
        module = importlib.import_module(f"jaxcr.{folder}")
        for name in getattr(module, "__all__", ["gyroradius"]):
            thing = getattr(module, name)
            made = inspect.isclass(thing) and issubclass(thing, eqx.Module)
            if (made and not inspect.isabstract(thing)) or (
                callable(thing) and not inspect.isclass(thing)
            ):
                found.append((folder, name, thing))
    return found


class NoSampleError(Exception):
    """There is no argument that an annotation describes."""


def options(hint):
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return [x for member in typing.get_args(hint) for x in options(member)]
    return [hint]


def is_array(hint):
    return inspect.isclass(hint) and issubclass(hint, AbstractArray)


def array(hint, name):
    """Return an array of the annotated kind and shape, its values by the name."""
    if "prng_key" in hint.dtypes:
        return jax.random.key(0)
    shape = []
    for part in hint.dim_str.split():
        word = part.split("=")[-1].lstrip("*#_? ")
        if part.startswith(("*", "...")):
            continue
        shape.append(int(word) if word.isdigit() else 3 if word == "xyz" else SIZES[word])
    if "bool" in hint.dtypes:
        return jnp.ones(shape, bool)
    if not {"float32", "complex64"} & set(hint.dtypes):
        return jnp.arange(int(np.prod(shape))).reshape(shape)
    kind = jnp.complex128 if "float32" not in hint.dtypes else float
    size = int(np.prod(shape))
    if name in ("direction", "directions", "axis", "first", "second") and shape[-1:] == [3]:
        vectors = np.random.default_rng(len(name)).normal(size=shape)
        return jnp.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True), kind)
    value = float(np.ravel(NUMBERS.get(name, 0.7))[0])
    return jnp.asarray(value * (1 + 0.1 * np.arange(size).reshape(shape)), kind)


def _law():
    return fields.PowerLaw(index=5 / 3, outer_scale=16.0, inner_scale=4.0)


def _field():
    """Return a field that changes from place to place."""
    return fields.UniformField(jnp.array([0.3, 0.4, 2.0])) + 0.1 * _grid()


def _grid():
    return fields.realise_grid(
        _law(), key=jax.random.key(1), shape=(16, 16, 16), spacing=2.0, rms=1.0
    )


def _chain():
    ends = {"left_end": traps.AbsorbingEnd(), "right_end": traps.AbsorbingEnd()}
    return traps.Chain(jnp.full(4, 0.5), jnp.full(4, 0.4), **ends)


def _arrivals():
    return sky.backtrack(
        _field(), rigidity=2.0, stop=orbits.PathLength(1.0), observer=jnp.zeros(3), nside=2,
        per_pixel=4, pusher=orbits.Boris(step=0.5),
    )  # fmt: skip


def _tracks():
    return orbits.record_tracks(
        _field(), jnp.zeros(3), sky.pixel_centers(2), rigidity=2.0, path_length=4.0,
        num_samples=8, pusher=orbits.Boris(step=0.25),
    )  # fmt: skip


def _data():
    rows = np.arange(1, 5), 1e-3 / np.arange(1.0, 5), np.full(4, 0.1), np.full(4, 1e-8)
    return observed.SpectrumData(*rows, 1, label="test")


MADE_BY = {
    fields.Field: _field, fields.GridField: _grid, fields.Spectrum: _law, traps.Chain: _chain,
    fields.MirrorChainField: lambda: fields.MirrorChainField(
        minimum=1.0, left_mirror=4.0, right_mirror=3.0, length=2.0, num_bottles=2
    ),
    traps.Trap: lambda: traps.Trap(minimum=1.0, left_mirror=4.0, right_mirror=3.0),
    orbits.Stop: lambda: orbits.PathLength(1.0), orbits.Pusher: lambda: orbits.Boris(step=0.5),
    orbits.Tracks: _tracks,
    orbits.RunningDiffusion: lambda: orbits.running_diffusion(_tracks()),
    orbits.MomentScatter: lambda: orbits.moment_scatter(_field(), _tracks()),
    orbits.MeanFreePath: lambda: orbits.mean_free_path(_tracks()),
    sky.Arrivals: _arrivals, sky.SkyWindow: lambda: sky.hawc_window(2),
    sky.BoundaryDistribution: lambda: sky.DipoleBoundary(
        axis=jnp.array([0.0, 0, 1]), amplitude=1e-3
    ),
    sky.SpectrumBins: lambda: sky.uniform_bins(2, 4, 1),
    sky.PseudoCoupling: lambda: sky.pseudo_coupling(sky.hawc_window(2), lmax=4),
    kinetic.ScatteringModel: lambda: kinetic.SlabScattering(_law(), rms=1.0, mean_strength=3.0),
    kinetic.Species: kinetic.proton, observed.SpectrumData: _data,
    np.ndarray: lambda: np.ones(3), Path: lambda: Path("no-such-file"),
    str: lambda: "name", bool: lambda: False, dict: dict,
}  # fmt: skip
"""Samples of classes, made once, where annotations of the constructor do not lead to one."""

_CACHE: dict = {}


def sample(hint, name, depth=0):
    """Return one argument that fits an annotation."""
    last: Exception = NoSampleError(str(hint))
    for option in options(hint):
        try:
            return _sample(option, name, depth)
        except (NoSampleError, ArgumentError, TypeError, ValueError) as error:
            last = error
    raise NoSampleError(f"{name}: {hint}: {last}")


def _sample(hint, name, depth):
    if is_array(hint):
        made = array(hint, name)
        return np.asarray(made) if hint.array_type is np.ndarray else made
    origin = typing.get_origin(hint)
    if hint in (int, float):
        value = NUMBERS.get(name, 4 if hint is int else 0.7)
        return hint(np.ravel(value)[0])
    if origin is tuple:
        members = typing.get_args(hint)
        if name in NUMBERS:
            return NUMBERS[name]
        members = members[:1] * 2 if members[-1:] == (Ellipsis,) else members
        return tuple(sample(x, name, depth) for x in members)
    if origin in (collections.abc.Sequence, list, collections.abc.Iterable):
        return [sample(typing.get_args(hint)[0], name, depth)]
    if origin is collections.abc.Callable or hint is collections.abc.Callable:
        return _function(hint)
    if not inspect.isclass(hint) or depth > 4:
        raise NoSampleError(str(hint))
    if hint not in _CACHE:
        _CACHE[hint] = MADE_BY[hint]() if hint in MADE_BY else _instance(hint, depth)
    return _CACHE[hint]


def _function(hint):
    """Return a smooth function of the annotated result."""
    arguments = typing.get_args(hint)
    result = options(arguments[1])[0] if len(arguments) == 2 else None
    if typing.get_origin(result) is tuple:
        parts = [x for x in typing.get_args(result) if x is not Ellipsis]
        return lambda *_: tuple(array(options(x)[0], "direction") for x in parts)

    def smooth(*values):
        total = sum(jnp.sum(jnp.asarray(x, float)) for x in jax.tree.leaves(values))
        if result is not None and is_array(result) and result.dim_str not in ("", "..."):
            return array(result, "function") * (1 + 0.1 * jnp.tanh(total))
        if values and jnp.ndim(values[0]) and (result is None or not is_array(result)):
            return 1 + 0.1 * jnp.tanh(jnp.asarray(values[0], float))
        return 1 + 0.1 * jnp.tanh(total)

    return smooth


def _instance(cls, depth):
    """Return an object of a class, or of one derived from it."""
    if not inspect.isabstract(cls) and not any(True for _ in cls.__subclasses__()):
        args, options_ = arguments(cls, depth + 1)
        return cls(*args, **options_)
    for derived in cls.__subclasses__():
        try:
            return _instance(derived, depth)
        except (NoSampleError, ArgumentError, TypeError, ValueError):
            continue
    raise NoSampleError(str(cls))


def arguments(thing, depth=0):
    """Return positional and named arguments for a function or a class."""
    given, named = [], {}
    for name, parameter in inspect.signature(thing).parameters.items():
        if parameter.kind is parameter.VAR_KEYWORD:
            continue
        if parameter.kind is parameter.VAR_POSITIONAL:
            given.append(sample(parameter.annotation, name, depth))
        elif parameter.default is parameter.empty:
            hint = parameter.annotation
            free = hint in (parameter.empty, Any)
            value = NUMBERS.get(name, 0.7) if free else sample(hint, name, depth)
            if parameter.kind is parameter.KEYWORD_ONLY:
                named[name] = value
            else:
                given.append(value)
    return given, named


class _Hang(BaseException):
    """A call that took more than ``LIMIT`` seconds of processor time."""


def _stop(*_):
    raise _Hang


def outcome(call):
    """Return how a call ended, and what it returned or raised."""
    before = signal.signal(signal.SIGPROF, _stop)
    signal.setitimer(signal.ITIMER_PROF, LIMIT)  # processor time: not how busy the machine is
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return "result", jax.block_until_ready(call())
    except ArgumentError as error:
        return "named", error
    except _Hang:
        return "hang", None
    except Exception as error:
        return ("named" if "ArgumentError" in str(error) else "raw"), error
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def floats(result):
    """Return all floating-point numbers of a result."""
    leaves = jax.tree.leaves(result)
    if isinstance(result, eqx.Module):
        leaves += list(vars(result).values())  # static fields are no leaves
    numbers = [np.ravel(x) for x in leaves if isinstance(x, (float, np.ndarray, jax.Array))]
    numbers = [x for x in numbers if np.issubdtype(x.dtype, np.inexact)]
    return np.concatenate(numbers) if numbers else np.zeros(0)


def has_numbers(hint):
    """Return whether an annotation asks for real numbers, one or an array."""
    return any(x is float or (is_array(x) and "float32" in x.dtypes) for x in options(hint))


def bad_values(value, hint, optional):
    """Return ``(label, value)`` of what to put in place of one argument."""
    allowed = {
        "None": optional,
        "text": str in options(hint),
        "class": any(collections.abc.Callable in (x, typing.get_origin(x)) for x in options(hint)),
        "complex": complex in options(hint),
    }
    yield from ((label, bad) for label, bad in NO_NUMBERS.items() if not allowed[label])
    if not has_numbers(hint) or np.asarray(value).dtype.kind not in "biuf":
        return
    numbers = np.array(value, float)
    for label, bad in NUMBERS_TO_TRY.items():
        spoilt = np.full_like(numbers, np.nan) if label == "nan" else numbers.copy()
        spoilt.flat[:1] = bad
        yield label, spoilt if numbers.ndim else bad
    if numbers.ndim:
        yield "shape", np.ones((*numbers.shape, 7))
        yield "empty", np.ones((0, *numbers.shape[1:]))
        yield "list", numbers.tolist()
        yield "numpy", numbers


def attack(thing, *, long=False):
    """Yield ``(argument, what, outcome, detail)`` of every call with one argument spoilt.

    Of a function that computes for ``long`` only what is refused before anything is computed.
    """
    given, named = arguments(thing)
    signature = inspect.signature(thing)
    bound = signature.bind(*given, **named)
    kind, right = "long", None
    if not long:
        kind, right = outcome(lambda: thing(*bound.args, **bound.kwargs))
        yield "", "sample", kind, right
    for name, parameter in signature.parameters.items():
        if parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
            continue
        hint, optional = parameter.annotation, parameter.default is None
        if hint in (parameter.empty, Any):
            continue
        value = bound.arguments.get(name, parameter.default)
        for what, bad in bad_values(value, hint, optional or type(None) in options(hint)):
            if long and what not in (*NO_NUMBERS, "shape", "empty"):
                continue
            tried = {**bound.arguments, name: bad}

            def call(tried=tried):
                again = inspect.BoundArguments(signature, collections.OrderedDict(tried))
                return thing(*again.args, **again.kwargs)

            how, result = outcome(call)
            if how == "result" and what in NO_NUMBERS:
                how = "accepted"
            if how == "result" and what == "nan":
                found = floats(result)
                how = "nan" if found.size == 0 or np.isnan(found).any() else "finite from nan"
                if np.any(getattr(result, "status", 0) != 0):
                    how = "status"  # the last finite state of an orbit, and why it ended
            if how == "result" and what in ("list", "numpy") and kind == "result":
                same = np.allclose(floats(result), floats(right), rtol=1e-12, equal_nan=True)
                how = "result" if same else "other result"
            yield name, what, how, result


FAULTS = ("raw", "hang", "accepted", "finite from nan", "other result")

UNRELATED = {
    "ChebyshevWeights",
    "PathSystematic",
    "controlled_means",
    "leave_one_out",
    "smoothed_estimate",
    "with_mean_weights",
    "realisation_spectra",
}
"""Functions whose arguments must fit each other in ways that no annotation says."""

LONG = {
    "simulate_tensors", "remembered",
    "build_emulator", "recentred", "fit", "fit_many", "closure", "calibration_ranks", "forecast",
    "skies_needed", "sample_nuts", "sample_free", "profile", "energy_table", "simulate_table",
    "path_systematic", "against_simulation", "spectrum_gradient", "simulate_data",
    "simulated_tensors", "simulated_spectra", "direct_spectrum", "realise_turbulence",
    "trace_guiding_center", "fit_density",
    "measure_hops", "scatter_in_bottles", "run_starts", "composed_surrogate", "sample_posterior",
}  # fmt: skip
"""Functions that simulate or search for more than seconds."""


@pytest.mark.parametrize(
    ("name", "thing"), [pytest.param(n, t, id=f"{f}.{n}") for f, n, t in public()]
)
def test_an_argument_of_another_kind_is_named_or_harmless(name, thing, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # some of them write files
    try:
        found = list(attack(thing, long=name in LONG | UNRELATED))
    except NoSampleError as error:
        pytest.skip(f"no arguments to begin with: {error}")
    faults = [f"{argument} = {what}: {how}, {detail}" for argument, what, how, detail in found
              if how in FAULTS]  # fmt: skip
    assert not faults, "\n".join(faults)


def test_a_fault_of_each_kind_is_seen():
    def careless(x: Float[Array, ""] | float):
        return jnp.where(x > 0, x, 0.0)

    def rude(x: Float[Array, ""] | float):
        raise IndexError("deep inside")

    assert {how for *_, how, _ in attack(careless)} >= {"finite from nan"}
    assert {how for *_, how, _ in attack(rude)} == {"raw"}
    assert "finite from nan" not in {how for *_, how, _ in attack(checked(lambda_of_nan))}


def lambda_of_nan(x: Float[Array, ""] | float):
    """Return a number that is NaN where it was given NaN."""
    return jnp.sqrt(jnp.abs(x))


def attack_in_jit(thing):
    """Yield ``(argument, outcome)`` of NaN in each argument of numbers of a compiled call."""
    given, named = arguments(thing)
    signature = inspect.signature(thing)
    bound = signature.bind(*given, **named).arguments
    traced = {
        name: jnp.asarray(value, float)
        for name, value in bound.items()
        if has_numbers(signature.parameters[name].annotation)
        and np.asarray(value).dtype.kind == "f"
    }

    holds_functions = []  # a problem made of closures, in which the numbers are

    @jax.jit
    def call(traced):
        again = inspect.BoundArguments(signature, collections.OrderedDict(bound | traced))
        result = thing(*again.args, **again.kwargs)
        holds_functions.extend(x for x in jax.tree.leaves(result) if callable(x))
        return eqx.filter(result, eqx.is_array)

    how, right = outcome(lambda: call(traced))
    yield "", how, right
    if how != "result" or holds_functions or np.isnan(floats(right)).any():
        return
    for name, value in traced.items():
        how, result = outcome(lambda name=name, value=value: call(traced | {name: value * jnp.nan}))
        numbers = floats(result) if how == "result" else np.zeros(0)
        if how == "result" and not np.any(np.asarray(getattr(result, "status", 0)) != 0):
            how = "nan" if numbers.size == 0 or np.isnan(numbers).any() else "finite from nan"
        yield name, how, result


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "thing"),
    [pytest.param(n, t, id=f"{f}.{n}") for f, n, t in public() if not inspect.isclass(t)],
)
def test_nan_stays_nan_inside_jit(name, thing):
    if name in LONG | UNRELATED:
        pytest.skip("it computes for long")
    try:
        found = list(attack_in_jit(thing))
    except NoSampleError as error:
        pytest.skip(f"no arguments to begin with: {error}")
    faults = [f"{argument}: {how}, {detail}" for argument, how, detail in found if how in FAULTS]
    assert not faults, "\n".join(faults)
