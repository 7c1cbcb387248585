"""Output whose reader has gone away is no error; a full disk is one."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from harness.cli.streams import Forgiving
from harness.errors import InvalidInput
from tests.conftest import COMMITTED

PROGRAM = "from harness.cli.streams import guard_terminal as f; f(); import sys, time; time.sleep(0.3)"


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_closed_terminal_is_no_error(stream: str) -> None:
    master, slave = pty.openpty()
    code = f"{PROGRAM}; print('x' * 70000, file=sys.{stream}, flush=True); sys.exit(7)"
    process = subprocess.Popen([sys.executable, "-c", code], stdin=slave, stdout=slave, stderr=slave)
    os.close(slave)
    os.close(master)
    assert process.wait(20) == 7


def test_a_pipe_that_nobody_reads_is_no_error() -> None:
    code = f"{PROGRAM}; print('x' * 70000); sys.exit(7)"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout
    assert process.stderr
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait(20) == 7


def test_click_tells_it_from_a_binary_stream() -> None:
    """By a write of bytes, which a stream of text must refuse: else all that click prints would be written as b'…'."""
    code = f"{PROGRAM}; import typer; typer.echo('plain'); typer.echo('err', err=True)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert (done.stdout, done.stderr) == (b"plain\n", b"err\n")


@pytest.mark.parametrize(
    "arguments", [["--help"], ["lint", "--help"], ["lab", "--help"], ["nope"], ["prove", "--nope"], ["prove"]]
)
def test_help_is_text(arguments: list[str]) -> None:
    words = [sys.executable, "-m", "harness.cli.main", *arguments]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.stdout + done.stderr).startswith("Usage: ")
    assert "b'" not in done.stdout + done.stderr


@pytest.mark.parametrize("arguments", [["prove", ""], ["lint", "", "rules"], ["prove", "x", "--rule="]])
def test_an_empty_argument_is_refused(arguments: list[str]) -> None:
    words = [sys.executable, "-m", "harness.cli.main", *arguments]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: an empty argument")


def test_a_full_disk_is_an_error() -> None:
    with Path("/dev/full").open("wb") as full:
        stream = Forgiving(full.fileno(), "wb", closefd=False)
        with pytest.raises(InvalidInput, match="standard output cannot be written: No space left on device"):
            stream.write(b"x")
        assert stream.write(b"abc") == 3  # told once


@pytest.mark.parametrize("arguments", [["list"], ["prove", str(COMMITTED)], ["lint", "--help"]])
def test_a_command_says_that_the_disk_is_full(arguments: list[str]) -> None:
    words = [sys.executable, "-m", "harness.cli.main", *arguments]
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(words, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
        assert done.stderr == "error: standard output cannot be written: No space left on device\n"
        assert done.returncode == 2
        assert subprocess.run(words, stdout=full, stderr=full, check=False).returncode == 2


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-", ">&- 2>/dev/full"])
@pytest.mark.parametrize(("arguments", "code"), [("list", 0), ("prove nowhere", 2), ("nosuch", 2)])
def test_streams_that_were_closed_are_no_fault(arguments: str, code: int, closed: str) -> None:
    command = f"exec {sys.executable} -m harness.cli.main {arguments} {closed}"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    assert done.returncode == code
    assert "Traceback" not in done.stderr + done.stdout


def test_no_file_gets_the_number_of_a_stream_that_was_closed() -> None:
    look = (
        "import os, sys; from harness.cli import main; main._stand_in_for_closed();"
        "number = os.open('/dev/zero', os.O_RDONLY); os.write(3, str(number).encode());"
        "print('x'); sys.stderr.write('y')"
    )
    read, write = os.pipe()
    command = f'exec {sys.executable} -c "{look}" 3>&{write} <&- >&- 2>&-'
    subprocess.run(["bash", "-c", command], pass_fds=[write], check=True)
    os.close(write)
    assert int(os.read(read, 9)) > 2
    os.close(read)


HOSTILE = r"\x1b]0;t\x07::error::\x9b\u202e"
PRINTS = (
    "from rich.text import Text; from harness.report.terminal import Terminal;"
    f"console = Terminal(); console.print(Text('{HOSTILE}', style='bold red'), soft_wrap=True);"
    f"console.print('{HOSTILE}\\n::x', soft_wrap=True); sys.stdout.write('{HOSTILE}\\n::x\\n')"
)


@pytest.mark.parametrize("colour", [{}, {"FORCE_COLOR": "1", "TERM": "xterm"}])
def test_the_only_escapes_are_those_of_our_own_styles(colour: dict[str, str]) -> None:
    """In the order in which they are written, with what is written past the console."""
    environment = {**{name: text for name, text in os.environ.items() if name != "NO_COLOR"}, **colour}
    done = subprocess.run(
        [sys.executable, "-c", f"{PROGRAM}; {PRINTS}"], env=environment, capture_output=True, check=True
    )
    styled, plain, past, last, end = done.stdout.decode().split("\n")
    shown = r"\x1b]0;t\x07::error::\x9b\u202e"
    bare = shown.replace(r"\x07", "")  # rich takes it out of a Text
    assert styled == (f"\x1b[1;31m{bare}\x1b[0m" if colour else bare)
    assert (plain, past, last, end) == (rf"{shown}\n::x", shown, r"\x3a:x", "")
