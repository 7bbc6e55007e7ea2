"""Zachary's karate club: who met whom outside, and with whom they went at the split.

Source: Zachary, "An Information Flow Model for Conflict and Fission in Small Groups",
        Journal of Anthropological Research 1977 (figures 1 and 3)
"""

import numpy as np

# Members 0, the instructor, to 33, the president; each friendship once, under the
# member with the lower number.
FRIENDS = {
    0: (1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 17, 19, 21, 31),
    1: (2, 3, 7, 13, 17, 19, 21, 30),
    2: (3, 7, 8, 9, 13, 27, 28, 32),
    3: (7, 12, 13),
    4: (6, 10),
    5: (6, 10, 16),
    6: (16,),
    8: (30, 32, 33),
    9: (33,),
    13: (33,),
    14: (32, 33),
    15: (32, 33),
    18: (32, 33),
    19: (33,),
    20: (32, 33),
    22: (32, 33),
    23: (25, 27, 29, 32, 33),
    24: (25, 27, 31),
    25: (31,),
    26: (29, 33),
    27: (33,),
    28: (31, 33),
    29: (32, 33),
    30: (32, 33),
    31: (32, 33),
    32: (33,),
}
MEMBERS = 34
WITH_INSTRUCTOR = (0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 16, 17, 19, 21)
LEADERS = (0, 33)


def edges():
    """Return (156, 2) int64: both directions of the 78 friendships."""
    pairs = np.array([(a, b) for a, others in FRIENDS.items() for b in others])
    both = np.concatenate([pairs, pairs[:, ::-1]])
    return both[np.lexsort(both.T[::-1])]


def labels():
    """Return (34,) int64: 0 went with the instructor, 1 stayed with the president."""
    return np.array([int(member not in WITH_INSTRUCTOR) for member in range(MEMBERS)])
