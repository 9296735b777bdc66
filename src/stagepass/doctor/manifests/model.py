"""A deployment as its manifests describe it, whatever their kind."""

from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Value:
    """A variable of a process.

    Attributes:
        text: its value; None if it is only known that there is one (a Kubernetes Secret that is not among the files).
        source: where a value that is not in the file comes from.
    """

    text: str | None
    file: str = ""
    line: int = 1
    source: str = ""


@dataclass(slots=True)
class Process:
    """One kind of process.

    Attributes:
        role: ``api``, ``relay``, ``worker``, ``migrate``, ``up``; empty if it is not Stagepass.
        queues: of a worker, as written; ``*`` for all.
        grace: seconds from SIGTERM to SIGKILL; None if the file does not say.
        probe: the command of its liveness probe.
        mounts: (volume, folder in the process) of volumes that can be shared.
        restarts: whether its manager starts it again; None if the file does not say.
        published: ports that are open to the network.
    """

    name: str
    file: str
    line: int
    kind: str
    command: list[str] = field(default_factory=list)
    role: str = ""
    queues: tuple[str, ...] = ()
    pool: str = ""
    slots: int | None = None
    environment: dict[str, Value] = field(default_factory=dict)
    grace: float | None = None
    probe: str = ""
    replicas: int = 1
    image: str = ""
    mounts: tuple[tuple[str, str], ...] = ()
    port: int | None = None
    restarts: bool | None = None
    published: tuple[int, ...] = ()

    def value(self, name: str) -> str | None:
        """A variable's text, if it is given and known."""
        found = self.environment.get(name)
        return found.text if found is not None else None


@dataclass(frozen=True, slots=True)
class Location:
    """A block of a proxy that leads to the API. Settings are those that hold in it, its own or inherited."""

    path: str
    file: str
    line: int
    buffering: bool = True
    most_body: int = 1_048_576
    read_timeout: float = 60.0
    upstream: str = ""
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Deployment:
    """Everything that the files say.

    Attributes:
        problems: (file, line, text) of what could not be read.
        parks: (pipeline, version, how many) of jobs in flight that the code here no longer has; None if no database
            was reachable.
        services: names by which processes reach each other, as far as the files define them.
    """

    files: list[str] = field(default_factory=list)
    processes: list[Process] = field(default_factory=list)
    locations: list[Location] = field(default_factory=list)
    services: set[str] = field(default_factory=set)
    problems: list[tuple[str, int, str]] = field(default_factory=list)
    secrets: dict[str, set[str]] = field(default_factory=dict)
    """By name of a Secret or ConfigMap: its keys."""
    variables: list[tuple[str, int, str, str]] = field(default_factory=list)
    """(file, line, name, value) of files with variables alone."""
    parks: list[tuple[str, int, int]] | None = None

    def kinds(self) -> Iterable[tuple[str, list[Process]]]:
        """The processes of Stagepass by kind of file: each kind describes a deployment of its own."""
        for kind in dict.fromkeys(one.kind for one in self.processes):
            mine = [one for one in self.processes if one.kind == kind and one.role]
            if mine:
                yield kind, mine

    def ours(self, *roles: str) -> Iterable[Process]:
        """The processes of Stagepass, or those with one of these roles."""
        return (one for one in self.processes if one.role and (not roles or one.role in roles))
