import json

import pytest

from modules.nlp.language_models.byte_level_bpe import (
    CHARACTERS,
    ByteLevelBPE,
    pieces,
    symbols,
)

TEXTS = [
    "the low lower lowest, the newest and the widest; they're there.",
    "In 2019 the model read 40 GB of text: it's a lot!  Naïve café.",
]
ODD = ["", "   ", "a\n\n b", "日本語 🐦", "x_y  __ 12ab\t", "'s 's don't CAN'T \u00a0?"]


@pytest.fixture(scope="module")
def tokenizer():
    return ByteLevelBPE.learned(TEXTS, num_merges=40)


def test_256_characters_all_different_and_none_a_space():
    assert len(set(CHARACTERS)) == 256 and not any(c.isspace() for c in CHARACTERS)
    assert CHARACTERS[10] == "Ċ" and CHARACTERS[0] == "Ā" and CHARACTERS[173] == "Ń"
    assert symbols("é ") == ("Ã", "©", "Ġ")


@pytest.mark.parametrize("text", TEXTS + ODD)
def test_nothing_is_lost_and_nothing_is_unknown(tokenizer, text):
    assert "".join(pieces(text)) == text
    tokens = tokenizer.encode(text)
    assert tokenizer.decode(tokens) == text
    assert all(0 <= t < tokenizer.end for t in tokens)


def test_the_size_is_bytes_and_merges_and_one(tokenizer):
    assert len(tokenizer) == 256 + 40 + 1
    assert 256 + 50_000 + 1 == 50_257  # GPT-2's


def test_merges_stay_within_pieces():
    assert pieces("a dog's 2nd_bone.") == [
        "a",
        " dog",
        "'s",
        " 2",
        "nd",
        "_",
        "bone",
        ".",
    ]
    learned = ByteLevelBPE.learned(["a dog. a dog. a dog! a dog!"], num_merges=50)
    assert "Ġdog" in learned.texts
    assert not any("." in t and len(t) > 1 for t in learned.texts)
    assert learned.encode("") == []


def test_offset_leaves_room_for_others(tokenizer):
    shifted = ByteLevelBPE(tokenizer.merges, offset=3)
    tokens = shifted.encode(TEXTS[0])
    assert tokens == [t + 3 for t in tokenizer.encode(TEXTS[0])]
    assert shifted.decode([1, *tokens, shifted.end, 0, 0]) == TEXTS[0]
    with pytest.raises(ValueError, match="offset must be >= 0, got -1"):
        ByteLevelBPE([], offset=-1)


def test_half_a_character_is_replaced(tokenizer):
    assert tokenizer.decode(tokenizer.encode("é")[:1]) == "�"


def test_cuts_as_keras_hub_does(tokenizer, tmp_path):
    hub = pytest.importorskip("keras_hub")
    numbers = {text: number for number, text in enumerate(tokenizer.texts)}
    (tmp_path / "vocabulary.json").write_text(json.dumps(numbers))
    merges = "".join(f"{a} {b}\n" for a, b in tokenizer.merges)
    (tmp_path / "merges.txt").write_text(merges)
    theirs = hub.tokenizers.BytePairTokenizer(
        vocabulary=str(tmp_path / "vocabulary.json"),
        merges=str(tmp_path / "merges.txt"),
    )
    for text in [*TEXTS, "don't  lose 3 lows, 日本 é\n\nwidely"]:
        assert list(theirs(text)) == tokenizer.encode(text)
