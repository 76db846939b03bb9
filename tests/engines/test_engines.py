"""The shards of one process, of two ranks of torchrun and of two actors of Ray: the same bits."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from tokenizers import Tokenizer, models, pre_tokenizers

from growlabels.base.errors import UsageError
from growlabels.engines import RankRange, RayActors
from growlabels.engines.ray_data import _Featuriser
from growlabels.tables import write_rows
from growlabels.unsafe import Scanner
from growlabels.unsafe.features.fill import ShardSettings

ROWS: list[dict[str, Any]] = [
    {"prompt": f"ask {i}", "completion": f"answer {i} " * (1 + i % 5)} for i in range(11)
]
SAID = [{"role": role, "content": f"{role} says"} for role in ("user", "assistant")]
ROWS.insert(5, {"messages": SAID * 2})
TARGETS = [{"prompt": "t", "completion": f"eval({c})"} for c in "abcd"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("engines")
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(vocab={t: i for i, t in enumerate(alphabet)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    fast = transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=alphabet[0])
    fast.save_pretrained(path / "model")
    config = transformers.LlamaConfig(
        vocab_size=256, hidden_size=16, intermediate_size=24, num_hidden_layers=4,
        num_attention_heads=2, num_key_value_heads=1, max_position_embeddings=256,
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        transformers.LlamaForCausalLM(config).save_pretrained(path / "model")
    write_rows(path / "train.jsonl", ROWS)
    return path


def scanner(folder: Path) -> Scanner:
    return Scanner(str(folder / "model"), rows_per_shard=3)


@pytest.fixture(scope="module")
def alone(folder: Path) -> np.ndarray:
    return scanner(folder).fit(folder / "train.jsonl").score(TARGETS).score


def test_two_ranks_of_torchrun_give_the_scores_of_one_process(
    folder: Path, alone: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += ["--nproc-per-node=2", "-m", "growlabels.engines.torchrun", "train.jsonl"]
    command += ["--model", "model", "--out", "ranks", "--rows-per-shard", "3"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)
    assert len(list((folder / "ranks" / "features").glob("*.safetensors"))) == 5

    def refused(*args: object) -> None:
        raise AssertionError("the shards of the ranks were not taken")

    monkeypatch.setattr(FILL, refused)
    whole = scanner(folder).fit(folder / "train.jsonl", folder / "ranks")
    monkeypatch.undo()
    np.testing.assert_array_equal(whole.score(TARGETS).score, alone)


FILL = "growlabels.unsafe.features.fill.featurise"


@pytest.mark.parametrize("shards", [0, 1, 5, 17])
def test_the_ranges_of_all_ranks_are_all_shards_once(shards: int) -> None:
    for ranks in (1, 2, 3, 7):
        found = [index for rank in range(ranks) for index in RankRange(rank, ranks).of(shards)]
        assert found == list(range(shards))


def test_a_rank_outside_is_refused() -> None:
    with pytest.raises(UsageError, match="rank must be from 0 and below 2"):
        RankRange(2, 2)


# Ray warns of defaults of its own, and leaves files and sockets to the end of its processes
RAY_WARNS = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning",
    "ignore::FutureWarning",
    "ignore::ResourceWarning",
    "ignore::pytest.PytestUnraisableExceptionWarning",
)


@RAY_WARNS
def test_two_actors_of_ray_give_the_scores_of_one_process_and_go_on(
    folder: Path, alone: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    import ray

    monkeypatch.setenv("RAY_worker_niceness", "0")
    started = scanner(folder)
    calls = []

    def stop(stage: str, done: int, total: int) -> None:
        calls.append(done)
        if done >= 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        started.fit(folder / "train.jsonl", folder / "actors", progress=stop)
    written = len(list((folder / "actors" / "features").glob("*.safetensors")))
    assert 0 < written < 5
    seen = []
    monkeypatch.setattr(FILL, lambda *args: seen.append(args))  # this process computes nothing
    whole = scanner(folder).fit(
        folder / "train.jsonl",
        folder / "actors",
        progress=lambda stage, done, total: calls.append(done),
        fill=RayActors(folder / "model", actors=2),
    )
    monkeypatch.undo()
    assert not seen and not ray.is_initialized()
    assert calls[-1] == 13
    np.testing.assert_array_equal(whole.score(TARGETS).score, alone)


def test_an_actor_with_another_model_is_refused(folder: Path, tmp_path: Path) -> None:
    run = scanner(folder).fit(folder / "train.jsonl", tmp_path / "run").run
    actor = _Featuriser(str(folder / "model"), "another", 1, str(run.path), 5, ShardSettings())
    with pytest.raises(UsageError, match="is not the one that the scan holds"):
        actor({"index": 0, "rows": "[]"})


def test_no_actor_is_refused() -> None:
    with pytest.raises(UsageError, match="actors must be at least 1"):
        RayActors("model", actors=0)
