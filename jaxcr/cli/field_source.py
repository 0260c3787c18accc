"""From settings to a field: read a cube, or make turbulence."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from jaxcr import fields, orbits
from jaxcr.checks import argument_error
from jaxcr.cli.field_config import CubeConfig, TurbulenceConfig
from jaxcr.cli.limits import check_one_of_both, check_place
from jaxcr.fields.files import NUMPY, ZIP, find_arrays, signature

AXIS = np.array([1.0, 0.0, 0.0])
"""Of the mean field of turbulence; no array of JAX, which would start a backend."""

_BOUNDARIES = {
    "periodic": fields.Periodic,
    "clamped": fields.Clamped,
    "mirrored": fields.Mirrored,
    "zero": fields.ZeroOutside,
}


def choose_field(
    particles: str | None, cube: CubeConfig, turbulence: TurbulenceConfig, rigidity: float
) -> tuple[fields.Field, float, str]:
    """Return field, rigidity and title: of a named set, of a cube, or of turbulence."""
    if particles is not None:
        named = orbits.PARTICLE_SETS[particles]
        if turbulence.cells != named.cells:
            named = named.scaled(turbulence.cells)
        turbulence = TurbulenceConfig(
            outer_scale=named.outer_scale, inner_scale=4 * named.cell, cells=named.cells,
            spacing=named.cell, rms=named.mean_field, mean_field=named.mean_field,
            seed=turbulence.seed,
        )  # fmt: skip
        return make_turbulence(turbulence)[0], named.rigidity, named.name
    if has_cube(cube):
        return read_cube(cube), rigidity, "cube"
    return make_turbulence(turbulence)[0], rigidity, "turbulence"


def check_source(particles: str | None, cube: CubeConfig, turbulence: TurbulenceConfig) -> None:
    """Raise ``ValueError`` when a cube is asked for beside a named set or turbulence."""
    if not has_cube(cube):
        return
    changed = [
        f"--turbulence.{field.name.replace('_', '-')}"
        for field in dataclasses.fields(turbulence)
        # The seed is also that of random rigidities.
        if field.name != "seed" and getattr(turbulence, field.name) != field.default
    ]
    check_one_of_both(
        f"{', '.join(changed)}, --cube", changed, True,
        remedy="A cube is not made; rescale it with --cube.rms and --cube.mean-strength.",
    )  # fmt: skip
    check_one_of_both(
        "--particles, --cube", particles, True, remedy="A named set brings its own turbulence."
    )


def has_cube(config: CubeConfig) -> bool:
    """Return whether a cube was asked for; raise when it is not clear which."""
    check_one_of_both(
        "--cube.file, --cube.shipped", config.file, config.shipped, remedy="Choose the field."
    )
    given = {"--cube.origin": config.origin, "--cube.shape": config.shape}
    for name, triple in given.items():
        if triple:
            check_place(name, triple)
    return bool(config.file) or config.shipped


def read_cube(config: CubeConfig) -> fields.Field:
    """Return the cube, divergence-free and rescaled where asked for."""
    cube = fields.mhd_snapshot() if config.shipped else _read_file(config)
    if config.solenoidal:
        cube = fields.solenoidal_part(cube)
    wishes = {
        name: getattr(config, name)
        for name in ("injection_cells", "injection_scale", "mean_strength", "rms")
    }
    if all(value is None for value in wishes.values()):
        return cube
    return fields.rescale_field(cube, **wishes)


def make_turbulence(config: TurbulenceConfig) -> tuple[fields.Field, fields.Spectrum]:
    """Return turbulence about its mean field, and the spectrum asked for."""
    spectrum = fields.PowerLaw(
        config.index, outer_scale=config.outer_scale, inner_scale=config.inner_scale
    )
    turbulence = fields.realise_grid(
        spectrum,
        key=jax.random.key(config.seed),
        shape=(config.cells,) * 3,
        spacing=config.spacing,
        rms=config.rms,
        geometry=_geometry(config),
        exact_rms=config.exact_rms,
    )
    return fields.UniformField(config.mean_field * AXIS) + turbulence, spectrum


def _read_file(config: CubeConfig) -> fields.GridField:
    _check_metadata(config)
    return fields.read_field(
        config.file[0] if len(config.file) == 1 else config.file,
        unit=config.unit,
        spacing=config.spacing,
        origin=jnp.array(config.origin) if config.origin else None,
        axes=config.axes,
        boundary=None if config.boundary is None else _BOUNDARIES[config.boundary](),
        dataset=config.dataset,
        frame=config.frame or None,
        shape=config.shape or None,
        level=config.level,
        endpoint=config.endpoint,
    )


def _check_metadata(config: CubeConfig) -> None:
    """Raise ``ValueError`` for a NumPy file without all that such files do not record."""
    if config.level is not None or config.shape:
        return
    if not signature(config.file[0]).startswith((NUMPY, ZIP)):
        return
    single = len(config.file) == 1
    find_arrays(config.file[0], config.dataset if single else None)  # a broken file is said first
    examples = {
        "axes": "xyzc" if single else "xyz",
        "unit": "uG",
        "spacing": "1",
        "origin": "0 0 0",
        "boundary": "periodic",
    }
    missing = [name for name in examples if getattr(config, name) in (None, ())]
    if missing:
        raise argument_error(
            ", ".join(f"--cube.{name}" for name in missing),
            expected=f"what {config.file[0]}, a NumPy file, does not record",
            got="none",
            remedy="Add, with the values of your cube (lengths in pc): "
            + " ".join(f"--cube.{name} {examples[name]}" for name in missing),
        )


def _geometry(config: TurbulenceConfig) -> fields.Geometry:
    """Return the geometry by its name, about the mean field."""
    mach = {"alfven_mach": config.alfven_mach}
    helicity = {"helicity": config.helicity}
    makers = {
        "isotropic": lambda: fields.Isotropic(**helicity),
        "slab": lambda: fields.Slab(AXIS, **helicity),
        "two-dimensional": lambda: fields.TwoDimensional(AXIS),
        "slab-2d": lambda: fields.SlabTwoD(AXIS, config.slab_share),
        "goldreich-sridhar": lambda: fields.GoldreichSridhar(AXIS, **mach, **helicity),
        "alfven": lambda: fields.Alfven(AXIS, **mach),
        "slow": lambda: fields.Slow(AXIS, config.beta, **mach),
        "fast": lambda: fields.Fast(AXIS, config.beta),
    }
    geometry = makers[config.geometry]()
    if config.helicity is not None and geometry.helicity is None:
        raise argument_error(
            "--turbulence.helicity",
            expected="none for waves of one polarisation",
            got=f"{config.helicity:g} with {config.geometry}",
            remedy="Leave it out, or choose isotropic, slab or goldreich-sridhar.",
        )
    return geometry
