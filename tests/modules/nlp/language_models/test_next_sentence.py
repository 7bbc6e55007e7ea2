import numpy as np
import pytest

from modules.nlp.language_models.next_sentence import pack_pairs, sentence_pairs

FIRST = [[11, 12, 13], [21], [31, 32, 33, 34, 35, 36, 37]]
SECOND = [[14, 15], [22, 23], [38, 39, 40, 41]]


def test_half_follow_and_the_others_are_from_elsewhere():
    documents = [[f"{d:02}{s}" for s in range(9)] for d in range(45)]
    first, second, is_next = sentence_pairs(documents, np.random.default_rng(0))
    assert len(first) == len(second) == len(is_next) == 45 * 8
    assert abs(is_next.mean() - 0.5) < 0.08
    elsewhere = set()
    for a, b, follows in zip(first, second, is_next, strict=True):
        assert (a[:2] == b[:2]) == follows  # the document
        assert not follows or int(b[2]) == int(a[2]) + 1
        elsewhere |= set() if follows else {b[:2]}
    assert len(elsewhere) > 40  # any other document, the first and the last too


def test_other_documents_are_equally_likely():
    documents = [["a", "b"] * 500, ["c"], ["d"], ["e"]]
    _, second, is_next = sentence_pairs(documents, np.random.default_rng(0))
    others = [s for s, follows in zip(second, is_next, strict=True) if not follows]
    shares = [others.count(s) / len(others) for s in "acde"]
    np.testing.assert_allclose(shares, [0, 1 / 3, 1 / 3, 1 / 3], atol=0.06)


@pytest.mark.parametrize("wrong", [[["a", "b"]], [["a"], []], []])
def test_rejects_documents(wrong):
    with pytest.raises(ValueError, match="two documents or more are needed"):
        sentence_pairs(wrong, np.random.default_rng(0))


def test_packed_by_hand():
    tokens, segments = pack_pairs(FIRST[:2], SECOND[:2], 9, start=1, end=2)
    assert tokens.tolist() == [
        [1, 11, 12, 13, 2, 14, 15, 2, 0],
        [1, 21, 2, 22, 23, 2, 0, 0, 0],
    ]
    assert segments.tolist() == [
        [0, 0, 0, 0, 0, 1, 1, 1, 0],
        [0, 0, 0, 1, 1, 1, 0, 0, 0],
    ]
    assert tokens.dtype == segments.dtype == "int32"


def test_the_longer_sentence_loses_its_end():
    tokens, segments = pack_pairs(FIRST[2:], SECOND[2:], 9, start=1, end=2)
    assert tokens.tolist() == [[1, 31, 32, 33, 2, 38, 39, 40, 2]]
    assert segments.tolist() == [[0, 0, 0, 0, 0, 1, 1, 1, 1]]


@pytest.mark.parametrize("length", [5, 8, 20])
def test_equals_the_packer_of_keras_hub(length):
    hub = pytest.importorskip("keras_hub")
    packer = hub.layers.MultiSegmentPacker(
        sequence_length=length, start_value=1, end_value=2
    )
    for a, b in zip(FIRST, SECOND, strict=True):
        got = pack_pairs([a], [b], length, start=1, end=2)
        want = packer((np.array(a), np.array(b)))
        np.testing.assert_array_equal(got[0][0], want[0])
        np.testing.assert_array_equal(got[1][0], want[1])


def test_bad_input():
    with pytest.raises(ValueError, match="a sentence of pair 1 is empty"):
        pack_pairs([[7], []], [[8], [9]], 9, 1, 2)
    with pytest.raises(ValueError, match="length must be an int >= 5, got 4"):
        pack_pairs([[7]], [[8]], 4, 1, 2)
    with pytest.raises(ValueError, match="got 1 first and 2 second sentences"):
        pack_pairs([[7]], [[8], [9]], 9, 1, 2)
