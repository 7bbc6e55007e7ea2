"""Masked words: hide some, change some, and ask what stood there.

Paper: Devlin, Chang, Lee and Toutanova, "BERT: Pre-training of Deep Bidirectional
       Transformers for Language Understanding", NAACL 2019. Masks drawn anew each time:
       Liu et al., "RoBERTa: A Robustly Optimized BERT Pretraining Approach", 2019.
Link:  https://arxiv.org/abs/1810.04805 (section 3.1, task 1; appendix A.1);
       https://arxiv.org/abs/1907.11692 (section 4.1)
"""

from keras import ops


def select(tokens, noise, rate=0.15, specials=(0,)):
    """Return which tokens the model shall predict.

    In each row the tokens that are not special, n of them, are ranked by their noise,
    and the first round(rate * n) are taken, but at least one where n > 0. So the number
    is fixed and the places are by chance, as in BERT's code.

    Args:
        tokens: (B, T) int.
        noise: (B, T) float in [0, 1), uniform.
        rate: float in (0, 1).
        specials: ints never selected: padding, [CLS], [SEP], [MASK].

    Returns:
        (B, T) bool.

    Raises:
        ValueError: rate is not in (0, 1).
    """
    if not 0 < rate < 1:
        raise ValueError(f"rate must be in (0, 1), got {rate!r}")
    eligible = ops.ones_like(tokens, "bool")
    for special in specials:
        eligible = ops.logical_and(eligible, ops.not_equal(tokens, special))
    words = ops.sum(ops.cast(eligible, "float32"), axis=1, keepdims=True)
    budget = ops.maximum(ops.round(rate * words), ops.minimum(words, 1.0))
    order = ops.argsort(ops.where(eligible, noise, 2.0), axis=1)
    rank = ops.cast(ops.argsort(order, axis=1), "float32")
    return ops.logical_and(rank < budget, eligible)


def corrupt(tokens, selected, noise, random_tokens, mask_token):
    """Replace selected tokens: 80 % by [MASK], 10 % by a random token, 10 % by itself.

    Why not all by [MASK]: it never occurs in use. The model is not told which tokens
    were left as they are, so it must know of EVERY token whether it fits.

    Args:
        tokens: (B, T) int.
        selected: (B, T) bool.
        noise: (B, T) float in [0, 1): below 0.8 masked, from 0.9 kept, else random.
        random_tokens: (B, T) int, drawn uniformly from the words.
        mask_token: int.

    Returns:
        (B, T) int; where nothing is selected, nothing changes.
    """
    random_tokens = ops.cast(random_tokens, tokens.dtype)
    other = ops.where(noise < 0.9, random_tokens, tokens)
    other = ops.where(noise < 0.8, ops.cast(mask_token, tokens.dtype), other)
    return ops.where(selected, other, tokens)


def mask_tokens(tokens, noise, vocabulary_size, mask_token, specials, rate=0.15):
    """Return what a model of masked words reads, and what it shall say.

    Noise that is drawn anew each time a sentence is used makes the masking dynamic, as
    in RoBERTa; BERT's data held ten masks of each sentence, drawn once.

    Args:
        tokens: (B, T) int; padding is 0.
        noise: (3, B, T) float in [0, 1), uniform and independent: for the selection,
            for what becomes of it, for the random token.
        vocabulary_size: int; random tokens are any from the largest special one on.
        mask_token: int.
        specials: ints, never selected; 0 and mask_token are so anyhow.
        rate: float in (0, 1).

    Returns:
        (tokens, labels), (B, T) int each: a label is the token that was selected, and 0
        elsewhere.

    Raises:
        ValueError: rate is not in (0, 1), or no token is left that is not special.

    Example:
        >>> tokens = ops.array([[1, 7, 8, 9, 2, 0]])
        >>> noise = ops.zeros((3, 1, 6))
        >>> read, labels = mask_tokens(tokens, noise, 20, mask_token=3, specials=(1, 2))
        >>> print(ops.convert_to_numpy(read), ops.convert_to_numpy(labels))
        [[1 3 8 9 2 0]] [[0 7 0 0 0 0]]
    """
    specials = {0, mask_token, *specials}
    first = max(specials) + 1
    if first >= vocabulary_size:
        raise ValueError(f"of {vocabulary_size} tokens none is behind {specials}")
    tokens = ops.cast(tokens, "int32")
    which, what, word = (ops.cast(noise[i], "float32") for i in range(3))
    selected = select(tokens, which, rate, sorted(specials))
    words = first + ops.cast(word * (vocabulary_size - first), "int32")
    read = corrupt(tokens, selected, what, words, mask_token)
    return read, ops.where(selected, tokens, 0)
