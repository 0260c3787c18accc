"""Arguments at the public boundary, held against the annotations of what they are given to.

``checked_folder`` does so for every public function and constructor of a folder, so that the code
behind it sees arrays of the stated kind and shape.
"""

import dataclasses
import functools
import inspect
import operator
import types
import typing
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from beartype.door import is_bearable
from jaxtyping import AbstractArray, jaxtyped

from jaxcr.checks import ArgumentError, argument_error, as_float, is_concrete

_P = typing.ParamSpec("_P")
_T = typing.TypeVar("_T")

_NEEDS_A_NUMBER = (
    jax.errors.ConcretizationTypeError,
    jax.errors.TracerArrayConversionError,
    jax.errors.TracerBoolConversionError,
    jax.errors.TracerIntegerConversionError,
)


def checked_folder(namespace: dict[str, Any]) -> None:
    """Hold every public function and constructor of a folder against its annotations.

    The last line of the folder's ``__init__``. See `checked` for what it does to each call; those
    marked with `broadcasting` take arrays in place of numbers.
    """
    for name in namespace["__all__"]:
        thing = namespace[name]
        if inspect.isclass(thing) and issubclass(thing, eqx.Module):
            if not inspect.isabstract(thing):
                # A field with a converter has no annotation in __init__, but one in the class.
                kinds = {
                    f.name: f.type for f in dataclasses.fields(thing) if _is_array_type(f.type)
                }
                thing.__init__ = _checked(thing.__init__, name, kinds, allow_empty=True)
        elif inspect.isfunction(inspect.unwrap(thing)):
            wrapped = checked(thing)
            if hasattr(thing, "broadcasts"):
                wrapped = _broadcasting(wrapped)
            wrapped.__module__ = namespace["__name__"]  # where pickle finds it
            namespace[name] = wrapped


def checked(function: Callable[_P, _T]) -> Callable[_P, _T]:
    """Hold the arguments of a function or method against its annotations at every call.

    Arrays may be given as lists, NumPy arrays or integers and arrive as JAX arrays of the
    annotated kind; masked entries arrive as NaN. Complex numbers where real ones are meant, other
    shapes, text, None, objects of other classes and axes of length 0 raise `ArgumentError`.

    Notes
    -----
    Costs 10 to 50 µs a call, and inside ``jit`` only while tracing.
    """
    label = function.__qualname__.removesuffix(".__call__")
    return _checked(function, label, {}, allow_empty=False)


def broadcasting(function: Callable[_P, _T]) -> Callable[_P, _T]:
    """Let a function of numbers take arrays of them, broadcast against each other.

    What may be arrays are the arguments annotated as numbers (``ScalarLike``); everything else,
    objects and options, is the same for all.
    """
    function.broadcasts = True
    return function


def _broadcasting(function: Callable) -> Callable:
    """Map a function over the arrays among its arguments that are annotated as numbers."""
    signature = inspect.signature(function)
    numbers = {
        name
        for name, parameter in signature.parameters.items()
        if any(_is_array_type(x) and not x.dim_str for x in _options(parameter.annotation))
    }

    @functools.wraps(function)
    def call(*args, **kwargs):
        bound = signature.bind(*args, **kwargs)
        arrays = {
            name: as_float(value)
            for name, value in bound.arguments.items()
            if name in numbers and np.ndim(value) > 0 and _is_real(value)
        }
        if not arrays:
            return function(*args, **kwargs)
        shape = jnp.broadcast_shapes(*(x.shape for x in arrays.values()))
        flat = {name: jnp.broadcast_to(x, shape).ravel() for name, x in arrays.items()}

        def one(values):
            bound.arguments.update(values)
            return function(*bound.args, **bound.kwargs)

        return jax.tree.map(lambda x: x.reshape(*shape, *x.shape[1:]), jax.vmap(one)(flat))

    return call


def _checked(function: Callable, label: str, kinds: dict, *, allow_empty: bool) -> Callable:
    signature = inspect.signature(function)
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    hints = {
        name: kinds.get(name) if parameter.annotation is Any else parameter.annotation
        for name, parameter in signature.parameters.items()
        if parameter.kind in named
    }
    hints = {
        name: hint for name, hint in hints.items() if hint not in (None, inspect.Parameter.empty)
    }

    @functools.wraps(function)
    def call(*args, **kwargs):
        bound = signature.bind(*args, **kwargs)
        with jaxtyped("context"):  # an axis name has one length in all arguments
            for name, value in bound.arguments.items():
                if name not in hints or value is signature.parameters[name].default:
                    continue
                # Held against the annotation here, not in a function: names last for a context.
                if isinstance(value, np.ma.MaskedArray) or not is_bearable(value, hints[name]):
                    given, value = value, _converted(value, hints[name])
                    if value is None or not is_bearable(value, hints[name]):
                        raise _misfit(f"{label}: {name}", given, hints[name])
                    bound.arguments[name] = value
                if not allow_empty:
                    _check_not_empty(f"{label}: {name}", value)
        try:
            return function(*bound.args, **bound.kwargs)
        except _NEEDS_A_NUMBER as error:
            raise argument_error(
                label,
                expected="known numbers",
                got="values that jit, vmap or a derivative traces",
                remedy="Call it outside, or close over the numbers that it needs to know.",
            ) from error

    return call


def _converted(value: Any, hint: Any) -> Any:
    """Return what the caller meant in the form that the annotation asks for; None if none fits."""
    if isinstance(value, np.ma.MaskedArray):
        value = value.astype(float).filled(np.nan) if np.ma.is_masked(value) else value.data
    for option in _options(hint):
        converted = value if is_bearable(value, option) else _as_option(value, option)
        if converted is not None and is_bearable(converted, option):
            return converted
    return None


def _misfit(name: str, value: Any, hint: Any) -> ArgumentError:
    return argument_error(
        name,
        expected=" or ".join(dict.fromkeys(map(_describe_hint, _options(hint)))),
        got=_describe(value),
        remedy=_remedy(value, hint),
    )


def _options(hint: Any) -> tuple:
    """Return the members of a union, or the hint alone."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return tuple(x for member in typing.get_args(hint) for x in _options(member))
    return (hint,)


def _as_option(value: Any, option: Any) -> Any:
    """Return what the caller meant as an instance of one type, or None when there is no such."""
    if _is_array_type(option):
        return _as_array(value, option)
    if option is int and not isinstance(value, (bool, np.bool_)) and hasattr(value, "__index__"):
        return operator.index(value) if is_concrete(value) and np.ndim(value) == 0 else None
    if option is float and np.ndim(value) == 0 and is_concrete(value):
        return float(value) if np.asarray(value).dtype.kind in "iuf" else None
    if typing.get_origin(option) is tuple and isinstance(value, (list, tuple, np.ndarray)):
        members = typing.get_args(option)
        if members[-1:] == (Ellipsis,):
            members = members[:1] * len(value)
        if len(members) == len(value):
            pairs = zip(value, members, strict=True)
            return tuple(_converted(x, m) for x, m in pairs)
    return None


def _is_array_type(option: Any) -> bool:
    return inspect.isclass(option) and issubclass(option, AbstractArray)


def _as_array(value: Any, option: Any) -> Any:
    """Return numbers as an array of the annotated kind, without loss; None when they are none."""
    try:
        array = value if isinstance(value, jax.Array) else np.asarray(value)
    except ValueError:  # rows of different lengths
        return None
    kind = _kind(array)
    if "prng_key" in option.dtypes:
        return jax.random.wrap_key_data(array) if kind == "u" and array.ndim == 1 else None
    if kind in "biu" and not {"int32", "bool"} & set(option.dtypes):
        array = array.astype(float)
    elif kind not in "biufc":
        return None
    return array if option.array_type is np.ndarray else jnp.asarray(array)


def _is_real(value: Any) -> bool:
    """Return whether a value is an array of real numbers, or a list that makes one."""
    return _kind(value if isinstance(value, jax.Array) else np.asarray(value)) in "biuf"


def _kind(array: Any) -> str:
    """Return NumPy's letter for the kind of number; "O" for what is none, "f" for bfloat16 too."""
    if jnp.issubdtype(array.dtype, jnp.floating):
        return "f"
    return array.dtype.kind if isinstance(array.dtype, np.dtype) else "O"


def _check_not_empty(name: str, value: Any) -> None:
    if isinstance(value, (jax.Array, np.ndarray)) and value.size == 0:
        raise argument_error(
            name,
            expected="at least one entry",
            got=f"shape {value.shape}",
            remedy="Leave the call out where there is nothing to compute.",
        )


def _describe_hint(hint: Any) -> str:
    """Return in words what an annotation asks for."""
    if hint is type(None):
        return "None"
    if not _is_array_type(hint):
        return f"{_article(hint.__name__)}" if inspect.isclass(hint) else str(hint)
    kinds = {"prng_key": "a random key", "float32": "real numbers", "int32": "whole numbers"}
    kind = next((word for x, word in kinds.items() if x in hint.dtypes), "booleans")
    if kind == "a random key":
        return kind
    return f"{kind} of shape ({hint.dim_str})" if hint.dim_str else "a number"


def _article(name: str) -> str:
    plain = {"int": "a whole number", "float": "a number", "str": "a text", "bool": "True or False"}
    return plain.get(name) or ("an " if name[0] in "AEIOU" else "a ") + name


def _describe(value: Any) -> str:
    """Return in words what was given."""
    if isinstance(value, (jax.Array, np.ndarray)):
        return f"{value.dtype} of shape {value.shape}"
    text = repr(value)
    return f"{type(value).__name__} {text if len(text) < 60 else text[:56] + ' ...'}"


def _remedy(value: Any, hint: Any) -> str:
    """Return what to do about a misfit."""
    classes = [x for x in _options(hint) if inspect.isclass(x) and not _is_array_type(x)]
    ours = [x for x in classes if x.__module__.startswith("jaxcr.")]
    if callable(value) and ours:
        return f"Call it first: {getattr(value, '__name__', 'it')}(...)."
    if ours:
        leaves = [x.__name__ for x in ours[0].__subclasses__() if not inspect.isabstract(x)]
        folder = ".".join(ours[0].__module__.split(".")[:2])
        return f"Give an object of {folder}, e.g. {', '.join(leaves[:4]) or ours[0].__name__}."
    if "prng_key" in str(hint) or "Key[" in str(hint):
        return "Give jax.random.key(0)."
    if any(map(_is_array_type, _options(hint))):
        return "Axes of one name have one length in all arguments; complex numbers are refused."
    return "See its docstring."
