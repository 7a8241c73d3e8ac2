"""The sources with samples in a range of time, and the layouts they used."""

from collections.abc import Collection, Iterable, Iterator

from storage.api.errors import StorageError
from storage.api.samples import ReadBudget, Source
from storage.damage import Damage
from storage.samples.catalog.layouts import Layouts, StoredLayout
from storage.samples.catalog.sources import Sources
from storage.samples.head.heads import Heads
from storage.samples.head.open_chunk import ChunkView
from storage.samples.head.source_head import SourceHead
from storage.samples.reading.selection import CachedSelector, SelectedSource
from storage.samples.windows.window import Window
from storage.samples.windows.window_set import WindowSet

Views = dict[int, list[ChunkView]]
"""The chunks in memory of each source, by its number."""


class RangeIndex:
    """Finds sources and layouts by time; any thread."""

    def __init__(
        self, heads: Heads, windows: WindowSet, sources: Sources, layouts: Layouts, damage: Damage
    ) -> None:
        self._heads, self._windows = heads, windows
        self._sources, self._layouts = sources, layouts
        self._damage = damage

    def views(self, heads: Iterable[SourceHead] | None = None) -> Views:
        """Return the chunks in memory of all sources, or of some."""
        some = self._heads if heads is None else heads
        return {head.source.id: views for head in some if (views := head.views())}

    def candidates(
        self,
        selector: CachedSelector,
        start_ms: int,
        end_ms: int,
        only: Collection[int] | None = None,
    ) -> tuple[Views, list[Window], Collection[int]]:
        """Return chunks in memory, windows, and the sources that may match.

        A query about one host of many, or about a metric that few hosts have, need not visit
        the others.

        Args:
            selector: which series are read.
            start_ms: the start of the range.
            end_ms: its end.
            only: the sources that are read; None for all that are not hidden.
        """
        admitted = selector.admitted(self._sources)
        heads = self._heads if only is None else filter(None, map(self._heads.get, only))
        # The layout is read first: if it is replaced then, its chunks are already among the
        # closed ones.
        views = self.views(
            head
            for head in heads
            if (
                selector.has_metric(head.layout)
                and selector.may_select(head.source.id, admitted, head.layout)
            )
            or head.closed
        )
        windows = self._windows.overlapping(start_ms, end_ms)
        some = set(views)
        for window in windows:
            spans = [span for span in window.spans if only is None or span[0] in only]
            layouts = {
                number: layout
                for number in {number for _, number in spans}
                if (layout := self._layout(number, window)) is not None
                and selector.has_metric(layout)
            }
            some.update(
                source
                for source, number in spans
                if number in layouts and selector.may_select(source, admitted, layouts[number])
            )
        return views, windows, some - self._sources.hidden if only is None else some & set(only)

    def selected(
        self,
        selector: CachedSelector,
        views: Views,
        windows: Iterable[Window],
        start_ms: int,
        end_ms: int,
        only: Collection[int] | None = None,
        budget: ReadBudget | None = None,
    ) -> Iterator[SelectedSource]:
        """Yield the selection of each source with samples in the range, by number."""
        for source, layouts in self._layouts_in_range(views, windows, start_ms, end_ms, only):
            selected = selector.select(source, layouts, budget)
            if selected is not None:
                yield selected

    def used_layouts(
        self, start_ms: int, end_ms: int
    ) -> Iterator[tuple[Source, list[StoredLayout]]]:
        """Yield each source with samples in the range, and the layouts it used."""
        windows = self._windows.overlapping(start_ms, end_ms)
        return self._layouts_in_range(self.views(), windows, start_ms, end_ms)

    def _layouts_in_range(
        self,
        views: Views,
        windows: Iterable[Window],
        start_ms: int,
        end_ms: int,
        only: Collection[int] | None = None,
    ) -> Iterator[tuple[Source, list[StoredLayout]]]:
        """Yield each source with samples in the range, by number, and the layouts it used.

        Hidden sources are left out unless `only` names them.
        """
        used: dict[int, dict[int, StoredLayout | Window]] = {}
        hidden = self._sources.hidden if only is None else frozenset[int]()
        for window in windows:
            for (source_id, layout_id), span in window.spans.items():
                if only is not None and source_id not in only:
                    continue
                if span.start_ms <= end_ms and span.end_ms >= start_ms:
                    used.setdefault(source_id, {}).setdefault(layout_id, window)
        for source_id, some in views.items():
            if only is not None and source_id not in only:
                continue
            for view in some:
                if view.start_ms <= end_ms and view.end_ms >= start_ms:
                    used.setdefault(source_id, {})[view.layout.id] = view.layout
        for source_id in sorted(used.keys() - hidden):
            source = self._sources.get(source_id)
            if source is not None:
                found = (self._layout(number, where) for number, where in used[source_id].items())
                yield source, [layout for layout in found if layout is not None]

    def _layout(self, layout_id: int, where: StoredLayout | Window) -> StoredLayout | None:
        if isinstance(where, StoredLayout):
            return where
        try:
            return self._layouts.get(layout_id, where.series_of)
        except StorageError as exc:
            self._damage.note("layout_unreadable", where.path.name, exc, layout=layout_id)
            return None
