"""What trainings come to on a machine: numbers, and the same in words."""

from dataclasses import dataclass

from common.errors import counted
from common.progress import duration


@dataclass(frozen=True)
class Times:
    """What a training with one preset comes to on this machine.

    Attributes:
        preset: its name.
        images: that it trains on.
        epochs: of the whole training.
        epoch_seconds: of one, at most.
        training_seconds: of all, at most.
        memory_bytes: of main memory, at most.
        disk_bytes: that the weights of all epochs take.
    """

    preset: str
    images: int
    epochs: int
    epoch_seconds: float
    training_seconds: float
    memory_bytes: int
    disk_bytes: int

    def words(self) -> str:
        """Return the times, and the memory, to read."""
        epoch, training = about(self.epoch_seconds), about(self.training_seconds)
        images = counted(self.images, "image")
        return (
            f"preset {self.preset}: an epoch of {images} takes {epoch}, all"
            f" {self.epochs} {training}"
            f" at most; {self.memory_bytes / 1e9:.1f} GB of memory,"
            f" {self.disk_bytes / 1e9:.1f} GB of disk for weights"
        )


def about(seconds: float) -> str:
    """Return a time in words that claim no more than a forecast can."""
    return f"about {duration(seconds)}" if seconds >= 1 else "less than a second"
