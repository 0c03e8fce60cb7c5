from __future__ import annotations

import errno
import io
import os
import sys
import threading
from contextlib import suppress

import pytest

from fapilog_otel.errors import PermanentError, RetryableError
from fapilog_otel_exporters import _line_output
from fapilog_otel_exporters._line_output import LineOutput, output_error

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="Windows has other pipes and terminals")


@pytest.fixture
def pipe():
    """Give a pipe's reading descriptor and its writing end as a text stream."""
    reading, writing = os.pipe()
    stream = os.fdopen(writing, "w", encoding="ascii")
    yield reading, stream
    for close in (stream.close, lambda: os.close(reading)):
        with suppress(OSError):  # closed by the test
            close()


class Notebook(io.TextIOBase):
    """A stream whose fileno leads elsewhere than its write."""

    def __init__(self) -> None:
        self.text = ""
        self.flushed = 0

    def fileno(self) -> int:
        raise AssertionError("the descriptor must not be used")

    def write(self, text: str, /) -> int:
        self.text += text
        return len(text)

    def flush(self) -> None:
        self.flushed += 1


class TestStandardStreams:
    @pytest.mark.parametrize("name", ["stdout", "stderr"])
    def test_lines_reach_the_process_stream(self, name, capfd):
        LineOutput(name).write("one\ntwo €\n")
        captured = capfd.readouterr()
        assert getattr(captured, "out" if name == "stdout" else "err") == "one\ntwo €\n"

    def test_a_replaced_stream_is_followed(self, monkeypatch):
        output = LineOutput("stdout")
        replaced = io.StringIO()
        monkeypatch.setattr(sys, "stdout", replaced)
        output.write("one\n")
        assert replaced.getvalue() == "one\n"

    def test_a_process_without_the_stream_fails_for_good(self, monkeypatch):
        monkeypatch.setattr(sys, "stdout", None)
        with pytest.raises(PermanentError, match=r"sys\.stdout is None") as caught:
            LineOutput("stdout").write("one\n")
        assert caught.value.reason == "stream_closed"

    def test_close_leaves_them_open(self, capfd):
        output = LineOutput("stdout")
        output.write("one\n")
        output.close()
        output.write("two\n")
        assert capfd.readouterr().out == "one\ntwo\n"


class TestStreamObjects:
    def test_a_stream_of_text_is_written_and_flushed(self):
        stream = Notebook()
        LineOutput(stream).write("one\n")
        assert (stream.text, stream.flushed) == ("one\n", 1)

    def test_a_closed_stream_fails_for_good(self):
        stream = io.StringIO()
        stream.close()
        with pytest.raises(PermanentError, match="closed"):
            LineOutput(stream).write("one\n")

    def test_characters_that_the_stream_lacks_are_spelled_out(self, pipe):
        reading, stream = pipe
        LineOutput(stream).write("€\n")
        assert os.read(reading, 100) == b"\\u20ac\n"

    def test_a_given_encoding_wins_over_the_streams(self, pipe):
        reading, stream = pipe
        LineOutput(stream, "utf-8").write("€\n")
        assert os.read(reading, 100) == "€\n".encode()

    def test_a_stream_that_is_no_terminal_is_told(self, pipe):
        assert not LineOutput(pipe[1]).is_terminal()
        assert not LineOutput(io.StringIO()).is_terminal()

    @posix_only
    def test_a_terminal_is_told(self):
        leader, follower = os.openpty()
        with os.fdopen(leader), os.fdopen(follower, "w") as stream:
            assert LineOutput(stream).is_terminal()

    def test_a_closed_stream_is_no_terminal(self, pipe):
        pipe[1].close()
        assert not LineOutput(pipe[1]).is_terminal()


@posix_only
class TestPipes:
    def test_a_reader_that_has_gone_is_a_permanent_error(self, pipe):
        reading, stream = pipe
        os.close(reading)
        with pytest.raises(PermanentError) as caught:
            LineOutput(stream).write("one\n")
        assert caught.value.reason == "epipe"

    def test_a_full_blocking_free_pipe_is_waited_for(self, pipe):
        reading, stream = pipe
        os.set_blocking(stream.fileno(), False)
        text = "x" * 200_000 + "\n"
        received = bytearray()

        def read() -> None:
            while len(received) < len(text):
                received.extend(os.read(reading, 65_536))

        reader = threading.Thread(target=read)
        reader.start()
        LineOutput(stream).write(text)
        reader.join(10)
        assert received.decode() == text

    def test_a_pipe_that_stays_full_is_tried_again_later_on_a_new_line(self, pipe, monkeypatch):
        reading, stream = pipe
        os.set_blocking(stream.fileno(), False)
        monkeypatch.setattr(_line_output, "_PIPE_WAIT", 0.01)
        output = LineOutput(stream)
        with pytest.raises(RetryableError) as caught:
            output.write("x" * 1_000_000 + "\n")
        assert caught.value.reason == "eagain"
        os.set_blocking(reading, False)
        with suppress(BlockingIOError):
            while set(os.read(reading, 65_536)) == {ord("x")}:
                pass
        output.write("whole\n")
        output.write("next\n")
        assert os.read(reading, 100) == b"\nwhole\nnext\n"


class TestFiles:
    def test_lines_are_appended_and_the_directory_is_made(self, tmp_path):
        path = tmp_path / "deep" / "log"
        output = LineOutput(str(path))
        output.write("one\n")
        output.close()
        output.open()
        output.write("two €\n")
        output.close()
        assert path.read_text("utf-8") == "one\ntwo €\n"

    def test_close_gives_the_descriptor_back(self, tmp_path):
        output = LineOutput(tmp_path / "log")
        output.open()
        descriptor = output._descriptor
        assert descriptor is not None
        output.close()
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(descriptor)
        output.close()

    def test_a_directory_is_a_permanent_error(self, tmp_path):
        with pytest.raises(PermanentError) as caught:
            LineOutput(tmp_path).open()
        assert caught.value.reason == "eisdir"

    @pytest.mark.skipif(sys.platform != "linux", reason="only Linux has a device that is always full")
    def test_a_full_disk_is_tried_again(self):
        output = LineOutput("/dev/full")
        with pytest.raises(RetryableError) as caught:
            output.write("one\n")
        output.close()
        assert caught.value.reason == "enospc"

    def test_a_file_is_no_terminal(self, tmp_path):
        assert not LineOutput(tmp_path / "log").is_terminal()


class TestOutputError:
    @pytest.mark.parametrize("number", [errno.EPIPE, errno.EBADF, errno.EISDIR, errno.ENOTDIR])
    def test_what_never_mends_is_permanent(self, number):
        assert isinstance(output_error(OSError(number, "text")), PermanentError)

    @pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EACCES, errno.EROFS, errno.EMFILE])
    def test_what_may_mend_is_retryable(self, number):
        error = output_error(OSError(number, "text"))
        assert isinstance(error, RetryableError)
        assert error.reason == errno.errorcode[number].lower()

    def test_an_error_without_a_number_is_retryable(self):
        assert output_error(OSError("strange")).reason == "os_error"
