"""Good files of every kind with bytes changed at random: read, or refused with the file named."""

import struct

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

PLACES = st.integers(0, 2**32 - 1)
"""Taken modulo the length of the file."""

NUMBERS = st.one_of(
    st.sampled_from([0, 1, 255, 2**15, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, 2**63, 2**64 - 1]),
    st.integers(0, 2**64 - 1),
)
FORMS = st.sampled_from(["<B", "<H", "<I", ">I", "<Q", ">Q"])
TEXTS = st.sampled_from(
    [b"-1", b"0", b"9" * 30, b"1e400", b"nan", b"inf", b"'", b'"', b"[" * 50, b"\x00", b"\n", b",",
     b"../..", b"object", b"|O", b"<c16", b"(", b"L", b"\xff"]
)  # fmt: skip


def flip(content, place, bits):
    content[place] ^= bits


def cut(content, place):
    del content[place:]


def remove(content, place, length):
    del content[place : place + length]


def insert(content, place, more):
    content[place:place] = more


def overwrite(content, place, more):
    content[place : place + len(more)] = more


def repeat(content, place, length, target):
    block = content[place : place + length]
    content[target % (len(content) + 1) : target % (len(content) + 1)] = block


def write_number(content, place, number, form):
    size = struct.calcsize(form)
    overwrite(content, place, struct.pack(form, number % 2 ** (8 * size)))


EDITS = st.one_of(
    st.tuples(st.just(flip), PLACES, st.integers(1, 255)),
    st.tuples(st.just(write_number), PLACES, NUMBERS, FORMS),
    st.tuples(st.just(overwrite), PLACES, st.binary(min_size=1, max_size=16)),
    st.tuples(st.just(overwrite), PLACES, TEXTS),
    st.tuples(st.just(insert), PLACES, st.one_of(TEXTS, st.binary(min_size=1, max_size=100))),
    st.tuples(st.just(remove), PLACES, st.integers(1, 2000)),
    st.tuples(st.just(repeat), PLACES, st.integers(1, 2000), PLACES),
    st.tuples(st.just(cut), PLACES),
)


def edited(content, edits):
    """Return the content after each edit in turn."""
    content = bytearray(content)
    for change, place, *rest in edits:
        if content:
            change(content, place % len(content), *rest)
    return bytes(content)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(edits=st.lists(EDITS, min_size=1, max_size=4))
def test_changed_bytes(kind, reader, contents, edits):
    name, content = contents[kind]
    reader.read(name, edited(content, edits))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), first=PLACES, second=PLACES, swap=st.booleans())
def test_two_files_in_one(reader, contents, data, first, second, swap):
    one, two = (data.draw(st.sampled_from(sorted(contents))) for _ in range(2))
    (name, start), (other, end) = contents[one], contents[two]
    content = start[: first % (len(start) + 1)] + end[second % (len(end) + 1) :]
    reader.read(other if swap else name, content)


def test_good_files_are_read(kind, reader, contents):
    assert reader.read(*contents[kind]) == "read"
