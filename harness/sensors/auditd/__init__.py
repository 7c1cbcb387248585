"""The kernel's audit records of execve."""
