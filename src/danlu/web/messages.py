"""What goes over the wire, for the OpenAPI document."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Verb = Literal[
    "pause", "resume", "stop", "stop now", "stop trial", "add budget", "enqueue",
    "pin", "unpin", "note",
]  # fmt: skip


class Wish(BaseModel):
    """What a person asks for; each verb takes only what it needs."""

    model_config = ConfigDict(extra="forbid")

    verb: Verb
    key: Annotated[
        str,
        Field(
            pattern=r"^[\w-]{8,64}$",
            description="Chosen by the one who asks; the same key again is the same wish.",
        ),
    ]
    trial: Annotated[int, Field(ge=1, le=10**9)] | None = None
    config: Annotated[dict[str, Any], Field(max_length=2000)] | None = None
    budget: Annotated[str, Field(max_length=100)] | None = None
    text: Annotated[str, Field(max_length=2000)] | None = None

    def data(self) -> dict[str, Any]:
        """What it says beside verb and trial."""
        given = {"config": self.config, "budget": self.budget, "text": self.text}
        return {name: value for name, value in given.items() if value is not None}


class Token(BaseModel):
    """What a page shows from now on."""

    token: str


class Accepted(BaseModel):
    """A wish was left for the tuner, which answers in the log-book."""

    number: int


class Asked(BaseModel):
    """What a person asked for."""

    number: int
    verb: str
    trial: int | None
    at: float
    by: str
    data: dict[str, Any]


class Error(BaseModel):
    """Why a request got nothing.

    Attributes:
        error: In English.
        told: The same as a template (``say``) and its values (``with``), for other languages.
    """

    error: str
    told: dict[str, Any] | None = None


class StudySummary(BaseModel):
    """A row of the list of studies.

    Attributes:
        state: ``running``, ``paused``, ``killed``, how the last run ended, or ``reading`` as long
            as its events are being read.
        best: The best value so far.
        course: Best value so far after each trial that improved it.
    """

    name: str
    state: str
    metric: str
    direction: Literal["min", "max"]
    best: float | None
    trials: int
    running: int
    failed: int
    last: float
    share: float | None
    epoch_s: float
    course: list[float]


class Studies(BaseModel):
    """The studies of a store, the newest first, and what the asker may do."""

    version: str
    role: Literal["look", "control"]
    store: str
    studies: list[StudySummary]


class FileRow(BaseModel):
    """A file of a trial."""

    id: str
    path: str
    bytes: int


class TrialDetail(BaseModel):
    """What is shown of one trial alone."""

    number: int
    toml: str
    python: str
    command: str
    log: str
    files: list[FileRow]
