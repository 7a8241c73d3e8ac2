"""Labels as people write them into a form: a line of `name=value` for each."""


def read_labels(text: str) -> tuple[dict[str, str], str]:
    """Return the labels in lines of `name=value`, and an error message or ""."""
    labels: dict[str, str] = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        name, mark, value = line.partition("=")
        if not mark:
            return {}, f"write {line!r} as name=value"
        labels[name.strip()] = value.strip().strip('"')
    return labels, ""
