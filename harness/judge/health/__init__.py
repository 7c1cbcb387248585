"""Whether the sensors were well around an attack."""
