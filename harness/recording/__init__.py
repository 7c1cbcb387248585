"""Recordings, which join the two halves: folders that are written once, sealed, and verified whenever opened."""

from harness.recording.copies import canaries, copied, copies, no_capture
from harness.recording.discovery import find_recordings
from harness.recording.reader import Recording, open_recording
from harness.recording.writer import RecordingWriter

__all__ = [
    "Recording",
    "RecordingWriter",
    "canaries",
    "copied",
    "copies",
    "find_recordings",
    "no_capture",
    "open_recording",
]
