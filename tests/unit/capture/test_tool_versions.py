"""What a recording tells of its machine."""

from __future__ import annotations

import ipaddress

from hypothesis import given
from hypothesis import strategies as st

from harness.capture.tool_versions import addresses, host

FIB = """Main:
  +-- 0.0.0.0/0 3 0 5
     +-- 127.0.0.0/8 2 0 2
        +-- 127.0.0.0/31 1 0 0
           |-- 127.0.0.0
              /8 host LOCAL
           |-- 127.0.0.1
              /32 host LOCAL
     +-- 192.0.2.0/24 2 0 2
           |-- 192.0.2.0
              /24 link UNICAST
           |-- 192.0.2.2
              /32 host LOCAL
        |-- 192.0.2.255
           /32 link BROADCAST
"""
IPV6 = """00000000000000000000000000000001 01 80 10 80       lo
fe8000000000000000fc00fffe000001 04 40 20 80     eth0
20010db8000000000000000000000002 04 40 00 82     eth0
"""


def test_its_own_addresses_are_those_that_the_kernel_takes_as_local() -> None:
    assert addresses(FIB, IPV6) == ["192.0.2.2", "2001:db8::2", "fe80::fc:ff:fe00:1"]
    assert addresses("", "") == []


@given(st.text("0123456789abcdef.|-/ \nLOCAhost"), st.text("0123456789abcdef g\n"))
def test_no_table_breaks_the_reading(ipv4: str, ipv6: str) -> None:
    for each in addresses(ipv4, ipv6):
        ipaddress.ip_address(each)


def test_this_machine_s_are_in_what_a_recording_tells() -> None:
    assert all(not ipaddress.ip_address(each).is_loopback for each in host().addresses)
