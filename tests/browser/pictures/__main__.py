"""Takes pictures of the pages.

./run screenshots                every page: two themes, three widths, into screenshots/
./run screenshots --only alerts  the pages with `alerts` in their names
./run screenshots --language de --width 360 --width 1280
                                 every page in German, at two widths
./run screenshots --docs         the pictures of the documentation, into docs/images/
"""

import argparse
from pathlib import Path

from tests.browser.pictures import documentation, every_page


def main() -> None:
    """Take what the command line asks for."""
    parser = argparse.ArgumentParser(prog="./run screenshots", description=__doc__.split("\n")[0])
    parser.add_argument("--docs", action="store_true", help="the pictures of the documentation")
    parser.add_argument("--only", metavar="TEXT", default="", help="pages whose names contain TEXT")
    parser.add_argument("--language", default="en", help="such as de; not with --docs")
    parser.add_argument(
        "--width", type=int, action="append", help="in pixels, may be repeated; not with --docs"
    )
    parser.add_argument("--into", metavar="DIR", type=Path, help="another folder")
    chosen = parser.parse_args()
    if chosen.docs:
        documentation.main(chosen.into or Path("docs/images"), chosen.only)
    else:
        into = chosen.into or Path("screenshots")
        widths = chosen.width or every_page.WIDTHS
        every_page.main(into, chosen.only, chosen.language, widths)


if __name__ == "__main__":
    main()
