"""What is told of a child process's output."""

from app.core.processes import read_output

PRINTED = """Reading photos …
WARNING: All log messages before absl::InitializeLog() is called are written to STDERR
I0000 00:00:1795304771.312858   17626 port.cc:153] oneDNN custom operations are on.
W0000 00:00:1795304775.290278   17626 cudart_stub.cc:31] Could not find cuda drivers on your machine.
INFO: Created TensorFlow Lite XNNPACK delegate for CPU.
epoch   1/3  loss 3.8
F0000 00:00:1795304778.235880   17626 cpu_feature_guard.cc:12] This machine lacks AVX2.
WARNING: the disk is nearly full
"""


def test_the_notes_of_libraries_are_left_out_and_errors_are_not(tmp_path):
    (tmp_path / "log.txt").write_text(PRINTED)
    lines = PRINTED.splitlines(keepends=True)
    assert read_output(tmp_path / "log.txt") == "".join([lines[0], *lines[5:]])


def test_of_much_output_the_end_is_told_and_of_none_nothing(tmp_path):
    (tmp_path / "log.txt").write_bytes(b"\xff" + b"line\n" * 10_000 + b"the end\n")
    told = read_output(tmp_path / "log.txt")
    assert len(told) == 20_000
    assert told.endswith("line\nthe end\n")
    assert read_output(tmp_path / "not there") == ""
