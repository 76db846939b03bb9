"""The number of lanes on other processors, and the results of eight lanes."""

import ast
import os
import subprocess
import sys

import numpy as np
import pytest
from tests.classes.products.kernels.twin import unit_rows

from growlabels.classes.codes.kerdock import sign_rows
from growlabels.classes.products.compiled_vectors import available

if not available():
    pytest.skip("numba compiles neither for AVX-512 nor for AVX2", allow_module_level=True)

from growlabels.classes.products.kernels import entry
from growlabels.classes.products.kernels.plan import make_plan
from growlabels.classes.products.kernels.vector_ir import LANES


def run_python(code: str, given: str = "", **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        input=given,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize(
    "environment",
    [
        {"NUMBA_DISABLE_JIT": "1"},
        {"NUMBA_CPU_NAME": "x86-64", "NUMBA_CPU_FEATURES": "+sse2"},
    ],
)
def test_no_lanes_without_compilation_or_wide_vectors(environment: dict[str, str]) -> None:
    code = "from growlabels.classes.products.kernels.vector_ir import LANES; print(LANES)"
    assert run_python(code, **environment) == "0"


@pytest.mark.slow
@pytest.mark.skipif(LANES != 16, reason="needs AVX-512 to compare with")
def test_eight_lanes_give_the_same() -> None:
    """What a processor with AVX2 computes; compiled for one, run here."""
    z, target = unit_rows(20, 64, 3), np.arange(20)
    plan = make_plan(sign_rows(64), 1000)
    features = pytest.importorskip("llvmlite.binding").get_host_cpu_features()
    flags = [
        ("+" if there and not name.startswith(("avx512", "avx10")) else "-") + name
        for name, there in features.items()
    ]
    code = """
import sys, numpy as np
from growlabels.classes.products.kernels import entry
from growlabels.classes.products.kernels import vector_ir
from growlabels.classes.codes.kerdock import sign_rows
from growlabels.classes.products.kernels.plan import make_plan
assert vector_ir.LANES == 8
z = np.frombuffer(bytes.fromhex(sys.stdin.read()), np.float32).reshape(20, 64)
plan = make_plan(sign_rows(64), 1000)
few, many = entry.topk(z[:3], plan, 4), entry.topk(z, plan, 4)
sums, _ = entry.sum_exp(z, np.arange(20), plan, 20.0, 0.0)
print(few[0].tolist(), many[0].tolist(), sums.tolist(), sep=";")
"""
    found = run_python(
        code, z.tobytes().hex(), NUMBA_CPU_NAME="haswell", NUMBA_CPU_FEATURES=",".join(flags)
    )
    few, many, sums = map(ast.literal_eval, found.split(";"))
    assert few == entry.topk(z[:3], plan, 4)[0].tolist()
    assert many == entry.topk(z, plan, 4)[0].tolist()
    np.testing.assert_allclose(sums, entry.sum_exp(z, target, plan, 20.0, 0.0)[0], rtol=1e-5)
