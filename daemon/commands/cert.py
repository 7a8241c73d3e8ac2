"""`redshank cert`: issues certificates by a local authority."""

from pathlib import Path

import click

from daemon.commands.errors import errors_as_messages
from daemon.commands.options import data_directory_option
from daemon.data_directory import DataDirectory


@click.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Directory to write to.  [default: the first name]",
)
@click.option(
    "--days",
    type=click.IntRange(1, 3650),
    default=365,
    show_default=True,
    help="How long the certificate is valid.",
)
@click.option(
    "--any-client",
    is_flag=True,
    help="Let web.yml admit clients without a certificate, such as browsers.",
)
@data_directory_option
def cert(
    directory: DataDirectory, names: tuple[str, ...], out: Path | None, days: int, any_client: bool
) -> None:
    """Issue a certificate for host names and IP addresses, and write all that a host needs.

    The authority is created on first use. The same command renews a certificate: exporters
    and servers notice the new files.
    """
    import datetime as dt

    from daemon.certificates import (
        SCRAPER_NAME,
        CertificateAuthority,
        renew_scraper,
        write_private,
        write_public,
    )

    target = out or Path(names[0].strip("[]").replace("*", "_"))
    now = dt.datetime.now(dt.UTC)
    with errors_as_messages():
        directory.create()
        authority = CertificateAuthority.open(directory, now)
        issued = authority.issue(names, now, days)
        renew_scraper(directory, now)
        target.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(target / "key.pem", issued.key)
        write_public(target / "cert.pem", issued.certificate)
        write_public(target / "ca.pem", authority.certificate)
        write_public(target / "web.yml", _web_config(None if any_client else SCRAPER_NAME).encode())
    clients = "any client" if any_client else "this server's scrapes only"
    click.echo(f"{target}/cert.pem: for {', '.join(names)}, until {issued.expires:%Y-%m-%d}")
    click.echo(f"{target}/key.pem: its key, for this user only")
    click.echo(f"{target}/ca.pem: the authority, for clients")
    click.echo(f"{target}/web.yml: for --web.config.file; admits {clients}")


def _web_config(client: str | None) -> str:
    lines = ["tls_server_config:", "  cert_file: cert.pem", "  key_file: key.pem"]
    if client is not None:
        lines += [
            "  client_auth_type: RequireAndVerifyClientCert",
            "  client_ca_file: ca.pem",
            f"  client_allowed_sans: [{client}]",
        ]
    return "\n".join(lines) + "\n"
