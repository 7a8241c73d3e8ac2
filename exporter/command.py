"""The command line of the exporter: `redshank exporter`, or `python -m exporter`."""

import re
from collections.abc import Iterable

import click

# Import only light modules here: `redshank --help` loads this one and must be quick.
from exporter.settings import DEFAULT_LISTEN, Exclusions, ExporterSettings

_DEFAULTS = ExporterSettings()
# `--collector.cpu` or `--no-collector.cpu`; flags with a second dot are settings of one.
_COLLECTOR_FLAG = re.compile(r"--(no-)?collector\.([a-z0-9_-]+)")


class NodeExporterCommand(click.Command):
    """A command that also takes node_exporter's flags, each of which names a collector."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments, with `--collector.cpu` read as `--enable-collector cpu`."""
        return super().parse_args(ctx, [word for arg in args for word in _words(arg)])


def _words(argument: str) -> list[str]:
    """Return the options that a flag of node_exporter stands for."""
    if argument.startswith("--web.max-requests"):
        return [argument.replace("--web.max-requests", "--max-requests", 1)]
    flag, _, value = argument.partition("=")
    match = _COLLECTOR_FLAG.fullmatch(flag)
    if match is None or match[2] == "disable-defaults" or value not in ("", "true", "false"):
        return [argument]
    is_enabled = (match[1] is None) == (value != "false")
    return ["--enable-collector" if is_enabled else "--disable-collector", match[2]]


@click.command(cls=NodeExporterCommand)
@click.option(
    "--listen",
    "--web.listen-address",
    "listen",
    default=DEFAULT_LISTEN,
    show_default=True,
    help="Address to listen on: HOST:PORT, [IPV6]:PORT, or :PORT for all addresses. "
    "A socket that systemd passes comes first.",
)
@click.option(
    "--web.config.file",
    "web_config_file",
    type=click.Path(dir_okay=False),
    help="File with TLS and users, in the format of Prometheus's exporters.",
)
@click.option("--path.procfs", "proc", default=_DEFAULTS.roots.proc, help="Mount point of procfs.")
@click.option("--path.sysfs", "sysfs", default=_DEFAULTS.roots.sys, help="Mount point of sysfs.")
@click.option(
    "--path.rootfs",
    "rootfs",
    default=_DEFAULTS.roots.rootfs,
    help="Where the host's root directory is mounted, if the exporter runs in a container.",
)
@click.option(
    "--path.udev.data",
    "udev",
    default=_DEFAULTS.roots.udev,
    help="Directory of udev's device database.",
)
@click.option(
    "--textfile-directory",
    "--collector.textfile.directory",
    "textfile_directories",
    multiple=True,
    help="Directory of *.prom files with metrics of your own, or a pattern. Repeatable.",
)
@click.option(
    "--collector-timeout",
    type=click.FloatRange(0.1, 300),
    default=_DEFAULTS.collector_timeout_s,
    show_default=True,
    help="How many seconds a scrape waits for one collector.",
)
@click.option(
    "--collector",
    "collectors",
    metavar="NAME",
    multiple=True,
    help="Run this collector only. Repeatable.",
)
@click.option(
    "--enable-collector",
    "enabled",
    metavar="NAME",
    multiple=True,
    help="Run this collector too; --collector.NAME means the same. Repeatable.",
)
@click.option(
    "--collector.disable-defaults",
    "disable_defaults",
    is_flag=True,
    help="Run only the collectors that are enabled by name.",
)
@click.option(
    "--max-requests",
    "max_requests",
    type=click.IntRange(0),
    default=_DEFAULTS.max_requests,
    show_default=True,
    help="How many scrapes are answered at the same time, 0 for any number.",
)
@click.option(
    "--disable-collector",
    "disabled",
    metavar="NAME",
    multiple=True,
    help="Do not run this collector; --no-collector.NAME means the same. Repeatable.",
)
@click.option(
    "--collector.filesystem.mount-points-exclude",
    "mountpoints",
    default=_DEFAULTS.exclusions.mountpoints,
    help="Regular expression of mount points to exclude.",
)
@click.option(
    "--collector.filesystem.fs-types-exclude",
    "fstypes",
    default=_DEFAULTS.exclusions.fstypes,
    help="Regular expression of file system types to exclude.",
)
@click.option(
    "--collector.diskstats.device-exclude",
    "disks",
    default=_DEFAULTS.exclusions.disks,
    help="Regular expression of block devices to exclude.",
)
@click.option(
    "--collector.netdev.device-exclude",
    "interfaces",
    default=_DEFAULTS.exclusions.interfaces,
    help="Regular expression of network interfaces to exclude.",
)
@click.option(
    "--log-format",
    type=click.Choice(["logfmt", "json"]),
    default="logfmt",
    show_default=True,
    help="Format of log lines.",
)
def exporter(
    listen: str,
    web_config_file: str | None,
    proc: str,
    sysfs: str,
    rootfs: str,
    udev: str,
    textfile_directories: Iterable[str],
    collector_timeout: float,
    collectors: Iterable[str],
    enabled: Iterable[str],
    disable_defaults: bool,
    max_requests: int,
    disabled: Iterable[str],
    mountpoints: str,
    fstypes: str,
    disks: str,
    interfaces: str,
    log_format: str,
) -> None:
    """Serve this host's metrics under node_exporter's names."""
    from exporter.errors import ExporterError
    from exporter.roots import Roots

    settings = ExporterSettings(
        listen=listen,
        web_config_file=web_config_file,
        roots=Roots(proc, sysfs, rootfs, udev),
        textfile_directories=tuple(textfile_directories),
        collector_timeout_s=collector_timeout,
        collectors=frozenset(collectors),
        defaults=not disable_defaults,
        enabled=frozenset(enabled),
        disabled=frozenset(disabled),
        max_requests=max_requests,
        exclusions=Exclusions(mountpoints, fstypes, disks, interfaces),
    )
    try:
        _serve(settings, log_format)
    except ExporterError as exc:
        raise click.ClickException(str(exc)) from exc


def _serve(settings: ExporterSettings, log_format: str) -> None:
    """Serve until SIGTERM or SIGINT."""
    from exporter.logs import configure
    from exporter.serving.inherited import inherited_socket
    from exporter.serving.server import serve
    from exporter.serving.stop_signals import StopSignals

    configure(log_format)
    serve(settings, StopSignals(), inherited=inherited_socket(settings.listen))
