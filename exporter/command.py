"""The command line of the exporter: `redshank exporter`, or `python -m exporter`."""

import re
from collections.abc import Iterable
from typing import Any, NamedTuple

import click

# Import only light modules here: `redshank --help` loads this one and must be quick.
from exporter.collector_options import MISSING_COLLECTORS, OPTIONS, REFUSED, CollectorOptions
from exporter.settings import DEFAULT_LISTEN, ExporterSettings

_DEFAULTS = ExporterSettings()
# `--collector.cpu` or `--no-collector.cpu`; flags with a second dot are settings of one.
_COLLECTOR_FLAG = re.compile(r"--(no-)?collector\.([a-z0-9_-]+)")


class NodeExporterCommand(click.Command):
    """A command that also takes node_exporter's flags, each of which names a collector."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments, with `--collector.cpu` read as `--enable-collector cpu`."""
        return super().parse_args(ctx, [word for arg in args for word in _words(arg)])


def _words(argument: str) -> list[str]:
    """Return the options that a flag of node_exporter stands for.

    Raises:
        UsageError: it is an option that this exporter cannot honour.
    """
    flag, equals, value = argument.partition("=")
    for prefix, reason in REFUSED.items():
        if flag.startswith((f"--collector.{prefix}", f"--no-collector.{prefix}")):
            raise click.UsageError(f"{flag} is not supported: {reason}")
    if flag in _SWITCHES and equals and value in ("true", "false"):
        return [flag if value == "true" else flag.replace("--", "--no-", 1)]
    match = _COLLECTOR_FLAG.fullmatch(flag)
    if match is None or match[2] == "disable-defaults" or value not in ("", "true", "false"):
        return [argument]
    is_enabled = (match[1] is None) == (value != "false")
    if not is_enabled and match[2] in MISSING_COLLECTORS:
        return []
    return ["--enable-collector" if is_enabled else "--disable-collector", match[2]]


_SWITCHES = frozenset(option.flag for option in OPTIONS if isinstance(option.default, bool))


def _with_collector_options(command: click.Command) -> click.Command:
    """Add node_exporter's options of single collectors to a command."""
    for option in OPTIONS:
        is_switch = isinstance(option.default, bool)
        flags = f"{option.flag}/--no-collector.{option.name}" if is_switch else option.flag
        command.params.append(
            click.Option(
                [flags, _parameter(option.name)],
                default=None,
                multiple=isinstance(option.default, tuple),
                help=option.documentation,
            )
        )
    return command


def _parameter(option: str) -> str:
    return "collector_" + re.sub(r"[^a-z]", "_", option.lower())


def _print_version(ctx: click.Context, _: click.Parameter, is_given: bool) -> None:
    if is_given:
        from exporter.version import version

        click.echo(f"redshank exporter {version()}")
        ctx.exit()


class _PushOptions(NamedTuple):
    """The options of push mode, as the command line has them."""

    url: str
    key: str
    config_file: str
    interval_s: float | None
    queue: str

    @property
    def is_on(self) -> bool:
        """Whether to push instead of being scraped."""
        return bool(self.url or self.config_file)


_PUSH_OPTIONS = (
    click.Option(["--push", "push_url"], default="", help="Push to this server instead."),
    click.Option(
        ["--key", "push_key"],
        default="",
        envvar="REDSHANK_PUSH_KEY",
        help="With --push: the host's key; better in the environment.",
    ),
    click.Option(
        ["--push-config", "push_config"],
        default="",
        help="Push as an agent_config.json says: api_url, host_key, report_interval_seconds.",
    ),
    click.Option(
        ["--push-interval", "push_interval"],
        type=click.FloatRange(1, 86400),
        default=None,
        help="Seconds from one push to the next; default: 15, or that of --push-config.",
    ),
    click.Option(["--push-queue", "push_queue"], default="", help="Directory of the queue."),
)


def _with_push_options(command: click.Command) -> click.Command:
    command.params.extend(_PUSH_OPTIONS)
    return command


@_with_push_options
@_with_collector_options
@click.command(cls=NodeExporterCommand, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--listen",
    "--web.listen-address",
    "listen",
    default=[DEFAULT_LISTEN],
    show_default=True,
    multiple=True,
    help="Address to listen on: HOST:PORT, [IPV6]:PORT, or :PORT for all addresses. "
    "A socket that systemd passes comes first. Repeatable.",
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
    "--web.max-requests",
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
    "--web.telemetry-path",
    "telemetry_path",
    default=_DEFAULTS.telemetry_path,
    show_default=True,
    help="Path of the metrics.",
)
@click.option(
    "--web.disable-exporter-metrics",
    "no_own_metrics",
    is_flag=True,
    help="Leave out the exporter's own metrics: process_*, python_*, redshank_exporter_*.",
)
@click.option(
    "--web.systemd-socket",
    "needs_inherited",
    is_flag=True,
    help="Listen on the socket that systemd passes only.",
)
@click.option(
    "--runtime.gomaxprocs",
    "_processors",
    type=int,
    help="Without effect: the exporter has no Go runtime.",
)
@click.option(
    "--log-format",
    "--log.format",
    "log_format",
    type=click.Choice(["logfmt", "json"]),
    default="logfmt",
    show_default=True,
    help="Format of log lines.",
)
@click.option(
    "--log-level",
    "--log.level",
    "log_level",
    type=click.Choice(["debug", "info", "warn", "error"]),
    default="info",
    show_default=True,
    help="Log lines of this level and above.",
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Print the version.",
)
def exporter(
    listen: tuple[str, ...],
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
    telemetry_path: str,
    no_own_metrics: bool,
    needs_inherited: bool,
    _processors: int | None,
    log_format: str,
    log_level: str,
    **options: Any,
) -> None:
    """Serve this host's metrics under node_exporter's names."""
    from exporter.errors import ExporterError
    from exporter.roots import Roots

    settings = ExporterSettings(
        listen=listen[0],
        also_listen=listen[1:],
        web_config_file=web_config_file or None,
        roots=Roots(proc, sysfs, rootfs, udev),
        textfile_directories=tuple(textfile_directories),
        collector_timeout_s=collector_timeout,
        collectors=frozenset(collectors),
        defaults=not disable_defaults,
        enabled=frozenset(enabled),
        disabled=frozenset(disabled),
        max_requests=max_requests,
        options=CollectorOptions(
            {
                one.name: value
                for one in OPTIONS
                if (value := options[_parameter(one.name)]) not in (None, ())
            }
        ),
        telemetry_path=telemetry_path,
        own_metrics=not no_own_metrics,
        needs_inherited=needs_inherited,
    )
    push = _PushOptions(
        *(options[f"push_{name}"] for name in ("url", "key", "config", "interval", "queue"))
    )
    try:
        if push.is_on:
            _push(settings, push, log_format, log_level)
        else:
            _serve(settings, log_format, log_level)
    except ExporterError as exc:
        raise click.ClickException(str(exc)) from exc


def _serve(settings: ExporterSettings, log_format: str, log_level: str) -> None:
    """Serve until SIGTERM or SIGINT."""
    from exporter.logs import configure
    from exporter.serving.inherited import inherited_socket
    from exporter.serving.server import serve
    from exporter.serving.stop_signals import StopSignals

    configure(log_format, log_level)
    inherited = inherited_socket(settings.listen)
    serve(settings, StopSignals(), inherited=inherited)


def _push(
    settings: ExporterSettings, options: _PushOptions, log_format: str, log_level: str
) -> None:
    """Push until SIGTERM or SIGINT."""
    from pathlib import Path

    from exporter.logs import configure
    from exporter.pushing.delivery import QueueDelivery
    from exporter.pushing.push_queue import PushQueue
    from exporter.pushing.push_settings import (
        REPORT_PATH,
        PushAgentSettings,
        PushServer,
        PushSettingsError,
        default_queue,
        read_agent_config,
    )
    from exporter.pushing.pusher import HostVectors, Pusher
    from exporter.serving.stop_signals import StopSignals

    configure(log_format, log_level)
    if options.config_file:
        agent = read_agent_config(Path(options.config_file))
    else:
        agent = PushAgentSettings(PushServer.of(options.url, options.key, REPORT_PATH), 15.0)
    directory = Path(options.queue) if options.queue else default_queue()
    try:
        queue = PushQueue(directory)
    except OSError as exc:
        raise PushSettingsError(f"--push-queue: {directory}: {exc.strerror}") from exc
    vectors = HostVectors.of(settings).push
    interval_s = options.interval_s or agent.interval_s
    Pusher(vectors, queue, QueueDelivery(agent.server), interval_s).run(StopSignals())
