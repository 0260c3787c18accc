"""Files that somebody made to harm: they open no other file, run no code, and fill no memory."""

import gzip
import hashlib
import io
import json
import math
import pickle
import struct
import zipfile
import zlib

import h5py
import numpy as np
import pytest

from jaxcr.cli.main import main
from jaxcr.runtime import ChunkStore

SIZES = (4, 3, 5, 3)


class Touch:
    """A pickle that leaves a trace when it is loaded."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def npy(shape, dtype="<f8", body=b""):
    header = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}}}".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + body


def zipped(content, method=zipfile.ZIP_DEFLATED):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        archive.writestr("b.npy", content)
    return file.getvalue()


def hdf5(write):
    file = io.BytesIO()
    with h5py.File(file, "w") as target:
        write(target)
    return file.getvalue()


def refused(reader, name, content):
    assert reader.read(name, content) == "refused"
    assert reader.most_growth < 500 * 2**20  # what may be unpacked, and a copy of some of it


@pytest.mark.parametrize("name", ["plain", "cells", "written", "map", "spectrum", "density"])
@pytest.mark.parametrize("wrap", ["pickle", "npy", "npz"])
def test_no_pickle_is_loaded(reader, tmp_path, name, wrap):
    trace = tmp_path / "trace"
    objects = io.BytesIO()
    np.save(objects, np.array([Touch(trace)], dtype=object), allow_pickle=True)
    content = {
        "pickle": pickle.dumps(Touch(trace)),
        "npy": objects.getvalue(),
        "npz": zipped(objects.getvalue()),
    }[wrap]
    refused(reader, name, content)
    assert not trace.exists()


NUMPY_FILES = {
    "empty": lambda: npy((10**6, 10**6, 3, 3)),
    "overflow": lambda: npy((2**31, 2**31, 4, 3)),
    "wraps": lambda: npy((2**62, 4, 4, 3), body=bytes(96)),
    "negative": lambda: npy((-4, -3, 5, 3), body=bytes(8 * 180)),
    "no bytes": lambda: npy((10**12,), "|S0"),
    "zip": lambda: zipped(npy((10**12, 1, 1, 3))),
    "bomb": lambda: zipped(npy((25, 512, 1024, 3), body=bytes(8 * 25 * 512 * 1024 * 3))),
    "lzma": lambda: zipped(npy(SIZES, body=bytes(8 * 180)), zipfile.ZIP_LZMA),
}


@pytest.mark.parametrize("case", NUMPY_FILES)
def test_numpy_files_that_declare_too_much(reader, case):
    refused(reader, "plain", NUMPY_FILES[case]())


def test_an_archive_that_lies_about_its_sizes(reader):
    content = bytearray(zipped(npy(SIZES, body=bytes(8 * 180))))
    entry = content.rindex(b"PK\x01\x02")
    for size in (2**32 - 2, 2**31, 0):
        content[entry + 20 : entry + 28] = struct.pack("<II", size, size)
        refused(reader, "plain", bytes(content))


@pytest.fixture
def secret(tmp_path):
    """A good file beside the hostile one, which must not be opened by its way."""
    path = tmp_path / "secret.h5"
    with h5py.File(path, "w") as file:
        for name in ("b", "magx", "magy", "magz"):
            file[name] = np.ones(SIZES)
    return path


@pytest.mark.parametrize("way", ["external link", "soft link", "virtual", "external storage"])
@pytest.mark.parametrize("place", ["b", "t1_fields/magnetic_field", "LogicalLocations", "magx"])
def test_no_other_file_is_opened(reader, secret, way, place):
    def write(file):
        file.attrs["NumMeshBlocks"] = 1
        for name in ("dimensions", "bounding box", "magy", "magz"):
            file[name] = np.ones(SIZES)
        if way == "external link":
            file[place] = h5py.ExternalLink(str(secret), "b")
        elif way == "soft link":
            file["out"] = h5py.ExternalLink(str(secret), "/")
            file[place] = h5py.SoftLink("/out/b")
        elif way == "virtual":
            layout = h5py.VirtualLayout(SIZES, "f8")
            layout[...] = h5py.VirtualSource(str(secret), "b", SIZES)
            file.create_virtual_dataset(place, layout)
        else:
            file.create_dataset(place, SIZES, "f8", external=[(str(secret), 0, 2**12)])

    content = hdf5(write)
    refused(reader, "plain", content)
    refused(reader, "cells", content)


def test_names_in_a_file_are_no_paths(reader, contents, secret):
    file = io.BytesIO(contents["athena"][1])
    with h5py.File(file, "r+") as target:
        del target["B"]
        target["out"] = h5py.ExternalLink(str(secret), "/")
        target.attrs["DatasetNames"] = np.array(["prim", "out/b"], "S")
    refused(reader, "cells", file.getvalue())


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"chunks": (64, 64, 64, 3)},
        {"chunks": (64, 64, 64, 3), "compression": "gzip"},
        {"chunks": (1024, 1024, 64, 3), "compression": "gzip", "maxshape": (None,) * 4},
    ],
    ids=["contiguous", "chunks", "gzip", "large chunks"],
)
def test_datasets_without_samples(reader, options):
    def write(file):
        file.create_dataset("b", (65_536, 65_536, 85, 3), "f4", **options)

    refused(reader, "plain", hdf5(write))


@pytest.mark.parametrize("name", ["scaleoffset", "szip", "lzma by number"])
def test_filters_whose_output_is_not_bounded(reader, name):
    options = {
        "scaleoffset": {"scaleoffset": 3},
        "szip": {"compression": "szip"},
        "lzma by number": {"compression": 32_025, "allow_unknown_filter": True},
    }[name]

    def write(file):
        made = file.create_dataset("b", SIZES, "f4", chunks=SIZES, **options)
        if name == "lzma by number":
            made.id.write_direct_chunk((0, 0, 0, 0), bytes(90))
        else:
            made[...] = np.arange(180).reshape(SIZES)

    refused(reader, "plain", hdf5(write))


@pytest.mark.parametrize("bomb", ["many zeros", "one chunk", "twice"])
def test_gzip_bombs_in_hdf5(reader, bomb):
    def write(file):
        if bomb == "many zeros":
            chunk = (64, 512, 90, 3)
            made = file.create_dataset(
                "b", (512, *chunk[1:]), "f4", chunks=chunk, compression="gzip"
            )
            packed = zlib.compress(bytes(4 * math.prod(chunk)))
            for start in range(0, 512, 64):
                made.id.write_direct_chunk((start, 0, 0, 0), packed)
        elif bomb == "one chunk":
            # More than a gigabyte in a chunk that is said to have two megabytes.
            chunk = (64, 64, 43, 3)
            made = file.create_dataset("b", chunk, "f4", chunks=chunk, compression="gzip")
            packing = zlib.compressobj()
            start, again = (
                packing.compress(bytes(2**24)) + packing.flush(zlib.Z_FULL_FLUSH) for _ in range(2)
            )
            made.id.write_direct_chunk((0, 0, 0, 0), start + again * 66)
        else:
            plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
            plist.set_chunk(SIZES)
            plist.set_deflate(4)
            plist.set_deflate(4)
            space = h5py.h5s.create_simple(SIZES)
            made = h5py.Dataset(
                h5py.h5d.create(file.id, b"b", h5py.h5t.IEEE_F32LE, space, dcpl=plist)
            )
            made[...] = 1

    refused(reader, "plain", hdf5(write))


def test_long_attributes(reader, contents):
    file = io.BytesIO(contents["written"][1])
    with h5py.File(file, "r+", libver="latest") as target:
        attributes = target["magnetic_field"].attrs
        attributes["notes"] = "[" * 100_000
    refused(reader, "written", file.getvalue())


def test_groups_that_contain_each_other(reader):
    def write(file):
        one, two = file.create_group("one"), file.create_group("two")
        one["two"], two["one"], one["one"] = two, one, one
        two["b"] = file["c"] = np.random.default_rng(0).normal(size=SIZES)

    refused(reader, "plain", hdf5(write))  # two arrays


def fits(cards, body=b""):
    header = b"".join(f"{word:<8}= {value:>20}".ljust(80).encode() for word, value in cards)
    header += b"END"
    return header.ljust(-(-len(header) // 2880) * 2880) + body


PRIMARY = [("SIMPLE", "T"), ("BITPIX", 8), ("NAXIS", 0), ("EXTEND", "T")]


def table(num_rows, form, width, heap=0):
    return [
        ("XTENSION", "'BINTABLE'"), ("BITPIX", 8), ("NAXIS", 2), ("NAXIS1", width),
        ("NAXIS2", num_rows), ("PCOUNT", heap), ("GCOUNT", 1), ("TFIELDS", 1),
        ("TFORM1", f"'{form}'"), ("TTYPE1", "'x'"), ("PIXTYPE", "'HEALPIX'"),
        ("ORDERING", "'RING'"), ("NSIDE", 1),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "second",
    [
        table(10**12, "D", 8),
        table(-12, "D", 8),
        table(12, "1PE(99999999)", 8, heap=64),
        table(12, "99999999999D", 8),
        table(12, "8A", 8),
        table(12, "M", 16),
        [("XTENSION", "'IMAGE'"), ("BITPIX", -64), ("NAXIS", 999_999_999)],
        [("XTENSION", "'IMAGE'"), ("BITPIX", -64), ("HIERARCH NAXIS", 999_999_999)],
        [("XTENSION", "'IMAGE'"), ("BITPIX", -64), ("NAXIS", 3), ("NAXIS1", -2880)],
        [(*table(12, "D", 8)[0],), ("NAXIS", 2), ("NAXIS", 3), *table(12, "D", 8)[1:]],
        [x if x[0] != "TFIELDS" else ("TFIELDS", 999_999_999) for x in table(12, "D", 8)],
    ],
    ids=[
        "rows",
        "negative",
        "pointers",
        "wide",
        "text",
        "complex",
        "axes",
        "hierarch",
        "backwards",
        "twice",
        "fields",
    ],
)
@pytest.mark.parametrize("name", ["map", "cells"])
def test_fits_headers_that_declare_anything(reader, name, second):
    refused(reader, name, fits(PRIMARY) + fits(second, bytes(2880)))


def test_fits_files_that_are_filled_up_are_read(reader, contents):
    for filling in (b"", b"\x00" * 512, b" " * 99):
        assert reader.read("map", contents["map"][1] + filling) == "read"
    refused(reader, "map", contents["map"][1] + b"x" * 99)


@pytest.mark.parametrize(
    "card", ["NAXIS1=               96", "naxis1  =               96", "GROUPS  = T", "END x",
             "NAXIS1  = 9_6", "NAXIS1  = 96 96", "NAXIS1  = '96'", "NAXIS1  = 96.0"],
)  # fmt: skip
def test_fits_cards_that_can_be_read_in_two_ways(reader, contents, card):
    content = contents["map"][1]
    start = content.index(b"NAXIS1  =")
    refused(reader, "map", content[:start] + card.ljust(80).encode() + content[start + 80 :])


def test_fits_images_in_tiles(reader):
    from astropy.io import fits as astropy_fits

    file = io.BytesIO()
    units = [astropy_fits.PrimaryHDU()]
    units += [astropy_fits.CompImageHDU(np.ones((4, 5, 6), "f4")) for _ in range(3)]
    astropy_fits.HDUList(units).writeto(file)
    refused(reader, "cells", file.getvalue())


def test_gzip_bombs_in_maps(reader):
    num = 2**28 // 8
    packed = gzip.compress(fits(PRIMARY) + fits(table(num, "D", 8), bytes(2**28 + 5760)), 1)
    assert len(packed) < 2**22
    refused(reader, "map", packed)
    refused(reader, "map", gzip.compress(packed))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("spectrum", b"ell,c_ell\n" + b"1,1\n" * 2**20),
        ("spectrum", b"ell,c_ell\n1," + b"1" * 2**22),
        ("density", b"," * 2**23),
        ("spectrum", b"ell,c_ell\n" + b",".join([b"1"] * 10_000)),
        ("spectrum", b"ell,ell,c_ell\n1,2,1e-6\n"),
        ("spectrum", b"ell,c_ell\n1e300,1e-6\n"),
        ("spectrum", b"ell,c_ell\n1,1e300\n"),
        ("density", b"site,occupation,error\n1,1,1\n2,1,1\n9999999999,1,1\n"),
    ],
    ids=["rows", "digits", "commas", "wide", "twice", "high", "strong", "far"],
)
def test_tables_that_are_none(reader, name, content):
    refused(reader, name, content)


@pytest.mark.parametrize(
    "text",
    ["x = " + "[" * 10**6, "x = " + "{a=" * 10_000, "a." * 10_000 + "a = 1", "x = 1\n" * 10**6,
     "seed = " + "9" * 5000, "num = " + "9" * 4000, "path = [" + "9" * 400 + "]",
     "x" * 10**6 + " = 1", 'out = "' + "a" * 10**6 + '"\nnum = "x"', 'out = "\\u0000"\nnum = 1.5'],
    ids=["lists", "tables", "dots", "rows", "digits", "large", "float", "key", "text", "nul"],
)  # fmt: skip
def test_settings_that_are_none(reader, text):
    assert reader.read("settings", text.encode()) == "read"  # each refusal was checked there


HOSTILE_RUNS = {
    "nothing": {},
    "no digest": {"nside": 16},
    "a size": {"nside": 2**40, "cube_sha256": []},
    "a type": {"turbulence": [], "cube_sha256": []},
    "a secret": {"cube": {"file": ["SECRET"]}, "cube_sha256": ["0" * 64]},
    "a device": {"cube": {"file": ["/dev/zero"]}, "cube_sha256": ["0" * 64]},
}


@pytest.mark.parametrize("case", HOSTILE_RUNS)
@pytest.mark.parametrize("command", ["resume", "merge"])
def test_runs_of_strangers(tmp_path, capsys, command, case):
    secret = tmp_path / "secret"
    secret.write_text("a secret")
    configuration = json.loads(json.dumps(HOSTILE_RUNS[case]).replace("SECRET", str(secret)))
    folder = tmp_path / "run"
    store = ChunkStore.create(folder, kind="ensemble", configuration=configuration, num_chunks=1)
    store.write(0, {"x": np.ones(3)})
    assert main([command, str(folder)]) == 2
    said = capsys.readouterr().err
    assert said.startswith("jaxcr: error: ")
    assert said.count("\n") == 1
    assert "a secret" not in said


def test_chunks_of_strangers_count_as_damaged(tmp_path):
    store = ChunkStore.create(tmp_path / "run", kind="x", configuration={}, num_chunks=1)
    payload = store._identity_of(0) + zipped(npy((10**9, 10**9)))
    store.path(0).write_bytes(b"jaxcr chunk 1\n" + hashlib.sha256(payload).digest() + payload)
    assert dict(store.missing()) == {0: "damaged"}


def test_a_run_of_too_many_chunks(tmp_path):
    with pytest.raises(ValueError, match=r"num_chunks: expected a number in .*, got 1000001"):
        ChunkStore.create(tmp_path / "run", kind="x", configuration={}, num_chunks=1_000_001)


def test_texts_that_hdf5_would_read_for_ever(reader, contents):
    content = bytearray(contents["well"][1])
    place = content.index(b"GCOL") + 16
    while content[place : place + 2] != b"\x00\x00":
        place += 16 + -(-int.from_bytes(content[place + 8 : place + 16], "little") // 8) * 8
    content[place + 8 : place + 16] = bytes(8)
    refused(reader, "cells", bytes(content))
