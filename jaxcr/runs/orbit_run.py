"""A run of any number of orbits, seen from one place: what each numbered chunk adds to the sums."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Key, Shaped, UInt

from jaxcr.arrays import Scalar, Vector
from jaxcr.checks import argument_error, as_float, check_finite, check_range
from jaxcr.compilation import jit_loop
from jaxcr.fields import Field
from jaxcr.fields.field import check_static
from jaxcr.orbits import STATUS_TEXT, Boris, Exits, Pusher, Stop
from jaxcr.orbits.ensemble import check_path, engine_options, start_states, trace_on_devices
from jaxcr.orbits.exits import REACHED
from jaxcr.orbits.flight import Limits
from jaxcr.orbits.lorentz import Lorentz
from jaxcr.runs.sky_sums import harmonic_sums, pixel_sums
from jaxcr.runs.transport_sums import transport_sums
from jaxcr.sky.healpix import containing_pixel

GROUPS = 16
"""Groups of particles that errors are jackknifed over: number modulo 16."""

_MULTIPLE = 2 * GROUPS
_NUMBERS = 2**32


class OrbitRun(eqx.Module):
    """Orbits traced back from an observer: particle n starts where ``fold_in(key, n)`` says.

    Sums over orbits are all that a chunk leaves behind, so that a run of 1e9 orbits needs the
    memory of one chunk; they add up in any partition of the particles.

    Attributes
    ----------
    field, rigidity, stop, pusher
        As for ``orbits.trace_ensemble``; the rigidity (PV) is that of the arriving particles.
    observer
        In pc.
    spread
        Side (pc) of a cube about the observer over which starts are spread; 0 for one place. A
        sky averaged over it is not that of any one observer.
    axis
        Unit vector of the boundary's dipole in the momentum.
    key
        Of the starts.
    num_orbits, chunk_size
        Orbits of the run, and of one chunk, a multiple of 32.
    nside, lmax
        Of maps and spectra.
    single
        Trace in float32 instead of float64. Sums are in JAX's default float in any case.
    """

    field: Field
    rigidity: Scalar
    stop: Stop
    observer: Vector
    axis: Vector
    spread: Scalar
    pusher: Pusher
    key: Key[Array, ""]
    num_orbits: UInt[Array, ""]
    chunk_size: int = eqx.field(static=True)
    nside: int = eqx.field(static=True)
    lmax: int = eqx.field(static=True)
    single: bool = eqx.field(static=True)

    def __init__(
        self,
        field: Field,
        *,
        rigidity,
        stop: Stop,
        key: Key[Array, ""],
        num_orbits: int,
        observer=(0.0, 0.0, 0.0),
        axis=(1.0, 0.0, 0.0),
        spread=0.0,
        pusher: Pusher | None = None,
        chunk_size: int = 65_536,
        nside: int = 16,
        lmax: int = 16,
        single: bool = False,
    ):
        check_static("OrbitRun: field", field)
        most = _NUMBERS - chunk_size
        if not 1 <= num_orbits <= most or chunk_size < 1 or chunk_size % _MULTIPLE:
            raise argument_error(
                "OrbitRun: num_orbits, chunk_size",
                expected=f"1 to {most} orbits, in chunks of a multiple of {_MULTIPLE}",
                got=f"{num_orbits} and {chunk_size}",
                remedy="The default chunk of 65536 suits most machines.",
            )
        self.field, self.stop = field, stop
        self.rigidity, self.spread = as_float(rigidity), as_float(spread)
        self.observer, self.axis = as_float(observer), as_float(axis)
        self.pusher = Boris() if pusher is None else pusher
        self.key, self.chunk_size = key, chunk_size
        self.num_orbits = jnp.asarray(num_orbits, jnp.uint32)
        self.nside, self.lmax, self.single = nside, lmax, single
        check_finite("OrbitRun: observer", self.observer)
        check_range("OrbitRun: spread", self.spread, 0.0)
        motion = Lorentz(field, jnp.abs(self.rigidity))
        shortest = stop.levels(jnp.zeros(3), self.observer, jnp.zeros(()))
        check_path("OrbitRun: stop", self.pusher, motion, -jnp.min(shortest) - self.spread)

    @property
    def num_chunks(self) -> int:
        """Chunks of the run, the last one filled up with orbits that do not count."""
        return -(-int(self.num_orbits) // self.chunk_size)

    def chunk(self, number: int, devices: list[jax.Device] | None = None) -> dict[str, np.ndarray]:
        """Return the sums over the orbits of one chunk, by name.

        Parameters
        ----------
        number
            0 ... num_chunks - 1.
        devices
            Default: all of this process. As many make the same bytes, in any process, shard or
            resumed run.
        """
        first = np.uint32(number * self.chunk_size)
        exits = _trace(self, first, engine_options(None, None, devices))
        # on one device, whatever number of them traced: sums in one order
        exits = jax.device_put(exits, jax.local_devices()[0])
        sums, excess, pixel, used = jax.tree.map(np.asarray, _sums(self, first, exits))
        return sums | pixel_sums(12 * self.nside**2, pixel, excess, used)


def starts(run: OrbitRun, numbers: UInt[Array, " particle"]):
    """Return positions and arrival directions of particles, ``(particle, 3)``, isotropic."""
    dtype = jnp.float32 if run.single else jnp.result_type(float)

    def one(number):
        key = jax.random.fold_in(run.key, number)
        of_place, of_direction = jax.random.split(key)
        normal = jax.random.normal(of_direction, (3,), dtype)
        inside = jax.random.uniform(of_place, (3,), dtype, -0.5, 0.5)
        return (
            run.observer.astype(dtype) + run.spread.astype(dtype) * inside,
            normal / jnp.linalg.norm(normal),
        )

    return jax.vmap(one)(numbers)


@jit_loop
def _trace(run: OrbitRun, first, engine) -> Exits:
    """Trace the opposite charge along the arrival directions."""
    position, direction = starts(run, first + jnp.arange(run.chunk_size, dtype=jnp.uint32))
    particles = start_states(position, direction, -run.rigidity)
    motion = Lorentz(run.field, jnp.abs(run.rigidity).astype(direction.dtype))
    limit = run.stop.default_max_path().astype(direction.dtype)
    limits = Limits(limit, jnp.int32(10_000_000))
    return trace_on_devices(motion, particles, run.stop, run.pusher, limits, *engine)


@eqx.filter_jit
def _sums(run: OrbitRun, first, exits: Exits):
    """Return sums by groups; and excess (stop, particle), pixel, and whether an orbit counts.

    The excess is that of a dipole of unit amplitude in the forward momentum where orbits end: the
    exits are of the opposite charge, which went the other way.
    """
    numbers = first + jnp.arange(run.chunk_size, dtype=jnp.uint32)
    inside = numbers < run.num_orbits
    position, arrival = starts(run, numbers)
    ends = exits.position, exits.direction, exits.path_length
    ends = ends if run.stop.shape else tuple(x[None] for x in ends)
    used = inside & (exits.status == REACHED)
    status = exits.status[:, None] == jnp.array(list(STATUS_TEXT), exits.status.dtype)[None]
    rows = {
        "orbits": inside.astype(jnp.int32),
        "used": used.astype(jnp.int32),
        "status": (status & inside[:, None]).astype(jnp.int32),
        "steps": jnp.where(inside, exits.num_steps, 0),
    }
    counts = {name: _grouped(x).sum(1, dtype=_integer()) for name, x in rows.items()}
    wide = jnp.result_type(float)
    excess = -(ends[1].astype(wide) @ run.axis.astype(wide)) * used.astype(wide)[None]
    sums = (
        counts
        | harmonic_sums(run.lmax, arrival.astype(wide), excess, used, _grouped)
        | transport_sums(position, arrival, *ends, used, _grouped)
    )
    return sums, excess, containing_pixel(run.nside, arrival), used


def _grouped(values: Shaped[Array, "particle ..."]) -> Shaped[Array, "group member ..."]:
    """Return particles as (group, member): number modulo 16, chunks beginning at a multiple."""
    return jnp.swapaxes(values.reshape(-1, GROUPS, *values.shape[1:]), 0, 1)


def _integer():
    return jnp.int64 if jax.config.jax_enable_x64 else jnp.int32
