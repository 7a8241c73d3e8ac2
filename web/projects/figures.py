"""Numbers of a project beside those of the period before."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """A number beside that of the period before."""

    title: str
    value: int
    before: int

    @property
    def change(self) -> float | None:
        """The relative change, None if there was nothing before."""
        return (self.value - self.before) / self.before if self.before else None
