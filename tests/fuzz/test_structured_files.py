"""Files that are well formed and say anything: shapes, types, attributes, header words, rows."""

import hashlib
import io
import json
import re
import struct
import zipfile

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

fuzzed = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])

LENGTHS = st.one_of(
    st.integers(0, 6), st.sampled_from([-1, -8, 2**20, 2**31, 2**40, 2**62, 2**63, 10**30])
)
SHAPES = st.one_of(
    st.just((4, 3, 5, 3)), st.lists(LENGTHS, max_size=6).map(tuple),
    st.tuples(LENGTHS, LENGTHS, LENGTHS, st.just(3)),
)  # fmt: skip
TYPES = st.sampled_from(
    ["<f8", ">f4", "<f2", "<f16", "<c16", "|b1", "<i8", ">u2", "|O", "|S3", "<U5", "|V7", "<M8[ns]",
     "|S0", "|V2147483647", "<f3", "", "f8,f8", "(3,)f8", "<f8\x00", "object"]
)  # fmt: skip
FLOATS = st.one_of(
    st.floats(), st.sampled_from([0.0, -1.0, 1e-320, 1e154, 1.7e308, float("nan"), float("inf")])
)
VALUES = st.one_of(
    FLOATS, st.lists(FLOATS, max_size=4), st.integers(-(2**63), 2**63 - 1), st.text(max_size=8),
    st.lists(st.integers(-4, 2**40), max_size=4), st.booleans(), st.none(),
    st.lists(st.sampled_from(["x", "y", "z", "Bcc1", "Bcc2", "B", "prim", "c", ""]), max_size=4),
)  # fmt: skip


@st.composite
def npy_files(draw):
    """An NPY file whose header says anything, or just one thing, about the bytes behind it."""
    usual = draw(st.integers(0, 4))  # the part of the header that may be anything; all for 0
    shape = st.one_of(SHAPES.map(repr), st.sampled_from(["3", "(True,)", "[4]", "()"]))
    end = st.sampled_from(["}\n", "", "} 1", ", 'x': 0}", "}" + " " * 20_000])
    header = f"{{'descr': {draw(TYPES) if usual in (0, 1) else '<f8'!r}, 'fortran_order': "
    header += f"{draw(st.booleans())}, 'shape': "
    header += (draw(shape) if usual in (0, 2) else "(4, 3, 5, 3)") + (
        draw(end) if usual in (0, 3) else "}"
    )
    coded = header.encode("latin1")
    version = draw(st.sampled_from([1, 1, 1, 2, 3, 9])) if usual == 0 else 1
    size = struct.pack("<H" if version == 1 else "<I", min(len(coded), 65_535))
    body = draw(st.binary(max_size=2000)) if usual == 0 else draw(st.binary(max_size=99)) * 99
    return b"\x93NUMPY" + bytes([version, 0]) + size + coded + body[:1440].ljust(1440, b"\x3f")


@fuzzed
@given(content=npy_files())
def test_npy_headers(reader, content):
    reader.read("plain", content)


NAMES = st.text(st.characters(exclude_characters="\x00", codec="utf-8"), max_size=6)


@fuzzed
@given(
    members=st.lists(st.tuples(NAMES, npy_files()), max_size=3),
    method=st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA]),
    name=st.sampled_from(["plain", "cache"]),
)
@pytest.mark.filterwarnings("ignore:Duplicate name:UserWarning")
def test_npz_members(reader, members, method, name):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for member, content in members:
            archive.writestr(member + ".npy", content)
    reader.read(name, file.getvalue())


def hdf5(write):
    """Return the bytes of an HDF5 file; what HDF5 refuses to write is left out."""
    file = io.BytesIO()
    with h5py.File(file, "w") as target:
        write(target)
    return file.getvalue()


def put(attributes, name, value):
    """Set an attribute, if HDF5 takes it."""
    try:
        if value is None:
            attributes[name] = h5py.Empty("f8")
        elif name in attributes or value is not None:
            attributes[name] = value
    except (TypeError, ValueError, OverflowError):
        return


@fuzzed
@given(
    shape=st.one_of(
        st.just([4, 3, 5, 3]),
        st.lists(st.one_of(st.integers(0, 6), st.sampled_from([2**20, 2**40])), max_size=5),
    ),
    dtype=st.sampled_from(["f8", ">f4", "f2", "c16", "?", "i1", "S3", "O", "(2,)f8", "f8,i4"]),
    chunked=st.booleans(),
    filters=st.fixed_dictionaries(
        {}, optional={"compression": st.sampled_from(["gzip", "lzf", "szip"]),
                      "shuffle": st.booleans(), "fletcher32": st.booleans(),
                      "scaleoffset": st.just(3)},
    ),
    fill=st.booleans(),
    attributes=st.dictionaries(
        st.sampled_from(["format", "unit", "spacing", "origin", "boundary", "notes"]), VALUES,
        max_size=1,
    ),
)  # fmt: skip
def test_hdf5_datasets(reader, shape, dtype, chunked, filters, fill, attributes):
    dtype = h5py.string_dtype() if dtype == "O" else np.dtype(dtype)

    def write(file):
        options = filters if not chunked else filters | {"chunks": True}
        try:
            made = file.create_dataset("magnetic_field", shape, dtype, **options)
        except (TypeError, ValueError, OverflowError):
            return
        if fill and 0 < made.size < 1000 and dtype.kind in "fiu":
            made[...] = np.arange(made.size).reshape(made.shape)
        put(made.attrs, "format", "jaxcr field 1")
        for name, value in (
            {"unit": 1.0, "spacing": 1.0, "origin": [0.0] * 3} | attributes
        ).items():
            put(made.attrs, name, value)

    reader.read("written", hdf5(write))


ATHENA = (
    "MeshBlockSize", "RootGridSize", "Coordinates", "RootGridX1", "RootGridX2", "DatasetNames",
    "NumVariables", "VariableNames", "NumMeshBlocks",
)  # fmt: skip


@fuzzed
@given(
    kind=st.sampled_from(["athena", "flash", "well"]),
    attributes=st.dictionaries(st.sampled_from(ATHENA), VALUES, max_size=3),
    datasets=st.dictionaries(
        st.sampled_from(["Levels", "LogicalLocations", "bounding box", "node type", "magy", "B",
                         "dimensions/x", "t1_fields/magnetic_field", "boundary_conditions"]),
        st.one_of(VALUES, SHAPES), max_size=2,
    ),
    dims=st.one_of(st.just(["x", "y", "z"]), VALUES),
)  # fmt: skip
def test_layouts(reader, contents, kind, attributes, datasets, dims):
    file = io.BytesIO(contents[kind][1])
    with h5py.File(file, "r+") as target:
        for name, value in attributes.items():
            put(target.attrs, name, value)
        if kind == "well":
            put(target["dimensions"].attrs, "spatial_dims", dims)
        for name, value in datasets.items():
            if name in target and value is not None:
                del target[name]
                put(target, name, np.zeros(value) if _is_small(value) else value)
    reader.read("cells", file.getvalue())


def _is_small(value):
    return isinstance(value, tuple) and all(0 <= n < 7 for n in value)


WORDS = st.sampled_from(
    ["SIMPLE", "BITPIX", "NAXIS", "NAXIS1", "NAXIS2", "NAXIS3", "PCOUNT", "GCOUNT", "TFIELDS",
     "TFORM1", "TFORM2", "TTYPE1", "NSIDE", "ORDERING", "PIXTYPE", "INDXSCHM", "XTENSION", "EXTEND",
     "COORDSYS", "FIRSTPIX"]
)  # fmt: skip
CARDS = st.one_of(
    st.integers(-(10**30), 10**30).map(str), FLOATS.map(str), LENGTHS.map(str),
    st.sampled_from(["T", "F", "''", "'1024E'", "'PE'", "'1PE(99)'", "'9999999D'", "'3A'", "'0D'",
                     "'L'", "'M'", "'RING'", "'NESTED'", "'PARTIAL'", "'IMAGE'", "'BINTABLE'",
                     "'TABLE'", "'A3DTABLE'", "(1, 2)", "''' '", "'&'", "'D' / \x01"]),
    st.text(st.characters(codec="ascii"), max_size=20),
)  # fmt: skip


@fuzzed
@given(
    kind=st.sampled_from(["map", "map-healpy", "fits"]),
    cards=st.lists(st.tuples(WORDS, CARDS, WORDS), min_size=1, max_size=4),
    place=st.integers(0, 5),
)
def test_fits_headers(reader, contents, kind, cards, place):
    name, content = contents[kind]
    for word, value, renamed in cards:
        found = [m.start() for m in re.finditer(re.escape(word.ljust(8)).encode() + b"= ", content)]
        if found:
            start = found[place % len(found)]
            word = renamed if place == 5 else word
            card = f"{word:<8}= {value:>20}"[:80].ljust(80).encode("latin1")
            content = content[:start] + card + content[start + 80 :]
    reader.read(name, content)


FIELDS = st.one_of(
    FLOATS.map(str), st.integers(-3, 9).map(str), st.integers().map(str), st.text(max_size=4),
    st.sampled_from(["1e400", "nan", "-inf", "1_0", "", '"', "'", "1e", "0x1", "٣", "1e99999999"]),
)  # fmt: skip


@fuzzed
@given(
    name=st.sampled_from(["spectrum", "density"]),
    header=st.lists(
        st.sampled_from(["ell", "c_ell", "log_error", "noise", "site", "occupation", "error", "x"]),
        max_size=4,
    ),
    usual=st.booleans(),
    rows=st.lists(st.lists(FIELDS, max_size=4), max_size=5),
    start=st.sampled_from(["", "\ufeff", "# a\n", "\r\n", "\x0c"]),
)
def test_csv_rows(reader, name, header, usual, rows, start):
    if usual:
        header = {"spectrum": ["ell", "c_ell"], "density": ["site", "occupation", "error"]}[name]
        rows = [[str(i + 1), *[*row, "1", "2"][: len(header) - 1]] for i, row in enumerate(rows)]
        rows += [[str(i + 7), *["1"] * (len(header) - 1)] for i in range(3)]
    text = start + "\n".join(",".join(row) for row in [header, *rows])
    reader.read(name, text.encode("utf-8", "surrogatepass"))


KEYS = st.sampled_from(
    ["path", "radius", "out", "seed", "num", "nside", "sky", "cube", "turbulence", "window", "vary",
     "particles", "file", "observer", "show_config", "config", "x", '"a b"', "sky.nside"]
)  # fmt: skip
TOML = st.recursive(
    st.one_of(
        st.integers(-(10**25), 10**25).map(str), FLOATS.map(str),
        st.text(max_size=8).map(json.dumps),
        st.sampled_from(["true", "1979-05-27", "0x_", "9" * 5000, "[[" * 900, "''", "1e999", "{"]),
    ),
    lambda x: st.one_of(
        st.lists(x, max_size=4).map(lambda y: "[" + ", ".join(y) + "]"),
        st.tuples(KEYS, x).map(lambda y: f"{{{y[0]} = {y[1]}}}"),
    ),
    max_leaves=6,
)  # fmt: skip


@fuzzed
@given(
    rows=st.lists(st.tuples(KEYS, TOML), max_size=5), tables=st.lists(KEYS, max_size=2)
)  # fmt: skip
def test_toml_documents(reader, rows, tables):
    lines = [f"{key} = {value}" for key, value in rows]
    for table in tables:
        lines += [f"[{table}]", *lines[:1]]
    reader.read("settings", "\n".join(lines).encode("utf-8", "surrogatepass"))


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), FLOATS, st.text(max_size=5)),
    lambda x: st.one_of(
        st.lists(x, max_size=3), st.dictionaries(st.text(max_size=5), x, max_size=3)
    ),
    max_leaves=6,
)


@fuzzed
@given(
    description=st.one_of(
        JSON,
        st.fixed_dictionaries(
            {},
            optional={"kind": st.one_of(st.just("test"), JSON), "code": JSON, "configuration": JSON,
                      "num_chunks": st.one_of(st.integers(-2, 9), LENGTHS, JSON)},
        ),
    )
)  # fmt: skip
def test_descriptions_of_runs(reader, description):
    def text(value):
        return json.dumps(value, indent=1, sort_keys=True) + "\n"

    checksum = hashlib.sha256(text(description).encode()).hexdigest()
    reader.read("run", text({"run": description, "sha256": checksum}).encode())
