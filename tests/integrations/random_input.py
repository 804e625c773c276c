# SPDX-License-Identifier: LGPL-2.1-or-later
"""Random input for what the integrations read; the seed is printed, and VH_TEST_SEED sets it."""

import importlib.util
import os
import random
import sys

TEXTS = ("", "web1", "\x1b[2J", "a\nb", "\u202eevil", "\udcff", "x" * 5000, "0", "-1", "nan",
         "1e999", "urn:virthint:policy:1", "<a/>", "&amp;", "]]>", "%s%n", "9" * 400)
NUMBERS = (0, 1, -1, 1 << 30, 1 << 63, 1 << 64, 10 ** 30, 0.5, -1e308, float("inf"), float("nan"),
           True, False, None)


def generator(name):
    seed = int(os.environ.get("VH_TEST_SEED") or random.SystemRandom().randrange(1 << 32))
    sys.stderr.write("%s: VH_TEST_SEED=%d\n" % (name, seed))
    return random.Random(seed)


def rounds(few):
    return few * 20 if os.environ.get("VH_TEST_LONG") else few


def load(path, name):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def value(rng, keys, depth=0):
    """Anything that JSON can say, under keys that mean something."""
    kind = rng.randrange(8)
    if kind < 2 and depth < 4:
        return {rng.choice(keys): value(rng, keys, depth + 1) for _ in range(rng.randrange(5))}
    if kind == 2 and depth < 4:
        return [value(rng, keys, depth + 1) for _ in range(rng.randrange(4))]
    return rng.choice(NUMBERS if kind < 5 else TEXTS)


def mutated(rng, text, pieces):
    """Bytes with a few slips: cut out, doubled, put in, overwritten."""
    text = bytearray(text)
    for _ in range(rng.randrange(1, 5)):
        start = rng.randrange(len(text) + 1)
        end = min(len(text), start + rng.choice((0, 1, 2, 8, 60)))
        how = rng.randrange(4)
        if how == 0:
            text[start:end] = b""
        elif how == 1:
            text[start:start] = text[start:end]
        elif how == 2:
            text[start:start] = rng.choice(pieces)
        else:
            text[start:end] = bytes(rng.randrange(256) for _ in range(end - start))
    return bytes(text)
