"""`redshank events`: exports, imports and erases events."""

from collections.abc import AsyncIterator
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

import click

from daemon.commands.options import server_options
from daemon.control import ServerAddress, call

if TYPE_CHECKING:
    from daemon.control import Control

_FORMATS: Final = ("jsonl", "csv", "parquet")
_LINES: Final = 5_000
_LARGEST_BYTES: Final = 16 * 2**20


@click.group()
def events() -> None:
    """Export, import and erase product events."""


_format = click.option(
    "--format",
    "file_format",
    type=click.Choice(_FORMATS),
    help="Format of the file.  [default: by its name, else jsonl]",
)


def _format_of(path: Path, chosen: str | None) -> str:
    suffix = path.suffix.lstrip(".").lower()
    return chosen or (suffix if suffix in _FORMATS else "jsonl")


def _path(project: str, rest: str) -> str:
    from urllib.parse import quote

    return f"/v1/projects/{quote(project, safe='')}/{rest}"


@events.command("export")
@click.argument("project")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@_format
@click.option("--from", "start", help="Start of the range, in ISO 8601.")
@click.option("--to", "end", help="End of the range, in ISO 8601.")
@server_options
def export_events(
    address: ServerAddress,
    project: str,
    file: Path,
    file_format: str | None,
    start: str | None,
    end: str | None,
) -> None:
    """Write the events of the project with the key PROJECT into FILE."""
    params = {"format": _format_of(file, file_format)}
    params |= {name: value for name, value in (("from", start), ("to", end)) if value}

    async def fetch(control: "Control") -> int:
        size = 0
        with file.open("wb") as output:
            async for chunk in control.download(_path(project, "export"), params):
                output.write(chunk)
                size += len(chunk)
        return size

    size = call(address, fetch)
    click.echo(f"wrote {file}: {size} bytes")


@events.command("import")
@click.argument("project")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@_format
@server_options
def import_events(
    address: ServerAddress, project: str, file: Path, file_format: str | None
) -> None:
    """Store the events of FILE in the project with the key PROJECT.

    Events that the project has already change nothing, so that an import may be repeated.
    """
    chosen = _format_of(file, file_format)

    async def send(control: "Control") -> tuple[int, int, int]:
        totals = [0, 0, 0]
        with file.open("rb") as source:
            async for body, first in _pieces(source, chosen):
                answer = await control.upload(_path(project, "import"), {"format": chosen}, body)
                for place, name in enumerate(("inserted", "duplicates", "refused")):
                    totals[place] += answer[name]
                for error in answer["errors"]:
                    row = first + error["index"] + 1
                    click.echo(f"event {row}: {error['field']}: {error['error']}", err=True)
        return totals[0], totals[1], totals[2]

    stored, duplicates, refused = call(address, send)
    click.echo(f"stored {stored}, known already {duplicates}, refused {refused}")
    if refused:
        raise SystemExit(1)


async def _pieces(source: IO[bytes], file_format: str) -> AsyncIterator[tuple[bytes, int]]:
    """Yield parts of a file, each with the number of events before it."""
    if file_format == "parquet":
        yield source.read(), 0
        return
    if file_format == "csv":
        async for piece in _csv_pieces(source):
            yield piece
        return
    first = 0
    while lines := list(islice(source, _LINES)):
        yield b"".join(lines), first
        first += sum(1 for line in lines if line.strip())


async def _csv_pieces(source: IO[bytes]) -> AsyncIterator[tuple[bytes, int]]:
    """Yield parts of a CSV file, each with the header; a cell may contain line breaks."""
    import csv
    import io

    rows = csv.reader(io.TextIOWrapper(source, "utf-8-sig", newline=""))
    header = next(rows, [])
    first = 0
    while some := list(islice(rows, _LINES)):
        text = io.StringIO(newline="")
        csv.writer(text).writerows([header, *some])
        yield text.getvalue().encode(), first
        first += len(some)


@events.command()
@click.argument("project")
@click.argument("person")
@click.option("--yes", is_flag=True, help="Do not ask.")
@server_options
def erase(address: ServerAddress, project: str, person: str, yes: bool) -> None:
    """Delete all events of PERSON, any id of theirs, from the project with the key PROJECT."""
    from urllib.parse import quote

    if not yes:
        click.confirm(f"Delete all events of {person!r} in {project}?", abort=True)
    path = _path(project, f"persons/{quote(person, safe='')}")
    answer = call(address, lambda control: control.request("DELETE", path))
    click.echo(f"deleted {answer['deleted']} events")
