"""Which names a person may be shown under in public.

On an official site a name is taken at its word, so nobody may be called like the agency, nor in letters that only look
like those of another name.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Literal

from widget_api.sites.model import Site


def find_refusal(site: Site, name: str) -> Literal["name_official", "name_mixed"] | None:
    """The error code of a name that must not be published; None where nothing is wrong with it."""
    if any(are_alike(name, official) for official in (site.agency.name, site.name)):
        return "name_official"
    return "name_mixed" if mixes_scripts(name) else None


def are_alike(name: str, other: str) -> bool:
    """Whether one name would be taken for the other: «АДМИНИСТРАЦИЯ  города» for «Администрация города»."""
    return _bare(name) == _bare(other)


def mixes_scripts(name: str) -> bool:
    """Whether a word of it is written in letters of two scripts, which look alike: nobody is called that."""
    return any(
        len({unicodedata.name(letter, "").partition(" ")[0] for letter in word} & _SCRIPTS) > 1
        for word in re.findall(r"[^\W\d_]+", unicodedata.normalize("NFKC", name))
    )


def _bare(name: str) -> str:
    folded = unicodedata.normalize("NFKC", name).casefold().replace("ё", "е")
    return "".join(letter for letter in folded if letter.isalnum()).translate(_LOOKALIKES)


_SCRIPTS = {"LATIN", "CYRILLIC", "GREEK"}
# Latin letters that are drawn as Russian ones.
_LOOKALIKES = str.maketrans("aceopxyktmhb", "асеорхуктмнв")
