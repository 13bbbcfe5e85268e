"""The long run, made short: it finds nothing, and it finds what is put there."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

from ebpfc.testing import rule_set_trial, soak, wrong_texts
from ebpfc.testing.agreement import Disagreement


@pytest.mark.kernel
def test_policies_agree(capsys: pytest.CaptureFixture[str]) -> None:
    few = "--policies 4 --frames 50 --stateful 2 --packets 40 --texts 0 --rule-sets 0 --jobs 1"
    assert soak.main(few.split()) == 0
    assert "policies: 4, 600 compared, 0 failed" in capsys.readouterr().out


@pytest.mark.parametrize("seed", range(120))
def test_a_text_ends_in_an_answer(seed: int) -> None:
    assert wrong_texts.survive(seed) is None


def test_texts_are_of_all_kinds() -> None:
    texts = [wrong_texts.random_text(Random(seed)) for seed in range(200)]
    assert len(set(texts)) > 190
    assert any(b"\0" in text for text in texts) and any(b"vxlan" in text for text in texts)


def test_a_disagreement_is_found_with_its_seed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = Disagreement("xdp", b"\1\2", ("pass", None), ("drop", 3))
    monkeypatch.setattr(soak, "disagreements", lambda *_: [wrong])
    assert (
        soak.main(
            ["--policies", "1", "--first", "77", "--stateful", "0", "--texts", "0", "--rule-sets", "0", "--jobs", "1"]
        )
        == 1
    )
    printed = capsys.readouterr().out
    assert "seed 77: xdp: reference ('pass', None), kernel ('drop', 3): 0102" in printed


@pytest.mark.parametrize(
    ("status", "says"), [(3, ""), (2, "error[PF0101]"), (1, "no code"), (0, "nothing was written")]
)
def test_a_wrong_answer_is_found(monkeypatch: pytest.MonkeyPatch, status: int, says: str) -> None:
    def answer(_words: list[str]) -> int:
        print(says)
        return status

    monkeypatch.setattr(wrong_texts, "ebpfc", answer)
    assert "seed 5: exit" in (wrong_texts.survive(5) or "")


def test_a_hang_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def think(_words: list[str]) -> int:
        try:
            while True:
                pass
        except Exception:  # as the command's own last line of defence
            return 1

    monkeypatch.setattr(wrong_texts, "ebpfc", think)
    monkeypatch.setattr(wrong_texts, "PATIENCE", 1)
    assert "over 1 s" in (wrong_texts.survive(5) or "")


FEW_RULES = ((200, (4, 6), "fw"),)


@pytest.mark.kernel
def test_sets_of_many_rules_agree() -> None:
    assert rule_set_trial.rule_set_trial(0, 3000, FEW_RULES) == []


@pytest.mark.kernel
def test_a_wrong_first_match_is_found_in_the_tables_and_in_the_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rule_set_trial, "first_match_of_many", lambda _, keys: np.full(len(keys), 7, np.uint32))
    found = rule_set_trial.rule_set_trial(0, 100, FEW_RULES)
    assert sum("tables" in one for one in found) > 50 and sum("kernel" in one for one in found) > 50
