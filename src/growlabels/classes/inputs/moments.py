"""Mean and deviation of columns, measured at once or batch after batch."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Moments:
    """What is known of the values of each column; missing ones do not count.

    Attributes
    ----------
    count, mean, deviation
        ``(columns,)``: number of values, their mean and standard deviation; 0 without a value.
    low, high
        ``(columns,)``: least and largest value; infinities the wrong way round without a value.
    """

    count: NDArray[np.float64]
    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]

    @classmethod
    def of(cls, array: NDArray[np.float64]) -> "Moments":
        """Measure the columns of ``(rows, columns)``, NaN where a value is missing.

        >>> Moments.of(np.array([[1.0, np.nan], [3.0, np.nan]])).deviation
        array([1., 0.])
        """
        absent = np.isnan(array)
        none = absent.all(0)
        values = np.where(none, 0.0, array)
        with np.errstate(over="ignore", invalid="ignore"):
            mean, deviation = np.nanmean(values, 0), np.nanstd(values, 0)
        low = np.where(none, np.inf, np.nanmin(values, 0))
        high = np.where(none, -np.inf, np.nanmax(values, 0))
        return cls((~absent).sum(0).astype(float), mean, deviation, low, high)

    @property
    def scale(self) -> NDArray[np.float64]:
        """What to divide by: the deviation, or 1 where a column is constant so far."""
        varies = self.high > self.low  # a mean, and so a deviation, may be off by rounding
        return np.where(varies & (self.deviation > 0), self.deviation, 1.0)

    def joined(self, other: "Moments") -> "Moments":
        """Return the moments of both sets of rows together (Chan, Golub, LeVeque, 1983).

        >>> one, two = np.array([[1.0], [2.0]]), np.array([[6.0]])
        >>> Moments.of(one).joined(Moments.of(two)).mean
        array([3.])
        """
        count = self.count + other.count
        share = other.count / np.maximum(count, 1)
        with np.errstate(over="ignore", invalid="ignore"):
            apart = other.mean - self.mean
            variance = (
                (1 - share) * self.deviation**2
                + share * other.deviation**2
                + share * (1 - share) * apart**2
            )
            mean = np.where(self.count > 0, self.mean + share * apart, other.mean)
        low, high = np.minimum(self.low, other.low), np.maximum(self.high, other.high)
        return Moments(count, mean, np.sqrt(variance), low, high)

    def to_json(self) -> dict[str, Any]:
        """Return the five rows of numbers as lists; without a value low and high are None."""
        fields: dict[str, Any] = {name: values.tolist() for name, values in vars(self).items()}
        for name in ("low", "high"):
            fields[name] = [value if np.isfinite(value) else None for value in fields[name]]
        return fields

    @classmethod
    def from_json(cls, data: dict[str, list[Any]]) -> "Moments":
        """Read what :meth:`to_json` gave."""
        ends = {"low": np.inf, "high": -np.inf}
        return cls(
            **{
                name: np.array([ends.get(name) if v is None else v for v in values], float)
                for name, values in data.items()
            }
        )
