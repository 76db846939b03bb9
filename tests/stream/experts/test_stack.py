"""The stack starts as the plain mean of the experts."""

import numpy as np

from growlabels.stream.experts.stack import EXPERTS, new_stack
from growlabels.stream.numeric.arithmetic import mix


def test_a_new_stack_is_the_mean_of_the_experts() -> None:
    logits = np.random.default_rng(0).normal(size=(len(EXPERTS) + 1, 5))
    out = np.empty(5)
    mix(new_stack().weights, logits, out)
    np.testing.assert_allclose(out, logits[:-1].mean(0))
