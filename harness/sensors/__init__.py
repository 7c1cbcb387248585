"""What sees an attack. Each sensor owns its raw files, its marks and its health."""
