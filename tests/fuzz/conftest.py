"""Files of every kind that is read, and a watched process that reads what became of them."""

import json
import re
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

HDF5 = re.compile(r"/h5py/|untrusted/hdf5\.py")


class Reader:
    """A process that reads files one by one; it is replaced when it dies.

    HDF5 itself crashes, or does not come back, for some damaged files: readers of texts in them
    use a process of their own. Deaths that happen all the same are counted.
    """

    def __init__(self, folder: Path):
        self.folder, self.process = folder, None
        self.reset()

    def reset(self) -> None:
        """Begin to count."""
        self.num_files = self.num_read = self.num_deaths = 0
        self.longest = self.most_growth = 0.0

    def read(self, name: str, content: bytes) -> str:
        """Return ``read``, ``refused``, or ``HDF5 died``; fail for anything else."""
        path = self.folder / "stranger.file"
        path.write_bytes(content)
        if self.process is None:
            self._start()
        self.process.stdin.write(f"{name}\t{path}\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        self.num_files += 1
        if not line:
            return self._death()
        answer = json.loads(line)
        outcome = answer["outcome"]
        self.longest = max(self.longest, answer["seconds"])
        self.most_growth = max(self.most_growth, answer["growth"])
        self.num_read += outcome == "read"
        assert outcome in ("read", "refused"), f"{name}: {outcome}"
        return outcome

    def end(self) -> None:
        """End the process."""
        if self.process is not None:
            self.process.kill()
            self.process.communicate()
            self.process = None

    def _start(self) -> None:
        program = Path(__file__).with_name("reader_process.py")
        with (self.folder / "stderr").open("w") as said:
            self.process = subprocess.Popen(
                [sys.executable, str(program)], text=True, stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, stderr=said,
            )  # fmt: skip
        assert self.process.stdout.readline() == "ready\n"

    def _death(self) -> str:
        """Return whose death it was, from the innermost line of Python that was at work."""
        code = self.process.wait(10)
        self.end()
        said = (self.folder / "stderr").read_text()
        innermost = re.search(r'most recent call first\):\n +File "([^"]+)"', said)
        assert innermost, f"ended with {code}: {said}"
        assert HDF5.search(innermost[1]), f"ended with {code}: {said}"
        self.num_deaths += 1
        return "HDF5 died"


@pytest.fixture(scope="session")
def process(tmp_path_factory):
    reader = Reader(tmp_path_factory.mktemp("fuzz"))
    yield reader
    reader.end()


@pytest.fixture
def reader(process, request):
    """What reads strangers' files; what it did in this test is printed (``pytest -s``)."""
    process.reset()
    yield process
    print(
        f"\n{request.node.name}: {process.num_files} files, {process.num_read} read, longest "
        f"{process.longest:.2f} s, most growth {process.most_growth / 2**20:.0f} MiB, "
        f"{process.num_deaths} deaths of HDF5"
    )


SHAPE = (4, 3, 5)


def _values():
    return np.random.default_rng(0).normal(size=(*SHAPE, 3))


def _npy(path):
    with path.open("wb") as file:
        np.save(file, _values())


def _npz(path):
    with path.open("wb") as file:
        np.savez(file, b=_values())


def _npz_compressed(path):
    with path.open("wb") as file:
        np.savez_compressed(file, b=np.round(_values()))


def _hdf5(libver, **options):
    def write(path):
        with h5py.File(path, "w", libver=libver) as file:
            file.create_group("gas").create_dataset("b", data=_values(), **options)
            file["gas/b"].attrs["time"] = 3.0

    return write


def _written(path):
    import jax.numpy as jnp

    from jaxcr.fields import GridField, write_field

    field = GridField(jnp.asarray(_values()), spacing=0.5, origin=jnp.zeros(3))
    write_field(path, field, notes={"seed": 3})


def _well(path):
    with h5py.File(path, "w") as file:
        file["t1_fields/magnetic_field"] = _values()[None, None]
        dimensions = file.create_group("dimensions")
        dimensions.attrs["spatial_dims"] = list("xyz")
        for axis, num in zip("xyz", SHAPE, strict=True):
            dimensions[axis] = (np.arange(num) + 0.5) / 12
            group = file.create_group(f"boundary_conditions/{axis}_boundary")
            group.attrs["bc_type"] = "PERIODIC"


def _athena(path):
    with h5py.File(path, "w") as file:
        file.attrs["NumMeshBlocks"] = 2
        file.attrs["MeshBlockSize"] = (2, 3, 5)
        file.attrs["RootGridSize"] = SHAPE
        file.attrs["Coordinates"] = np.bytes_("cartesian")
        for i, n in enumerate(SHAPE):
            file.attrs[f"RootGridX{i + 1}"] = [0.0, n / 4, 1.0]
        file.attrs["DatasetNames"] = np.array(["prim", "B"], "S")
        file.attrs["NumVariables"] = [1, 3]
        file.attrs["VariableNames"] = np.array(["rho", "Bcc1", "Bcc2", "Bcc3"], "S")
        file["prim"] = np.zeros((1, 2, 5, 3, 2))
        file["B"] = _values().reshape(2, 2, 3, 5, 3).transpose(4, 0, 3, 2, 1)
        file["LogicalLocations"] = [[0, 0, 0], [1, 0, 0]]
        file["Levels"] = [0, 0]


def _flash(path):
    with h5py.File(path, "w") as file:
        bounds = [[[0.0, 2.0], [0.0, 3.0], [0.0, 5.0]], [[2.0, 4.0], [0.0, 3.0], [0.0, 5.0]]]
        file["bounding box"] = bounds
        file["node type"] = [1, 1]
        blocks = _values().reshape(2, 2, 3, 5, 3).transpose(4, 0, 3, 2, 1)
        for name, component in zip(("magx", "magy", "magz"), blocks, strict=True):
            file[name] = component


def _arrays(write):
    names = ("Bx", "By", "Bz", "rho")
    arrays = dict(zip(names, [*np.moveaxis(_values(), -1, 0), np.ones(SHAPE)], strict=True))

    def made(path):
        with path.open("wb") as file:
            write(file, arrays)

    return made


def _structured(file, arrays):
    values = np.zeros(SHAPE, [(name, float) for name in arrays])
    for name, array in arrays.items():
        values[name] = array
    np.save(file, values)


def _pluto(path):
    with h5py.File(path, "w") as file:
        for i in range(3):
            file[f"Timestep_0/vars/Bx{i + 1}"] = _values()[..., i].T
            file[f"Timestep_0/vars/Bx{i + 1}"].attrs["units"] = "uG"
            file[f"cell_coords/{'XYZ'[i]}"] = np.indices(SHAPE)[i].T * 1.0


def _athenak(path):
    head = b"Athena binary output version=1.1\n  size of preheader=5\n  time=0\n  cycle=0\n"
    head += b"  size of location=8\n  size of variable=4\n  number of variables=4\n"
    head += b"  variables:  dens  bcc1  bcc2  bcc3\n  header offset=6\n<job>\n"
    blocks = _values().reshape(2, 2, 3, 5, 3).transpose(0, 4, 3, 2, 1).astype("<f4")
    for i, block in enumerate(blocks):
        head += np.array([2, 3, 2, 4, 2, 6, i, 0, 0, 0], "<i4").tobytes()
        head += np.array([2.0 * i, 2.0 * i + 2, 0, 3, 0, 5]).tobytes()
        head += np.ones(30, "<f4").tobytes() + block.tobytes()
    path.write_bytes(head)


def _fits_scaled(path):
    cards = [("SIMPLE", "T"), ("BITPIX", 16), ("NAXIS", 4)]
    cards += [(f"NAXIS{i + 1}", n) for i, n in enumerate((*SHAPE, 3))]
    cards += [("BSCALE", 0.5), ("BZERO", 10.0), ("BUNIT", "'uG'"), ("BLANK", -9)]
    cards += [(f"CDELT{i}", 1.0) for i in (1, 2, 3)]
    header = b"".join(f"{word:<8}= {value:>20}".ljust(80).encode() for word, value in cards)
    body = np.arange(180, dtype=">i2").tobytes()
    path.write_bytes((header + b"END").ljust(2880) + body.ljust(2880, b"\0"))


def _fits(path):
    from astropy.io import fits

    images = _values().transpose(3, 2, 1, 0)
    units = [fits.PrimaryHDU(), *(fits.ImageHDU(image) for image in images)]
    fits.HDUList(units).writeto(path)


def _map(path):
    from jaxcr.sky import write_map

    maps = np.random.default_rng(1).normal(size=(2, 48))
    write_map(path, maps, frame="galactic", names=("contrast", "error"))


def _map_gzip(path):
    import gzip

    plain = path.with_suffix(".plain")
    _map(plain)
    path.write_bytes(gzip.compress(plain.read_bytes()))


def _map_healpy(path):
    import healpy

    healpy.write_map(path, np.arange(12 * 16**2.0), nest=True, coord="G", dtype=np.float32)


def _text(text):
    return lambda path: path.write_text(text)


def _chunk(path):
    from jaxcr.runtime.chunk_file import write_chunk

    write_chunk(path, bytes(range(32)), {"sum": np.linspace(0, 1, 5), "count": np.array([3, 4])})


def _run(path):
    from jaxcr.runtime import ChunkStore

    folder = path.with_suffix(".run")
    configuration = {"rigidity": 30.0, "turbulence": {"cells": 64}}
    ChunkStore.create(folder, kind="test", configuration=configuration, num_chunks=4)
    path.write_bytes((folder / "run.json").read_bytes())


def _bench(path):
    from jaxcr.bench import Measured, Peer, Row, save_rows

    peer = Peer("other", "1.0", Measured(2.0, 0.1, 5), 1e-9)
    row = Row("steps", "64³ cells", Measured(3.0, None, 1), "Msteps/s", "CPU", peers=(peer,))
    save_rows(path, [row], {"memory": "not here"}, quick=True)


SAMPLES = {
    "npy": ("plain", _npy),
    "npz": ("plain", _npz),
    "npz-compressed": ("plain", _npz_compressed),
    "hdf5": ("plain", _hdf5("earliest")),
    "hdf5-latest": ("plain", _hdf5("latest")),
    "hdf5-gzip": ("plain", _hdf5("earliest", compression="gzip", shuffle=True, fletcher32=True)),
    "hdf5-chunks": ("plain", _hdf5("latest", chunks=(2, 2, 2, 3), maxshape=(None,) * 4)),
    "written": ("written", _written),
    "well": ("cells", _well),
    "athena": ("cells", _athena),
    "flash": ("cells", _flash),
    "fits": ("cells", _fits),
    "npy-structured": ("components", _arrays(_structured)),
    "npz-components": ("components", _arrays(lambda file, x: np.savez(file, **x))),
    "pluto": ("cells", _pluto),
    "athenak": ("cells", _athenak),
    "fits-scaled": ("cells", _fits_scaled),
    "text": ("raw", lambda path: np.savetxt(path, _values().reshape(-1, 3), header="a grid")),
    "raw": ("raw", lambda path: path.write_bytes(_values().astype("<f4").tobytes())),
    "map": ("map", _map),
    "map-gzip": ("map", _map_gzip),
    "map-healpy": ("map", _map_healpy),
    "spectrum": ("spectrum", _text("# ours\nell,c_ell,log_error\n1,1.6e-6,0.05\n2,1.9e-7,0.05\n")),
    "density": ("density", _text("site,occupation,error\n1,0.5,0.1\n2,0.7,0.1\n5,0.9,0.2\n")),
    "settings": ("settings", _text('path = [0.3, 4]\nout = "x"\n[sky]\nnside = 8\nindex = 1.5\n')),
    "chunk": ("chunk", _chunk),
    "run": ("run", _run),
    "cache": ("cache", _npz),
    "bench": ("bench", _bench),
}


@pytest.fixture(scope="session")
def contents(tmp_path_factory):
    """Return the reader and the bytes of one good small file of each kind."""
    folder = tmp_path_factory.mktemp("samples")
    made = {}
    for kind, (reader, write) in SAMPLES.items():
        path = folder / f"{kind}.file"
        write(path)
        made[kind] = reader, path.read_bytes()
    return made


def pytest_generate_tests(metafunc):
    """Run a test with the argument ``kind`` for every kind of file."""
    if "kind" in metafunc.fixturenames:
        metafunc.parametrize("kind", SAMPLES)
