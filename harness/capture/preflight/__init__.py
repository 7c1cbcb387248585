"""What this host lacks for a lab, each finding with its cure: for `livefire doctor`, and before anything is made."""

from harness.capture.preflight.daemon import check_daemon, daemons
from harness.capture.preflight.finding import Finding
from harness.capture.preflight.host import check_control_plane, check_host
from harness.capture.preflight.kind import check_kind, require_kind

__all__ = ["Finding", "check_control_plane", "check_daemon", "check_host", "check_kind", "daemons", "require_kind"]
