"""Drive isothermal MHD turbulence with astronomix, in an environment of its own (README.md here).

Units: mean field 1 along x, density 1, hence Alfven speed 1; box 1; B²/2 is the magnetic pressure.
"""

import argparse
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from astronomix import (
    FINITE_DIFFERENCE,
    NATIVE_JAX,
    OPTIMAL_BACKEND,
    PERIODIC_BOUNDARY,
    SimulationConfig,
    SimulationParams,
    construct_primitive_state,
    finalize_config,
    get_registered_variables,
    time_integration,
)
from astronomix._modules._turbulent_forcing._turbulent_forcing_options import (
    TurbulentForcingConfig,
    TurbulentForcingParams,
)
from astronomix.option_classes.simulation_config import (
    ISOTHERMAL,
    PERIODIC_ROLL,
    POSITIVITY_REDISTRIBUTE,
    RK4_SSP,
    BoundarySettings,
    BoundarySettings1D,
    PositivityConfig,
)

BETA = 0.2
"""Gas over magnetic pressure of the mean field: 2 c_s² / V_A²."""

OUTER_SCALE = 0.4
"""Wavelength of the strongest driving, in boxes."""


def configure(cells: int, backend: int, seed: int, num_states: int) -> SimulationConfig:
    periodic = BoundarySettings1D(PERIODIC_BOUNDARY, PERIODIC_BOUNDARY)
    return SimulationConfig(
        backend=backend,
        solver_mode=FINITE_DIFFERENCE,
        time_integrator=RK4_SSP,
        equation_of_state=ISOTHERMAL,
        mhd=True,
        dimensionality=3,
        box_size=1.0,
        num_cells=cells,
        random_seed=seed,
        boundary_handling=PERIODIC_ROLL,
        boundary_settings=BoundarySettings(periodic, periodic, periodic),
        positivity_config=PositivityConfig(per_step_mode=POSITIVITY_REDISTRIBUTE),
        turbulent_forcing_config=TurbulentForcingConfig(
            turbulent_forcing=True, ou_forcing=True, vacuum_protection=True
        ),
        activate_snapshot_callback=True,
        num_snapshots=num_states,
    )


def gas_at_rest(cells: int) -> dict[str, np.ndarray]:
    """Return density, velocity and B of gas at rest in the mean field."""
    zeros = np.zeros((3, cells, cells, cells))
    field = zeros.copy()
    field[0] = 1
    return {"density": np.ones_like(zeros[0]), "velocity": zeros, "magnetic_field": field}


def refine(values: np.ndarray, cells: int) -> np.ndarray:
    """Return periodic values, samples on the last three axes, on a finer grid, by Fourier modes."""
    old = values.shape[-1]
    pad = (cells - old) // 2
    axes = (-3, -2, -1)
    modes = np.fft.fftshift(np.fft.fftn(values, axes=axes), axes=axes)
    # A wave of two cells has no partner on the finer grid; cell centres are not shared by the two.
    for axis in axes:
        modes[(..., 0) + (slice(None),) * (-1 - axis)] = 0
        wave = np.arange(-old // 2, old // 2)
        shift = np.exp(1j * np.pi * wave * (1 / cells - 1 / old))
        modes = modes * shift.reshape((-1,) + (1,) * (-1 - axis))
    wide = [(0, 0)] * (values.ndim - 3) + [(pad, pad)] * 3
    modes = np.fft.ifftshift(np.pad(modes, wide), axes=axes)
    return np.fft.ifftn(modes, axes=axes).real * (cells / old) ** 3


def initial_values(start: Path | None, cells: int) -> dict[str, np.ndarray]:
    """Return gas at rest, or a state of a coarser run."""
    if start is None:
        return gas_at_rest(cells)
    with np.load(start) as state:
        return {
            "density": np.exp(refine(np.log(state["density"]), cells)),
            "velocity": refine(state["velocity"], cells),
            "magnetic_field": refine(state["magnetic_field"], cells),
        }


def as_state(config, variables, values: dict[str, np.ndarray]):
    """Return the values in the arrangement of the code."""
    vectors = {
        f"{name}_{axis}": jnp.asarray(values[name][i], jnp.float32)
        for name in ("velocity", "magnetic_field")
        for i, axis in enumerate("xyz")
    }
    density = jnp.asarray(values["density"], jnp.float32)
    return construct_primitive_state(config, variables, density=density, **vectors)


def save(folder: Path, variables, time, state) -> None:
    """Write density, velocity and B of a state, and print its Mach numbers."""
    velocity = np.stack([state[i] for i in variables.velocity_index])
    field = np.stack([state[i] for i in variables.magnetic_index])
    density = np.asarray(state[variables.density_index])
    alfven_mach = np.sqrt(np.mean(np.sum(velocity**2, axis=0)))
    away = field - field.mean(axis=(1, 2, 3), keepdims=True)
    numbers = {
        "time": float(time),
        "beta": BETA,
        "alfven_mach": alfven_mach,
        "sonic_mach": alfven_mach / np.sqrt(BETA / 2),
        "fluctuation": np.sqrt(np.mean(np.sum(away**2, axis=0))),
    }
    np.savez(
        folder / f"state-{float(time):.3f}.npz",
        density=density, velocity=velocity, magnetic_field=field, **numbers,
    )  # fmt: skip
    print(*(f"{name} {value:.3f}" for name, value in numbers.items()), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", type=int, default=32)
    parser.add_argument("--until", type=float, default=2.0, help="in Alfven times of the box")
    parser.add_argument("--every", type=float, default=0.25)
    parser.add_argument("--amplitude", type=float, default=2.0, help="of the driving")
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--start", type=Path, help="state of a coarser run, instead of gas at rest")
    parser.add_argument("--gpu", action="store_true", help="let astronomix choose its kernels")
    parser.add_argument("--out", type=Path, required=True, help="folder of states")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    backend = OPTIMAL_BACKEND if args.gpu else NATIVE_JAX
    config = configure(args.cells, backend, args.seed, round(args.until / args.every))
    variables = get_registered_variables(config)
    state = as_state(config, variables, initial_values(args.start, args.cells))
    config = finalize_config(config, state.shape)
    params = SimulationParams(
        C_cfl=0.8,
        dt_max=0.05,
        t_end=args.until,
        isothermal_sound_speed=float(np.sqrt(BETA / 2)),
        minimum_density=0.02,
        turbulent_forcing_params=TurbulentForcingParams(
            correlation_time=OUTER_SCALE,
            forcing_wavenumber=2 * np.pi / OUTER_SCALE,
            forcing_amplitude=args.amplitude,
        ),
    )

    def record(time, state, variables):
        jax.debug.callback(partial(save, args.out, variables), time, state)

    time_integration(state, config, params, variables, snapshot_callable=record)


if __name__ == "__main__":
    main()
