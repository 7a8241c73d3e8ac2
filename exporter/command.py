"""The command line of the exporter: `redshank exporter`, or `python -m exporter`."""

from collections.abc import Iterable

import click

# No other import of ours here: `redshank --help` shows this command and must be quick.


@click.command()
@click.option(
    "--listen", default=":9100", show_default=True, help="HOST:PORT, [IPV6]:PORT or :PORT."
)
@click.option("--path.procfs", "proc", default="/proc", show_default=True, help="Where procfs is.")
@click.option("--path.sysfs", "sysfs", default="/sys", show_default=True, help="Where sysfs is.")
@click.option(
    "--path.rootfs", "rootfs", default="/", show_default=True, help="Where the host's / is."
)
@click.option(
    "--path.udev.data", "udev", default="/run/udev/data", show_default=True, help="Where udev's is."
)
@click.option(
    "--textfile-directory",
    type=click.Path(file_okay=False),
    help="Where *.prom files with metrics of your own are read from.",
)
@click.option(
    "--collector-timeout",
    type=click.FloatRange(0.1, 300),
    default=5.0,
    show_default=True,
    help="Seconds after which a collector is given up for one scrape.",
)
@click.option(
    "--collector", "enabled", multiple=True, help="Run this collector besides the default ones."
)
@click.option("--disable-collector", "disabled", multiple=True, help="Do not run this collector.")
@click.option(
    "--log-format",
    type=click.Choice(["console", "json"]),
    default="console",
    show_default=True,
    help="How log lines look.",
)
def exporter(
    listen: str,
    proc: str,
    sysfs: str,
    rootfs: str,
    udev: str,
    textfile_directory: str | None,
    collector_timeout: float,
    enabled: Iterable[str],
    disabled: Iterable[str],
    log_format: str,
) -> None:
    """Serve this host's metrics under node_exporter's names."""
    import signal
    import threading

    from exporter.errors import ExporterError
    from exporter.logs import configure
    from exporter.roots import Roots
    from exporter.server import serve
    from exporter.settings import ExporterSettings

    configure(log_format)
    settings = ExporterSettings(
        listen=listen,
        roots=Roots(proc, sysfs, rootfs, udev),
        textfile_directory=textfile_directory,
        collector_timeout_s=collector_timeout,
        enabled=frozenset(enabled),
        disabled=frozenset(disabled),
    )
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        serve(settings, stop)
    except ExporterError as exc:
        raise click.ClickException(str(exc)) from exc
