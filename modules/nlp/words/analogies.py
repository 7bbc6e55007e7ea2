"""Analogies: a is to b as c is to d, answered by adding and subtracting vectors.

Paper: Mikolov et al., "Efficient Estimation of Word Representations in Vector Space",
       2013; called 3CosAdd since Levy and Goldberg, CoNLL 2014.
Link:  https://arxiv.org/abs/1301.3781 (sections 1.1 and 4)
"""

import numpy as np

from modules.nlp.words.vocabulary import check_numbers


def normalize(vectors):
    """Return vectors of length 1; a vector of zeros stays one.

    Example:
        >>> normalize([[3.0, 4.0], [0.0, 0.0]])
        array([[0.6, 0.8],
               [0. , 0. ]])
    """
    vectors = np.asarray(vectors, "float64")
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / np.where(length > 0, length, 1.0)


def nearest(vectors, wanted, excluded=None):
    """Return the word whose vector makes the smallest angle with each wanted one.

    Args:
        vectors: (V, D) float, one a word.
        wanted: (N, D) float.
        excluded: (N, E) int, words that may not be the answer; None for none.

    Returns:
        (N,) int, of equals the first.

    Raises:
        ValueError: no word is left that may be the answer.

    Example:
        >>> nearest([[1.0, 0.0], [5.0, 5.0]], [[2.0, 1.9]])
        array([1])
    """
    cosines = normalize(wanted) @ normalize(vectors).T  # (N, V)
    if excluded is not None:
        excluded = check_numbers("excluded words", excluded, len(cosines.T))
        np.put_along_axis(cosines, excluded, -np.inf, axis=1)
    if not np.isfinite(cosines).any(axis=1).all():
        raise ValueError(
            f"no word is left of {len(cosines.T)}, or vectors are not finite"
        )
    return np.argmax(cosines, axis=1)


def solve(vectors, questions, exclude=True, never=()):
    """Return d for each question "a is to b as c is to ...?".

        d* = argmax over d not in {a, b, c} of cos(d, b - a + c)

    All vectors get length 1 first. The words of the question are excluded: without
    that the answer is often c or b itself, since b - a is short.

    Args:
        vectors: (V, D) float.
        questions: (N, 3) int: a, b, c.
        exclude: bool, whether a, b and c are no answers.
        never: words that are no answers in any case, as padding.

    Returns:
        (N,) int.

    Raises:
        ValueError: questions are not (N, 3), or a number is none of a word.

    Example:
        >>> king, man, woman, queen = [1, 1, 1], [0, 1, 1], [0, 1, -1], [1, 1, -1]
        >>> vectors = np.array([man, king, woman, queen], "float64")
        >>> solve(vectors, [[0, 1, 2]]).item()
        3
    """
    questions = check_numbers("words", questions, len(vectors))
    if questions.ndim != 2 or questions.shape[1] != 3:
        raise ValueError(f"questions must be (N, 3), got {questions.shape}")
    unit = normalize(vectors)
    a, b, c = questions.T
    never = np.tile(np.array(never, "int32"), (len(questions), 1))  # (N, E)
    excluded = np.concatenate([questions, never], axis=1) if exclude else never
    return nearest(unit, unit[b] - unit[a] + unit[c], excluded)


def analogy_accuracy(vectors, quadruples, exclude=True, never=()):
    """Return the share of a : b :: c : d in which d is found; NaN is never returned.

    Args:
        vectors: (V, D) float.
        quadruples: (N, 4) int, N >= 1.
        exclude, never: as in `solve`.

    Returns:
        float from 0 to 1.

    Raises:
        ValueError: there are no quadruples.

    Example:
        >>> analogy_accuracy(np.eye(5), [[0, 1, 2, 3], [0, 1, 2, 4]])
        0.5
    """
    quadruples = np.asarray(quadruples)
    if quadruples.ndim != 2 or quadruples.shape[1] != 4 or not len(quadruples):
        raise ValueError(f"quadruples must be (N, 4), N >= 1, got {quadruples.shape}")
    found = solve(vectors, quadruples[:, :3], exclude, never)
    return float(np.mean(found == quadruples[:, 3]))
