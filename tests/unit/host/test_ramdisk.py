"""How much memory there is, as the kernel tells it."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from harness.host.ramdisk import memory_available


def test_what_this_kernel_says() -> None:
    assert memory_available(Path("/proc/meminfo").read_text()) > 1 << 20


@given(st.integers(0, 1 << 40), st.text())
def test_it_is_in_bytes_whatever_stands_around_it(kilobytes: int, noise: str) -> None:
    text = f"MemTotal: 1 kB\nMemAvailable:   {kilobytes} kB\n{noise.replace('MemAvailable', '')}"
    assert memory_available(text) == kilobytes << 10


def test_a_kernel_that_does_not_tell() -> None:
    assert memory_available("MemTotal:  1 kB\n") == 0
