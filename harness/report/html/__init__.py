"""The result as one self-contained HTML page: no script, no network, nothing beside it."""

from harness.report.html.page import Additions, to_html, write_html

__all__ = ["Additions", "to_html", "write_html"]
