#!/usr/bin/env bash
# Device tests and times on a CUDA device, ten minutes at most: bash benchmarks/gpu.sh [PYTHON]
set -u
python=${1:-.venv/bin/python}
cd "$(dirname "$0")/.." || exit 1
if ! "$python" -c 'import sys, torch; sys.exit(not torch.cuda.is_available())'; then
    echo "torch finds no CUDA device here, so nothing was run or measured."
    exit 1
fi
export PYTHONPATH=$PWD/src
failed=0
timeout 480 "$python" -m pytest -q tests/classes tests/unsafe -k "device or cuda" || failed=1
timeout 100 "$python" benchmarks/classes_device.py --device cuda || failed=1
exit $failed
