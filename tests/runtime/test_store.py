"""The folder of a run: what it refuses, what it notices, what it never returns."""

import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jaxcr.runtime import ChunkStore, Shard
from jaxcr.runtime.chunk_file import read_chunk, write_chunk

CONFIGURATION = {"rigidity": 30.0, "seed": 1, "turbulence": {"cells": 64}}
ARRAYS = {"sum": np.linspace(0, 1, 5), "count": np.array([3, 4])}
IDENTITY = bytes(range(32))


def create(folder, **changes):
    configuration = CONFIGURATION | changes
    return ChunkStore.create(folder, kind="test", configuration=configuration, num_chunks=4)


def same(arrays):
    return all(np.array_equal(arrays[name], value) for name, value in ARRAYS.items())


def content(folder):
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_a_chunk_comes_back_and_is_the_same_bytes_every_time(tmp_path):
    write_chunk(tmp_path / "one", IDENTITY, ARRAYS)
    write_chunk(tmp_path / "two", IDENTITY, ARRAYS)
    assert same(read_chunk(tmp_path / "one", IDENTITY))
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["one", "two"]


def test_a_chunk_of_another_run_or_number_counts_as_missing(tmp_path):
    write_chunk(tmp_path / "one", IDENTITY, ARRAYS)
    assert read_chunk(tmp_path / "one", bytes(32)) is None
    store = create(tmp_path / "run")
    store.write(0, ARRAYS)
    store.path(0).rename(store.path(1))
    assert dict(store.missing()) == {0: "missing", 1: "damaged", 2: "missing", 3: "missing"}


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(place=st.floats(0, 1, exclude_max=True), flip=st.integers(1, 255), cut=st.booleans())
def test_no_changed_byte_and_no_lost_end_goes_unnoticed(tmp_path, place, flip, cut):
    path = tmp_path / "chunk"
    write_chunk(path, IDENTITY, ARRAYS)
    whole = bytearray(path.read_bytes())
    where = int(place * len(whole))
    if cut:
        del whole[where:]
    else:
        whole[where] ^= flip
    path.write_bytes(whole)
    assert read_chunk(path, IDENTITY) is None


def test_the_same_run_is_found_again(tmp_path):
    create(tmp_path / "run").write(2, ARRAYS)
    assert same(create(tmp_path / "run").read(2))
    assert same(ChunkStore.open(tmp_path / "run").read(2))


def test_another_run_is_refused_with_each_difference(tmp_path):
    create(tmp_path / "run")
    before = content(tmp_path)
    with pytest.raises(ValueError, match=r"seed is 1 there, 2 here.*turbulence\.cells is 64 there"):
        create(tmp_path / "run", seed=2, turbulence={"cells": 32})
    assert content(tmp_path) == before


def test_files_and_folders_of_other_things_are_left_alone(tmp_path):
    (tmp_path / "notes").write_text("mine", encoding="utf-8")
    with pytest.raises(ValueError, match=r"--out: expected a new or empty folder.*other things"):
        create(tmp_path)
    with pytest.raises(ValueError, match=r"got a file: .*notes\. Name another"):
        create(tmp_path / "notes")
    assert content(tmp_path) == {(tmp_path / "notes").relative_to(tmp_path): b"mine"}


@pytest.mark.parametrize("damage", [b"", b"{", b"[1]", b'{"run": {"num_chunks": 4}, "sha256": ""}'])
def test_a_damaged_description_is_said_and_mended_by_the_same_command(tmp_path, damage):
    create(tmp_path / "run").write(0, ARRAYS)
    (tmp_path / "run" / "run.json").write_bytes(damage)
    with pytest.raises(ValueError, match=r"with its run\.json, got none that can be read"):
        ChunkStore.open(tmp_path / "run")
    with pytest.raises(ValueError, match=r"kind is 'a run whose run\.json is damaged' there"):
        create(tmp_path / "run", seed=2)
    assert same(create(tmp_path / "run").read(0))


def test_a_changed_setting_in_the_description_is_noticed(tmp_path):
    create(tmp_path / "run")
    path = tmp_path / "run" / "run.json"
    path.write_text(path.read_text(encoding="utf-8").replace('"seed": 1', '"seed": 7'), "utf-8")
    assert json.loads(path.read_text(encoding="utf-8"))["run"]["configuration"]["seed"] == 7
    with pytest.raises(ValueError, match="none that can be read"):
        ChunkStore.open(tmp_path / "run")


def test_one_shard_has_one_writer(tmp_path):
    store = create(tmp_path / "run")
    one, two = (store.lock(Shard(i, 2)) for i in (1, 2))
    refused = pytest.raises(ValueError, match=r"shard 1/2: expected no other process at work on it")
    with one, two, refused, store.lock(Shard(1, 2)):
        pass
    with store.lock(Shard(1, 2)):
        pass


@pytest.mark.parametrize("text", ["0/3", "4/3", "1", "1/", "a/b", "-1/2", "1/2/3", ""])
def test_what_is_no_shard_is_refused(text):
    with pytest.raises(ValueError, match=r"--shard: expected I/N with I from 1 to N"):
        Shard.read(text)


def test_shards_share_the_chunks():
    shards = [Shard.read(f"{i}/3") for i in (1, 2, 3)]
    assert sorted(n for shard in shards for n in shard.chunks(8)) == list(range(8))


def test_folders_of_one_run_are_brought_together_and_others_refused(tmp_path):
    one, two = create(tmp_path / "one"), create(tmp_path / "two")
    for number, store in enumerate((one, two, one, two)):
        store.write(number, ARRAYS)
    assert (one.adopt(two), one.adopt(two)) == (2, 0)
    assert not dict(one.missing())
    with pytest.raises(ValueError, match=r"merge: .*other: expected a part of the run"):
        one.adopt(create(tmp_path / "other", seed=3))
