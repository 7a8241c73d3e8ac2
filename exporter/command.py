"""The command line of the exporter: `redshank exporter`, or `python -m exporter`."""

from __future__ import annotations

import os
import re
from argparse import SUPPRESS, Namespace
from collections.abc import Sequence
from typing import Any, NamedTuple

# Import only light modules here: `redshank exporter --help` must be quick.
from exporter.collector_options import MISSING_COLLECTORS, OPTIONS, REFUSED, CollectorOptions
from exporter.command_line import CommandLine, count, number_between
from exporter.settings import DEFAULT_LISTEN, ExporterSettings

_DEFAULTS = ExporterSettings()
# `--collector.cpu` or `--no-collector.cpu`; flags with a second dot are settings of one.
_COLLECTOR_FLAG = re.compile(r"--(no-)?collector\.([a-z0-9_-]+)")
_MIB = 2**20
# Options without a value. Like node_exporter's, they also exist as `--no-…` and `--…=false`.
_SWITCHES = {
    "--collector.disable-defaults": "Run only the collectors that are enabled by name.",
    "--web.disable-exporter-metrics": "Leave out the exporter's own metrics: process_*, python_*, "
    "redshank_exporter_*.",
    "--web.systemd-socket": "Listen on the socket that systemd passes only.",
    **{one.flag: one.documentation for one in OPTIONS if isinstance(one.default, bool)},
}


class _PushOptions(NamedTuple):
    """The options of push mode, as the command line has them."""

    url: str
    key: str
    config_file: str
    interval_s: float | None
    queue: str
    queue_mib: float | None

    @property
    def is_on(self) -> bool:
        """Whether to push instead of being scraped."""
        return bool(self.url or self.config_file)


def exporter(arguments: Sequence[str], prog: str = "redshank exporter") -> None:
    """Serve this host's metrics until SIGTERM or SIGINT, or push them.

    Args:
        arguments: the command line, without the command.
        prog: the words by which the user has called the command.

    Raises:
        SystemExit: the command line is wrong, the exporter cannot run, or it showed its help.
    """
    from exporter.errors import ExporterError

    parser = _parser(prog)
    given = parser.parse_args([word for argument in arguments for word in _words(parser, argument)])
    if given.version:
        from exporter.version import version

        parser.show(f"redshank exporter {version()}")
    push = _PushOptions(
        given.push,
        given.key,
        given.push_config,
        given.push_interval,
        given.push_queue,
        given.push_queue_size,
    )
    try:
        if push.is_on:
            _push(_settings(given), push, given.log_format, given.log_level)
        else:
            _serve(_settings(given), given.log_format, given.log_level)
    except ExporterError as exc:
        parser.fail(exc)


def _words(parser: CommandLine, argument: str) -> list[str]:
    """Return the options that a flag of node_exporter stands for."""
    flag, equals, value = argument.partition("=")
    for prefix, reason in REFUSED.items():
        if flag.startswith((f"--collector.{prefix}", f"--no-collector.{prefix}")):
            parser.error(f"{flag} is not supported: {reason}")
    if flag in _SWITCHES and equals and value in ("true", "false"):
        return [flag if value == "true" else flag.replace("--", "--no-", 1)]
    match = _COLLECTOR_FLAG.fullmatch(flag)
    if match is None or match[2] == "disable-defaults" or value not in ("", "true", "false"):
        return [argument]
    is_enabled = (match[1] is None) == (value != "false")
    if not is_enabled and match[2] in MISSING_COLLECTORS:
        return []
    return ["--enable-collector" if is_enabled else "--disable-collector", match[2]]


def _parser(prog: str) -> CommandLine:
    parser = CommandLine(prog, "Serve this host's metrics under node_exporter's names.")
    _add_serving(parser)
    _add_collecting(parser)
    _add_pushing(parser)
    for flag, documentation in _SWITCHES.items():
        parser.add_switch(flag, documentation)
    for option in OPTIONS:
        if not isinstance(option.default, bool):
            action = "append" if isinstance(option.default, tuple) else "store"
            parser.add_argument(
                option.flag,
                dest=option.flag,
                action=action,
                metavar="VALUE",
                help=option.documentation,
            )
    parser.add_argument("--version", action="store_true", help="Print the version.")
    return parser


def _add_serving(parser: CommandLine) -> None:
    parser.add_argument(
        "--listen",
        "--web.listen-address",
        metavar="ADDRESS",
        action="append",
        help="Address to listen on: HOST:PORT, [IPV6]:PORT, or :PORT for all addresses; default: "
        f"{DEFAULT_LISTEN}. A socket that systemd passes comes first. Repeatable.",
    )
    parser.add_argument(
        "--web.config.file",
        dest="web_config_file",
        metavar="FILE",
        help="File with TLS and users, in the format of Prometheus's exporters.",
    )
    parser.add_argument(
        "--max-requests",
        "--web.max-requests",
        type=count,
        metavar="N",
        default=_DEFAULTS.max_requests,
        help="How many scrapes are answered at the same time, 0 for any number; default: "
        "%(default)s.",
    )
    parser.add_argument(
        "--web.telemetry-path",
        dest="telemetry_path",
        metavar="PATH",
        default=_DEFAULTS.telemetry_path,
        help="Path of the metrics; default: %(default)s.",
    )
    # Without effect: the exporter has no Go runtime.
    parser.add_argument("--runtime.gomaxprocs", type=int, help=SUPPRESS)
    parser.add_argument(
        "--log-format",
        "--log.format",
        choices=["logfmt", "json"],
        default="logfmt",
        help="Format of log lines; default: %(default)s.",
    )
    parser.add_argument(
        "--log-level",
        "--log.level",
        choices=["debug", "info", "warn", "error"],
        default="info",
        help="Log lines of this level and above; default: %(default)s.",
    )


def _add_collecting(parser: CommandLine) -> None:
    for flag, name, documentation in (
        ("--path.procfs", "proc", "Mount point of procfs."),
        ("--path.sysfs", "sys", "Mount point of sysfs."),
        (
            "--path.rootfs",
            "rootfs",
            "Where the host's root directory is mounted, if the exporter runs in a container.",
        ),
        ("--path.udev.data", "udev", "Directory of udev's device database."),
    ):
        default = getattr(_DEFAULTS.roots, name)
        parser.add_argument(flag, dest=name, metavar="DIR", default=default, help=documentation)
    parser.add_argument(
        "--textfile-directory",
        "--collector.textfile.directory",
        metavar="DIR",
        action="append",
        help="Directory of *.prom files with metrics of your own, or a pattern. Repeatable.",
    )
    parser.add_argument(
        "--collector-timeout",
        type=number_between(0.1, 300),
        metavar="SECONDS",
        default=_DEFAULTS.collector_timeout_s,
        help="How many seconds a scrape waits for one collector; default: %(default)s.",
    )
    for flag, documentation in (
        ("--collector", "Run this collector only. Repeatable."),
        (
            "--enable-collector",
            "Run this collector too; --collector.NAME means the same. Repeatable.",
        ),
        (
            "--disable-collector",
            "Do not run this collector; --no-collector.NAME means the same. Repeatable.",
        ),
    ):
        parser.add_argument(flag, action="append", metavar="NAME", help=documentation)


def _add_pushing(parser: CommandLine) -> None:
    parser.add_argument("--push", metavar="URL", default="", help="Push to this server instead.")
    parser.add_argument(
        "--key",
        default=os.environ.get("REDSHANK_PUSH_KEY", ""),
        help="With --push: the host's key; better in REDSHANK_PUSH_KEY.",
    )
    parser.add_argument(
        "--push-config",
        metavar="FILE",
        default="",
        help="Push as an agent_config.json says: api_url, host_key, report_interval_seconds.",
    )
    parser.add_argument(
        "--push-interval",
        metavar="SECONDS",
        type=number_between(1, 86400),
        help="Time from one push to the next; default: 15, or that of --push-config.",
    )
    parser.add_argument("--push-queue", metavar="DIR", default="", help="Directory of the queue.")
    parser.add_argument(
        "--push-queue-size",
        metavar="MIB",
        type=number_between(1, 1_000_000),
        help="Largest size of the queue, whose oldest pushes make room; default: 64.",
    )


def _settings(given: Namespace) -> ExporterSettings:
    from exporter.roots import Roots

    # The options of collectors and the switches are keys by their flags, which are no names.
    values: dict[str, Any] = vars(given)
    listen = given.listen or [DEFAULT_LISTEN]
    collectors = {
        option.name: tuple(value) if isinstance(value, list) else value
        for option in OPTIONS
        if (value := values[option.flag]) is not None
    }
    return ExporterSettings(
        listen=listen[0],
        also_listen=tuple(listen[1:]),
        web_config_file=given.web_config_file,
        roots=Roots(given.proc, given.sys, given.rootfs, given.udev),
        textfile_directories=tuple(given.textfile_directory or ()),
        collector_timeout_s=given.collector_timeout,
        collectors=frozenset(given.collector or ()),
        defaults=not values["--collector.disable-defaults"],
        enabled=frozenset(given.enable_collector or ()),
        disabled=frozenset(given.disable_collector or ()),
        max_requests=given.max_requests,
        options=CollectorOptions(collectors),
        telemetry_path=given.telemetry_path,
        own_metrics=not values["--web.disable-exporter-metrics"],
        needs_inherited=bool(values["--web.systemd-socket"]),
    )


def _serve(settings: ExporterSettings, log_format: str, log_level: str) -> None:
    """Serve until SIGTERM or SIGINT."""
    from exporter.logs import configure
    from exporter.serving.inherited import inherited_socket
    from exporter.serving.server import serve
    from exporter.serving.stop_signals import StopSignals

    configure(log_format, log_level)
    inherited = inherited_socket(settings.listen)
    with StopSignals() as stop:
        serve(settings, stop, inherited=inherited)


def _push(
    settings: ExporterSettings, options: _PushOptions, log_format: str, log_level: str
) -> None:
    """Push until SIGTERM or SIGINT."""
    from pathlib import Path

    from exporter.logs import configure
    from exporter.pushing.delivery import QueueDelivery
    from exporter.pushing.push_queue import DEFAULT_MOST_BYTES, PushQueue
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
    most_bytes = int(options.queue_mib * _MIB) if options.queue_mib else DEFAULT_MOST_BYTES
    try:
        queue = PushQueue(directory, most_bytes)
    except OSError as exc:
        raise PushSettingsError(f"--push-queue: {directory}: {exc.strerror}") from exc
    vectors = HostVectors.of(settings).push
    interval_s = options.interval_s or agent.interval_s
    with StopSignals() as stop:
        Pusher(vectors, queue, QueueDelivery(agent.server), interval_s).run(stop)
