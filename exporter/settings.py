"""What an exporter is told at its start."""

from dataclasses import dataclass, field

from exporter.errors import ListenError
from exporter.roots import Roots
from model.addresses import ListenAddress

DEFAULT_LISTEN = ":9100"


@dataclass(frozen=True, slots=True)
class Exclusions:
    """What collectors leave out, as regular expressions; "" leaves nothing out.

    The defaults are node_exporter's.
    """

    mountpoints: str = (
        r"^/(dev|proc|run/credentials/.+|sys|var/lib/docker/.+|var/lib/containers/storage/.+)($|/)"
    )
    fstypes: str = (
        r"^(autofs|binfmt_misc|bpf|cgroup2?|configfs|debugfs|devpts|devtmpfs|erofs|fusectl"
        r"|hugetlbfs|iso9660|mqueue|nsfs|overlay|proc|procfs|pstore|rpc_pipefs|securityfs"
        r"|selinuxfs|squashfs|sysfs|tracefs)$"
    )
    disks: str = r"^(z?ram|loop|fd|(h|s|v|xv)d[a-z]|nvme\d+n\d+p)\d+$"
    interfaces: str = ""


@dataclass(frozen=True, slots=True)
class ExporterSettings:
    """How an exporter serves and what it collects.

    Attributes:
        listen: `HOST:PORT`; no host means every address, port 0 any free one.
        roots: where the host's kernel files are.
        textfile_directory: where `*.prom` files are read from, None for nowhere.
        collector_timeout_s: after how long a collector is given up for one scrape;
            below the scraper's own time-out, so that the others' samples arrive.
        collectors: the only collectors to run, empty for all.
        disabled: collectors not to run.
        exclusions: what collectors leave out.
        max_connections: how many clients are served at a time; more wait.
        request_timeout_s: how long a client may take to send its request, and to
            read its answer.
        idle_timeout_s: how long a connection may be kept open between two requests.
    """

    listen: str = DEFAULT_LISTEN
    roots: Roots = field(default_factory=Roots)
    textfile_directory: str | None = None
    collector_timeout_s: float = 5.0
    collectors: frozenset[str] = frozenset()
    disabled: frozenset[str] = frozenset()
    exclusions: Exclusions = field(default_factory=Exclusions)
    max_connections: int = 32
    request_timeout_s: float = 10.0
    idle_timeout_s: float = 120.0


def parse_listen(text: str) -> tuple[str, int]:
    """Return host and port of `127.0.0.1:9100`, `[::1]:9100`, `localhost:9100` or `:9100`.

    Raises:
        ListenError: it is none of these.
    """
    try:
        address = ListenAddress.parse(text)
    except ValueError as exc:
        raise ListenError(text, str(exc)) from exc
    return address.host, address.port
