"""The result as one self-contained HTML page: without scripts, network access or other files."""

from harness.report.html.page import Additions, to_html, write_html

__all__ = ["Additions", "to_html", "write_html"]
