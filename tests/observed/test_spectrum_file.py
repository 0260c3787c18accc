import re

import numpy as np
import pytest

from jaxcr.observed import read_spectrum


@pytest.fixture
def write(tmp_path):
    """Return a function that writes a CSV file and returns its path."""

    def write(text):
        path = tmp_path / "ours.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def test_two_columns(write):
    data = read_spectrum(write("ell,c_ell\n1,1.6e-6\n3,5e-8\n"))
    assert np.array_equal(data.ell, [1, 3])
    assert data.ell.dtype.kind == "i"
    assert np.array_equal(data.c_ell, [1.6e-6, 5e-8])
    assert np.array_equal(data.log_error, [0, 0])
    assert np.array_equal(data.noise, [0, 0])
    assert (data.num_skies, data.m0_blind, data.debiased) == (1, False, False)
    assert data.label == "ours.csv"


@pytest.mark.parametrize(
    "text",
    [
        "# ours\nnoise,ell,log_error,c_ell\n1e-9,1,0.05,1.6e-6\n2e-9,2,0.1,2e-7\n",
        "# ours\n# noise,ell,log_error,c_ell\n1e-9,1,0.05,1.6e-6\n2e-9,2,0.1,2e-7\n",
        "\n  # ours\nnoise, ell, log_error, c_ell\n\n1e-9, 1, 0.05, 1.6e-6\n#\n2e-9,2.0,0.1,2e-7",
        "noise ,ell ,log_error ,c_ell \r\n1e-9 ,1 ,0.05 ,1.6e-6 \r\n2e-9,2,.1,2E-7\r\n",
        "\ufeffnoise,ell,log_error,c_ell\n1e-9,1,0.05,1.6e-6\n2e-9,2,0.1,0.0000002\n",
        '"noise","ell","log_error","c_ell"\n"1e-9","1","0.05","1.6e-6"\n2e-9,2,0.1,2e-7\n',
    ],
    ids=[
        "columns in any order",
        "NumPy's header",
        "comments and blanks",
        "spaces",
        "spreadsheet",
        "quotes",
    ],
)
def test_forms_of_the_same_file(write, text):
    data = read_spectrum(str(write(text)), num_skies=4, m0_blind=True, debiased=True)
    assert np.array_equal(data.ell, [1, 2])
    assert np.array_equal(data.c_ell, [1.6e-6, 2e-7])
    assert np.array_equal(data.log_error, [0.05, 0.1])
    assert np.array_equal(data.noise, [1e-9, 2e-9])
    assert (data.num_skies, data.m0_blind, data.debiased) == (4, True, True)


def test_negative_values_need_debiased(write):
    path = write("ell,c_ell,noise\n1,1.6e-6,1e-8\n2,-1e-9,1e-8\n")
    assert np.array_equal(read_spectrum(path, debiased=True).c_ell, [1.6e-6, -1e-9])
    with pytest.raises(ValueError, match=r"got not so at l = \[2\].*set debiased = true"):
        read_spectrum(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "columns: expected ell, c_ell (and optionally error, log_error, noise), got an empty"),
        ("# only a comment\n", "got an empty file. Add ell, c_ell to the header line"),
        ("ell,c_ell\n", "expected rows of numbers under the header, got none"),
        ("ell,power\n1,1e-6\n", "got ell, power. Add c_ell to the header line"),
        ("ell;c_ell\n1;1e-6\n", "got columns separated by semicolons. Separate them by commas."),
        ("ell\tc_ell\n1\t1e-6\n", "got columns separated by tabs. Separate them by commas."),
        ("ell c_ell\n1 1e-6\n", "got columns separated by spaces. Separate them by commas."),
        ("ell,c_ell\n1_0,1e-6\n", "column ell, row 1: expected a finite number, got '1_0'"),
        ("1,1e-6\n2,1e-7\n", "got 1, 1e-6. Add ell, c_ell"),
        ("ell,c_ell,logerror\n1,1e-6,0.1\n", "noise, each once, got logerror. Correct"),
        ("ell,ell,c_ell\n1,2,1e-6\n", "each once, got ell, ell, c_ell"),
        ("ell,c_ell\n1,1e-6\n2,small\n", "column c_ell, row 2: expected a finite number, got 'sm"),
        ("ell,c_ell\n1,\n", "column c_ell, row 1: expected a finite number, got ''"),
        ("ell,c_ell\n1,nan\n", "column c_ell, row 1: expected a finite number, got 'nan'"),
        ("ell,c_ell\n1,1e400\n", "column c_ell, row 1: expected a finite number, got '1e400'"),
        ("ell,c_ell,noise\n1,1e-6,x\n", "column noise, row 1: expected a finite number"),
        ("ell,c_ell\n1,1e-6\n2\n", "row 2: expected 2 values, as in the header, got 2. Write"),
        ("ell,c_ell\n1,1,6e-6\n", "row 1: expected 2 values, as in the header, got 1, 1, 6e-6"),
        ("ell,c_ell\n1.5,1e-6\n", "column ell: expected whole numbers up to 1000000, got [1.5]"),
        ("ell,c_ell\n2,1e-7\n1,1e-6\n", "in strictly rising order, got [2, 1]. Sort the rows"),
        ("ell,c_ell\n0,1e-7\n1,1e-6\n", "ell: expected multipoles from 1 on"),
        (
            "ell,c_ell,log_error\n1,1e-6,-0.1\n",
            "log_error: expected a number >= 0, got -0.1",
        ),
        (b"\x89PNG\r\n\x1a\n\x00\xff\xfe", "expected a readable CSV file, got 'utf-8' codec"),
        (b"\x00" * 300_000, "expected a readable CSV file, got field larger than"),
    ],
)
def test_wrong_files_are_named(write, text, message):
    path = write(text)
    with pytest.raises(ValueError, match=re.escape(message)) as raised:
        read_spectrum(path)
    assert "ours.csv" in str(raised.value)


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(ValueError, match=r"none\.csv: expected a readable CSV.*No such file"):
        read_spectrum(tmp_path / "none.csv")
    with pytest.raises(ValueError, match=r"expected a readable CSV file, got Is a directory"):
        read_spectrum(tmp_path)


def test_a_plain_error_is_that_of_c_ell(write):
    data = read_spectrum(write("ell,c_ell,error\n1,2e-6,1e-7\n2,2e-7,0\n"))
    np.testing.assert_allclose(data.log_error, [0.05, 0.0], rtol=1e-12)
    with pytest.raises(ValueError, match="error or log_error, got both"):
        read_spectrum(write("ell,c_ell,error,log_error\n1,2e-6,1e-7,0.1\n"))
    negative = "ell,c_ell,error,noise\n1,2e-6,1e-7,1e-7\n2,-1e-8,1e-8,1e-7\n"
    with pytest.raises(ValueError, match=r"column error: .* C_l <= 0 at l = \[2\]"):
        read_spectrum(write(negative), debiased=True)
