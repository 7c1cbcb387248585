"""Reading a value in JSON that anybody may have changed."""

from __future__ import annotations

import pytest

from harness.recording.json_lines import parsed


@pytest.mark.parametrize(
    "text", ["[" * 100_000, '{"a":' * 100_000, b"[" * 100_000 + b"]" * 100_000, "", "{", "9" * 9999]
)
def test_what_is_no_value(text: str | bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        parsed(text)


def test_a_value() -> None:
    assert parsed('{"a": [1]}') == parsed(b'{"a": [1]}') == {"a": [1]}
