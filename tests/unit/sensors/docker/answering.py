"""A Unix socket that answers GET from a table, and 404 to the rest: enough to ask what is there.

What stands in the table can't be removed.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingMixIn, UnixStreamServer
from typing import Any


@contextlib.contextmanager
def answering(socket: Path, there: Mapping[str, Any]) -> Iterator[None]:
    """While the block runs."""

    class Handler(BaseHTTPRequestHandler):
        def address_string(self) -> str:
            return "unix"

        def log_message(self, *_: Any) -> None:
            pass

        def do_GET(self) -> None:
            self._answer(200 if self.path in there else 404, there.get(self.path))

        def do_DELETE(self) -> None:
            self._answer(409 if self.path in there else 404, {"message": "it is in use"})

        def _answer(self, status: int, body: Any) -> None:
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    class Server(ThreadingMixIn, UnixStreamServer):
        daemon_threads = True

    with Server(str(socket), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield
        server.shutdown()
