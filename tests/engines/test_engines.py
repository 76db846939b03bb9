"""The shards of one process and of two ranks of torchrun: the same bits."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from tokenizers import Tokenizer, models, pre_tokenizers

from growlabels.base.errors import UsageError
from growlabels.base.rows import write_jsonl
from growlabels.engines.torchrun import RankRange
from growlabels.unsafe import Scanner

ROWS = [{"prompt": f"ask {i}", "completion": f"answer {i} " * (1 + i % 5)} for i in range(13)]
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
    write_jsonl(path / "train.jsonl", ROWS)
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


FILL = "growlabels.unsafe._shards.featurise"


@pytest.mark.parametrize("shards", [0, 1, 5, 17])
def test_the_ranges_of_all_ranks_are_all_shards_once(shards: int) -> None:
    for ranks in (1, 2, 3, 7):
        found = [index for rank in range(ranks) for index in RankRange(rank, ranks).of(shards)]
        assert found == list(range(shards))


def test_a_rank_outside_is_refused() -> None:
    with pytest.raises(UsageError, match="rank must be from 0 and below 2"):
        RankRange(2, 2)
