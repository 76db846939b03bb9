"""A multi-label stream in River: a pipeline that scales, predicts and then learns each row."""

import random

from river import compose, metrics, preprocessing

from growlabels.stream import IHOMER


def rows(count: int, seed: int = 0):
    """Yield tickets with two numbers, and labels that depend on them."""
    draw = random.Random(seed)
    for _ in range(count):
        x = {"length": draw.random() * 500, "urgency": draw.random()}
        yield x, {"long": x["length"] > 250, "urgent": x["urgency"] > 0.5}


def main() -> float:
    """Return the exact match over the stream."""
    model = compose.Pipeline(preprocessing.StandardScaler(), IHOMER())
    exact = metrics.multioutput.ExactMatch()
    for x, y in rows(600):
        predicted = model.predict_one(x)
        exact.update(y, {label: predicted.get(label, False) for label in y})
        model.learn_one(x, y)
    return exact.get()


if __name__ == "__main__":
    print(f"exact match {main():.3f}")
