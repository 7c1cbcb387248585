"""The schedule of a Microsoft Sentinel rule, simulated over recorded telemetry: when an alert would appear, if ever."""
