"""Runs that are recorded (`run --record`), in however many processes: each goes on with what the one before wrote down.

The name of the file is kept with the run. What a process did not live to write is lost, and then nothing is written any
more: half a recording would answer a test with a gap.
"""

from os.path import relpath
from pathlib import Path

from leadflow.cli.refused import Refused
from leadflow.cli.running import Job, Show, Work, go
from leadflow.cli.views import human
from leadflow.keeping import Kept
from leadflow.record import record
from leadflow.testing.recording import Recorder, beside_of
from leadflow.testing.rows import BadRecording, read_recording


@record
class Recording:
    """Who listens to a run, and where that is written down."""

    recorder: Recorder
    file: Path
    said: str
    """The file, as whoever gave it called it."""
    beside: str
    """The file, as a test that stands beside the flow calls it."""


def begun(file: str | None, flow: str) -> Recording | None:
    """A recording of a run that begins; None: it is not recorded.

    Args:
        flow: the file of the flow.

    Raises:
        Refused: it cannot be written there. What agents are asked is paid for, so this is told before it is.
    """
    if file is None:
        return None
    place = Path(file).absolute()
    if place.is_dir():
        raise Refused(f"{file} is a folder; --record names the file to write")
    try:
        beside = beside_of(place)
        beside.touch()
        beside.unlink()
    except OSError as problem:
        raise Refused(f"{file} cannot be written: {problem.strerror or problem}") from None
    return Recording(Recorder(), place, file, relpath(place.resolve(), Path(flow).resolve().parent))


def gone_on(found: Kept) -> Recording | None:
    """The recording of a kept run, which goes on; None: it is not recorded, or not any more, which is told."""
    if found.recording is None:
        return None
    file = Path(found.recording)
    try:
        before = read_recording(file)
    except BadRecording as problem:
        human.warning(f"run {found.row.id} is not recorded any further: {problem}")
        return None
    if before.head.run != found.row.id:
        human.warning(f"run {found.row.id} is not recorded any further: {file} is the recording of another run")
        return None
    return Recording(Recorder(before), file, str(file), str(file))


def go_recorded(job: Job, work: Work, recording: Recording | None) -> int:
    """Do the work of a run, and write its recording, however it ended; returns the exit code.

    Raises:
        Refused: the recording cannot be written.
    """
    code = go(job, work)
    if recording is not None:
        write(recording, job.show, is_whole=code in (0, 1) or job.brake is None)
    return code


def write(recording: Recording, show: Show, *, is_whole: bool) -> None:
    """Write what was heard of a run.

    Raises:
        Refused: it cannot be written.
    """
    recorder, said = recording.recorder, recording.said
    try:
        is_written = recorder.write(recording.file)
    except OSError as problem:
        raise Refused(f"{said}: {problem.strerror or problem}") from None
    if not is_written or show not in ("live", "lines"):
        return
    if is_whole:
        replayed = f'a test answers with them: replay "{recording.beside}"'
        human.note(f"recorded {human.counted(recorder.count, 'call')} in {said}; {replayed}")
    else:
        human.note(f"recorded {human.counted(recorder.count, 'call')} in {said} so far; it goes on when the run does")
