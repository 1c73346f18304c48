"""Every error edgeenh raises on purpose, in one tree.

EdgeenhError                  exit 1
├── JobFailed                 exit 1   the job started and could not be finished
│   ├── InferenceFailed                a backend failed on a frame it had accepted
│   │   ├── DeviceLost                 and its process can no longer use the device
│   │   └── WorkerFailed               the process that runs the backend cannot give this frame
│   ├── OutputFailed                   a result could not be written (disk full, permission lost)
│   ├── ReaderGone                     whoever read the frames from stdout went away
│   └── TrainingFailed                 training stopped: non-finite loss, no space for a checkpoint
├── InputError                exit 2   what the user gave cannot be used
│   ├── UsageError                     an option or argument is wrong, or two exclude each other
│   ├── SourceError                    a source of frames is missing, unreadable or holds no frame
│   ├── PictureError                   one picture is unreadable, or of a size, depth or colour that is not accepted
│   └── CheckpointError                a checkpoint is missing, corrupt, or of another variant
├── GateFailed                exit 3   a measured figure is outside its threshold
├── IntegrityError            exit 4   a bundle is not exactly what its manifest says
└── BackendUnavailable        exit 5   a library, driver or device is missing
    └── MissingExtra                   an optional part of edgeenh is not installed

Messages say what was found, what was expected and how to fix it, in one line. Errors of other libraries are translated
where they cross our border (`raise … from exc`), never shown raw.
"""

from __future__ import annotations


class EdgeenhError(Exception):
    """Base of all errors of edgeenh; `exit_code` is what the command line ends with."""

    exit_code: int = 1


class JobFailed(EdgeenhError):
    """The job started and could not be finished."""


class InferenceFailed(JobFailed):
    """A backend failed on a frame it had accepted."""


class DeviceLost(InferenceFailed):
    """A backend failed such that every later frame fails too: only a new process can use the device again."""


class WorkerFailed(InferenceFailed):
    """The process that runs the backend cannot give this frame.

    Attributes:
        reason: Why the original goes out instead, a value of `edgeenh.frames.PassthroughReason`.
    """

    def __init__(self, message: str, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


class OutputFailed(JobFailed):
    """A result could not be written: disk full, permission lost."""


class ReaderGone(JobFailed):
    """Whoever read the frames from stdout went away: there is nobody to go on for."""


class TrainingFailed(JobFailed):
    """Training stopped before its end; the message names the last good checkpoint."""


class InputError(EdgeenhError):
    """What the user gave cannot be used."""

    exit_code = 2


class UsageError(InputError):
    """An option or argument is wrong, or two exclude each other."""


class SourceError(InputError):
    """A source of frames is missing, unreadable or holds no frame."""


class PictureError(InputError):
    """One picture is unreadable, or of a size, depth or colour that is not accepted."""


class CheckpointError(InputError):
    """A checkpoint is missing, corrupt, or of another variant."""


class GateFailed(EdgeenhError):
    """A measured figure is outside its threshold."""

    exit_code = 3


class IntegrityError(EdgeenhError):
    """A bundle is not exactly what its manifest says."""

    exit_code = 4


class BackendUnavailable(EdgeenhError):
    """A library, driver or device is missing."""

    exit_code = 5


class MissingExtra(BackendUnavailable):
    """An optional part of edgeenh is not installed."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs `pip install 'edgeenh[{extra}]'`")
        self.extra = extra
