"""The first half: a lab, sensors and atomics make a recording."""
