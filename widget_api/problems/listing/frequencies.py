"""How often words are said, from what PostgreSQL has sampled of the index of words.

Its planner has the same samples and does not use them for this index (it takes each word for one row in 200), and
counting means reading a GIN index whole; so they are read here, once in a while.
"""

from __future__ import annotations

from math import prod

from cachetools import TTLCache

from widget_api.database import Database
from widget_api.wordforms import asked, stem

_SAMPLED_FOR = 60.0  # seconds
_samples: TTLCache[str, dict[str, float]] = TTLCache(16, _SAMPLED_FOR)


async def frequency(database: Database, query: str) -> float:
    """The share of problems that say all words of a query, if these have nothing to do with each other."""
    samples = _samples.get(database.url)
    if samples is None:
        samples = _samples[database.url] = await _sampled(database)
    return estimate(samples, asked(query))


def estimate(samples: dict[str, float], words: list[str]) -> float:
    """A word that is not among the frequent ones is rarer than the rarest of them."""
    rare = min(samples.values(), default=0.0)
    return prod(_share(samples, stem(word.removesuffix("*")), word[-1] == "*", rare) for word in words)


def _share(samples: dict[str, float], wanted: str, typing: bool, rare: float) -> float:
    if not typing:
        return samples.get(wanted, rare)
    return min(1.0, sum(share for word, share in samples.items() if word.startswith(wanted)) or rare)


async def _sampled(database: Database) -> dict[str, float]:
    """Empty before the first ANALYZE, when there is little or everything is new."""
    row = await database.row(
        "SELECT CAST(CAST(most_common_elems AS text) AS text[]) AS words, most_common_elem_freqs AS shares"
        " FROM pg_stats WHERE schemaname = current_schema() AND tablename = 'ix_problems_words'"
    )
    return dict(zip(row["words"], row["shares"], strict=False)) if row and row["words"] else {}
