"""The kernel's audit records: executions, new processes, and contacts with other processes."""
