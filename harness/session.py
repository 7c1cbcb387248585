"""A live run: a capture, its tables, the seal, and then a proof like any other. Here the two halves meet."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import duckdb

from harness.capture.capture import Capture
from harness.errors import LabUnavailable, Refused, first_line
from harness.events import LabStarted, LabStep, RecordingSealed, Subscriber, silent
from harness.files.catalog import require_unique
from harness.host.heal import heal
from harness.host.owned_folders import add_left_behind, exclusive, sole_capture
from harness.host.waiting import wait_for_turn
from harness.interrupts import shielded
from harness.judge.prove import prove
from harness.kql.limits import Limits
from harness.lab.kubernetes.node_image import fetch
from harness.lab.lab import Lab, fits, kept_lab, start_lab
from harness.lab.lab_choice import LabChoice
from harness.model.atomic import Atomic
from harness.model.expectation import Expectation
from harness.model.manifest import Manifest
from harness.model.result import Result
from harness.recording import Recording, RecordingWriter, open_recording
from harness.telemetry.derivation import store_tables


@dataclass(frozen=True)
class CaptureOptions:
    """How to capture. `timeout` limits each command of an atomic, `wait` the wait for another capture; in seconds."""

    choice: LabChoice = field(default_factory=LabChoice)
    keep_lab: bool = False
    timeout: float = 120
    wait: float = 0


def default_folder(root: Path = Path("recordings")) -> Path:
    """A new folder named by the time: `recordings/20261124-101500`."""
    return root / f"{datetime.now():%Y%m%d-%H%M%S-%f}"


def capture(atomics: Sequence[Atomic], options: CaptureOptions, folder: Path, subscriber: Subscriber) -> Recording:
    """Detonate the atomics in a lab and return the sealed recording.

    Raises InvalidFiles for two atomics of one id, LabUnavailable when there is no lab or something was left behind, and
    Busy when another capture did not end within `options.wait` seconds.
    """
    require_unique(atomics)
    with _writer(folder) as writer, _lab(options, subscriber) as (lab, remains):
        manifest = _record(lab, writer, atomics, options, subscriber, remains)
    return _seal(writer, manifest, subscriber)


def repeat(
    atomics: Sequence[Atomic],
    options: CaptureOptions,
    folders: Sequence[Path],
    subscriber: Subscriber,
    taken: Callable[[Recording], None],
) -> None:
    """Capture once for each folder, one after the other in one lab.

    `taken` gets each recording as soon as it is sealed, while the lab is still up: judged then, its alerts are not
    delayed by the next captures. Raises as `capture` does; recordings that were sealed before stay.
    """
    require_unique(atomics)
    with _lab(options, subscriber) as (lab, remains):
        for folder in folders:
            with _writer(folder) as writer:
                manifest = _record(lab, writer, atomics, options, subscriber, remains)
            if remains:
                break
            taken(_seal(writer, manifest, subscriber))


@contextlib.contextmanager
def _writer(folder: Path) -> Iterator[RecordingWriter]:
    """A new recording. It is removed if the block ends with an error before anything was recorded."""
    writer: RecordingWriter | None = None
    try:
        with shielded():  # else a signal could leave a folder that nothing removes
            writer = RecordingWriter(folder)
        yield writer
    except BaseException:
        if writer:
            with shielded():
                writer.discard()
        raise


@contextlib.contextmanager
def _lab(options: CaptureOptions, subscriber: Subscriber) -> Iterator[tuple[Lab, list[str]]]:
    """A lab for the block, and the list of what is left behind, for the block to add to.

    After the block the lab is taken down or kept. Raises LabUnavailable when the block succeeded and something was left
    behind, and Busy when another capture did not end in time.
    """
    remains: list[str] = []
    with contextlib.ExitStack() as locks:
        wait_for_turn(
            lambda: locks.enter_context(alone()),
            seconds=options.wait,
            tell=lambda text: subscriber(LabStep("turn", "working", text)),
        )
        heal(subscriber)
        lab = obtain_lab(options.choice, subscriber)
        try:
            yield lab, remains
        except BaseException as error:
            _leave(lab, options, remains)
            add_left_behind(error, remains)
            raise
        _leave(lab, options, remains)
    if remains:
        raise LabUnavailable("left behind: " + "; ".join(remains), hint="Run `livefire clean`.")


def _leave(lab: Lab, options: CaptureOptions, remains: list[str]) -> None:
    if options.keep_lab and not lab.kept:
        lab.keep()
    elif not lab.kept:
        remains += lab.owned.undo()


def _record(
    lab: Lab,
    writer: RecordingWriter,
    atomics: Sequence[Atomic],
    options: CaptureOptions,
    subscriber: Subscriber,
    remains: list[str],
) -> Manifest:
    running = Capture(lab, writer, subscriber, options.timeout)
    try:
        return running.run(atomics)
    except OSError as error:
        raise _unwritable(writer, error) from None
    finally:
        remains += running.undo()


def _seal(writer: RecordingWriter, manifest: Manifest, subscriber: Subscriber) -> Recording:
    try:
        writer.seal(store_tables(writer.path, manifest))
    except (OSError, duckdb.IOException) as error:
        raise _unwritable(writer, error) from None
    subscriber(RecordingSealed(str(writer.path)))
    return open_recording(writer.path)


def _unwritable(writer: RecordingWriter, error: Exception) -> LabUnavailable:
    """The error for a full disk, or a folder that can't be written any more."""
    hint = "Free disk space, or record elsewhere with --recording; LIVEFIRE_STATE sets the state folder."
    return LabUnavailable(f"{writer.path}: the recording can't be written: {first_line(error)}", hint=hint)


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Hold the locks: no other process uses the state folder, and no other captures."""
    with exclusive(), sole_capture():
        yield


def obtain_lab(choice: LabChoice, subscriber: Subscriber) -> Lab:
    """The kept lab if it fits `choice`; a new one where none is kept. Raises Refused when the kept lab does not fit."""
    lab = kept_lab()
    if lab is None:
        return start_lab(choice, subscriber)
    if not fits(lab, choice):
        raise Refused(f"the kept lab {lab.owned.id} is of another kind", hint="Run `livefire lab down` first.")
    for name, component in (("docker", lab.docker), ("cluster", lab.cluster)):
        if component:
            subscriber(LabStep(name, "ready", f"{component.kind} {component.version}: kept lab {lab.owned.id}"))
    subscriber(LabStarted(lab.facts(""), 0.0))
    return lab


def pull_node_image(reference: str | None, subscriber: Subscriber) -> Path:
    """Pull a node image with a Docker host of our own, which is taken down again; return the archive in the cache.

    Raises LabUnavailable where no registry answers.
    """
    lab = start_lab(LabChoice(cluster="none"), subscriber)
    try:
        assert lab.docker is not None  # `auto` always has a Docker host
        path = fetch(reference, lab.docker.socket, lambda text: subscriber(LabStep("node image", "working", text)))
    except BaseException as error:
        add_left_behind(error, lab.owned.undo())
        raise
    if remains := lab.owned.undo():
        raise LabUnavailable("left behind: " + "; ".join(remains), hint="Run `livefire clean`.")
    return path


def live_result(
    atomics: Sequence[Atomic],
    expectations: list[Expectation],
    choice: LabChoice,
    *,
    folder: Path | None = None,
    subscriber: Subscriber = silent,
    limits: Limits = Limits(),
) -> Result:
    """Capture and prove in one go."""
    recording = capture(atomics, CaptureOptions(choice), folder or default_folder(), subscriber)
    return prove(recording, expectations, subscriber=subscriber, live=True, limits=limits)
