"""What a student imitates: the unit vectors of a teacher's features."""

from dataclasses import dataclass

from torch import Tensor

from blemish.networks.discrepancy import unit_vectors
from blemish.networks.teacher import Teacher


@dataclass(frozen=True)
class TeacherVectors:
    """Asks a teacher for its unit vectors of the first `levels`, finest first."""

    teacher: Teacher
    levels: int

    def __call__(self, images: Tensor) -> tuple[Tensor, ...]:
        """Returns (B, C, h, w) float32 of each level, from images (B, 3, H, W), 0 to 1."""
        return tuple(unit_vectors(level) for level in self.teacher(images)[: self.levels])

    @property
    def identity(self) -> tuple[object, ...] | None:
        """What decides the vectors of an image, whichever method asks; None where nobody knows whose weights they
        are."""
        if self.teacher.weights_sha256 is None:
            return None
        return ("unit vectors", self.teacher.name, self.teacher.weights_sha256, self.levels)
