"""Whether the sensors were healthy around an attack."""
