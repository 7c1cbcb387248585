"""A cluster: of kind, a bare control plane, or one that exists."""
